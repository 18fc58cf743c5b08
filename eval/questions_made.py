"""`xad eval questions`: multiple choice of our own in MMAD's layout, over pictures in MVTec's layout.

What is right is read off the set: whether there is a defect and of which type off the folders, where off the masks.
They are not MMAD's questions, and what answers to them score is no MMAD score.
"""

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError, reason
from xad_agent.eval.answer_names import plain
from xad_agent.eval.batch import Batch
from xad_agent.eval.layout import GOOD, Category, Sample, read_category
from xad_agent.eval.mmad import FILE
from xad_agent.knowledge import Knowledge, read_knowledge
from xad_agent.media import read_picture
from xad_agent.prompts import vocabulary

LETTERS = "ABCD"
OWN = "own"  # how the set is called


def write_questions(
    directory: str | Path, output: str | Path, batch: Batch | None = None, knowledge: Path | None = None
) -> Path:
    """Write mmad.json, and links to the pictures, into a folder.

    Args:
        directory: A category in MVTec's layout.
        output: The folder; what is there stays.
        batch: Which test pictures (kinds are the types); its seed draws what stands beside the right option.
        knowledge: A file of what is known of products, for questions about how a defect looks; it must know this one.

    Returns:
        The file.

    Raises:
        XadError: The layout or the knowledge is wrong, or the folder cannot be written or holds questions.
    """
    batch = batch or Batch()
    category = read_category(directory)
    known = read_knowledge(knowledge, category.name.replace("_", " ")) if knowledge else None
    rng = random.Random(batch.seed)
    made = {}
    for sample in batch.chosen(category.test):
        if sample.path.parent.parent != category.root / "test":
            raise XadError(f"{directory}: questions are made over MVTec's layout, test/<type>/*, alone", exit_code=2)
        asked = [_shuffled(rng, kind, right, wrong) for kind, right, wrong in _about(sample, category, known)]
        made[f"{OWN}/{category.name}/test/{sample.name}"] = {"conversation": asked}
    file = Path(output) / FILE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            json.dump(made, opened, indent=1)
        link = file.parent / OWN / category.name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(category.root.resolve(), target_is_directory=True)
    except OSError as error:
        raise XadError(f"{output}: cannot be written ({reason(error)}); name another folder") from error
    return file


def _about(sample: Sample, category: Category, known: Knowledge | None) -> Iterable[tuple[str, str, list[str]]]:
    """Of each question about a picture its subtask, the right option and the wrong ones."""
    words = vocabulary("questions")
    yes, no = (words["yes"], words["no"]) if sample.defective else (words["no"], words["yes"])
    yield "Anomaly Detection", yes, [no]
    thing = plain(category.name).lower()
    yield "Object Classification", thing, [name for name in words["products"] if name != thing]
    if not sample.defective:
        return
    others = [kind for kind in dict.fromkeys(one.kind for one in category.test) if kind not in (GOOD, sample.kind)]
    if others:
        yield "Defect Classification", plain(sample.kind), [plain(kind) for kind in others]
    fields = [words["place"].format(thing=field) for row in words["fields"] for field in row]
    here = fields[_field(sample.mask(*read_picture(sample.path).pixels.shape[:2]))]
    yield "Defect Localization", here, [field for field in fields if field != here]
    looks = {passage.kind: passage.text for passage in reversed(known.passages)} if known else {}
    wrong = [looks[plain(kind)] for kind in others if plain(kind) in looks]
    if wrong and plain(sample.kind) in looks:
        yield "Defect Description", looks[plain(sample.kind)], wrong


def _field(mask: np.ndarray) -> int:
    """Which of 3 x 3 fields the middle of a mask lies in, row by row."""
    y, x = (places.mean() for places in np.nonzero(mask))
    return 3 * int(3 * y / mask.shape[0]) + int(3 * x / mask.shape[1])


def _shuffled(rng: random.Random, subtask: str, right: str, wrong: Sequence[str]) -> dict[str, Any]:
    options = [right, *rng.sample(list(wrong), min(len(LETTERS) - 1, len(wrong)))]
    if subtask != "Anomaly Detection":
        rng.shuffle(options)
    elif right == vocabulary("questions")["no"]:
        options.reverse()
    return {
        "Question": vocabulary("questions")[subtask],
        "Options": dict(zip(LETTERS, options, strict=False)),
        "Answer": LETTERS[options.index(right)],
        "type": subtask,
    }
