"""`xad eval answers` on the laboratory scenes: verdict, type, place and sentence of each check."""

from pathlib import Path
from time import perf_counter
from typing import Any

from xad_agent.agent import Agent
from xad_agent.eval.answer_names import Names
from xad_agent.eval.answers import placed
from xad_agent.eval.asking import Agents, Asking
from xad_agent.eval.batch import Batch, score_all
from xad_agent.eval.judge import graded
from xad_agent.eval.reading import content
from xad_agent.eval.references import spoken
from xad_agent.eval.scene_page import as_text, page_of
from xad_agent.eval.scene_summary import summarise
from xad_agent.eval.scenes import FILE, Check, read_scenes
from xad_agent.eval.store import Record
from xad_agent.media import read_picture
from xad_agent.prompts import vocabulary

__all__ = ["as_text", "evaluate_scenes"]


def evaluate_scenes(directory: str | Path, batch: Batch | None = None, **asking: Any) -> dict[str, Any]:
    """Ask about each check, with a profile of what is normal for it, and hold the answers against the labels.

    Args:
        directory: A folder in the layout of `read_scenes`.
        batch: Which part (kinds are step, phase and whether it is anomalous); its seed also parts what is learned from.
        asking: The fields of `Asking`; of a question, {check} stands for what is checked.

    Returns:
        A JSON-able dict: `n`, `verdict`, `type`, `place`, `reference`, `grades` where there is a judge, each with
        intervals and with what chance gives beside; `by_step`; `items`; `failed`; `notes`.

    Raises:
        XadError: The records are wrong, nothing could be asked about, a model cannot be loaded, or the output folder
            holds results of other settings.
    """
    batch, how = batch or Batch(), Asking(**asking)
    how.check("a set of laboratory scenes", "profile", "references", "knowledge")
    found = read_scenes(directory, batch.seed)
    words = vocabulary("scenes")
    settings = {
        **how.settings(found.root),
        "file": content(found.root / FILE),
        "question": how.question or words["question"],
    }
    chosen = batch.chosen(found.checks)
    types = dict.fromkeys(check.type for check in found.checks if check.anomalous)
    names = Names.of_classes(types, words["types"])
    with batch.store(settings) as store:
        agents = Agents(found.normal, how, store, batch)

        def ask(check: Check) -> Record:
            return _asked(check, agents.of(check.normal_of), store.settings["question"], names, how)

        # Those with the same profile one after the other, so that each is loaded once.
        scored = score_all(sorted(chosen, key=lambda check: check.normal_of), store, ask, batch, unit="check")
        result = {
            "task": "scenes",
            "category": found.root.resolve().name,
            **store.settings,
            **summarise(scored, found, batch.seed),
        }
        return batch.finish(store, result, lambda: page_of(result, scored))


def _asked(check: Check, agent: Agent, question: str, names: Names, how: Asking) -> Record:
    shown = read_picture(check.path)
    start = perf_counter()
    answer = agent.ask(question.replace("{check}", check.content), check.path)
    seconds = perf_counter() - start
    record = {
        "seconds": seconds,
        "scene_kind": "defective" if check.anomalous else "good",
        "answer": answer.to_json(),
        "verdict": answer.verdict,
        "right": answer.verdict == ("anomalous" if check.anomalous else "normal"),
        "learned": agent.profile.fitted if agent.profile else 0,
        "area": float(check.truth(shown.height, shown.width).mean()),
        **placed(answer, lambda _, height, width: check.truth(height, width), shown.height, shown.width),
        **names.judged(answer, [check.type] if check.anomalous else []),
    }
    if how.grader is not None and check.sentence:
        record["grades"] = graded(how.grader, answer.question, [check.sentence], spoken(answer))
    return record
