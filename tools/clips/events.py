"""What tools say when they are asked about an event that is not there."""

from typing import Any

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Evidence, Quantity
from xad_agent.wording import count


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
