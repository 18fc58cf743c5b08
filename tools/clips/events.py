"""What tools say of several events, and of one that is not there."""

from collections.abc import Callable
from typing import Any

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.wording import count

MAX_TOLD = 5  # events in one statement


def several(events: tuple[Event, ...], what: str, tell: Callable[[Event], str]) -> str:
    """How many places or events stand out, and what there is to tell of each, of the five strongest at most."""
    told = " ".join(f"{event.label.capitalize()}: {tell(event)}." for event in events[:MAX_TOLD])
    rest = f", without those after event {MAX_TOLD}" if len(events) > MAX_TOLD else ""
    return f"{count(len(events), what).capitalize()} stand out, the strongest first{rest}. {told}"


def no_event(case: ClipCase, tool: str, arguments: dict[str, Any]) -> Evidence:
    """A "limit": there is no event of that number."""
    number = arguments["event"]
    statement = "No event stands out, so there is nothing to look at more closely."
    if case.events:
        stand = "stands" if len(case.events) == 1 else "stand"
        statement = f"There is no event {number}: {count(len(case.events), 'event')} {stand} out."
    return case.measured(tool, arguments) or case.ledger.add(
        tool=tool,
        arguments=arguments,
        statement=statement,
        kind="limit",
        quantities=(
            *([Quantity(name="region", value=number)] if number else []),  # what the checker calls it
            Quantity(name="events", value=len(case.events)),
        ),
        media=case.media,
    )
