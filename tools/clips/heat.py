"""Tool `heat`: how much worse than in normal things VQU-Net says beforehand what is in an event's boxes."""

from dataclasses import dataclass, replace

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.clip_case import ClipCase
from xad_agent.detectors.base import AnomalyMap
from xad_agent.events import region_of
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.foresight import Foresight, errors, heat_of_things, smoothed
from xad_agent.media.overlay import overlay
from xad_agent.perception.boxes import SAME, overlap
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import count, number, numbers

_MOST_FRAMES = 300


@dataclass(frozen=True, eq=False)
class _Heat:
    """VQU-Net's errors in an event: heat of its boxes (boxes, 2), the highest score, and the map of one frame."""

    heat: np.ndarray
    score: float
    frame: int
    shown: AnomalyMap


def heat(case: ClipCase, event: int = 1) -> Evidence:
    """The error of VQU-Net inside an event's boxes, its mean and its sum, beside that of normal things.

    Args:
        case: The clip under question.
        event: Which event, counted from 1; of a long one the 300 frames around its peak.
    """
    arguments = {"event": event}
    known = case.measured("heat", arguments)
    if known is not None:
        return known
    foresight = case.profile.vqunet if case.profile else None
    if foresight is None:
        return _limit(case, arguments, "No VQU-Net was trained on the normal clips, so its errors cannot be told.")
    found = case.event(event)
    if found is None:
        return no_event(case, "heat", arguments)
    felt = _felt(case, found, foresight)
    if felt is None or not foresight.heat:
        return _limit(case, arguments, f"There is no frame of {found.label} in which VQU-Net's error can be compared.")
    things, hottest = _rank(case, found, felt)
    quantities = _quantities(case, foresight, felt, things)
    return case.ledger.add(
        tool="heat",
        arguments=arguments,
        statement=_statement(found, quantities, hottest),
        quantities=quantities,
        regions=(found.region,),
        events=(found,),
        media=case.media,
        figure=_figure(case, found, foresight, felt),
    )


def _limit(case: ClipCase, arguments: dict[str, int], statement: str) -> Evidence:
    return case.ledger.add(tool="heat", arguments=arguments, statement=statement, kind="limit", media=case.media)


def _felt(case: ClipCase, event: Event, foresight: Foresight) -> _Heat | None:
    """Judge an event's frames, one map in memory at a time and that of the frame nearest to the peak kept."""
    first, last, peak = event.region.frames or (0, 0, 0)
    start = max(first, peak - _MOST_FRAMES // 2)
    own, heats, scores, shown = case.rows(event), [], [], None
    for frame, found in errors(foresight.network, case.clip, start, min(last, start + _MOST_FRAMES - 1) + 1):
        scores.append(found.score)
        rows = own[case.seen.frame[own] == frame]
        heats.append(heat_of_things(found.values, case.seen, rows))
        if len(rows) and (shown is None or abs(frame - peak) < abs(shown[0] - peak)):
            shown = frame, found
    if shown is None:
        return None
    return _Heat(np.concatenate(heats), float(smoothed(scores, case.clip.fps).max()), *shown)


def _rank(case: ClipCase, event: Event, felt: _Heat) -> tuple[int, bool]:
    """How many things are seen in the frame shown, and whether the one with the highest sum of heat is the event's."""
    rows = np.flatnonzero(case.seen.frame == felt.frame)
    hottest = case.seen.box[rows[heat_of_things(felt.shown.values, case.seen, rows)[:, 1].argmax()]]
    own = case.seen.box[rows[np.isin(case.seen.track[rows], event.tracks)]]
    return len(rows), bool((overlap(own, hottest) > SAME).any())


def _quantities(case: ClipCase, foresight: Foresight, felt: _Heat, things: int) -> tuple[Quantity, ...]:
    mean, total = felt.heat.mean(axis=0).tolist()
    usual = foresight.heat["mean"]
    return (
        _quantity("mean heat", mean, usual),
        _quantity("summed heat", total, foresight.heat["sum"]),
        _quantity("frame error", felt.score, foresight.calibration),
        Quantity(name="ratio", value=mean / max(usual.threshold(), 1e-9), unit="times"),
        Quantity(name="frames before", value=foresight.network.lead),
        Quantity(name="boxes", value=things),
        Quantity(name="moment", value=case.clip.time(felt.frame), unit="s"),
    )


def _quantity(name: str, value: float, usual: Calibration) -> Quantity:
    normal = float(np.percentile(usual.scores, 5)), usual.threshold()
    return Quantity(name=name, value=value, normal=normal, p_value=usual.p_value(value))


def _statement(event: Event, quantities: tuple[Quantity, ...], hottest: bool) -> str:
    mean, total, error, ratio, before, things, moment = quantities
    if mean.value > _most(mean):
        more = f"{number(ratio.value, 'times')} as much in {event.label} as"
    elif total.value > _most(total):
        more = f"more in the whole of {event.label} than"
    else:
        more = f"no more in {event.label} than"
    told = (
        f"VQU-Net, which says each frame from the {count(int(before.value), 'frame')} before it, errs {more} in normal "
        f"things: its mean heat is {_beside(mean)}; spread over a person's box there, {_beside(total)}. "
        f"The error of the whole frame reaches {_beside(error)}."
    )
    if things.value < 2:
        return told
    which = f"{'' if hottest else 'not '}the hottest of {count(int(things.value), 'thing')}"
    return f"{told} At {number(moment.value, 's')} the thing in {event.label} is {which}."


def _most(quantity: Quantity) -> float:
    return quantity.normal[1] if quantity.normal else 0.0


def _beside(quantity: Quantity) -> str:
    value, most = numbers(quantity.value, _most(quantity))
    return f"{value}, normally {most} at most"


def _figure(case: ClipCase, event: Event, foresight: Foresight, felt: _Heat) -> np.ndarray:
    """The frame nearest to the peak, its heat spread over the box of a person around each pixel, and the thing."""
    own = np.flatnonzero((case.seen.frame == felt.frame) & np.isin(case.seen.track, event.tracks))
    first, last, _ = event.region.frames or (0, 0, 0)
    region = region_of(event.label, case.seen.box[own[0]], event.score, case.seen, (first, last, felt.frame))
    view = case.reference.eyes.perspective.resized(felt.shown.values.shape)
    spread = replace(felt.shown, values=view.window_sums(felt.shown.values) / view.window_area)
    return overlay(case.clip.frame(felt.frame), spread, foresight.heat["mean"], [region])
