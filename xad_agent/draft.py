"""From a chat model's text to claims that hold: parsing, checking, one repair, dropping."""

import json
import re
from collections.abc import Iterable
from typing import Any, get_args

from langchain.agents.middleware import AgentMiddleware, AgentState, hook_config
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime

from xad_agent.answer import Claim, ClaimKind, Dropped
from xad_agent.check import check, stated_verdicts
from xad_agent.evidence import Evidence, Ledger
from xad_agent.llm.planner import CHECKER
from xad_agent.prompts import prompt

MAX_CLAIMS = 20
_CITED = re.compile(r"\s*\[(E\d+(?:\s*,\s*E\d+)*)\]")

# The kind of claim that a tool's statement makes.
KINDS: dict[str, ClaimKind] = {
    "score": "verdict",
    "refute": "verdict",
    "timeline": "when",
    "moment": "when",
    "look_for": "what",
    "locate": "where",
    "place": "where",
    "name": "what",
    "relate": "why",
    "nearby": "what",
    "track": "what",
    "measure": "why",
    "heat": "why",
    "compare": "compare",
    "normal": "compare",
    "repair": "why",
    "previous": "compare",
    "cannot_tell": "cannot-tell",
    "zero_shot": "compare",
    "find": "what",
    "segment": "where",
    "look": "what",
    "missing": "cannot-tell",
    "rule": "what",
    "rules": "what",
    "known": "what",
}


def statement_claims(evidence: Iterable[Evidence]) -> list[Claim]:
    """One claim per evidence: its own statement, citing also what that was concluded from."""
    return [Claim(text=e.statement, kind=_kind_of(e), evidence=(e.id, *e.basis)) for e in evidence]


def _kind_of(entry: Evidence) -> ClaimKind:
    """A ruling with a verdict is one; another says only which rules apply."""
    return "verdict" if entry.tool == "rules" and entry.verdict else KINDS.get(entry.tool, "what")


def parse_draft(text: str) -> list[Claim]:
    """The claims of a model's answer, at most `MAX_CLAIMS`; empty when there are none to be found.

    Args:
        text: A JSON object `{"claims": [{"text", "kind", "evidence"}]}`, alone or inside other text; or prose whose
            sentences cite in brackets ("It scores 7.9 [E1].").
    """
    start, end = text.find("{"), text.rfind("}")
    try:
        # Small models, and the grammar they are held to, write line breaks into strings as they are.
        items = json.loads(text[start : end + 1], strict=False)["claims"]
        return [claim for item in items[:MAX_CLAIMS] if (claim := _claim(item))]
    except (ValueError, KeyError, TypeError):
        return [claim for sentence in re.split(r"(?<=[.!?\]])\s+(?=[A-Z])", text)[:MAX_CLAIMS]
                if (claim := _cited_sentence(sentence))]  # fmt: skip


def _claim(item: Any) -> Claim | None:
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        return None
    cited = item.get("evidence", [])
    ids = [str(i) for i in cited] if isinstance(cited, list) else [str(cited)]
    kind: ClaimKind = item["kind"] if item.get("kind") in get_args(ClaimKind) else "what"
    return Claim(text=item["text"].strip(), kind=kind, evidence=tuple(ids))


def _cited_sentence(sentence: str) -> Claim | None:
    ids = [i.strip() for group in _CITED.findall(sentence) for i in group.split(",")]
    return Claim(text=_CITED.sub("", sentence).strip(), kind="what", evidence=tuple(ids)) if ids else None


class DraftCheck(AgentMiddleware):
    """Checks the model's answer; asks it once to mend what does not hold; then drops that.

    Attributes:
        claims: What holds; all that may reach the user.
        dropped: What does not, with the reasons.
        drafted: Whether the model gave an answer at all.
    """

    def __init__(self, ledger: Ledger, media: str):
        super().__init__()
        self.claims: list[Claim] = []
        self.dropped: list[Dropped] = []
        self.drafted = False
        self._ledger = ledger
        self._media = media
        self._repaired = False

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: AgentState, runtime: Runtime) -> dict[str, Any] | None:
        """Check an answer as soon as the model gives one; a message that calls tools passes."""
        message = state["messages"][-1]
        if not isinstance(message, AIMessage) or message.tool_calls:
            return None
        self.drafted = True
        claims = parse_draft(message.text)
        refused = [Dropped(text=c.text, evidence=c.evidence, reasons=r) for c in claims if (r := self._reasons(c))]
        texts = {entry.text for entry in refused}
        held = [claim for claim in claims if claim.text not in texts]
        self.claims = held or self.claims
        kept = {claim.text for claim in self.claims}
        self.dropped = [entry for entry in (*self.dropped, *refused) if entry.text not in kept]
        if self._repaired or (held and not refused):
            return None
        self._repaired = True
        problems = json.dumps([entry.model_dump() for entry in refused], ensure_ascii=False)
        request = f"{prompt('repair')}\n{problems if refused else 'there is no claim in the JSON form'}"
        return {"messages": [HumanMessage(request, name=CHECKER)], "jump_to": "model"}

    def _reasons(self, claim: Claim) -> tuple[str, ...]:
        reasons = check(claim, self._ledger)
        if reasons:
            return reasons
        measured = [e for e in self._ledger if e.tool == "rules" and e.media == self._media]
        ruling = measured[-1] if measured else None
        overruled = ruling and ruling.verdict and stated_verdicts(claim.text) - {ruling.verdict}
        if ruling and overruled and ruling.id not in claim.evidence:
            return (f"the rules decide otherwise: cite {ruling.id}",)
        if claim.kind != "verdict":
            return ()
        about = {self._ledger[cited].media for cited in claim.evidence}
        return () if self._media in about else ("its verdict is of another picture",)
