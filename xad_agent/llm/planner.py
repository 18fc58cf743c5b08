"""Which tool to call next: an intent's plan, laid over what the conversation has already measured."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from xad_agent.evidence import Evidence
from xad_agent.llm.references import meant, named_point, named_region, pointed_at, refers_back
from xad_agent.llm.router import Intent
from xad_agent.prompts import vocabulary
from xad_agent.rulebook import ruled
from xad_agent.support import region_number

_ONE_REGION = {"measure", "compare", "segment", "name", "look"}
_ONE_EVENT = {"measure", "heat", "relate", "nearby", "track", "compare"}
_AT_ANY_EVENT = {"name", "repair"}
MOST_CALLS = 8  # in one turn; plans put last what can best be done without
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
        earlier: The questions before it.
        pointed: Whether the user has named that region or event.
    """

    question: str
    evidence: dict[str, Evidence]
    before: frozenset[str]
    refused: bool
    focus: int
    earlier: tuple[str, ...] = ()
    pointed: bool = False

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

    @property
    def point(self) -> tuple[int, int] | None:
        """The x and y, px, of the point that the question names; None where it names none."""
        return named_point(self.question)

    @property
    def named(self) -> int | None:
        """The number of the region or event that the question names, whether there is one or not."""
        return named_region(self.question, self.focus, self.regions)

    @property
    def region(self) -> int | None:
        """The region or event that the question names, or refers back to where one was named before it."""
        back = self.focus if self.pointed and refers_back(self.question) else None
        return self.named if self.named is not None else back

    @property
    def asked(self) -> str:
        """The question whose intent this one has: another where it is elliptic ("and the third?")."""
        return meant(self.question, self.earlier, mentioned_things(self.question), vocabulary("intents")["time_words"])

    @property
    def denied(self) -> str:
        """The tool that says that what the question takes for granted is not there, or not known; "" for none."""
        for tool in ("find", "look_for"):
            if tool in self.evidence and not self.evidence[tool].labels:
                return tool
        beyond = self.found is not None and self.named is not None and self.named > self.regions
        return "measure" if beyond and "moment" not in self.evidence else ""


def is_question(message: Any) -> bool:
    """Whether a message is the user's, and not the agent's own."""
    return isinstance(message, HumanMessage) and message.name != CHECKER


def read_turn(messages: list[BaseMessage]) -> Turn:
    """The turn that is under way at the end of a conversation."""
    asked = [i for i, message in enumerate(messages) if is_question(message)]
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
    earlier = tuple(str(messages[i].text) for i in asked[:-1])
    focus, pointed = _focus(_same_media(messages[:start], next(iter(evidence.values()), None)))
    return Turn(str(messages[start].text), evidence, before, refused, focus, earlier, pointed)


def _same_media(messages: list[BaseMessage], now: Evidence | None) -> list[BaseMessage]:
    """The messages since the conversation turned to what it is about now; regions of another picture are none of it."""
    for at, message in reversed(list(enumerate(messages))):
        found = _evidence(message.artifact) if isinstance(message, ToolMessage) else None
        if now and found and found.media != now.media:
            return messages[at + 1 :]
    return messages


def _evidence(artifact: Any) -> Evidence | None:
    """What a tool returned; a checkpoint gives it back as a dict."""
    if isinstance(artifact, dict):
        return Evidence.model_validate(artifact)
    return artifact if isinstance(artifact, Evidence) else None


def _focus(messages: list[BaseMessage]) -> tuple[int, bool]:
    """The region or event that was named or looked at last, 1 at the start, and whether the user has named one."""
    focus, pointed = 1, False
    for message in messages:
        if isinstance(message, HumanMessage) and message.name != CHECKER:
            named = named_region(str(message.text), focus)
            focus, pointed = (focus if named is None else named), pointed or named is not None
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            for name in ("region", "event"):
                focus = int(call["args"].get(name) or focus)
    return focus, pointed


def next_tool(intent: Intent, turn: Turn, tools: set[str], known: Sequence[str] | None = None) -> str | None:
    """The first tool of the plan that is still to be called; None when the answer can be drafted.

    Args:
        intent: What the question asks for.
        turn: What has been done for it.
        tools: What there is.
        known: What `find` can look for; None for anything.
    """
    if len(turn.evidence) >= MOST_CALLS:
        return None
    needs = vocabulary("intents")["needs_event" if is_clip(tools) else "needs_region"]
    for name in _plan(intent, turn, tools, known):
        idle = name in needs and not turn.regions and name != turn.denied
        if name not in tools or name in turn.evidence or idle:
            continue
        if not _pointless(name, intent, turn, tools, known):
            return name
    return None


def _pointless(name: str, intent: Intent, turn: Turn, tools: set[str], known: Sequence[str] | None) -> bool:
    """Whether a question gives a tool nothing to do."""
    if name == "look_for":  # of what it does not know it says so, where no other tool knows it
        return not (mentioned_things if "find" in tools else named_thing)(turn.question)
    if name == "find":
        return not _to_find(turn, known)
    if name == "measure" and "place" in turn.evidence:
        return not turn.evidence["place"].regions
    if name == "cannot_tell" and intent.topic == "rule" and "rules" in turn.evidence:
        return True
    if name == "missing" and name in turn.before:
        return True
    answers = {tool for tool in ("find", "name", "look") if tool in turn.evidence} - _limits(turn)
    if intent.topic != "naming" or not answers:
        return False
    # A thing that was looked for is no defect to be named, unless the question calls it so.
    return name == "cannot_tell" or ("find" in answers and (name == "measure" or not suspicion(turn)))


def _plan(intent: Intent, turn: Turn, tools: set[str], known: Sequence[str] | None) -> tuple[str, ...]:
    """The intent's plan; what the question takes for granted is looked for first, and where it is not there, no more.

    Where the question names a time, what is to be known of that comes first, too.
    """
    if "score" not in intent.plan:
        return intent.plan
    if _ends(intent, turn):
        return ("score", "rules", "find", turn.denied)
    plan = intent.plan
    seeking = [name for name in ("look_for", "find") if name in tools and name not in plan]
    sought = asked_things(turn.question, known if "find" in tools else list(vocabulary("coco")))
    if not all(pointed_at(turn.question, thing) for thing in sought):
        plan = (plan[0], *seeking, *plan[1:])
    if turn.at is not None and "moment" in tools:
        plan = ("score", "timeline", "moment", *(name for name in plan if name != "locate"))
    return plan if "rules" in plan else (plan[0], "rules", *plan[1:])


def _ends(intent: Intent, turn: Turn) -> bool:
    """Whether nothing is left to say but that it is not there; what is called a defect may still have another name."""
    defect = intent.topic == "naming" and turn.denied == "find" and suspicion(turn)
    return bool(turn.denied) and intent.topic != "rule" and not defect


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
    if tool == "place" and turn.point:
        return dict(zip("xy", turn.point, strict=True))
    if tool == "known":
        return {"about": turn.question[:400]}
    if tool == "look_for":
        return {"what": named_thing(turn.question)}
    if tool == "find":
        return {"phrases": _to_find(turn, known)}
    one = turn.named or max(1, min(turn.focus, turn.regions))
    if "place" in turn.evidence and turn.evidence["place"].regions:
        one = region_number(turn.evidence["place"].regions[0])
    if "moment" in turn.evidence:
        then = [region_number(region) for region in turn.evidence["moment"].regions]
        return {"event": then[0]} if tool in _ONE_EVENT | _AT_ANY_EVENT and then else {}
    if "timeline" in turn.evidence:
        if tool in _ONE_EVENT or (tool in _AT_ANY_EVENT and intent.one):
            return {"event": one}
        return {"event": one} if tool in _AT_ANY_EVENT and turn.region else {}
    if tool in _ONE_REGION:
        about = {"what": suspicion(turn)} if tool == "look" else {}
        return {"region": one, **about}
    return {"region": one} if tool == "repair" and turn.region else {}


def named_time(question: str) -> float | None:
    """The time that a question names ("at 0:10", "after 12 s"), in seconds; None where it names none."""
    for pattern in vocabulary("intents")["time_words"]:
        found = re.search(pattern, question, re.IGNORECASE)
        if found:
            parts = {name: float(value) for name, value in found.groupdict().items() if value}
            return 3600 * parts.get("h", 0) + 60 * parts.get("m", 0) + parts.get("s", 0)
    return None


def named_thing(question: str) -> str | None:
    """The first thing that a question names ("is there a dog?"), see `asked_things`; None where it names none."""
    return next(iter(asked_things(question, list(vocabulary("coco")))), None)


def mentioned_things(question: str) -> list[str]:
    """All of the detector's classes that a question names."""
    return _mentioned(question, {name: [name] for name in vocabulary("coco")})


def asked_things(question: str, known: Sequence[str] | None) -> list[str]:
    """What a question asks to be looked for: of what is known or, where that is anything, what follows "is there a".

    Example:
        >>> asked_things("Is there a red bicycle in the picture?", None)
        ['red bicycle']
        >>> asked_things("Is a dog there, or a cat?", ["cat", "dog"])
        ['dog', 'cat']
    """
    patterns = vocabulary("intents")["thing_words"]
    if known is not None:
        # What is said to be there, and is not known, is not there to be explained; the tool says that it cannot tell.
        return _mentioned(question, {name: [name] for name in known}) or _phrases(question, patterns[:1], defects=False)
    return _phrases(question, patterns, defects=True) or mentioned_things(question)


def _phrases(question: str, patterns: Sequence[str], defects: bool) -> list[str]:
    words = vocabulary("intents")
    phrases = [
        phrase
        for pattern in patterns
        for match in re.finditer(pattern, question, re.IGNORECASE)
        for phrase in re.split(words["or"], match["what"].lower())
    ]
    things = [phrase for phrase in phrases if set(phrase.split()).isdisjoint(words["no_things"])]
    return list(dict.fromkeys(thing for thing in things if defects or not _mentioned(thing, vocabulary("defects"))))


def on_topic(turn: Turn) -> str:
    """The intent of what is no example's like and yet about the picture; "" where it may well be off the topic."""
    if turn.named is not None and turn.asked != turn.question:
        return "where"  # "and the second one?", after a question that was off the topic
    return "name" if _phrases(turn.question, vocabulary("intents")["thing_words"][:1], defects=False) else ""


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
    """The evidence that makes up the answer, in the order of the intent, with what rules say of the verdict.

    Where nothing stands out, what there is to say of a region gives way to the verdict and to "nothing stands out",
    unless a thing was looked for; where the question names a time, what is said of the whole clip gives way to what is
    said of that time.
    """
    found = turn.evidence
    if _ends(intent, turn):
        denied = dict.fromkeys(("look_for", "find", turn.denied))
        return ruled([found[name] for name in ("moment", *denied, "rules", "score") if name in found])
    if "moment" in found:
        rest = [name for name in intent.say if name in found and name not in {"score", "timeline"}]
        return ruled([found[name] for name in ("moment", "rules", *rest) if name in found])
    sought = [name for name in ("find", "look_for") if name not in intent.say]
    needing = [name for name in intent.say if name in _needing()]
    say = list(intent.say)
    looked_for = "look_for" in found or "find" in found
    if needing and not turn.regions and not looked_for and {"timeline", "locate"}.isdisjoint(say):
        at = say.index(needing[0])
        say[at:at] = [name for name in ("score", "timeline", "locate") if name not in say]
    say = [*say, "rules"] if {"score", "timeline"} & set(say) and "rules" not in say else say
    return ruled([found[name] for name in (*sought, *say) if name in found])


def _needing() -> set[str]:
    """The tools that need something that stands out."""
    return {*vocabulary("intents")["needs_region"], *vocabulary("intents")["needs_event"]}
