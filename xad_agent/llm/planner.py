"""Which tool to call next: an intent's plan, laid over what the conversation has already measured."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from xad_agent.evidence import Evidence
from xad_agent.llm.router import Intent
from xad_agent.prompts import vocabulary
from xad_agent.support import region_number

_ONE_REGION = {"measure", "compare", "segment", "name", "look"}
_ONE_EVENT = {"measure", "heat", "relate", "nearby", "track", "compare"}
_AT_ANY_EVENT = {"name", "repair"}
CHECKER = "checker"  # the name of messages in which the agent, not the user, speaks


@dataclass(frozen=True)
class Turn:
    """One question and what has been done for it.

    Attributes:
        question: The user's words.
        evidence: What each called tool returned, in order.
        before: The tools that were called in earlier turns.
        refused: Whether the checker has refused a draft of this turn.
        focus: Number of the region or event talked about last, 1 at the start.
    """

    question: str
    evidence: dict[str, Evidence]
    before: frozenset[str]
    refused: bool
    focus: int

    @property
    def regions(self) -> int:
        """How many regions `locate`, or how many events `timeline` or, where a time is named, `moment` found."""
        return len(self.found.regions) if self.found else 0

    @property
    def found(self) -> Evidence | None:
        """What `moment`, `timeline` or, for a picture, `locate` found in this turn, the first that was called."""
        return self.evidence.get("moment") or self.evidence.get("timeline") or self.evidence.get("locate")

    @property
    def at(self) -> float | None:
        """The time that the question names, seconds from the start; None where it names none."""
        return named_time(self.question)


def read_turn(messages: list[BaseMessage]) -> Turn:
    """The turn that is under way at the end of a conversation."""
    asked = [i for i, message in enumerate(messages) if isinstance(message, HumanMessage) and message.name != CHECKER]
    start = asked[-1]
    evidence = {
        message.name: found
        for message in messages[start:]
        if isinstance(message, ToolMessage) and message.name and (found := _evidence(message.artifact))
    }
    refused = any(isinstance(message, HumanMessage) for message in messages[start + 1 :])
    before = frozenset(
        message.name for message in messages[:start] if isinstance(message, ToolMessage) and message.name
    )
    return Turn(str(messages[start].text), evidence, before, refused, _focus(messages[:start]))


def _evidence(artifact: Any) -> Evidence | None:
    """What a tool returned; a checkpoint gives it back as a dict."""
    if isinstance(artifact, dict):
        return Evidence.model_validate(artifact)
    return artifact if isinstance(artifact, Evidence) else None


def _focus(messages: list[BaseMessage]) -> int:
    for message in reversed(messages):
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            for name in ("region", "event"):
                if name in call["args"]:
                    return int(call["args"][name] or 1)
    return 1


def next_tool(intent: Intent, turn: Turn, tools: set[str], known: Sequence[str] | None = None) -> str | None:
    """The first tool of the plan that is still to be called; None when the answer can be drafted.

    Args:
        intent: What the question asks for.
        turn: What has been done for it.
        tools: What there is.
        known: What `find` can look for; None for anything.
    """
    needs = vocabulary("intents")["needs_event" if is_clip(tools) else "needs_region"]
    for name in _plan(intent, turn, tools):
        if name not in tools or name in turn.evidence or (name in needs and not turn.regions):
            continue
        if not _pointless(name, intent, turn, known):
            return name
    return None


def _pointless(name: str, intent: Intent, turn: Turn, known: Sequence[str] | None) -> bool:
    """Whether a question gives a tool nothing to do."""
    if name == "look_for":
        return not named_thing(turn.question)
    if name == "find":
        return not _to_find(turn, known)
    if name == "missing" and name in turn.before:
        return True
    answers = {tool for tool in ("find", "name", "look") if tool in turn.evidence} - _limits(turn)
    if intent.topic != "naming" or not answers:
        return False
    # A thing that was looked for is no defect to be named, unless the question calls it so.
    return name == "cannot_tell" or ("find" in answers and (name == "measure" or not suspicion(turn)))


def _plan(intent: Intent, turn: Turn, tools: set[str]) -> tuple[str, ...]:
    """The intent's plan; where the question names a time, what is to be known of that comes first."""
    plan = intent.plan
    if turn.at is not None and "moment" in tools and "score" in plan:
        plan = ("score", "timeline", "moment", *(name for name in plan if name != "locate"))
    return plan


def is_clip(tools: set[str]) -> bool:
    """Whether these are the tools for clips."""
    return "timeline" in tools


def _limits(turn: Turn) -> set[str]:
    return {tool for tool, entry in turn.evidence.items() if entry.kind == "limit"}


def arguments(tool: str, intent: Intent, turn: Turn, known: Sequence[str] | None = None) -> dict[str, Any]:
    """What to call a tool with, as far as no language model is needed for it; `known` as for `next_tool`."""
    if tool == "cannot_tell":
        bare = intent.topic == "naming" and not turn.regions
        return {"topic": "naming_normal" if bare else intent.topic}
    if tool == "moment":
        return {"at": turn.at}
    if tool == "look_for":
        return {"what": named_thing(turn.question)}
    if tool == "find":
        return {"phrases": _to_find(turn, known)}
    if "moment" in turn.evidence:
        then = [region_number(region) for region in turn.evidence["moment"].regions]
        return {"event": then[0]} if tool in _ONE_EVENT | _AT_ANY_EVENT and then else {}
    if "timeline" in turn.evidence:
        one = _ONE_EVENT | _AT_ANY_EVENT if intent.one else _ONE_EVENT
        return {"event": max(1, min(turn.focus, turn.regions))} if tool in one else {}
    if tool in _ONE_REGION:
        about = {"what": suspicion(turn)} if tool == "look" else {}
        return {"region": min(turn.focus, turn.regions), **about}
    return {}


def names_a_region(question: str) -> bool:
    """Whether a question singles one of several regions out ("the second one", "region 3")."""
    return bool(re.search(vocabulary("intents")["region_words"], question, re.IGNORECASE))


def named_time(question: str) -> float | None:
    """The time that a question names ("at 0:10", "after 12 s"), in seconds; None where it names none."""
    for pattern in vocabulary("intents")["time_words"]:
        found = re.search(pattern, question, re.IGNORECASE)
        if found:
            parts = {name: float(value) for name, value in found.groupdict().items() if value}
            return 3600 * parts.get("h", 0) + 60 * parts.get("m", 0) + parts.get("s", 0)
    return None


def named_thing(question: str) -> str | None:
    """The first of the detector's classes that a question names ("is there a dog?"); None where it names none."""
    return next(iter(_mentioned(question, {name: [name] for name in vocabulary("coco")})), None)


def asked_things(question: str, known: Sequence[str] | None) -> list[str]:
    """What a question asks to be looked for: of what is known or, where that is anything, what follows "is there a".

    Example:
        >>> asked_things("Is there a red bicycle in the picture?", None)
        ['red bicycle']
        >>> asked_things("Is a dog there, or a cat?", ["cat", "dog"])
        ['dog', 'cat']
    """
    if known is not None:
        return _mentioned(question, {name: [name] for name in known})
    words = vocabulary("intents")
    phrases = [
        phrase
        for pattern in words["thing_words"]
        for match in re.finditer(pattern, question, re.IGNORECASE)
        for phrase in re.split(words["or"], match["what"].lower())
    ]
    things = [phrase for phrase in phrases if set(phrase.split()).isdisjoint(words["no_things"])]
    return list(dict.fromkeys(things)) or _mentioned(question, {name: [name] for name in vocabulary("coco")})


def _to_find(turn: Turn, known: Sequence[str] | None) -> list[str]:
    """What `find` is to look for: of a clip not what `look_for` knows, which sees more of it in less time."""
    things = asked_things(turn.question, known)
    if "timeline" not in turn.evidence:
        return things
    for_look_for = re.compile(rf"({'|'.join(map(re.escape, vocabulary('coco')))})(e?s)?")
    return [thing for thing in things if not for_look_for.fullmatch(thing)]


def suspicion(turn: Turn) -> str:
    """What the question takes the place for or, where it takes it for nothing, what `name` calls it; "" for neither."""
    defects = _mentioned(turn.question, vocabulary("defects"))
    named = turn.evidence.get("name")
    return next(iter([*defects, *(named.labels if named else ())]), "")


def _mentioned(question: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    """Which of the names occur in a question by any of their words, in the order of the question."""
    matches = [
        (match.start(), -match.end(), name)
        for name, some in names.items()
        for word in some
        for match in re.finditer(rf"\b{re.escape(str(word))}(e?s)?\b", question.lower())
    ]
    mentioned: list[str] = []
    reach = 0
    for start, end, name in sorted(matches):
        if start >= reach:  # of "hot dog" the dog is none
            mentioned.append(name)
            reach = -end
    return list(dict.fromkeys(mentioned))


def to_say(intent: Intent, turn: Turn) -> list[Evidence]:
    """The evidence that makes up the answer, in the order of the intent.

    Where nothing stands out, what there is to say of a region gives way to the verdict and to "nothing stands out",
    unless a thing was looked for; where the question names a time, what is said of the whole clip gives way to what is
    said of that time.
    """
    found = turn.evidence
    if "moment" in found:
        rest = [name for name in intent.say if name in found and name not in {"score", "timeline"}]
        return [found[name] for name in ("moment", *rest)]
    needing = [name for name in intent.say if name in _needing()]
    say = list(intent.say)
    looked_for = "look_for" in found or "find" in found
    if needing and not turn.regions and not looked_for and {"timeline", "locate"}.isdisjoint(say):
        at = say.index(needing[0])
        say[at:at] = [name for name in ("score", "timeline", "locate") if name not in say]
    return [found[name] for name in say if name in found]


def _needing() -> set[str]:
    """The tools that need something that stands out."""
    return {*vocabulary("intents")["needs_region"], *vocabulary("intents")["needs_event"]}
