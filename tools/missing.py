"""Tool `missing`: what could be told besides with models that are not there."""

from xad_agent.case import Case
from xad_agent.evidence import Evidence
from xad_agent.prompts import vocabulary
from xad_agent.tools.limits import limit
from xad_agent.wording import listed


def missing(case: Case) -> Evidence:
    """Which kinds of models nothing was chosen for, and what they would be used for; a "limit"."""
    words = vocabulary("models")["missing"]
    uses = [words["uses"][role] for role in case.models.missing]
    statement = words["some"].format(uses=listed(uses)) if uses else words["none"]
    return limit(case, "missing", {}, statement)
