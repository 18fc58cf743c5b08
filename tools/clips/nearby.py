"""Tool `nearby`: who else was near the thing in an event."""

from collections import Counter
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.events import region_of, things
from xad_agent.evidence import Event, Evidence, Quantity, Region
from xad_agent.media.figure import side_by_side
from xad_agent.media.filmstrip import marked
from xad_agent.perception.boxes import feet
from xad_agent.perception.observing import believed
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import count, number, numbers, with_article

REACH = 2.0
MAX_TOLD = 3
_LEAST_SECONDS = 0.5  # what is seen for less is detection noise
_HEIGHTS = "body heights"


@dataclass(frozen=True, eq=False)
class Other:
    """Something else that is seen during an event.

    Attributes:
        rows: Its sightings while the event's thing is seen, in the order of time, int (N,).
        apart: How far its feet are from those of the event's thing, in body heights there, (N,).
        name: What the detector calls it beyond what it says of normal things; "" for nothing.
        score: The detector's for that name, 0 to 1.
    """

    rows: np.ndarray
    apart: np.ndarray
    name: str
    score: float

    @property
    def distance(self) -> float:
        """The least."""
        return float(self.apart.min())

    @property
    def nearest(self) -> int:
        """The sighting at which it is nearest."""
        return int(self.rows[self.apart.argmin()])

    @property
    def near(self) -> np.ndarray:
        """The sightings within reach, in the order of time."""
        return self.rows[self.apart <= REACH]


def nearby(case: ClipCase, event: int = 1) -> Evidence:
    """What comes within two body heights of an event's thing: how near, when, and what the detector calls it.

    Args:
        case: The clip under question.
        event: Which event, counted from 1.
    """
    arguments = {"event": event}
    known = case.measured("nearby", arguments)
    if known is not None:
        return known
    found = case.event(event)
    if found is None:
        return no_event(case, "nearby", arguments)
    others = sorted(_others(case, found), key=lambda other: other.distance)
    near = [other for other in others if other.distance <= REACH]
    told, at_once = (near or others[:1])[:MAX_TOLD], _at_once(case, near)
    regions = [_region(case, other, letter) for other, letter in zip(told, ascii_uppercase, strict=False)]
    times = [[_time(case, row) for row in (other.nearest, *other.near[[0, -1]])] for other in told if len(other.near)]
    return case.ledger.add(
        tool="nearby",
        arguments=arguments,
        statement=_company(found, told, times, at_once) if near else _alone(case, found, told),
        quantities=(
            Quantity(name="reach", value=REACH, unit=_HEIGHTS),
            Quantity(name="at once", value=at_once),
            *(Quantity(name="distance", value=other.distance, unit=_HEIGHTS) for other in told),
            *(Quantity(name="nearest", value=_time(case, other.nearest), unit="s") for other in told),
            *(Quantity(name="near", value=end, unit="s") for _, *ends in times for end in ends),
        ),
        labels={other.name: other.score for other in reversed(told) if other.name},
        regions=(found.region, *regions),
        events=(found,),
        media=case.media,
        figure=_figure(case, found, told, regions),
    )


def _others(case: ClipCase, event: Event) -> list[Other]:
    """Everything else that is tracked while the event's thing is seen; broken tracks are put together."""
    seen = case.seen
    own = {int(seen.frame[row]): row for row in case.rows(event)}
    rows = np.flatnonzero(np.isin(seen.frame, list(own)) & (seen.track > 0))
    least = min(max(1, round(_LEAST_SECONDS * seen.fps / seen.step)), len(own))
    found = []
    for tracks in things(seen, rows):
        theirs = rows[np.isin(seen.track[rows], tracks)]
        if not set(tracks) & set(event.tracks) and len(theirs) >= least:
            thing = np.array([own[int(frame)] for frame in seen.frame[theirs]])
            apart = np.linalg.norm(feet(seen.box[theirs]) - feet(seen.box[thing]), axis=1) / seen.tall[thing]
            found.append(Other(theirs, apart, *_called(case, theirs)))
    return found


def _called(case: ClipCase, rows: np.ndarray) -> tuple[str, float]:
    """What the detector calls a thing, by the 90th percentile of its scores, where that is to be believed."""
    scores = np.percentile(case.seen.scores[rows], 90, axis=0)
    (column,) = believed(scores[None], case.reference.usual_names)
    return (case.reference.eyes.objects.names[column], float(scores[column])) if column >= 0 else ("", 0.0)


def _at_once(case: ClipCase, near: list[Other]) -> int:
    """The most that are within reach in one frame."""
    frames = Counter(frame for other in near for frame in set(case.seen.frame[other.near].tolist()))
    return max(frames.values(), default=0)


def _time(case: ClipCase, row: int) -> float:
    return case.clip.time(int(case.seen.frame[row]))


def _region(case: ClipCase, other: Other, letter: str) -> Region:
    """Where it is when it is nearest."""
    frames = case.seen.frame[[*other.rows[[0, -1]], other.nearest]].tolist()
    score = float(case.judged.combined[other.nearest])
    return region_of(f"neighbour {letter}", case.seen.box[other.nearest], score, case.seen, tuple(frames))


def _company(event: Event, told: list[Other], times: list[list[float]], at_once: int) -> str:
    come, which = "One other comes", "It is"
    if len(told) > 1:
        crowd = "one at a time" if at_once == 1 else f"{count(at_once, 'of them', 'of them')} at once"
        come, which = f"Others, {crowd}, come", "The nearest is"
    each = []
    for other, letter, when in zip(told, ascii_uppercase, times, strict=False):
        away, (nearest, first, last) = number(other.distance, _HEIGHTS), numbers(*when, unit="s")
        each.append(f"{letter}, {_what(other)}: {away} away at {nearest}, near from {first} to {last}.")
    within = f"{come} within {REACH:g} {_HEIGHTS} of the thing in {event.label}."
    return f"{within} {which} neighbour {' Neighbour '.join(each)}"


def _what(other: Other) -> str:
    return with_article(other.name) if other.name else "a thing that the object detector does not name"


def _alone(case: ClipCase, event: Event, told: list[Other]) -> str:
    nobody = f"Nobody else comes within {REACH:g} {_HEIGHTS} of the thing in {event.label}"
    if not told:
        return f"{nobody}: nothing else is seen meanwhile."
    away, when = number(told[0].distance, _HEIGHTS), number(_time(case, told[0].nearest), "s")
    return f"{nobody}. The next is {_what(told[0])}, {away} away at {when}."


def _figure(case: ClipCase, event: Event, told: list[Other], regions: list[Region]) -> np.ndarray:
    """The frame in which the nearest one is nearest, with everything that is told of and the event's thing."""
    seen = case.seen
    _, _, peak = event.region.frames or (0, 0, 0)
    frame = int(seen.frame[told[0].nearest]) if told else peak
    here = {event.label: case.rows(event)} | {r.label: other.rows for r, other in zip(regions, told, strict=True)}
    boxes = [(label, seen.box[row]) for label, rows in here.items() for row in rows if seen.frame[row] == frame]
    return side_by_side([(f"{case.clip.time(frame):.1f} s", marked(case.clip.frame(frame).pixels, boxes))], 400)
