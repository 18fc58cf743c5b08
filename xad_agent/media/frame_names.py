"""What the names of frame files tell: their order, and which are missing."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Numbering(NamedTuple):
    """The numbers in the names of frames.

    Attributes:
        places: Where each frame belongs, counted from the first, int64 (N,), ascending; they jump over missing frames.
        missing: The numbers between the first and the last that no name has, int64, ascending.
    """

    places: np.ndarray
    missing: np.ndarray


def natural_order(path: Path) -> list[str | int]:
    """What to sort files by so that frame 10 comes after frame 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)]


def numbering(paths: Sequence[Path]) -> Numbering | None:
    """The numbers in the names of frames in natural order; None when they don't number frames.

    They do when only one number differs between the names, by a multiple of the smallest difference. When they leave
    out far more than there is, they are something else, such as times.

    Example:
        >>> numbering([Path("cam2_10.jpg"), Path("cam2_15.jpg"), Path("cam2_25.jpg")])
        Numbering(places=array([0, 1, 3]), missing=array([20]))
    """
    parts = [natural_order(path) for path in paths]
    if len(parts) < 2 or len({len(part) for part in parts}) > 1:
        return None
    varying = [column for column in zip(*parts, strict=True) if len(set(column)) > 1]
    if len(varying) != 1 or not all(isinstance(n, int) and n < 2**62 for n in varying[0]):
        return None
    numbers = np.array(varying[0], np.int64)
    gaps = np.diff(numbers)
    step = int(gaps.min())
    if step < 1 or (gaps % step).any() or gaps.sum() // step > 100 * len(numbers):
        return None
    missing = np.setdiff1d(np.arange(numbers[0], numbers[-1], step), numbers)
    return Numbering((numbers - numbers[0]) // step, missing)
