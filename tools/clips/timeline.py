"""Tool `timeline`: when something stands out in a clip."""

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.tools.clips.events import several
from xad_agent.wording import number, numbers, side


def timeline(case: ClipCase) -> Evidence:
    """The events with their start, end and peak; where there is none, the moment that comes closest to the limit."""
    known = case.measured("timeline", {})
    if known is not None:
        return known
    limit = case.reference.calibration.threshold()
    nearest = case.clip.time(int(case.frame_scores.argmax()))
    return case.ledger.add(
        tool="timeline",
        statement=_statement(case.events) if case.events else _never(case, nearest),
        quantities=(
            Quantity(name="score", value=case.score),
            Quantity(name="threshold", value=limit),
            Quantity(name="events", value=len(case.events)),
            Quantity(name="nearest moment", value=nearest, unit="s"),
            Quantity(name="clip length", value=case.clip.duration, unit="s"),
        ),
        regions=case.regions,
        events=case.events,
        media=case.media,
        figure=case.timeline,
    )


def _statement(events: tuple[Event, ...]) -> str:
    if len(events) == 1:
        return f"One event stands out, event 1: {when(events[0])}."
    return several(events, "event", when)


def when(event: Event) -> str:
    """The times of an event: "from 6.0 s to 17.9 s, strongest at 9.4 s"."""
    start, end, peak = numbers(event.start, event.end, event.peak, unit="s")
    return f"from {start} to {end}, strongest at {peak}"


def _never(case: ClipCase, nearest: float) -> str:
    length = number(case.clip.duration, "s")
    if case.profile is None:
        moment = number(nearest, "s")
        return f"Without a normal clip no event can be told; in the {length} the strangest moment is at {moment}."
    threshold = case.profile.calibration.threshold()
    printed, limit = numbers(case.score, threshold)
    return (
        f"No event stands out in the {length}: the highest score is {printed}, {side(case.score, threshold)} "
        f"the limit {limit}. "
        f"The moment nearest to it is at {number(nearest, 's')}."
    )
