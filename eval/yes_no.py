"""`xad eval answers --yes-no`: "Is there a defect?", and "Is there a bicycle?" of what is there and what is not.

After POPE (Li et al., EMNLP 2023): for each class that is there one that is not, drawn from all classes (random), the
most frequent ones (popular), or those that most often occur together with what is there (adversarial). Of labels that
say why something is anomalous, a class that they do not give counts as not there.

An answer is judged by its evidence, never by its words: about defects by the verdict; about a class "yes" where a cited
measurement gives its name, "no" where the tool that looked for it did not find it, else "cannot tell".
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from xad_agent.agent import Agent
from xad_agent.answer import Answer
from xad_agent.eval.answer_names import Names
from xad_agent.eval.answer_sets import Item, ItemSet, read_set
from xad_agent.eval.answers_page import ends, frame_of
from xad_agent.eval.answers_text import table
from xad_agent.eval.asking import Asking, learned
from xad_agent.eval.batch import Batch, failures, score_all
from xad_agent.eval.intervals import clustered_interval, mean_of
from xad_agent.eval.layout import GOOD
from xad_agent.eval.page import Example, Page
from xad_agent.eval.report import percent
from xad_agent.eval.store import Record
from xad_agent.prompts import vocabulary
from xad_agent.wording import with_article

DEFECT = "defect"
POOLS = ("random", "popular", "adversarial")
NOTE = (
    "after POPE: as many classes that are there as such that are not, at random, the most frequent, or those that most "
    "often occur with what is there; cannot tell is neither yes nor right; F1 of yes; intervals: 95 %, by bootstrap "
    "over whole pictures or clips"
)


@dataclass(frozen=True)
class Closed:
    """A question to be answered by yes or no.

    Attributes:
        item: What it is about.
        text: The question.
        about: The class; "" for any defect.
        yes: Whether that is the right answer.
        pools: The parts of the set that it belongs to: "defect", or those of `POOLS`.
    """

    item: Item
    text: str
    about: str
    yes: bool
    pools: tuple[str, ...]

    @property
    def name(self) -> str:
        """The item and the question."""
        return f"{self.item.name}: {self.text}"

    @property
    def kind(self) -> str:
        """What is asked and the right answer, which a limit is the limit of."""
        return f"{'class' if self.about else DEFECT}, {'yes' if self.yes else 'no'}"


def questions_of(found: ItemSet, seed: int = 0) -> list[Closed]:
    """The questions about a set: one about defects for each item, and where clips are labelled those about classes."""
    words = vocabulary("evaluation")["yes_no"]
    asked = [Closed(item, words[found.medium], "", item.kind != GOOD, (DEFECT,)) for item in found.items]
    if found.medium != "clip" or found.names is None:
        return asked
    there = {item.name: frozenset(item.labels or ()) for item in found.items}
    rng = random.Random(seed)
    for item in found.items:
        absent: dict[str, list[str]] = {}
        for pool in POOLS:
            for name in negatives(there, item.name, found.names.classes, pool, rng):
                absent.setdefault(name, []).append(pool)
        asked += [_about(item, name, True, POOLS) for name in sorted(there[item.name])]
        asked += [_about(item, name, False, pools) for name, pools in absent.items()]
    return asked


def _about(item: Item, name: str, yes: bool, pools: Sequence[str]) -> Closed:
    called = str(vocabulary("xman")["classes"].get(name, [name])[0])
    text = vocabulary("evaluation")["yes_no"]["class"].format(thing=with_article(called))
    return Closed(item, text, name, yes, tuple(pools))


def negatives(
    there: Mapping[str, frozenset[str]], item: str, classes: Sequence[str], pool: str, rng: random.Random
) -> list[str]:
    """Classes that are not in an item, as many as are, as far as there are so many.

    Args:
        there: Item -> its classes.
        item: Which.
        classes: All.
        pool: One of `POOLS`; of classes that rank alike one is drawn.
        rng: Draws.

    Example:
        >>> there = {"1": frozenset("a"), "2": frozenset("ab"), "3": frozenset("c"), "4": frozenset("c")}
        >>> [negatives(there, "1", "abc", pool, random.Random(0)) for pool in ("popular", "adversarial")]
        [['c'], ['b']]
    """
    own = there[item]
    absent = sorted(set(classes) - own)
    rng.shuffle(absent)
    if pool == "popular":
        frequency = Counter(name for of in there.values() for name in of)
        absent.sort(key=lambda name: -frequency[name])
    elif pool == "adversarial":
        together = Counter(name for key, of in there.items() if key != item for name in of for _ in own & of)
        absent.sort(key=lambda name: -together[name])
    return absent[: len(own)]


def said(answer: Answer, about: str, names: Names | None) -> str:
    """ "yes", "no" or "cannot tell", by the evidence; see the module.

    Args:
        answer: Of the agent.
        about: The class; "" for any defect.
        names: Maps what tools call things to classes.
    """
    if not about or names is None:
        return {"anomalous": "yes", "normal": "no"}.get(answer.verdict, "cannot tell")
    cited = {evidence for claim in answer.claims for evidence in claim.evidence}
    measured = [entry for entry in answer.evidence if entry.id in cited and entry.kind == "observation"]
    if any(names.synonyms.class_of(label) == about for entry in measured for label in entry.labels):
        return "yes"
    for entry in measured:
        sought = [*entry.arguments.get("phrases", ()), entry.arguments.get("what", "")]
        if entry.tool in {"find", "look_for"} and any(names.synonyms.class_of(thing) == about for thing in sought):
            return "no"
    return "cannot tell"


def evaluate_yes_no(directory: str | Path, batch: Batch | None = None, **asking: Any) -> dict[str, Any]:
    """Ask about each item what is to be answered by yes or no; all questions about one in one chat.

    Args:
        directory: A category in MVTec's layout, or a set of clips in that of UCSD Ped2.
        batch: Which part (kinds are defect or class, yes or no), where answers are kept; its seed draws what is asked.
        asking: The fields of `Asking`.

    Returns:
        A JSON-able dict: `pools` {"defect" or one of `POOLS`: see `rates`}, `items`, `failed`, `notes`.

    Raises:
        XadError: As `evaluate_answers` says.
    """
    batch, how = batch or Batch(), Asking(**asking)
    how.check("--yes-no", "question", "references", "judge", "knowledge")
    found = read_set(Path(directory), learn=how.known is None)
    chosen = sorted(batch.chosen(questions_of(found, batch.seed)), key=lambda question: question.item.name)
    with batch.store(how.settings(found.root) | {"yes_no": True}) as store:
        agent = Agent(learned(found.normal, store, how, batch), how.llm, how.models)
        chats: dict[str, Any] = {}

        def ask(question: Closed) -> Record:
            if question.item.name not in chats:
                chats.clear()
                chats[question.item.name] = agent.chat(question.item.path)
            start = perf_counter()
            answer = chats[question.item.name].ask(question.text)
            told = said(answer, question.about, found.names)
            right = told == ("yes" if question.yes else "no")
            outcome = {"said": told, "yes": question.yes, "right": right, "pools": list(question.pools)}
            return {**outcome, "about": question.item.name, "text": answer.text, "seconds": perf_counter() - start}

        scored = score_all(chosen, store, ask, batch, unit="question")
        rows = [record for _, record in scored if "error" not in record]
        result = {
            "task": "yes-no",
            "category": found.name,
            **store.settings,
            "n": {
                "questions": len(rows),
                "items": len({row["about"] for row in rows}),
                "failed": len(scored) - len(rows),
            },
            "pools": {
                pool: rates([row for row in rows if pool in row["pools"]], batch.seed)
                for pool in (DEFECT, *POOLS)
                if any(pool in row["pools"] for row in rows)
            },
            "items": rows,
            "failed": failures(record for _, record in scored),
            "notes": [NOTE],
        }
        return batch.finish(store, result, lambda: page_of(result, scored))


def rates(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """What answers by yes or no come to.

    Args:
        rows: Of each answer `said`, `yes` (whether that is right), `right`, `about` (the item).
        seed: Of the bootstrap.

    Returns:
        `accuracy`, `yes_ratio`, `cannot_tell`, `f1` {value, low, high, n}; `precision`, `recall`, None where not
        defined; `yes_share`, how many are to be answered by yes.
    """
    groups = [row["about"] for row in rows]
    true = np.array([row["yes"] for row in rows], bool)
    told = np.array([row["said"] == "yes" for row in rows], bool)

    def f1(places: np.ndarray) -> float:
        hits, all_yes = (true & told)[places].sum(), true[places].sum() + told[places].sum()
        return float(2 * hits / all_yes) if all_yes else np.nan

    value, hits = f1(np.arange(len(rows))), int((true & told).sum())
    low, high = clustered_interval(f1, groups, seed) or (None, None)
    return {
        "accuracy": mean_of([row["right"] for row in rows], groups, seed),
        "f1": {"value": None if np.isnan(value) else value, "low": low, "high": high, "n": len(rows)},
        "precision": hits / int(told.sum()) if told.any() else None,
        "recall": hits / int(true.sum()) if true.any() else None,
        "yes_ratio": mean_of(told.tolist(), groups, seed),
        "yes_share": float(true.mean()),
        "cannot_tell": mean_of([row["said"] == "cannot tell" for row in rows], groups, seed),
    }


def as_text(result: Mapping[str, Any]) -> str:
    """The table to read, in %."""
    n = result["n"]
    head = (
        f"{result['category']}: {n['questions']} questions about {n['items']} items, {n['failed']} failed; alpha "
        f"{result['alpha']:g}, seed {result['seed']}; {result['llm']}"
    )
    titles = ("accuracy", "f1", "precision", "recall", "yes_ratio", "cannot_tell")
    rows = [["", "n", *(title.replace("_", " ") for title in titles), "right by yes"]]
    for pool, one in result["pools"].items():
        rows.append(
            [pool, str(one["accuracy"]["n"]), *(_told(one[title]) for title in titles), percent(one["yes_share"])]
        )
    wrong = [
        f"{'not told' if row['said'] == 'cannot tell' else 'wrong'}: {row['item']} said {row['said']}"
        for row in result["items"]
        if not row["right"]
    ]
    failed = [f"failed: {one['item']}: {one['error']}" for one in result["failed"]]
    return "\n".join([head, *table(rows), *wrong, *failed, *(f"({note})" for note in result["notes"])])


def _told(value: Any) -> str:
    if not isinstance(value, dict):
        return percent(value)
    ends = "" if value["low"] is None else f" ({percent(value['low'])} to {percent(value['high'])})"
    return percent(value) + ends


def page_of(result: Mapping[str, Any], scored: Sequence[tuple[Closed, Record]]) -> Page:
    """The page: the table, and questions that were answered well and badly."""
    asked = [(question, record) for question, record in scored if "error" not in record]
    ranked = sorted(asked, key=lambda pair: (pair[1]["right"], pair[1]["said"] == "cannot tell"), reverse=True)
    examples = tuple(
        Example(
            f"{title}: {question.name}",
            (("the first frame" if question.item.path.is_dir() else "the picture", frame_of(question.item.path, 0)),),
            f"Right: {'yes' if question.yes else 'no'}; said: {record['said']}\n{record['text']}",
        )
        for title, question, record in ends(ranked)
    )
    return Page(f"Yes or no: {result['category']}", as_text(result), result, examples=examples)
