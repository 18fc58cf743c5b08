"""Tool `compare` for clips: an event's thing beside the most similar normal thing of its place."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.exemplars import REACH, Likeness, nearest, strip
from xad_agent.media import Picture
from xad_agent.media.figure import side_by_side
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import number, numbers

_UNIT = "body heights a second"


def compare(case: ClipCase, event: int = 1) -> Evidence:
    """Show an event at its peak beside the most similar normal thing kept of that place, with the speeds of both.

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
    reference, rows = case.reference, _rows(case, found)
    like = nearest(reference.exemplars, reference.normal, reference.detector.usual, case.seen, rows)
    if like is None:
        return case.ledger.add(
            tool="compare",
            arguments=arguments,
            statement=f"No normal thing is kept that could be shown beside {found.label}.",
            kind="limit",
            regions=(found.region,),
            media=case.media,
        )
    speeds = case.seen.speed[case.rows(found)]
    own = float("nan") if np.isnan(speeds).all() else float(np.nanmedian(speeds))
    other = float(reference.normal[like.exemplar.clip].speed[like.exemplar.row])
    return case.ledger.add(
        tool="compare",
        arguments=arguments,
        statement=_statement(found, like, own, other),
        quantities=(
            *([] if np.isnan(own) else [Quantity(name="speed", value=own, unit=_UNIT)]),
            Quantity(name="speed of the normal one", value=other, unit=_UNIT),
            Quantity(name="distance", value=like.away, unit="body heights"),
            Quantity(name="reach", value=REACH, unit="body heights"),
            Quantity(name="difference in motion", value=like.motion, unit="times"),
            Quantity(name="difference in looks", value=like.looks, unit="times"),
        ),
        regions=(found.region,),
        events=(found,),
        media=case.media,
        figure=_figure(case, found, rows, like.exemplar.shown),
    )


def _rows(case: ClipCase, event: Event) -> np.ndarray:
    """The sightings of an event's thing about its peak."""
    rows = case.rows(event)
    _, _, peak = event.region.frames or (0, 0, 0)
    near = rows[np.abs(case.seen.frame[rows] - peak) <= case.seen.fps / 2]
    return near if len(near) else rows


def _figure(case: ClipCase, event: Event, rows: np.ndarray, normal: Picture) -> np.ndarray:
    """The event's thing around its peak, `rows`, and the normal one."""
    shown = strip(case.clip, case.seen, int(rows[len(rows) // 2]))
    return side_by_side([(f"{event.label}: {shown.name}", shown.pixels), (normal.name, normal.pixels)], shown.height)


def _statement(event: Event, like: Likeness, own: float, other: float) -> str:
    away = number(like.away, "body heights")
    within, beside = f"within {REACH:g} body heights of {event.label}", f"{away} away, is shown beside it"
    shown = f"The most similar normal thing kept {within}, {beside}"
    if like.away > REACH:
        shown = f"No normal thing is kept {within}; the nearest, {beside}"
    said = [] if np.isnan(own) else ["it moves at {1}, this one at {0}".format(*numbers(own, other, unit=_UNIT))]
    if like.looks > like.motion and like.looks > 1:
        said.append(f"in looks they differ {number(like.looks, 'times')} as much as the strangest normal things do")
    return f"{shown}: {', and '.join(said)}." if said else f"{shown}."
