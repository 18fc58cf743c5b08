"""MMAD's layout: multiple choice about pictures of products, in seven subtasks, read and scored as published.

    DIR/mmad.json    {"<set>/<product>/<...>/<type>/<picture>": {"conversation": [{"Question", "Options": {"A": text},
                     "Answer": "A", "type": subtask}], "random_templates": [pictures], "similar_templates": [pictures]}}
    DIR/<set>/...    the pictures

Source: Jiang et al., "MMAD", ICLR 2025, and its evaluation code (github.com/jam-cc/MMAD, evaluation/helper/summary.py):
a picture is of a normal product where its path has "good" in it; accuracy of each subtask by set, that of detection
balanced between normal and anomalous pictures; the average over subtasks, then over sets.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError, clean
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.metrics import mean_of_known
from xad_agent.eval.reading import read_json

FILE = "mmad.json"
DETECTION = "Anomaly Detection"
SUBTASKS = (
    DETECTION,
    "Defect Classification",
    "Defect Localization",
    "Defect Description",
    "Defect Analysis",
    "Object Classification",
    "Object Analysis",
)
_ALIASES = {"Object Structure": "Object Analysis", "Object Details": "Object Analysis"}
_NORMAL = "good"
_LAYOUT = (
    '{"<set>/<product>/<type>/<picture>": {"conversation": [{"Question": "...", "Options": {"A": "..."}, '
    '"Answer": "A", "type": "Anomaly Detection"}]}}'
)


@dataclass(frozen=True)
class Question:
    """One multiple-choice question.

    Attributes:
        name: Its picture and its place among the picture's questions: "DS-MVTec/screw/.../003.png#2".
        picture: The picture's path as the file gives it.
        subtask: One of `SUBTASKS`.
        text: What is asked.
        options: Letter -> option, in their order.
        answer: The letter that is right.
    """

    name: str
    picture: str
    subtask: str
    text: str
    options: Mapping[str, str]
    answer: str

    @property
    def kind(self) -> str:
        """The set and the subtask, which a limit is the limit of."""
        return f"{self.group}: {self.subtask}"

    @property
    def group(self) -> str:
        """The set of pictures it is from, by which accuracy is given."""
        return self.picture.split("/")[0]

    @property
    def product(self) -> str:
        """The set and the product, for which normal pictures are learned."""
        return "/".join(self.picture.split("/")[:2])

    @property
    def normal(self) -> bool:
        """Whether its picture is of a normal product."""
        return _NORMAL in self.picture


@dataclass(frozen=True)
class QuestionSet:
    """The questions of a file.

    Attributes:
        root: The folder that pictures are looked for in.
        questions: In the order of the file.
        normal: Product -> normal pictures to learn from.
    """

    root: Path
    questions: tuple[Question, ...]
    normal: Mapping[str, tuple[Path, ...]]


def read_mmad(directory: str | Path) -> QuestionSet:
    """The questions in a folder in MMAD's layout.

    A product is learned from its train/good where that is there, else from the templates that its questions name;
    never from a picture that is asked about.

    Raises:
        XadError: The file is missing or damaged, names a picture twice, or holds a question without the right option,
            of an unknown subtask, or of another form.
    """
    root = Path(directory)
    given = read_json(root / FILE, _LAYOUT)
    if not isinstance(given, dict) or not given:
        raise XadError(f"{root / FILE}: holds no questions; give {_LAYOUT}")
    questions = tuple(q for picture, entry in given.items() for q in _questions(root / FILE, picture, entry))
    if not questions:
        raise XadError(f"{root / FILE}: holds pictures but no question; give {_LAYOUT}")
    return QuestionSet(root, questions, _normal(root, given))


def _questions(file: Path, picture: str, entry: Any) -> Iterable[Question]:
    asked = entry.get("conversation", []) if isinstance(entry, dict) else None
    if not isinstance(asked, list) or len(Path(picture).parts) < 3 or ".." in Path(picture).parts:
        raise XadError(f"{file}: {clean(picture)!r} has no conversation, or is no path of a set and product; {_LAYOUT}")
    for number, one in enumerate(asked, 1):
        where = f"{file}: question {number} of {clean(picture)}"
        yield _question(where, f"{picture}#{number}", picture, one)


def _question(where: str, name: str, picture: str, one: Any) -> Question:
    fields = [one.get(key) for key in ("Question", "Options", "Answer", "type")] if isinstance(one, dict) else [None]
    text, options, answer, kind = fields if len(fields) == 4 else (None,) * 4
    if not isinstance(text, str) or not text.strip() or not isinstance(options, dict) or len(options) < 2:
        raise XadError(f"{where}: needs Question, at least two Options, Answer and type")
    if not all(isinstance(option, str) and len(letter) == 1 for letter, option in options.items()):
        raise XadError(f"{where}: options must be letters with texts, as A: a scratch")
    if not isinstance(answer, str) or answer not in options:
        raise XadError(f"{where}: the answer {clean(str(answer))!r} is none of the options {', '.join(options)}")
    subtask = _ALIASES.get(str(kind), str(kind))
    if subtask not in SUBTASKS:
        raise XadError(f"{where}: {clean(str(kind))!r} is no subtask; there are {', '.join(SUBTASKS)}")
    return Question(name, picture, subtask, " ".join(text.split()), options, answer)


def _normal(root: Path, given: Mapping[str, Any]) -> dict[str, tuple[Path, ...]]:
    named: dict[str, dict[str, None]] = {}
    for picture, entry in given.items():
        product = "/".join(picture.split("/")[:2])
        some = [entry.get(key) for key in ("random_templates", "similar_templates")]
        own = [path for paths in some if isinstance(paths, list) for path in paths if isinstance(path, str)]
        named.setdefault(product, {}).update(dict.fromkeys(sorted(own)))
    normal = {}
    for product, templates in named.items():
        folder = root / product / "train" / _NORMAL
        there = sorted(str(path.relative_to(root)) for path in folder.iterdir()) if folder.is_dir() else []
        normal[product] = tuple(root / path for path in there or list(templates) if path not in given)
    return normal


def scored(outcomes: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Accuracy as published, and beside it what was left open.

    The published code leaves answers without a letter out of the count; here such a one is wrong, and accuracy as
    published is `of_chosen`. A subtask that a set has no question of is left out of its average, and not counted as 0.

    Args:
        outcomes: Of each question `group`, `subtask`, `normal`, `picture`, `chosen` (a letter or None), `right`.
        seed: Of the bootstrap over pictures.

    Returns:
        `sets` {set: {subtask: share, "average", "overkill", "miss"}}; `subtasks` {subtask: mean over sets};
        `average` {value, low, high}, over subtasks and sets; `of_chosen`, the same of the questions that an option was
        chosen for alone; `chosen`, the share of them. Detection is balanced: {value, normal, anomalous}.
    """
    whole = _table(outcomes)
    chosen = [outcome for outcome in outcomes if outcome["chosen"] is not None]
    return {
        **whole,
        "average": _average(outcomes, seed),
        "of_chosen": {**_table(chosen), "average": _average(chosen, seed)},
        "chosen": proportion(outcome["chosen"] is not None for outcome in outcomes),
    }


def _table(outcomes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    sets: dict[str, dict[str, Any]] = {}
    for group in sorted({outcome["group"] for outcome in outcomes}):
        rows = [outcome for outcome in outcomes if outcome["group"] == group]
        sets[group] = {subtask: _share(subtask, rows) for subtask in SUBTASKS}
        sets[group]["average"] = mean_of_known([_value(sets[group][subtask]) for subtask in SUBTASKS])
    means = {key: mean_of_known([_value(one[key]) for one in sets.values()]) for key in SUBTASKS}
    return {"sets": sets, "subtasks": means}


def _share(subtask: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = [row for row in rows if row["subtask"] == subtask]
    share = proportion(row["right"] for row in own)
    if subtask != DETECTION:
        return share
    halves = {
        "normal": proportion(row["right"] for row in own if row["normal"]),
        "anomalous": proportion(row["right"] for row in own if not row["normal"]),
    }
    # A half without questions has accuracy 0 in the published code; here detection is then not defined.
    values = [half["value"] for half in halves.values()]
    balanced = None if None in values else mean_of_known(values)
    return {"value": balanced, "hits": share["hits"], "n": share["n"], **halves}


def _average(outcomes: Sequence[Mapping[str, Any]], seed: int) -> dict[str, float | None]:
    """The mean over sets of the mean over subtasks, whole pictures being resampled for its interval."""
    groups = sorted({row["group"] for row in outcomes})
    pictures = {picture: place for place, picture in enumerate(dict.fromkeys(row["picture"] for row in outcomes))}
    # hits and questions of each picture by set, subtask and, of detection, half
    counts = np.zeros((len(pictures), 2, len(groups), len(SUBTASKS), 2))
    for row in outcomes:
        half = int(row["normal"] and row["subtask"] == DETECTION)
        cell = (groups.index(row["group"]), SUBTASKS.index(row["subtask"]), half)
        counts[(pictures[row["picture"]], slice(None), *cell)] += (row["right"], 1)

    def overall(drawn: np.ndarray) -> float:
        hits, n = counts[drawn].sum(axis=0)
        accuracy = np.divide(hits, n, out=np.full(n.shape, np.nan), where=n > 0)
        detection = SUBTASKS.index(DETECTION)
        accuracy[:, detection, 0] = accuracy[:, detection].mean(axis=1)  # not defined where a half is not
        return _nanmean([_nanmean(one) for one in accuracy[..., 0]])

    value = overall(np.arange(len(pictures)))
    low, high = bootstrap_interval(overall, np.arange(len(pictures)), seed=seed) or (None, None)
    return {"value": None if np.isnan(value) else value, "low": low, "high": high}


def _nanmean(values: Sequence[float] | np.ndarray) -> float:
    known = np.asarray(values)[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _value(share: Any) -> float | None:
    return share["value"] if isinstance(share, Mapping) else share
