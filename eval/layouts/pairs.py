"""Pairs of a picture and its own reference, with boxes, as DeepPCB has them.

    DIR/.../NNN_temp.jpg, NNN_test.jpg  the reference, and the picture that may have defects
    DIR/.../<folder>_not/NNN.txt        its boxes, one a line: x1 y1 x2 y2 type, with spaces or commas; may be beside it
    DIR/trainval.txt, test.txt          optional: which pairs are developed on and which are tested on, one a line,
                                        the picture's path without _test and that of the boxes

Source: Tang et al., "Online PCB Defect Detector On A New PCB Defect Dataset", 2019 (DeepPCB).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.samples import GOOD, Category, Sample, size_of

LAYOUT = "pairs"
FORM = "NNN_test.jpg with NNN_temp.jpg, boxes in <folder>_not/NNN.txt, trainval.txt and test.txt"
TYPES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")  # numbered from 1
DEFECTIVE = "defective"
_REFERENCE, _PICTURE = "_temp", "_test"
_DEPTHS = ("", "*/", "*/*/")
_TRAIN, _TEST = "trainval.txt", "test.txt"


class TypedBox(NamedTuple):
    """A true box: x0 y0 x1 y1 in px, x1 and y1 exclusive, and its type of defect."""

    x0: int
    y0: int
    x1: int
    y1: int
    type: str


@dataclass(frozen=True)
class PairSample(Sample):
    """One picture with a reference of its own, and boxes for a mask.

    Attributes:
        reference: The file of the same thing without defects.
        boxes: Of its defects; none where it is good.
    """

    reference: Path
    boxes: tuple[TypedBox, ...]

    @property
    def name(self) -> str:
        """What results call it: "44000/44000011_test.jpg"."""
        return f"{self.path.parent.name}/{self.path.name}"

    def mask(self, height: int, width: int) -> np.ndarray:
        """What lies in its boxes, booleans of shape (height, width)."""
        mask = np.zeros((height, width), dtype=bool)
        for box in self.boxes:
            mask[box.y0 : box.y1, box.x0 : box.x1] = True
        return mask

    def corners(self) -> np.ndarray:
        """Its boxes, float64 (N, 4)."""
        return np.array([box[:4] for box in self.boxes], dtype=float).reshape(-1, 4)


@dataclass(frozen=True)
class PairSet(Category):
    """Pairs to test on, with those that are developed on beside them; `normal` are the references of the latter.

    Attributes:
        train: The pairs that are developed on.
    """

    train: tuple[PairSample, ...] = ()


def is_pairs(root: Path) -> bool:
    """Whether there is a reference in a folder, or up to two folders below it."""
    return any(next(root.glob(f"{depth}*{_REFERENCE}.*"), None) for depth in _DEPTHS)


def read_pairs(root: Path, learn: bool) -> PairSet:
    """A set of pairs, divided as its lists say; without lists every second pair, by name, is developed on.

    Args:
        root: Its folder.
        learn: Whether there must be pairs to develop on; without, only those to test on are read.

    Raises:
        XadError: A reference, a picture or boxes are missing, a list names what is not there, or a box is not of a
            known type, is inverted, or is not in its picture.
    """
    found = {pair.relative_to(root).as_posix(): pair for depth in _DEPTHS for pair in _pairs(root, depth)}
    train, test, notes = _divided(root, dict(sorted(found.items())))
    if not test or (learn and not train):
        lacking = "test on" if not test else "develop on"
        raise XadError(f"{root}: no pair to {lacking}; there must be at least two pairs, or one in each list")
    developed = tuple(_sample(pair) for pair in train) if learn else ()
    samples = sorted((_sample(pair) for pair in test), key=lambda sample: (sample.defective, sample.path))
    references = tuple(sample.reference for sample in developed)
    return PairSet(root.resolve().name, root, references, tuple(samples), LAYOUT, notes, developed)


def _pairs(root: Path, depth: str) -> list[Path]:
    """Each pair by its path without _temp, which need not exist: "44000/44000011.jpg"."""
    return [
        path.with_name(path.stem.removesuffix(_REFERENCE) + path.suffix)
        for path in root.glob(f"{depth}*{_REFERENCE}.*")
        if not path.name.startswith(".")
    ]


def _divided(root: Path, pairs: dict[str, Path]) -> tuple[list[Path], list[Path], tuple[str, ...]]:
    listed = {name: _listed(root / name, pairs) for name in (_TRAIN, _TEST) if (root / name).is_file()}
    if not listed:
        every = list(pairs.values())
        note = f"there is no {_TEST}: every second pair, by name, is tested on, the others are developed on"
        return every[::2], every[1::2], (note,)
    named = {pair for some in listed.values() for pair in some}
    rest = [pair for pair in pairs.values() if pair not in named]
    train, test = listed.get(_TRAIN, rest), listed.get(_TEST, rest)
    if both := sorted(set(train) & set(test)):
        raise XadError(f"{root}: {both[0].name} is in {_TRAIN} and in {_TEST}; take it out of one of them")
    return train, test, ()


def _listed(path: Path, pairs: dict[str, Path]) -> list[Path]:
    found = []
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        name = line.split()[0]
        if name not in pairs:
            raise XadError(f"{path}: line {number} names {name}, of which there is no {_REFERENCE} picture")
        found.append(pairs[name])
    return found


def _sample(pair: Path) -> PairSample:
    picture, reference = (pair.with_stem(pair.stem + mark) for mark in (_PICTURE, _REFERENCE))
    if not picture.is_file():
        raise XadError(f"{reference}: its picture {picture.name} is missing; put it beside it, or take this one out")
    places = [pair.parent.with_name(f"{pair.parent.name}_not") / f"{pair.stem}.txt", pair.with_suffix(".txt")]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise XadError(f"{picture}: its boxes are missing; put {places[0].name} into {places[0].parent}, empty if good")
    boxes = _boxes(file, size_of(picture))
    return PairSample(picture, DEFECTIVE if boxes else GOOD, None, reference, boxes)


def _boxes(path: Path, size: tuple[int, int] | None) -> tuple[TypedBox, ...]:
    """The boxes of a file; where the picture cannot be read, that is left to the scoring."""
    lines: Sequence[str] = path.read_text("utf-8", errors="replace").splitlines()
    return tuple(_box(f"{path}: line {n}", line, size) for n, line in enumerate(lines, start=1) if line.strip())


def _box(where: str, line: str, size: tuple[int, int] | None) -> TypedBox:
    parts = line.replace(",", " ").split()
    try:
        x0, y0, x1, y1 = (int(part) for part in parts[:4])
        (named,) = parts[4:]
    except ValueError as error:
        raise XadError(f"{where} is not x1 y1 x2 y2 type, in whole px: {line.strip()[:60]!r}") from error
    types = {**{str(number): name for number, name in enumerate(TYPES, start=1)}, **{name: name for name in TYPES}}
    if named not in types:
        known = ", ".join(f"{number} {name}" for number, name in enumerate(TYPES, start=1))
        raise XadError(f"{where} has the type {named[:20]!r}; there are {known}")
    if x0 >= x1 or y0 >= y1:
        raise XadError(f"{where}: the box {x0} {y0} {x1} {y1} is inverted or empty; it must be x1 < x2 and y1 < y2")
    if size and not (x0 >= 0 and y0 >= 0 and x1 <= size[0] and y1 <= size[1]):
        raise XadError(f"{where}: the box {x0} {y0} {x1} {y1} is not within its picture of {size[0]} x {size[1]} px")
    return TypedBox(x0, y0, x1, y1, types[named])
