"""What tools say where they have nothing to work on; evidence of kind "limit"."""

from typing import Any

from xad_agent.case import Case
from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.wording import count


def no_region(case: Case, tool: str, arguments: dict[str, Any]) -> Evidence:
    """There is no such region, and how many there are."""
    number = arguments.get("region") or 1
    statement = "No place stands out, so there is nothing to look at more closely."
    if case.regions:
        stand = "place stands" if len(case.regions) == 1 else "places stand"
        statement = f"There is no region {number}: {count(len(case.regions), stand, stand)} out."
    return limit(case, tool, arguments, statement, Quantity(name="region", value=number), regions=case.regions)


def limit(
    case: Case | ClipCase,
    tool: str,
    arguments: dict[str, Any],
    statement: str,
    *quantities: Quantity,
    regions: tuple[Region, ...] = (),
) -> Evidence:
    """Add a statement of what cannot be measured; the same statement twice is the same evidence."""
    return case.measured(tool, arguments) or case.ledger.add(
        tool=tool,
        arguments=arguments,
        statement=statement,
        kind="limit",
        quantities=quantities,
        regions=regions,
        media=case.media,
    )
