"""From what a turn measured and drafted to its answer; where no draft holds, from the evidence alone."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xad_agent.answer import Answer, Claim, Verdict, prose
from xad_agent.case import Case
from xad_agent.clip_case import ClipCase
from xad_agent.draft import DraftCheck, statement_claims
from xad_agent.evidence import Evidence
from xad_agent.prompts import recorded, vocabulary
from xad_agent.rulebook import ruled
from xad_agent.tools import tools_for

if TYPE_CHECKING:
    from xad_agent.agent import Agent

DECIDING = ("rules", "refute", "score")  # tools whose verdict is the answer's, the first that has one


@dataclass
class Turn:
    """One question while it is worked on.

    Attributes:
        question: On one line.
        case: What it is about.
        draft: Checks what the model says.
        used: What was measured for it, in order.
        note: Why the answer does not come from the model; "" where it does.
        prompts: Versions of the prompts and vocabularies that were read for it, by name.
        over: Whether it is answered.
    """

    question: str
    case: Case | ClipCase
    draft: DraftCheck
    used: list[Evidence] = field(default_factory=list)
    note: str = ""
    prompts: dict[str, int] = field(default_factory=dict)
    over: bool = False
    _started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since it was asked."""
        return time.perf_counter() - self._started


def answered(turn: Turn, agent: "Agent") -> Answer:
    """The answer of the claims that hold or, where there is none, of the statements of what was measured."""
    with recorded(turn.prompts):
        case, draft = turn.case, turn.draft
        note = turn.note or ("" if draft.claims else "no claim of the chat model held")
        tools, used = tools_for(case), list(turn.used)
        if note and not used:
            used = [tools[name](case) for name in ("score", "timeline", "locate", "refute") if name in tools]
            used += [tools[name](case) for name in ("measure", "repair") if case.regions]
        score = tools["score"](case)
        ruling = [tools["rules"](case)] if "rules" in tools else []
        # What the user stated is acknowledged, and what follows is the answer's verdict; the rest is asked for.
        stated = any(entry.tool == "rule" for entry in used)
        used += [entry for entry in ruling if note and not stated]
        claims = statement_claims(ruled(used)) if note else draft.claims
        cited = [case.ledger[i] for claim in claims for i in claim.evidence]
        return _answer(turn, agent, claims, [*cited, *used, *ruling, score], score, note)


def verdict_of(case: Case | ClipCase) -> Verdict:
    """The verdict of the first of the deciding tools that has one, as it last measured; "uncertain" without any."""
    for tool in DECIDING:
        measured = [entry for entry in case.ledger if (entry.tool, entry.media) == (tool, case.media)]
        if measured and measured[-1].verdict:
            return measured[-1].verdict
    return "uncertain"


def least_answer(turn: Turn, agent: "Agent", reason: str) -> Answer:
    """What can be said where not even the template came through: what was measured of the media before, or nothing."""
    case = turn.case
    with recorded(turn.prompts):
        verdict = case.measured("score", {})
        used = turn.used or ([verdict] if verdict else [])
        if not used:
            statement = vocabulary("limits")["broken_off"]
            used = [case.ledger.add(tool="cannot_tell", statement=statement, kind="limit", media=case.media)]
        note = "; ".join(filter(None, (turn.note, f"measuring broke off: {reason}")))
        return _answer(turn, agent, statement_claims(ruled(used)), used, verdict, note, measured=False)


def _answer(
    turn: Turn,
    agent: "Agent",
    claims: list[Claim],
    evidence: list[Evidence],
    score: Evidence | None,
    note: str,
    measured: bool = True,
) -> Answer:
    case = turn.case
    entries = {entry.id: entry for entry in evidence}
    calibrated = score is not None and case.profile is not None
    return Answer(
        question=turn.question,
        verdict=verdict_of(case),
        text=prose(claims),
        score=score.quantity("score").value if score else None,
        threshold=score.quantity("threshold").value if score and calibrated else None,
        p_value=score.quantity("score").p_value if score else None,
        claims=tuple(claims),
        dropped=tuple(turn.draft.dropped),
        regions=case.regions if measured else (),
        events=case.events if measured else (),
        label_scores=case.label_scores if measured else {},
        evidence=tuple(sorted(entries.values(), key=lambda entry: int(entry.id[1:]))),
        source="template" if note else "model",
        note=note or getattr(agent.model, "note", ""),
        llm=agent.llm,
        models=case.used if measured else {},
        prompts=dict(sorted(turn.prompts.items())),
        seconds=round(turn.seconds, 3),
    ).of(case)
