"""`Step`: what can be told of a turn while it is under way."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from xad_agent.answer import Answer, Claim
from xad_agent.evidence import Evidence


class Step(BaseModel):
    """One step of a turn.

    Attributes:
        kind: "tool": one is called; "evidence": it has measured; "claim": a sentence of the answer, checked; "answer":
            the whole, which comes last.
        tool, arguments: What is called; of a "tool" alone.
        evidence, claim, answer: What the kind says.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["tool", "evidence", "claim", "answer"]
    tool: str = ""
    arguments: dict[str, Any] = {}
    evidence: Evidence | None = None
    claim: Claim | None = None
    answer: Answer | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object: `kind`, and what belongs to it."""
        return self.model_dump(mode="json", exclude_defaults=True)
