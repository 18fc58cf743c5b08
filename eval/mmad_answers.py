"""`xad eval answers` in MMAD's layout: multiple choice, answered by what is measured, scored as published."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from xad_agent.answer import Answer
from xad_agent.eval.answer_names import named_regions
from xad_agent.eval.answers_page import ends, outlines
from xad_agent.eval.answers_text import table
from xad_agent.eval.asking import Agents, Asking
from xad_agent.eval.batch import Batch, failures, score_all
from xad_agent.eval.choices import choose
from xad_agent.eval.mmad import DETECTION, FILE, SUBTASKS, Question, read_mmad, scored
from xad_agent.eval.page import Example, Page, Plot
from xad_agent.eval.plots import bars
from xad_agent.eval.reading import content
from xad_agent.eval.report import percent
from xad_agent.eval.store import Record
from xad_agent.knowledge import Knowledge, read_knowledge
from xad_agent.llm.sentences import embed
from xad_agent.media import read_picture

__all__ = ["as_text", "evaluate_mmad"]

# How domain_knowledge.json calls the sets of mmad.json; products of any other set are known by their own name.
_GROUPS = {"DS-MVTec": "MVTec", "MVTec-AD": "MVTec", "MVTec-LOCO": "MVTec-LOCO", "VisA": "VisA", "GoodsAD": "GoodsAD"}
NOTES = (
    "an option is chosen by the verdict (detection), the place (localization), a name (classification), or the meaning "
    "of what was measured or quoted; where nothing decides none is, which counts as wrong",
    "of those chosen: as the published code counts, which leaves answers without a letter out",
    "detection is balanced: the mean of the accuracies on normal and on anomalous pictures",
    "published figures are of models shown one normal picture; here a product is learned from all its normal pictures "
    "that are there, so they do not compare directly; with --knowledge each product's own passages are given, which "
    "names the product",
    "intervals: 95 %; of accuracies exact, of averages by bootstrap over whole pictures",
)


def evaluate_mmad(directory: str | Path, batch: Batch | None = None, **asking: Any) -> dict[str, Any]:
    """Ask each question, choose the option that the answer bears out, and score as published.

    Args:
        directory: A folder in the layout of `read_mmad`.
        batch: Which part (kinds are the sets' subtasks), where answers are kept; its seed is also that of the fits.
        asking: The fields of `Asking`.

    Returns:
        A JSON-able dict: `n`, what `scored` gives, `by` {rule: how often it decided}, `items`, `failed`, `notes`.

    Raises:
        XadError: The questions are wrong, nothing could be asked about, a model cannot be loaded, the knowledge file
            does not know a product, or the output folder holds results of other settings.
    """
    batch, how = batch or Batch(), Asking(**asking)
    how.check("a set in MMAD's layout", "question", "references", "judge", "profile")
    found = read_mmad(directory)
    chosen = sorted(batch.chosen(found.questions), key=lambda question: question.product)
    known = {product: _knowledge(how, product) for product in dict.fromkeys(q.product for q in chosen)}
    with batch.store({**how.settings(found.root), "file": content(found.root / FILE)}) as store:
        agents = Agents(found.normal, how, store, batch, known)
        records = score_all(
            chosen, store, lambda question: _asked(question, found.root, agents), batch, unit="question"
        )
        done = [record for _, record in records if "error" not in record]
        result = {
            "task": "mmad",
            "category": found.root.resolve().name,
            **store.settings,
            "n": {
                "questions": len(done),
                "pictures": len({record["picture"] for record in done}),
                "failed": len(records) - len(done),
            },
            "learned": {product: len(paths) for product, paths in found.normal.items() if product in known},
            **scored(done, batch.seed),
            "by": dict(Counter(record["by"] or "none" for record in done).most_common()),
            "items": [{key: value for key, value in record.items() if key != "answer"} for record in done],
            "failed": failures(record for _, record in records),
            "notes": list(NOTES),
        }
        return batch.finish(store, result, lambda: page_of(result, records, found.root))


def _knowledge(how: Asking, product: str) -> Knowledge | None:
    if how.knowledge is None:
        return None
    group, thing = product.split("/")
    return read_knowledge(how.knowledge, f"{_GROUPS[group]}/{thing}" if group in _GROUPS else thing)


def _asked(question: Question, root: Path, agents: Agents) -> Record:
    shown = read_picture(root / question.picture)
    agent = agents.of(question.product)
    start = perf_counter()
    answer = agent.ask(question.text, root / question.picture)
    model = None if agent.llm == "embedded" else agent.model  # the embedded one writes no sentence of its own
    choice = choose(question, answer, (shown.height, shown.width), embed, model)
    return {
        "seconds": perf_counter() - start,
        "picture": question.picture,
        "group": question.group,
        "subtask": question.subtask,
        "normal": question.normal,
        "chosen": choice.letter,
        "right": choice.letter == question.answer,
        "by": choice.by,
        "why": choice.why,
        "answer": answer.to_json(),
    }


def as_text(result: Mapping[str, Any]) -> str:
    """The table to read: accuracy of each subtask by set, with what was left open, in %."""
    n, sets = result["n"], result["sets"]
    head = [
        f"{result['category']}: {n['questions']} questions about {n['pictures']} pictures, {n['failed']} failed; "
        f"alpha {result['alpha']:g}, seed {result['seed']}; {result['llm']}",
        f"learned from {', '.join(f'{count} of {product}' for product, count in result['learned'].items())}",
    ]
    rows = [["", *sets, "mean of sets", "of those chosen"]]
    for subtask in SUBTASKS:
        cells = [_cell(subtask, one[subtask]) for one in sets.values()]
        whole, chosen = result["subtasks"][subtask], result["of_chosen"]["subtasks"][subtask]
        rows.append([subtask, *cells, percent(whole), percent(chosen)])
    averages = [percent(one["average"]) for one in sets.values()]
    rows.append(["Average", *averages, _interval(result["average"]), _interval(result["of_chosen"]["average"])])
    share = result["chosen"]
    lines = [
        f"an option was chosen for {share['hits']} of {share['n']} questions, {percent(share)} %; decided by "
        + ", ".join(f"{by} {count}" for by, count in result["by"].items())
    ]
    failed = [f"failed: {one['item']}: {one['error']}" for one in result["failed"]]
    return "\n".join([*head, *table(rows), *lines, *failed, *(f"({note})" for note in result["notes"])])


def _cell(subtask: str, share: dict[str, Any]) -> str:
    if not share["n"]:
        return "-"
    if subtask == DETECTION:
        halves = f"normal {percent(share['normal'])}, anomalous {percent(share['anomalous'])}"
        return f"{percent(share)} ({halves}; n {share['n']})"
    return f"{percent(share)} ({percent(share['low'])} to {percent(share['high'])}; n {share['n']})"


def _interval(mean: Mapping[str, Any]) -> str:
    ends = "" if mean["low"] is None else f" ({percent(mean['low'])} to {percent(mean['high'])})"
    return percent(mean["value"]) + ends


def page_of(result: Mapping[str, Any], records: Sequence[tuple[Question, Record]], root: Path) -> Page:
    """The page: accuracies, and questions that were answered well and badly."""
    shown = {
        f"{group}: {subtask}": (one[subtask]["value"], one[subtask].get("low"), one[subtask].get("high"))
        for group, one in result["sets"].items()
        for subtask in SUBTASKS
        if one[subtask]["value"] is not None
    }
    asked = [(question, record) for question, record in records if "error" not in record]
    ranked = sorted(asked, key=lambda pair: (pair[1]["right"], pair[1]["chosen"] is None), reverse=True)
    examples = tuple(_example(title, question, record, root) for title, question, record in ends(ranked))
    plots = (Plot("Accuracy, with 95 % intervals", bars(shown, "share")),)
    return Page(f"Multiple choice: {result['category']}", as_text(result), result, plots=plots, examples=examples)


def _example(title: str, question: Question, record: Record, root: Path) -> Example:
    answer = Answer.model_validate(record["answer"])
    pixels = read_picture(root / question.picture).pixels
    drawn = outlines(pixels, pixels[..., 0] < 0, named_regions(answer))
    options = "\n".join(f"{letter}: {option}" for letter, option in question.options.items())
    chosen = f"Chosen: {record['chosen'] or 'none'} ({record['why']}); right: {question.answer}"
    text = f"Asked: {question.text}\n{options}\n{chosen}\n{answer.text}"
    return Example(f"{title}: {question.name}", (("the answer's place in red", drawn),), text)
