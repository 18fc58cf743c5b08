"""What the thing in an event does and looks like over time, beside what is normal."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event
from xad_agent.prompts import vocabulary

ALWAYS = ("speed", "size", "object", "place")
_OBJECT = "object"


@dataclass(frozen=True, eq=False)
class Curve:
    """One attribute of a thing over time.

    Attributes:
        name: See `ATTRIBUTES`; "object" is the score of the name that the thing is called by.
        title: What it is, with its unit.
        seconds: From the start of the clip, float64 (N,), one for each frame that the thing is seen in.
        values: In that unit, float64 (N,); NaN where it cannot be measured.
        normal: The 1st and the 99th percentile of normal sightings; of a name's score 0 and the 99.9th.
    """

    name: str
    title: str
    seconds: np.ndarray
    values: np.ndarray
    normal: tuple[float, float]


def curves(case: ClipCase, event: Event, also: Iterable[str] = ()) -> list[Curve]:
    """Speed, size, the name's score, place and other attributes of an event's thing for as long as it is seen.

    Those that cannot be measured are left out. Where several tracks are one thing, the strangest counts in each frame.

    Args:
        case: The clip.
        event: One of its events.
        also: Attributes beside those that are always shown.
    """
    rows = _rows(case, event)
    names = dict.fromkeys([*ALWAYS, *also])
    found = [_name_score(case, event, rows) if name == _OBJECT else _attribute(case, rows, name) for name in names]
    return [curve for curve in found if not np.isnan(curve.values).all()]


def _rows(case: ClipCase, event: Event) -> np.ndarray:
    """One sighting of the thing in each frame that it is seen in, in the order of time."""
    rows = np.flatnonzero(np.isin(case.seen.track, event.tracks))
    rows = rows[np.lexsort((-case.judged.combined[rows], case.seen.frame[rows]))]
    return rows[np.unique(case.seen.frame[rows], return_index=True)[1]]


def _attribute(case: ClipCase, rows: np.ndarray, name: str) -> Curve:
    usual = case.reference.detector.usual[name]
    values = case.reference.detector.values(name, case.seen)[rows]
    return Curve(name, _title(name), _seconds(case, rows), values, (usual.lowest, usual.highest))


def _name_score(case: ClipCase, event: Event, rows: np.ndarray) -> Curve:
    """Of the name that the detector gives the thing most beyond normal, by the 90th percentile within the event.

    Where none goes beyond it is the likeliest name; where it gives none at all, nothing is measured.
    """
    usual, own = case.reference.usual_names, case.rows(event)
    scores = np.percentile(case.seen.scores[own if len(own) else rows], 90, axis=0)
    surplus = scores - usual
    best = int((surplus if surplus.max() > 0 else scores).argmax())
    title = _title(_OBJECT).format(name=case.reference.eyes.objects.names[best])
    values = case.seen.scores[rows, best].astype(np.float64)
    if scores[best] == 0:
        values[:] = np.nan
    return Curve(_OBJECT, title, _seconds(case, rows), values, (0.0, float(usual[best])))


def _title(name: str) -> str:
    return str(vocabulary("figure")["curves"][name])


def _seconds(case: ClipCase, rows: np.ndarray) -> np.ndarray:
    return np.array([case.clip.time(int(frame)) for frame in case.seen.frame[rows]])
