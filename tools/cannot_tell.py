"""Tool `cannot_tell`: says plainly what cannot be measured, so that nobody has to make it up."""

from xad_agent.case import Case
from xad_agent.evidence import Evidence
from xad_agent.prompts import vocabulary


def cannot_tell(case: Case, topic: str = "off_topic") -> Evidence:
    """What cannot be told, and why, as evidence of kind "limit".

    Args:
        case: The picture under question.
        topic: A key of prompts/limits.yaml; any other counts as "off_topic".
    """
    limits = vocabulary("limits")
    topic = topic if topic in limits else "off_topic"
    return case.measured("cannot_tell", {"topic": topic}) or case.ledger.add(
        tool="cannot_tell",
        arguments={"topic": topic},
        statement=limits[topic],
        kind="limit",
        media=case.media,
    )
