"""`xad eval answers`: whether the agent's answers are true, of a chat model and of the template alone, side by side."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable

from xad_agent.agent import Agent
from xad_agent.answer import Answer
from xad_agent.errors import ModelError
from xad_agent.eval.answers_summary import as_text, summarise
from xad_agent.eval.batch import Batch, score_all
from xad_agent.eval.clip_layout import read_clip_set
from xad_agent.eval.clip_truth import LabelledClip
from xad_agent.eval.layout import GOOD, Sample, read_category
from xad_agent.eval.page import Page
from xad_agent.eval.store import Record, Store
from xad_agent.evidence import Region
from xad_agent.media import is_clip, read_clip, read_picture
from xad_agent.profile import DEFAULT_BACKBONE, Profile
from xad_agent.prompts import vocabulary

__all__ = ["NoChatModel", "as_text", "evaluate_answers"]

DEFECTIVE = "defective"


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
class Item:
    """One picture or clip to ask about.

    Attributes:
        name: What results call it: "scratch/003.png".
        kind: "good" or "defective".
        path: What the agent is shown.
        truth: Where the defect is, bool (H, W), from the frame (0 of a picture), H and W.
    """

    name: str
    kind: str
    path: Path
    truth: Callable[[int, int, int], np.ndarray]


@dataclass(frozen=True)
class ItemSet:
    """What to ask about, and normal media to learn from (none where nothing is to be learned)."""

    name: str
    root: Path
    medium: str
    normal: tuple[Path, ...]
    items: tuple[Item, ...]


def evaluate_answers(
    directory: str | Path,
    *,
    question: str | None = None,
    profile: str | Path | Profile | None = None,
    llm: str | BaseChatModel = "embedded",
    alpha: float = 0.05,
    backbone: str = DEFAULT_BACKBONE,
    batch: Batch | None = None,
) -> dict[str, Any]:
    """Ask one question about each picture or clip of a set, twice, and measure whether the answers are true.

    Once a chat model answers and once the template alone, each in a chat of its own; who begins alternates. What
    cannot be asked about is listed under `failed`, counted, and left out of the metrics of both.

    Args:
        directory: A category in MVTec's layout, or a set of clips in that of UCSD Ped2.
        question: In plain words; None for that of `prompts/evaluation.yaml`.
        profile: What normal looks like; None to learn it from the set's training media.
        llm: See `Agent`.
        alpha: False-alarm rate that the threshold is set for, in (0, 1); a given profile has its own.
        backbone: Spec of the backbone to learn with, likewise.
        batch: Which part of the set (good and defective are the kinds), where answers are kept; its seed is also that
            of the fit. None for the whole set.

    Returns:
        A JSON-able dict, see `summarise`, beside the settings.

    Raises:
        XadError: The layout is wrong, nothing could be asked about, the model or the profile cannot be loaded, or
            the output folder holds results of other settings.
    """
    batch = batch or Batch()
    known = Profile.load(profile) if isinstance(profile, str | Path) else profile
    found = read_set(Path(directory), learn=known is None)
    settings = {
        "directory": str(found.root.resolve()),
        "question": question or vocabulary("evaluation")[found.medium],
        "profile": known.fingerprint if known else "",
        "llm": llm if isinstance(llm, str) else type(llm).__name__,
        "alpha": known.calibration.alpha if known else alpha,
        "backbone": None if known else backbone,
    }
    with batch.store(settings) as store:
        learned = known or _fitted(found.normal, store, batch.progress)
        agents = {"model": Agent(learned, llm), "template": Agent(learned, NoChatModel())}
        orders = cycle([list(agents), list(agents)[::-1]])

        def ask(item: Item) -> Record:
            return _asked(item, {who: agents[who] for who in next(orders)}, store.settings["question"])

        scored = score_all(batch.chosen(found.items), store, ask, batch, unit=found.medium)
        result = {
            "task": "answers",
            "category": found.name,
            "medium": found.medium,
            **store.settings,
            "threshold": learned.calibration.threshold(),
            "fitted_on": learned.fitted,
            **summarise([record for _, record in scored], batch.seed),
        }
        return batch.finish(store, result, lambda: Page(f"Answers about {found.name}", as_text(result), result))


def read_set(directory: Path, learn: bool = True) -> ItemSet:
    """The pictures or clips in a folder; a clip is defective where one of its masks marks a pixel.

    Raises:
        XadError: As `read_category` or, where there is a folder testing, `read_clip_set` says.
    """
    if (directory / "testing").is_dir():
        clips = read_clip_set(directory)
        items = [Item(c.name, _kind(bool(c.labels.any())), c.path, partial(_clip_truth, c)) for c in clips.testing]
        return ItemSet(clips.name, clips.root, "clip", clips.training, tuple(items))
    found = read_category(directory, learn=learn)
    items = [Item(s.name, _kind(s.defective), s.path, partial(_picture_truth, s)) for s in found.test]
    return ItemSet(found.name, found.root, "picture", found.normal, tuple(items))


def _kind(defective: bool) -> str:
    return DEFECTIVE if defective else GOOD


def _clip_truth(clip: LabelledClip, frame: int, height: int, width: int) -> np.ndarray:
    mask = clip.mask(frame)  # of what size they are is checked when the set is read
    return np.zeros((height, width), bool) if mask is None else mask


def _picture_truth(sample: Sample, frame: int, height: int, width: int) -> np.ndarray:
    return sample.mask(height, width)


def _fitted(normal: Sequence[Path], store: Store, progress: bool) -> Profile:
    options = {name: store.settings[name] for name in ("alpha", "backbone", "seed")}
    store.fit(lambda folder: Profile.fit([str(path) for path in normal], progress=progress, **options).save(folder))
    return Profile.load(store.profile)


def _asked(item: Item, agents: dict[str, Agent], question: str) -> Record:
    """The answers of all agents as they come out as JSON, and whether each points into the true mask."""
    shown = read_clip(item.path) if is_clip(item.path) else read_picture(item.path)
    item.truth(0, shown.height, shown.width)  # a mask that is wrong fails its picture before it is asked about
    answers: dict[str, Any] = {}
    for who, agent in agents.items():
        start = perf_counter()
        answer = agent.ask(question, item.path)
        seconds = perf_counter() - start
        region = named_region(answer)
        answers[who] = {
            "answer": json.loads(json.dumps(answer.to_json())),
            "seconds": seconds,
            "named": region is not None,
            "pointed": region is not None and _points(region, item, shown.height, shown.width),
        }
    return {"media": shown.sha256, "answers": answers}


def named_region(answer: Answer) -> Region | None:
    """The strongest of an answer's regions that the evidence its claims cite speaks of; None where there is none."""
    cited = {evidence for claim in answer.claims for evidence in claim.evidence}
    labels = {region.label for entry in answer.evidence if entry.id in cited for region in entry.regions}
    return next((region for region in answer.regions if region.label in labels), None)


def _points(region: Region, item: Item, height: int, width: int) -> bool:
    x, y = region.peak
    frame = region.frames[2] if region.frames else 0
    return bool(item.truth(frame, height, width)[y, x])
