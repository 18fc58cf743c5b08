"""`xad eval planning`: whether the embedded planner chooses the right tools, on hand-written questions.

Those of questions.yaml were there first, in two halves: one to learn from, one to measure on. Those of
questions_later.yaml came when the planner had been tuned, by another hand that had seen nothing of it; after they had
been measured they were learned from. Those of questions_last.yaml came after that, likewise, and are only measured.

Nothing is looked at: the planner itself runs (router, plan, arguments), and each tool that it calls returns evidence
of a scripted medium, in which three regions, or three events, stand out.

Nearly every plan begins with `score`, by design, so that the very first tool is right says little. The honest measure
is the first tool that is specific to the question: the first called that is no groundwork (`groundwork` in
questions.yaml: the verdict, and what there is to talk about) or, where the groundwork answers, the last of that. It
must be called as the question says: with the region, the time, the thing or the topic that it names. Both are
reported.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from xad_agent.eval.reading import packaged
from xad_agent.eval.report import share_line
from xad_agent.evidence import Ledger, Region
from xad_agent.llm.embedded import plan
from xad_agent.llm.planner import MOST_CALLS

PARTS = {"questions": ("development", "measured"), "questions_later": ("later",), "questions_last": ("last",)}
_ENDLESS = 20


@dataclass(frozen=True)
class Asked:
    """One question and what is right for it; see the head of questions.yaml.

    Attributes:
        intent: One of twelve.
        media: "picture" or "clip".
        before: The questions asked before it in the same conversation.
        question: The user's words.
        first: Tools of which one must be the first specific one.
        given: Arguments that this one must have.
        needs: Tools that must be called.
        file: Where it stands.
    """

    intent: str
    media: str
    before: tuple[str, ...]
    question: str
    first: tuple[str, ...]
    given: dict[str, Any]
    needs: tuple[str, ...]
    file: str = "questions"

    @property
    def part(self) -> str:
        """One of those of its file in `PARTS`, by the words alone, so that no other question changes it."""
        words = "\n".join((*self.before, self.question))
        parts = PARTS[self.file]
        return parts[sha256(words.encode()).digest()[-1] % len(parts)]


class Call(NamedTuple):
    """One tool call."""

    tool: str
    arguments: dict[str, Any]


def read_questions() -> list[Asked]:
    """All questions, those of questions.yaml first."""
    return [
        Asked(
            intent=intent,
            media=group["for"],
            before=tuple(group.get("after", ())),
            question=question,
            first=tuple(group["first"]),
            given=group.get("with", {}),
            needs=tuple(group.get("needs", ())),
            file=file,
        )
        for file in PARTS
        for intent, groups in packaged(file)["questions"].items()
        for group in groups
        for question in group["ask"]
    ]


def evaluate_planning(parts: Iterable[str] | None = None) -> dict[str, Any]:
    """Plan for every question of the parts named, or of all.

    Returns:
        By part: the shares of right first tools (`first`: the very first; `specific`: see the module), each with its
        95 % interval, `specific` by intent, how many questions had a needed tool `skipped`, the same call `twice` or
        `too_many` calls, and those that went `wrong`, with what was called.
    """
    offered = {media: _offered(media) for media in ("picture", "clip")}
    asked = read_questions()
    chosen = list(dict.fromkeys(part for own in PARTS.values() for part in own)) if parts is None else parts
    return {part: _measured([one for one in asked if one.part == part], offered) for part in chosen}


def _measured(asked: list[Asked], offered: dict[str, list[BaseTool]]) -> dict[str, Any]:
    from xad_agent.eval.intervals import proportion

    judged = [(one, judge(one, calls_for(one, offered[one.media]), offered[one.media])) for one in asked]
    return {
        "first": proportion(judgement.first for _, judgement in judged),
        "specific": proportion(judgement.specific for _, judgement in judged),
        "by_intent": {
            intent: proportion(judgement.specific for one, judgement in judged if one.intent == intent)
            for intent in dict.fromkeys(one.intent for one in asked)
        },
        "skipped": sum(bool(judgement.skipped) for _, judgement in judged),
        "twice": sum(judgement.twice for _, judgement in judged),
        "too_many": sum(judgement.too_many for _, judgement in judged),
        "wrong": [
            {"question": list((*one.before, one.question)), "media": one.media, "right": one.first, **one.given}
            | {"skipped": judgement.skipped, "called": [[*call] for call in judgement.calls]}
            for one, judgement in judged
            if not judgement.right
        ],
    }


@dataclass(frozen=True)
class Judgement:
    """What was called for one question, and whether that was right.

    Attributes:
        calls: In order.
        first: Whether the very first tool was groundwork or the right one.
        specific: Whether the first specific tool was right, and called with what the question names.
        skipped: Needed tools that were not called.
        twice: Whether a tool was called again with the same arguments.
        too_many: Whether there were more than `MOST_CALLS`.
    """

    calls: tuple[Call, ...]
    first: bool
    specific: bool
    skipped: tuple[str, ...]
    twice: bool
    too_many: bool

    @property
    def right(self) -> bool:
        """Whether nothing was wrong."""
        return self.first and self.specific and not (self.skipped or self.twice or self.too_many)


def judge(asked: Asked, calls: Sequence[Call], offered: Sequence[BaseTool]) -> Judgement:
    """Hold what was called for a question against what is right for it."""
    groundwork = packaged("questions")["groundwork"][asked.media]
    beyond = [call for call in calls if call.tool not in groundwork] or list(calls[-1:])
    named = all(call.arguments.get(name) == value for call in beyond[:1] for name, value in asked.given.items())
    tools = {tool.name for tool in offered}
    distinct = {(call.tool, repr(sorted(call.arguments.items()))) for call in calls}
    return Judgement(
        calls=tuple(calls),
        first=bool(calls) and calls[0].tool in (groundwork[0], *asked.first),
        specific=bool(beyond) and beyond[0].tool in asked.first and named,
        skipped=tuple(tool for tool in asked.needs if tool in tools and all(tool != call.tool for call in calls)),
        twice=len(distinct) < len(calls),
        too_many=len(calls) > MOST_CALLS,
    )


def calls_for(asked: Asked, offered: Sequence[BaseTool]) -> list[Call]:
    """What the planner calls for a question, after it has planned for those before it."""
    tools = [convert_to_openai_tool(tool) for tool in offered]
    schemas = {tool.name: tool.tool_call_schema for tool in offered}
    ledger = Ledger()
    messages: list[BaseMessage] = []
    calls: list[Call] = []
    for question in (*asked.before, asked.question):
        messages.append(HumanMessage(question))
        calls = _turn(messages, tools, schemas, ledger)
        messages.append(AIMessage("answered"))
    return calls


def _turn(
    messages: list[BaseMessage], tools: list[dict[str, Any]], schemas: dict[str, Any], ledger: Ledger
) -> list[Call]:
    """Follow the plan of the question at the end of `messages`, and add to them what is called and found."""
    calls: list[Call] = []
    while len(calls) < _ENDLESS:
        _, _, call = plan(messages, tools)
        if call is None:
            break
        name, arguments = call
        schemas[name].model_validate(arguments)
        calls.append(Call(name, arguments))
        regions = _REGIONS_FOUND if name in {"locate", "timeline", "moment"} else ()
        found = ledger.add(tool=name, arguments=arguments, statement=f"{name} says.", regions=regions)
        given = {"name": name, "args": arguments, "id": found.id}
        messages.append(AIMessage("", tool_calls=[given]))
        messages.append(ToolMessage(found.statement, name=name, tool_call_id=found.id, artifact=found))
    return calls


_REGIONS_FOUND = tuple(
    Region(label=f"region {number}", box=(10 * number, 0, 10 * number + 5, 5), score=1, peak=(10, 0), area_share=0.1)
    for number in (1, 2, 3)
)


def _offered(media: str) -> list[BaseTool]:
    """The tools that the agent offers for a picture or a clip where no further model is set up."""
    from xad_agent.chat import case_of
    from xad_agent.perception.models import Models
    from xad_agent.tools import load_tools

    grey = np.full((8, 64, 64, 3), 128, np.uint8)
    return load_tools(case_of(grey if media == "clip" else grey[0], None, Ledger(), Models()))


def as_text(result: dict[str, Any]) -> str:
    """The result as a table, with what was got wrong."""
    return "\n".join(line for part, measured in result.items() for line in _lines(part, measured))


def _lines(part: str, measured: dict[str, Any]) -> list[str]:
    rows = [("right first tool", measured["first"]), ("right first specific tool", measured["specific"])]
    rows += [(f"  {intent}", share) for intent, share in measured["by_intent"].items()]
    lines = [f"{part}, {measured['specific']['n']} questions"]
    lines += [f"  {share_line(name, share, 28)}" for name, share in rows]
    lines += [f"  {name:28} {measured[name]}" for name in ("skipped", "twice", "too_many")]
    for one in measured["wrong"]:
        called = ", ".join(f"{tool} {given or ''}".strip() for tool, given in one["called"])
        lines.append(f"  wrong: {' / '.join(one['question'])!r} ({one['media']}): {called}")
    return lines
