"""The loop: question -> tools -> draft -> checked answer."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelCallLimitMiddleware, ToolCallLimitMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from xad_agent.answer import Answer, prose
from xad_agent.case import Case
from xad_agent.clip_case import ClipCase
from xad_agent.clip_profile import ClipProfile
from xad_agent.draft import DraftCheck, statement_claims
from xad_agent.errors import ToolError, XadError
from xad_agent.evidence import Evidence, Ledger
from xad_agent.llm import load_chat_model
from xad_agent.llm.planner import read_turn
from xad_agent.media import is_clip, read_clip, read_picture
from xad_agent.perception.models import Models
from xad_agent.picture_profile import PictureProfile
from xad_agent.profile import Profile
from xad_agent.prompts import prompt
from xad_agent.tools import load_tools, tools_for

MAX_TOOL_CALLS = 8
MAX_QUESTION_CHARACTERS = 4000
TIMEOUT_SECONDS = 120.0


class Agent:
    """Answers questions about pictures and clips, every claim resting on checked evidence.

    Args:
        profile: What normal looks like; without one a picture or clip is only compared with itself, and the verdict is
            "uncertain".
        llm: A spec for `load_chat_model`, or any LangChain chat model.
        models: The models that need a checkpoint (CLIP, Grounding DINO, SAM, a vision-language model), or their specs
            by role; those that `xad models use` chose by default.

    Example:
        >>> agent = Agent(profile=Profile.load("screw.profile"))     # doctest: +SKIP
        >>> agent.ask("Where is the defect?", "part.png").verdict    # doctest: +SKIP
        'anomalous'
    """

    def __init__(
        self,
        profile: Profile | None = None,
        llm: str | BaseChatModel = "embedded",
        models: Models | Mapping[str, str] | None = None,
    ):
        self.profile = profile
        self.models = models if isinstance(models, Models) else Models(models)
        self.llm = llm if isinstance(llm, str) else type(llm).__name__
        self.model = load_chat_model(llm) if isinstance(llm, str) else llm

    def ask(self, question: str, media: Any) -> Answer:
        """Answer one question about one picture or clip.

        Args:
            question: In plain words.
            media: A path, an array (H, W) or (H, W, 3), a PIL image or a `Picture`; or what `is_clip` calls a clip.

        Raises:
            XadError: The question or the media cannot be used, or the profile is of the other kind.
        """
        return self.chat(media).ask(question)

    def chat(self, media: Any) -> "Chat":
        """Start a conversation about a picture or clip; evidence is measured once and kept for follow-up questions."""
        return Chat(self, media)


class Chat:
    """A conversation: one ledger, one or more pictures or clips in turn."""

    def __init__(self, agent: Agent, media: Any):
        self.agent = agent
        self.ledger = Ledger()
        self._memory = InMemorySaver()
        self.show(media)

    def show(self, media: Any) -> None:
        """Turn to another picture or clip; the questions that follow are about it."""
        self.case = case_of(media, self.agent.profile, self.ledger, self.agent.models)

    def ask(self, question: str, media: Any = None) -> Answer:
        """Answer a question about the media at hand, or about `media` when it is given."""
        question = _clean_question(question)
        started = time.perf_counter()
        if media is not None:
            self.show(media)
        draft, used, failure = self._run(question)
        return self._answer(question, draft, used, failure, started)

    def _run(self, question: str) -> tuple[DraftCheck, list[Evidence], str]:
        """Let the model work: the checked draft, the evidence of this turn, and why the model failed ("" if not)."""
        draft = DraftCheck(self.ledger, self.case.media)
        middleware: list[AgentMiddleware[Any, Any, Any]] = [
            draft,
            ToolCallLimitMiddleware(run_limit=MAX_TOOL_CALLS, exit_behavior="continue"),
            ModelCallLimitMiddleware(run_limit=MAX_TOOL_CALLS + 3, exit_behavior="end"),
        ]
        graph = create_agent(
            self.agent.model,
            load_tools(self.case),
            system_prompt=prompt("system"),
            middleware=middleware,
            checkpointer=self._memory,
        )
        graph.step_timeout = TIMEOUT_SECONDS
        thread: Any = {"configurable": {"thread_id": "chat"}}
        failure = ""
        try:
            graph.invoke({"messages": [HumanMessage(question)]}, thread)
        except XadError:
            raise
        except ToolError as error:
            failure = str(error)
        except Exception as error:  # a provider may raise anything; whatever it is, the evidence still answers
            failure = f"the chat model failed ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        turn = read_turn(graph.get_state(thread).values["messages"])
        used = [self.ledger[entry.id] for entry in turn.evidence.values()]
        if failure:
            self._memory = InMemorySaver()  # a conversation that broke off in the middle cannot be continued
        elif not draft.drafted:
            failure = "the chat model gave no answer within its steps"
        return draft, used, failure

    def _answer(self, question: str, draft: DraftCheck, used: list[Evidence], failure: str, started: float) -> Answer:
        note = failure or ("" if draft.claims else "no claim of the chat model held")
        tools = tools_for(self.case)
        if note and not used:
            used = [tools[name](self.case) for name in ("score", "timeline", "locate") if name in tools]
            used += [tools[name](self.case) for name in ("measure", "repair") if self.case.regions]
        claims = statement_claims(used) if note else draft.claims
        verdict = tools["score"](self.case)
        cited = [self.ledger[i] for claim in claims for i in claim.evidence]
        entries = {entry.id: entry for entry in (*cited, *used, verdict)}
        calibrated = self.case.profile is not None
        return Answer(
            question=question,
            verdict=verdict.verdict or "uncertain",
            text=prose(claims),
            score=verdict.quantity("score").value,
            threshold=verdict.quantity("threshold").value if calibrated else None,
            p_value=verdict.quantity("score").p_value,
            claims=tuple(claims),
            dropped=tuple(draft.dropped),
            regions=self.case.regions,
            events=self.case.events,
            label_scores=self.case.label_scores,
            evidence=tuple(sorted(entries.values(), key=lambda entry: int(entry.id[1:]))),
            source="template" if note else "model",
            note=note,
            llm=self.agent.llm,
            models=self.case.used,
            seconds=round(time.perf_counter() - started, 3),
        ).of(self.case)


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


def _clean_question(question: str) -> str:
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
