"""`xad eval answers`: whether the agent's answers are true, of a chat model and of the template alone, side by side."""

import json
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from xad_agent.agent import Agent
from xad_agent.answer import Answer
from xad_agent.errors import XadError
from xad_agent.eval.answer_names import Names, named_regions
from xad_agent.eval.answer_sets import Item, read_set
from xad_agent.eval.answers_page import page_of
from xad_agent.eval.answers_summary import summarise
from xad_agent.eval.answers_text import as_text
from xad_agent.eval.asking import Asking, NoChatModel, learned
from xad_agent.eval.batch import Batch, score_all
from xad_agent.eval.judge import graded
from xad_agent.eval.metrics import overlap
from xad_agent.eval.references import References, read_references, spoken
from xad_agent.eval.store import Record
from xad_agent.media import is_clip, read_clip, read_picture
from xad_agent.prompts import vocabulary

__all__ = ["NoChatModel", "as_text", "evaluate_answers"]


def evaluate_answers(directory: str | Path, batch: Batch | None = None, **asking: Any) -> dict[str, Any]:
    """Ask one question about each picture or clip of a set, twice, and measure whether the answers are true.

    Once a chat model answers and once the template alone, each in a chat of its own; who begins alternates. What
    cannot be asked about is listed under `failed`, counted, and left out of the metrics of both.

    Args:
        directory: A category in MVTec's layout, or a set of clips in that of UCSD Ped2.
        batch: Which part of the set (good and defective are the kinds), where answers are kept; its seed is also that
            of the fit. None for the whole set.
        asking: The fields of `Asking`.

    Returns:
        A JSON-able dict, see `summarise`, beside the settings.

    Raises:
        XadError: The layout is wrong, nothing could be asked about, the model or the profile cannot be loaded, a file
            of references or knowledge is wrong, or the output folder holds results of other settings.
    """
    batch, how = batch or Batch(), Asking(**asking)
    how.check("a set of pictures or clips", "knowledge")
    if how.judge is not None and how.references is None:
        raise XadError("a judge needs references to judge by: give --references as well", exit_code=2)
    found = read_set(Path(directory), learn=how.known is None)
    sentences = read_references(how.references, found.name) if how.references else {}
    settings = {
        **how.settings(found.root),
        "question": how.question or vocabulary("evaluation")[found.medium],
    }
    with batch.store(settings) as store:
        profile = learned(found.normal, store, how, batch)
        agents = {"model": Agent(profile, how.llm, how.models), "template": Agent(profile, NoChatModel(), how.models)}
        orders = cycle([list(agents), list(agents)[::-1]])

        def ask(item: Item) -> Record:
            asked = _asked(item, {who: agents[who] for who in next(orders)}, store.settings["question"], found.names)
            return asked | _referred(item, asked, sentences, how)

        scored = score_all(batch.chosen(found.items), store, ask, batch, unit=found.medium)
        result = {
            "task": "answers",
            "category": found.name,
            "medium": found.medium,
            **store.settings,
            "threshold": profile.calibration.threshold(),
            "fitted_on": profile.fitted,
            **summarise([record for _, record in scored], batch.seed),
        }
        return batch.finish(store, result, lambda: page_of(result, scored))


def _asked(item: Item, agents: dict[str, Agent], question: str, names: Names | None) -> Record:
    """The answers of all agents as they come out as JSON, with place and names held against the truth."""
    shown = read_clip(item.path) if is_clip(item.path) else read_picture(item.path)
    item.truth(0, shown.height, shown.width)  # a mask that is wrong fails its picture before it is asked about
    answers: dict[str, Any] = {}
    for who, agent in agents.items():
        start = perf_counter()
        answer = agent.ask(question, item.path)
        seconds = perf_counter() - start
        answers[who] = {
            "answer": json.loads(json.dumps(answer.to_json())),
            "seconds": seconds,
            **placed(answer, item.truth, shown.height, shown.width),
            **(names.judged(answer, item.labels) if names and item.labels is not None else {}),
        }
    return {"media": shown.sha256, "answers": answers}


def placed(answer: Answer, truth: Callable[[int, int, int], np.ndarray], height: int, width: int) -> dict[str, Any]:
    """Where an answer says that it is, held against where it is.

    Returns:
        `placed`, whether the claims rest on a region; `pointed`, whether the strongest peaks in the truth; `iou` of
        these regions together with it, of a clip of those in the strongest's frame; 0 where there is none.
    """
    regions = named_regions(answer)
    if not regions:
        return {"placed": False, "pointed": False, "iou": 0.0}
    frame = regions[0].frames[2] if regions[0].frames else 0
    true = truth(frame, height, width)
    same = [region for region in regions if (region.frames[2] if region.frames else 0) == frame]
    said = np.any([region.mask(height, width) for region in same], axis=0)
    x, y = regions[0].peak
    return {"placed": True, "pointed": bool(true[y, x]), "iou": overlap(said, true)}


def _referred(item: Item, asked: Record, sentences: References, how: Asking) -> Record:
    """The sentences that are true of an item, and where there is a judge its grades of the answers."""
    own = sentences.get(item.name) or sentences.get(item.type or item.kind)
    if own is None:
        return {}
    if how.grader is not None:
        for said in asked["answers"].values():
            answer = Answer.model_validate(said["answer"])
            said["grades"] = graded(how.grader, answer.question, own, spoken(answer))
    return {"reference": list(own)}
