"""How `xad eval answers` asks: who answers, from which normal media, and by what the answers are held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable

from xad_agent.agent import Agent
from xad_agent.errors import ModelError, XadError
from xad_agent.eval.batch import Batch
from xad_agent.eval.store import Store
from xad_agent.knowledge import Knowledge
from xad_agent.llm import load_chat_model
from xad_agent.perception.models import Models
from xad_agent.profile import DEFAULT_BACKBONE, Profile

LEAST = 2


class NoChatModel(BaseChatModel):
    """Gives no reply, so that the template answers alone."""

    @property
    def _llm_type(self) -> str:
        return "none"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """It needs none."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise ModelError("no chat model was asked")


@dataclass(frozen=True)
class Asking:
    """How a set is asked about.

    Attributes:
        question: In plain words; None for that of `prompts/evaluation.yaml`.
        profile: What normal looks like; None to learn it from the set's own normal media.
        llm: See `Agent`.
        models: See `Agent`.
        alpha: False-alarm rate that thresholds are set for, in (0, 1); a given profile has its own.
        backbone: Spec of the backbone to learn with, likewise.
        references: A file of sentences that are true, see `read_references`.
        judge: A chat model that grades answers against their references; None for none.
        knowledge: A file of what is known of products, see `read_knowledge`.
    """

    question: str | None = None
    profile: str | Path | Profile | None = None
    llm: str | BaseChatModel = "embedded"
    models: Models | None = None
    alpha: float = 0.05
    backbone: str = DEFAULT_BACKBONE
    references: Path | None = None
    judge: str | BaseChatModel | None = None
    knowledge: Path | None = None

    @cached_property
    def known(self) -> Profile | None:
        """The given profile; None where it is to be learned."""
        return Profile.load(self.profile) if isinstance(self.profile, str | Path) else self.profile

    @cached_property
    def grader(self) -> BaseChatModel | None:
        """The judge."""
        return load_chat_model(self.judge) if isinstance(self.judge, str) else self.judge

    def settings(self, directory: Path) -> dict[str, Any]:
        """What answers depend on, JSON-able."""
        known = self.known
        settings = {
            "directory": str(directory.resolve()),
            "profile": known.fingerprint if known else "",
            "llm": _spec(self.llm),
            "alpha": known.calibration.alpha if known else self.alpha,
            "backbone": None if known else self.backbone,
            "models": self.models.specs if self.models else {},
        }
        return settings | {
            key: str(value if isinstance(value, Path) else _spec(value))
            for key in ("references", "judge", "knowledge")
            if (value := getattr(self, key)) is not None
        }

    def check(self, layout: str, *unused: str) -> None:
        """XadError where something was given that has no meaning in a layout."""
        for field in fields(self):
            if field.name in unused and getattr(self, field.name) != field.default:
                raise XadError(f"{layout} takes no {field.name}: leave it out", exit_code=2)


def learned(normal: Sequence[Path], store: Store, asking: Asking, batch: Batch) -> Profile:
    """The given profile, or that of the normal media, which the store keeps."""
    if asking.known:
        return asking.known
    options: dict[str, Any] = {
        "alpha": asking.alpha,
        "backbone": asking.backbone,
        "seed": batch.seed,
        "progress": batch.progress,
    }
    store.fit(lambda folder: Profile.fit([str(path) for path in normal], **options).save(folder))
    return Profile.load(store.profile)


class Agents:
    """An agent for each thing that has a normal of its own; profiles are kept in the store, and one is in memory.

    Args:
        normal: Thing -> normal pictures of it; of fewer than two nothing can be held out, so nothing says what normal
            scores, and its agent has no profile.
        asking: How it is asked.
        store: Where profiles are kept.
        batch: Has the seed of the fits.
        knowledge: Thing -> what is known of it.
    """

    def __init__(
        self,
        normal: Mapping[str, Sequence[Path]],
        asking: Asking,
        store: Store,
        batch: Batch,
        knowledge: Mapping[str, Knowledge | None] | None = None,
    ):
        self._normal, self._asking, self._store, self._batch = normal, asking, store, batch
        self._knowledge = knowledge or {}
        self._order = sorted(normal)
        self._last: tuple[str, Agent] | None = None

    def of(self, thing: str) -> Agent:
        """The agent of a thing; the profile is fitted when it is asked for first."""
        if self._last is None or self._last[0] != thing:
            how = self._asking
            agent = Agent(self._profile(thing), how.llm, how.models, knowledge=self._knowledge.get(thing))
            self._last = (thing, agent)
        return self._last[1]

    def _profile(self, thing: str) -> Profile | None:
        media = [str(path) for path in self._normal[thing]]
        if len(media) < LEAST:
            return None
        how, seed, name = self._asking, self._batch.seed, f"{self._order.index(thing):03}"
        self._store.fit(
            lambda folder: Profile.fit(media, how.alpha, how.backbone, seed, progress=False).save(folder), name
        )
        return Profile.load(self._store.profile_of(name))


def _spec(model: str | BaseChatModel) -> str:
    return model if isinstance(model, str) else type(model).__name__
