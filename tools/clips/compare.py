"""Tool `compare` for clips: an event's thing beside the normal thing that was seen nearest to its place."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.figure import outlined, side_by_side
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import number, numbers


def compare(case: ClipCase, event: int = 1) -> Evidence:
    """Show an event at its peak beside a normal frame with something at the same place, with the speeds of both.

    Args:
        case: The clip under question.
        event: Which event, counted from 1.
    """
    arguments = {"event": event}
    known = case.measured("compare", arguments)
    if known is not None:
        return known
    found = case.event(event)
    nearest = _nearest(case, found) if found is not None else None
    if found is None or nearest is None:
        return no_event(case, "compare", arguments)
    exemplar, row, distance = nearest
    clip, _, picture = case.reference.exemplars[exemplar]
    there = case.reference.normal[clip]
    own = float(np.nanmedian(case.seen.speed[case.rows(found)]))
    other = float(there.speed[row])
    scale = picture.width / there.shape[1]
    x0, y0, x1, y1 = (round(float(value) * scale) for value in there.box[row])
    shown, peak = case.clip.frame((found.region.frames or (0, 0, 0))[2]), found.region.box
    return case.ledger.add(
        tool="compare",
        arguments=arguments,
        statement=_statement(found, own, other, distance),
        quantities=(
            Quantity(name="speed", value=own, unit="body heights a second"),
            Quantity(name="speed of the normal one", value=other, unit="body heights a second"),
            Quantity(name="distance", value=distance, unit="body heights"),
        ),
        regions=(found.region,),
        events=(found,),
        media=case.media,
        figure=side_by_side(
            [
                (shown.name, outlined(shown.pixels, peak, found.label)),
                (picture.name, outlined(picture.pixels, (x0, y0, x1, y1), "0")),
            ]
        ),
    )


def _statement(event: Event, own: float, other: float, distance: float) -> str:
    speed, usual = numbers(own, other, unit="body heights a second")
    return (
        f"The normal thing kept nearest to the place of {event.label}, {number(distance, 'body heights')} away, "
        f"is shown beside it: it moves at {usual}, this one at {speed}."
    )


def _nearest(case: ClipCase, event: Event) -> tuple[int, int, float] | None:
    """Which exemplar and row of its clip's sightings is nearest to the event's place, and how far, in body heights."""
    x0, _, x1, y1 = event.region.box
    feet = np.array([(x0 + x1) / 2 / case.seen.shape[1], y1 / case.seen.shape[0]])
    best: tuple[int, int, float] | None = None
    for number_, (clip, frame, _) in enumerate(case.reference.exemplars):
        seen = case.reference.normal[clip]
        rows = np.flatnonzero((seen.frame == frame) & (seen.speed > 0))
        if not len(rows):
            continue
        others = np.stack([seen.box[rows][:, [0, 2]].mean(axis=1), seen.box[rows, 3]], axis=1) / seen.shape[::-1]
        apart = np.linalg.norm((others - feet) * seen.shape[::-1], axis=1) / seen.tall[rows]
        if best is None or apart.min() < best[2]:
            best = number_, int(rows[apart.argmin()]), float(apart.min())
    return best
