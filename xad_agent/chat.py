"""`Chat`: a conversation. Each turn goes question -> tools -> draft -> checked answer."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelCallLimitMiddleware, ToolCallLimitMiddleware
from langchain_core.messages import AIMessage, ToolMessage

from xad_agent.answer import Answer
from xad_agent.answering import Turn, answered, least_answer
from xad_agent.background import TurnEnded, result_within, within
from xad_agent.budget import BudgetCheck
from xad_agent.case import Case
from xad_agent.clip_case import ClipCase
from xad_agent.clip_profile import ClipProfile
from xad_agent.context import Context, question_of
from xad_agent.draft import DraftCheck
from xad_agent.errors import ModelError, ToolError, XadError, reason
from xad_agent.evidence import Evidence, Ledger
from xad_agent.knowledge import add_knowledge
from xad_agent.llm import sees
from xad_agent.media import is_clip, read_clip, read_picture
from xad_agent.memory import Kept, Memory, memory_error
from xad_agent.perception.models import Models
from xad_agent.picture_profile import PictureProfile
from xad_agent.profile import Profile
from xad_agent.prompts import prompt, recorded
from xad_agent.rulebook import add_rules, stated_rule
from xad_agent.steps import Step
from xad_agent.tools import load_tools

if TYPE_CHECKING:
    from xad_agent.agent import Agent

MAX_QUESTION_CHARACTERS = 4000


class Chat:
    """A conversation: one ledger, one or more pictures or clips in turn; one question at a time.

    Args:
        agent: Who answers.
        media: What to show first; None for what was shown last in a chat that is gone on with.
        memory: Where it is kept.
        name: Of the chat in that memory.

    Attributes:
        ledger: What was measured.
        case: What is asked about.

    Raises:
        XadError: See `Agent.chat`.
    """

    def __init__(self, agent: "Agent", media: Any, memory: Memory, name: str = "chat"):
        self.agent, self.memory, self.name = agent, memory, name
        self._turn, self._stopped = threading.Lock(), threading.Event()
        self._settings = _settings(agent)
        kept = self._kept()
        self.ledger, self._thread = Ledger(kept.evidence), kept.thread
        self._zones = agent.profile.zones if agent.profile else {}
        if not kept.evidence:  # a chat that is gone on with has them, and what was said since
            add_rules(self.ledger, agent.rules, self._zones)
            if agent.knowledge:
                add_knowledge(self.ledger, agent.knowledge)
        self._media = kept.media[-1] if kept.media else None
        self._show_last() if media is None else self.show(media)

    def show(self, media: Any) -> None:
        """Turn to another picture or clip; the questions that follow are about it."""
        self.case = case_of(media, self.agent.profile, self.ledger, self.agent.models)
        source = str(Path(media).absolute()) if isinstance(media, str | Path) else ""
        if self._media is None:
            self.memory.begin(self.name, self._settings)
        if self._media != (self.case.media, source):
            self.ledger.keep_figures_of(self.case.media)
            self._media = (self.case.media, source)
            self.memory.show(self.name, *self._media)

    def ask(self, question: str, media: Any = None) -> Answer:
        """Answer a question about the media at hand, or about `media` when it is given."""
        *_, last = self.stream(question, media)
        assert last.answer is not None
        return last.answer

    def stream(self, question: str, media: Any = None) -> Iterator[Step]:
        """The same step by step; the last step is the answer.

        Whatever a model or a tool does, the answer comes within the agent's budget: from the evidence that is there.
        """
        question = clean_question(question)
        with self._turn:
            if media is not None:
                self.show(media)
            self._stopped = threading.Event()
            turn = Turn(question, self.case, DraftCheck(self.ledger, self.case.media))
            try:
                rule = stated_rule(question)
                yield from self._drafted(turn) if rule is None else self._noted(turn, rule)
                yield from self._answered(turn)
            finally:
                self._stopped.set()
                if not turn.over:
                    self._kept_or_why()

    async def aask(self, question: str, media: Any = None) -> Answer:
        """`ask` for asyncio: a task that is cancelled ends the work with its next step."""
        try:
            return await asyncio.to_thread(self.ask, question, media)
        except asyncio.CancelledError:
            self.stop()
            raise

    async def astream(self, question: str, media: Any = None) -> AsyncIterator[Step]:
        """`stream` for asyncio."""
        steps = self.stream(question, media)
        try:
            while (step := await asyncio.to_thread(next, steps, None)) is not None:
                yield step
        except (asyncio.CancelledError, GeneratorExit):
            self.stop()
            raise

    def stop(self) -> None:
        """End the turn that is under way: it is answered from the evidence that is there."""
        self._stopped.set()

    def _kept(self) -> Kept:
        kept = self.memory.load(self.name)
        if kept is None:
            return Kept()
        if kept.settings != self._settings:
            raise XadError(
                f"the chat {self.name!r} was held with another profile or other models, rules or knowledge, which "
                "its evidence depends on: "
                "take those, or give the chat another name"
            )
        return kept

    def _show_last(self) -> None:
        if self._media is None:
            kept = ", ".join(map(repr, self.memory.chats())) or "none"
            raise XadError(f"there is no chat {self.name!r}, of those kept ({kept}): name what to show", exit_code=2)
        sha256, source = self._media
        if not source:
            raise XadError(f"what the chat {self.name!r} last showed came from no file: show it again", exit_code=2)
        self.case = case_of(source, self.agent.profile, self.ledger, self.agent.models)
        if self.case.media != sha256:
            raise XadError(f"{source} has changed since the chat {self.name!r} showed it: name it to go on with it")

    def _drafted(self, turn: Turn) -> Iterator[Step]:
        """Let the model work: its calls, what they measure; then the draft is checked, or the turn has its note."""
        try:
            for step in within(self.agent.budget.model_seconds, partial(self._worked, turn), self._stopped):
                if step.evidence:
                    turn.used.append(step.evidence)
                yield step
            if not turn.draft.drafted:
                turn.note = "the chat model gave no answer within its steps"
        except (XadError, GeneratorExit):
            raise
        except TurnEnded as error:
            turn.note = f"the chat model was left: {error}"
        except (ModelError, ToolError) as error:
            turn.note = str(error)
        except sqlite3.Error as error:
            turn.note = str(memory_error(error))
        except Exception as error:  # a provider may raise anything; whatever it is, the evidence still answers
            turn.note = f"the chat model failed ({type(error).__name__}: {reason(error)})"
        if turn.note:  # a conversation that broke off in the middle cannot be continued
            self._thread += 1

    def _kept_or_why(self) -> str:
        """Keep what was measured; says, for the end of a note, why it could not be.

        What was answered is not lost because it cannot be kept.
        """
        try:
            self.memory.begin_anew(self.name, self._thread)
            self.memory.keep(self.name, self.ledger)
        except XadError as error:
            return f"; this turn is not kept: {error}"
        return ""

    def _noted(self, turn: Turn, rule: str) -> Iterator[Step]:
        """Keep the user's rule, from which it holds; it is no question for a model."""
        turn.used += add_rules(self.ledger, [rule], self._zones)
        turn.note = "a rule was noted, without the chat model"
        yield from (Step(kind="evidence", evidence=entry) for entry in turn.used)

    def _worked(self, turn: Turn) -> Iterator[Step]:
        budget, model = self.agent.budget, self.agent.model
        middleware: list[AgentMiddleware[Any, Any, Any]] = [
            BudgetCheck(budget, self._stopped),
            Context(self.ledger, self.case, sees(model)),
            turn.draft,
            ToolCallLimitMiddleware(run_limit=budget.tool_calls, exit_behavior="continue"),
            ModelCallLimitMiddleware(run_limit=budget.tool_calls + 3, exit_behavior="end"),
        ]
        with recorded(turn.prompts):
            graph = create_agent(
                model,
                load_tools(self.case),
                system_prompt=prompt("system"),
                middleware=middleware,
                checkpointer=self.memory.saver,
            )
            thread: Any = {"configurable": {"thread_id": f"{self.name} {self._thread}"}}
            question: Any = {"messages": [question_of(turn.question, self.case)]}
            # A turn is kept when it is whole: one that broke off is not gone on from.
            for update in graph.stream(question, thread, stream_mode="updates", durability="exit"):
                for node in filter(None, update.values()):
                    yield from _steps(node.get("messages", ()))

    def _answered(self, turn: Turn) -> Iterator[Step]:
        """The checked sentences one by one, then the answer."""
        stopped = threading.Event()  # what stopped the model does not stop the template
        budget = self.agent.budget
        left = budget.seconds - min(turn.seconds, budget.model_seconds)
        try:
            answer = result_within(left, partial(answered, turn, self.agent), stopped)
        except (TurnEnded, ToolError) as error:
            answer = least_answer(turn, self.agent, str(error))
        turn.over = True
        if unkept := self._kept_or_why():
            answer = answer.model_copy(update={"note": f"{answer.note}{unkept}".removeprefix("; ")})
        for claim in answer.claims:
            yield Step(kind="claim", claim=claim)
        yield Step(kind="answer", answer=answer)


def _settings(agent: "Agent") -> dict[str, Any]:
    """What the evidence of a chat depends on besides the media and what is said in it."""
    settings = {"profile": agent.profile.fingerprint if agent.profile else "", "models": agent.models.specs}
    if agent.rules:
        settings["rules"] = list(agent.rules)
    if agent.knowledge:
        settings["knowledge"] = agent.knowledge.model_dump(mode="json")
    return settings


def _steps(messages: list[Any]) -> Iterator[Step]:
    for message in messages:
        if isinstance(message, AIMessage):
            for call in message.tool_calls:
                yield Step(kind="tool", tool=call["name"], arguments=call["args"])
        elif isinstance(message, ToolMessage) and isinstance(message.artifact, Evidence):
            yield Step(kind="evidence", evidence=message.artifact)


def case_of(media: Any, profile: Profile | None, ledger: Ledger, models: Models | None = None) -> Case | ClipCase:
    """The case of a picture or clip; a folder can only be a clip. XadError when the profile is of the other kind."""
    folder = isinstance(media, str | Path) and Path(media).is_dir()
    if folder or is_clip(media):
        clip = read_clip(media)
        if profile is not None and not isinstance(profile, ClipProfile):
            raise XadError(f"{clip.name} is a clip, and the profile {profile.name} is of pictures: fit one on clips")
        return ClipCase(clip, profile, ledger, models)
    picture = read_picture(media)
    if profile is not None and not isinstance(profile, PictureProfile):
        raise XadError(f"{picture.name} is a picture, and the profile {profile.name} is of clips: fit one on pictures")
    return Case(picture, profile, ledger, models)


def clean_question(question: str) -> str:
    """The question on one line; XadError when it is empty or too long."""
    if not isinstance(question, str) or not question.strip():
        raise XadError(
            'the question is empty: ask in plain words, for example "Where is the defect, and why?"', exit_code=2
        )
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise XadError(
            f"the question has {len(question):,} characters: ask in at most {MAX_QUESTION_CHARACTERS:,}", exit_code=2
        )
    return " ".join("".join(c if c.isprintable() else " " for c in question).split())
