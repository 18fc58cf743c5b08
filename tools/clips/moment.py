"""Tool `moment`: what stands out at one time of a clip."""

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.figure import side_by_side
from xad_agent.wording import listed, number, numbers


def moment(case: ClipCase, at: float) -> Evidence:
    """The score at a time, and the events that are going on; a "limit" where the clip is over by then.

    Args:
        case: The clip under question.
        at: Seconds from the start.
    """
    arguments = {"at": at}
    known = case.measured("moment", arguments)
    if known is not None:
        return known
    length = case.clip.duration
    times = (Quantity(name="moment", value=at, unit="s"), Quantity(name="clip length", value=length, unit="s"))
    if at > length:
        lasts, asked = numbers(length, at, unit="s")
        return case.ledger.add(
            tool="moment",
            arguments=arguments,
            statement=f"The clip lasts only {lasts}, so there is nothing to see at {asked}.",
            kind="limit",
            quantities=times,
            media=case.media,
        )
    frame = case.clip.index_at(at)
    value, limit = float(case.frame_scores[frame]), case.reference.calibration.threshold()
    events = tuple(event for event in case.events if event.start <= at < event.end)
    return case.ledger.add(
        tool="moment",
        arguments=arguments,
        statement=_statement(at, events, value, limit, case.profile is not None),
        quantities=(*times, Quantity(name="score", value=value), Quantity(name="threshold", value=limit)),
        regions=tuple(event.region for event in events),
        events=events,
        media=case.media,
        figure=side_by_side([(number(at, "s"), case.clip.frame(frame).pixels)]),
    )


def _statement(at: float, events: tuple[Event, ...], value: float, limit: float, calibrated: bool) -> str:
    printed, printed_limit = numbers(value, limit)
    if not calibrated:
        return f"At {number(at, 's')}, without a normal clip to set a limit, the score is {number(value)}."
    which = listed([event.label for event in events]) if events else "no event"
    state = f"{which} {'are' if len(events) > 1 else 'is'} going on"
    return f"At {number(at, 's')} {state}: the score is {printed}, the limit {printed_limit}."
