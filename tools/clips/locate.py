"""Tool `locate` for clips: where in the picture each event is."""

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.filmstrip import filmstrip
from xad_agent.tools.clips.events import several
from xad_agent.wording import number


def locate(case: ClipCase) -> Evidence:
    """Place and size of what each event is about, at its peak."""
    return case.measured("locate", {}) or case.ledger.add(
        tool="locate",
        statement=_statement(case.events) if case.events else _nowhere(case),
        quantities=tuple(Quantity(name="peak", value=event.peak, unit="s") for event in case.events),
        regions=case.regions,
        events=case.events,
        media=case.media,
        figure=filmstrip(case, case.events[0]) if case.events else None,
    )


def _statement(events: tuple[Event, ...]) -> str:
    if len(events) == 1:
        return f"One place stands out, event 1: {describe(events[0])}."
    return several(events, "place", describe)


def _nowhere(case: ClipCase) -> str:
    return "No place stands out at any time." if case.profile else "Without a normal clip no place can be told."


def describe(event: Event) -> str:
    """Where an event is: "left, 45 x 38 px, at 9.4 s"."""
    x0, y0, x1, y1 = event.region.box
    return f"{', '.join(event.region.place)}, {x1 - x0} x {y1 - y0} px, at {number(event.peak, 's')}"
