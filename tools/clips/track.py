"""Tool `track`: the path of the thing that an event is about."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.events import heading_of, region_of
from xad_agent.evidence import Event, Evidence, Quantity, Region
from xad_agent.media.filmstrip import filmstrip
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import numbers


def track(case: ClipCase, event: int = 1) -> Evidence:
    """When the thing is seen, from where to where it goes, and which way.

    Args:
        case: The clip under question.
        event: Which event, counted from 1.
    """
    arguments = {"event": event}
    known = case.measured("track", arguments)
    if known is not None:
        return known
    found = case.event(event)
    if found is None:
        return no_event(case, "track", arguments)
    rows = np.flatnonzero(np.isin(case.seen.track, found.tracks))
    ends = [_end(case, found, rows, place) for place in (0, -1)]
    first, last = (case.clip.time(int(case.seen.frame[rows[place]])) for place in (0, -1))
    return case.ledger.add(
        tool="track",
        arguments=arguments,
        statement=_statement(case, found, rows, [", ".join(region.place) for region in ends], first, last),
        quantities=(
            Quantity(name="first seen", value=first, unit="s"),
            Quantity(name="last seen", value=last, unit="s"),
        ),
        regions=tuple(ends),
        events=(found,),
        media=case.media,
        figure=filmstrip(case, found),
    )


def _end(case: ClipCase, event: Event, rows: np.ndarray, place: int) -> Region:
    """Where the path of the thing begins (0) or ends (-1)."""
    frames = case.seen.frame[rows]
    stretch = int(frames[0]), int(frames[-1]), int(frames[place])
    return region_of(event.label, case.seen.box[rows[place]], event.score, case.seen, stretch)


def _statement(case: ClipCase, event: Event, rows: np.ndarray, places: list[str], first: float, last: float) -> str:
    start, end = numbers(first, last, unit="s")
    middles = (case.seen.box[rows, :2] + case.seen.box[rows, 2:]) / 2
    way = middles[-1] - middles[0]
    if np.linalg.norm(way) < case.seen.tall[rows].mean() / 2:
        return f"The thing in {event.label} is seen from {start} to {end} and ends where it began, {places[0]}."
    return (
        f"The thing in {event.label} is first seen at {start}, {places[0]}, and last at {end}, {places[1]}, "
        f"heading {heading_of(*way)}."
    )
