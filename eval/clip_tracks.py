"""True tracks where only masks are given."""

from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

import numpy as np

from xad_agent.eval.clip_metrics import Box


class Patch(NamedTuple):
    """Where a frame is anomalous: its mask, cut to the smallest box around what is marked.

    Attributes:
        x, y: The box's upper left corner, px.
        mask: bool (h, w) of the box.
    """

    x: int
    y: int
    mask: np.ndarray


def patch_of(mask: np.ndarray) -> Patch | None:
    """The patch of a mask, bool (H, W); None where nothing is marked."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    band = mask[rows[0] : rows[-1] + 1]
    columns = np.flatnonzero(band.any(axis=0))
    return Patch(int(columns[0]), int(rows[0]), band[:, columns[0] : columns[-1] + 1].copy())


class Linking:
    """Links the connected regions of masks (corners included) from frame to frame, frame by frame.

    A region continues the track of the region before it with which it shares pixels; of several that compete, those
    that share the most pixels in all are linked, one to one. What is left over starts a track of its own.

    Attributes:
        tracks: Track "0", "1" ... -> {frame: box}, boxes (x0, y0, x1, y1) in px, x1 and y1 exclusive.
    """

    def __init__(self) -> None:
        self.tracks: dict[str, dict[int, Box]] = {}
        self._frame, self._fresh = 0, map(str, count())
        self._before: tuple[Patch, list[str]] | None = None

    def add(self, patch: Patch | None) -> bool:
        """Take in the next frame; whether anything is marked in it."""
        from scipy.ndimage import find_objects, label

        frame, before, self._before = self._frame, self._before, None
        self._frame += 1
        if patch is None:
            return False
        regions, found = label(patch.mask, structure=np.ones((3, 3)))
        patch = patch._replace(mask=regions)
        old = _continued(*before, patch, found) if before else [None] * found
        names = [name or next(self._fresh) for name in old]
        for name, (rows, columns) in zip(names, find_objects(regions), strict=True):
            x0, x1, y0, y1 = columns.start + patch.x, columns.stop + patch.x, rows.start + patch.y, rows.stop + patch.y
            self.tracks.setdefault(name, {})[frame] = (x0, y0, x1, y1)
        self._before = patch, names
        return True


def linked(patches: Iterable[Patch | None]) -> dict[str, dict[int, Box]]:
    """The tracks of a clip's patches, one a frame in order; see `Linking`."""
    linking = Linking()
    for patch in patches:
        linking.add(patch)
    return linking.tracks


def largest_part(mask: np.ndarray) -> Box | None:
    """The box of the connected part of a mask, bool (H, W), whose box is largest; None where nothing is marked."""
    from scipy.ndimage import find_objects, label

    if (patch := patch_of(mask)) is None:
        return None
    boxes = [
        (columns.start + patch.x, rows.start + patch.y, columns.stop + patch.x, rows.stop + patch.y)
        for rows, columns in find_objects(label(patch.mask, structure=np.ones((3, 3)))[0])
    ]
    return max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))


def _continued(before: Patch, names: list[str], now: Patch, found: int) -> list[str | None]:
    """For each of the `found` regions of a frame the name of the one before that it continues; None for none."""
    from scipy.optimize import linear_sum_assignment

    one, other = _common(before, now)
    both = (one > 0) & (other > 0)
    pairs = (other[both] - 1) * len(names) + one[both] - 1
    shared = np.bincount(pairs, minlength=found * len(names)).reshape(found, len(names))
    continued: list[str | None] = [None] * found
    for row, column in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
        if shared[row, column]:
            continued[row] = names[column]
    return continued


def _common(one: Patch, other: Patch) -> tuple[np.ndarray, np.ndarray]:
    """What two patches hold where their boxes overlap."""
    (h, w), (p, q) = one.mask.shape, other.mask.shape
    x0, y0 = max(one.x, other.x), max(one.y, other.y)
    x1, y1 = max(x0, min(one.x + w, other.x + q)), max(y0, min(one.y + h, other.y + p))
    return (
        one.mask[y0 - one.y : y1 - one.y, x0 - one.x : x1 - one.x],
        other.mask[y0 - other.y : y1 - other.y, x0 - other.x : x1 - other.x],
    )
