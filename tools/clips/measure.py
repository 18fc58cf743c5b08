"""Tool `measure` for clips: why an event is one - what its thing does or looks like, beside what is normal."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.detectors.attributes import interaction_names
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.filmstrip import filmstrip
from xad_agent.prompts import vocabulary
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import listed, numbers

MAX_NAMED = 3
MATTERS = 1.0  # strangeness; what one in a thousand normal sightings reaches


@dataclass(frozen=True)
class Contrast:
    """One attribute of a thing beside what is normal: values in the attribute's unit, strangeness of the thing.

    Of what combines several features, `feature` is the one that is farthest from normal.
    """

    name: str
    family: str
    value: float
    low: float
    high: float
    strangeness: float
    feature: str = ""


def measure(case: ClipCase, event: int = 1) -> Evidence:
    """Speed, heading, gait, size, shape, place and more of the thing that an event is about, where they are unusual.

    Args:
        case: The clip under question.
        event: Which event, counted from 1.
    """
    arguments = {"event": event}
    known = case.measured("measure", arguments)
    if known is not None:
        return known
    found = case.event(event)
    if found is None:
        return no_event(case, "measure", arguments)
    contrasts = contrast(case, found)
    sightings = sum(map(len, case.reference.normal))
    return case.ledger.add(
        tool="measure",
        arguments=arguments,
        statement=_statement(found, contrasts, sightings, case.profile is not None),
        quantities=(
            *(Quantity(name=c.name, value=c.value, unit=_unit(c.name), normal=(c.low, c.high)) for c in contrasts),
            Quantity(name="sightings", value=sightings),
        ),
        labels=dict.fromkeys(_singled_out(contrasts), 1.0),
        regions=(found.region,),
        events=(found,),
        media=case.media,
        figure=filmstrip(case, found),
    )


def _singled_out(contrasts: list[Contrast]) -> list[str]:
    """The family of the strangest, and the features by which others of those unusual are."""
    unusual = [c for c in contrasts if c.strangeness > MATTERS]
    return [*(c.family for c in unusual[:1]), *(c.feature for c in unusual if c.feature)]


def contrast(case: ClipCase, event: Event) -> list[Contrast]:
    """Every attribute of an event's thing that can be measured, the strangest first."""
    rows = case.rows(event)
    beyond = rows[case.judged.combined[rows] > case.reference.calibration.threshold()]
    rows = beyond if len(beyond) else rows  # a track may go over to somebody else
    found = [_contrast(case, rows, name) for name in vocabulary("clip_attributes")]
    return sorted((c for c in found if c is not None), key=lambda c: -c.strangeness)


def _contrast(case: ClipCase, rows: np.ndarray, name: str) -> Contrast | None:
    values = case.reference.detector.values(name, case.seen)[rows]
    if not len(values) or np.isnan(values).all():
        return None
    usual = case.reference.detector.usual[name]
    strange = float(np.median(case.judged.attributes[name][rows]))
    value = float(np.nanmedian(values))
    family = vocabulary("clip_attributes")[name]["family"]
    feature = _deviating(case, rows) if name == "interaction" else ""
    return Contrast(name, family, value, usual.lowest, usual.highest, strange, feature)


def _deviating(case: ClipCase, rows: np.ndarray) -> str:
    """Of the features that interactions combine, the one that is mostly farthest from normal."""
    deviations = case.reference.detector.deviations(case.seen)[rows]
    typical = np.abs(np.nanmedian(deviations, axis=0))
    eyes = case.reference.eyes
    return interaction_names(eyes.objects.names, eyes.zones)[int(typical.argmax())]


def _statement(event: Event, contrasts: list[Contrast], sightings: int, calibrated: bool) -> str:
    if not sightings:
        return f"In the normal clips nothing was ever seen: what is unusual in {event.label} is that anything is there."
    against = f"{sightings:,} normal sightings" if calibrated else "the rest of the clip"
    unusual = [c for c in contrasts if c.strangeness > MATTERS and _words(c)][:MAX_NAMED]
    if not unusual:
        return f"Against {against}, what {event.label} shows is unusual as a whole only; no single attribute is."
    families = listed(list(dict.fromkeys(c.family for c in unusual)))
    return f"Against {against}, {event.label} is unusual in {families}: it {'; it '.join(map(_words, unusual))}."


def _words(c: Contrast) -> str:
    entry: dict[str, Any] = vocabulary("clip_attributes")[c.name]
    if c.low <= c.value <= c.high:
        return ""
    more = c.value > c.high
    value, bound = numbers(c.value, c.high if more else c.low, unit=entry["unit"])
    return str(entry.get("more" if more else "less", "")).format(value=value, bound=bound, feature=c.feature)


def _unit(name: str) -> str:
    return str(vocabulary("clip_attributes")[name]["unit"])
