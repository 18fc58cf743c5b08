"""Tool `track`: the path of the thing that an event is about."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.events import place_of
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.filmstrip import filmstrip
from xad_agent.prompts import vocabulary
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
    first, last = (float(case.seen.frame[rows[i]] / case.seen.fps) for i in (0, -1))
    return case.ledger.add(
        tool="track",
        arguments=arguments,
        statement=_statement(case, found, rows, first, last),
        quantities=(
            Quantity(name="first seen", value=first, unit="s"),
            Quantity(name="last seen", value=last, unit="s"),
        ),
        regions=(found.region,),
        events=(found,),
        media=case.media,
        figure=filmstrip(case, found),
    )


def _statement(case: ClipCase, event: Event, rows: np.ndarray, first: float, last: float) -> str:
    start, end = numbers(first, last, unit="s")
    middles = (case.seen.box[rows, :2] + case.seen.box[rows, 2:]) / 2
    height, width = case.seen.shape
    begins, ends = (place_of(x / width, y / height) for x, y in (middles[0], middles[-1]))
    way = middles[-1] - middles[0]
    path = f"It stays {begins}" if np.linalg.norm(way) < case.seen.tall[rows].mean() / 2 else ""
    directions = vocabulary("placing")["directions"]
    heading = directions[round(np.degrees(np.arctan2(way[1], way[0])) / 45) % 8]
    path = path or f"It goes from {begins} to {ends}, heading {heading}"
    return f"The thing in {event.label} is seen from {start} to {end}. {path}."
