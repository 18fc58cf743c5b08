"""Tool `previous`: this picture or clip beside the one that was asked about before it in the same conversation."""

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity
from xad_agent.prompts import vocabulary
from xad_agent.wording import numbers


def previous(case: Case) -> Evidence:
    """How much the score has risen or fallen since the picture or clip before; a "limit" when there is none."""
    this = case.media
    scored = [entry for entry in case.ledger if entry.tool == "score" and entry.media != this]
    before = scored[-1] if scored else None
    if before is None:
        return case.measured("previous", {}) or case.ledger.add(
            tool="previous", statement=vocabulary("limits")["no_previous"], kind="limit", media=this
        )
    from xad_agent.tools import tools_for

    was, now = before.quantity("score"), tools_for(case)["score"](case).quantity("score")
    arguments = {"before": before.id}
    return case.measured("previous", arguments) or case.ledger.add(
        tool="previous",
        arguments=arguments,
        statement=_statement(was.value, now.value),
        quantities=(
            Quantity(name="score", value=now.value, unit=now.unit, p_value=now.p_value),
            Quantity(name="score before", value=was.value, unit=was.unit, p_value=was.p_value),
        ),
        media=this,
    )


def _statement(was: float, now: float) -> str:
    printed_was, printed_now = numbers(was, now)
    if printed_was == printed_now:
        return f"The one before scored {printed_was}, and this one scores the same."
    change = "more" if now > was else "less"
    return f"The one before scored {printed_was}; this one scores {printed_now}, which is {change}."
