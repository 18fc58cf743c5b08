"""Tool `compare` for clips: an event's thing beside the normal thing that was seen nearest to its place."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media import Picture
from xad_agent.media.figure import outlined, side_by_side
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import number, numbers

_UNIT = "body heights a second"


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
    if found is None:
        return no_event(case, "compare", arguments)
    nearest = _nearest(case, found)
    if nearest is None:
        return case.ledger.add(
            tool="compare",
            arguments=arguments,
            statement=f"No normal thing is kept that could be shown beside {found.label}.",
            kind="limit",
            regions=(found.region,),
            media=case.media,
        )
    exemplar, row, distance = nearest
    clip, _, picture = case.reference.exemplars[exemplar]
    there = case.reference.normal[clip]
    speeds = case.seen.speed[case.rows(found)]
    own = float("nan") if np.isnan(speeds).all() else float(np.nanmedian(speeds))
    other = float(there.speed[row])
    return case.ledger.add(
        tool="compare",
        arguments=arguments,
        statement=_statement(found, own, other, distance),
        quantities=(
            *([] if np.isnan(own) else [Quantity(name="speed", value=own, unit=_UNIT)]),
            Quantity(name="speed of the normal one", value=other, unit=_UNIT),
            Quantity(name="distance", value=distance, unit="body heights"),
        ),
        regions=(found.region,),
        events=(found,),
        media=case.media,
        figure=_figure(case, found, picture, there.box[row] * picture.width / there.shape[1]),
    )


def _figure(case: ClipCase, event: Event, normal: Picture, box: np.ndarray) -> np.ndarray:
    """The event at its peak and the normal thing, outlined."""
    _, _, peak = event.region.frames or (0, 0, 0)
    shown = case.clip.frame(peak)
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    return side_by_side(
        [
            (shown.name, outlined(shown.pixels, event.region.box, event.label)),
            (normal.name, outlined(normal.pixels, (x0, y0, x1, y1), "0")),
        ]
    )


def _statement(event: Event, own: float, other: float, distance: float) -> str:
    away = number(distance, "body heights")
    shown = f"The normal thing kept nearest to the place of {event.label}, {away} away, is shown beside it"
    if np.isnan(own):
        return f"{shown}."
    speed, usual = numbers(own, other, unit=_UNIT)
    return f"{shown}: it moves at {usual}, this one at {speed}."


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
