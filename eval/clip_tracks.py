"""True tracks where only masks are given."""

from collections.abc import Iterable
from itertools import count

import numpy as np

from xad_agent.eval.clip_metrics import Box


def tracks_from_masks(masks: Iterable[np.ndarray]) -> dict[str, dict[int, Box]]:
    """The connected regions of masks (corners included), linked from frame to frame.

    A region continues the track of the region before it with which it shares pixels; of several that compete, those
    that share the most pixels in all are linked, one to one. What is left over starts a track of its own.

    Args:
        masks: Of each frame in order, bool (H, W); only two are in memory at a time.

    Returns:
        Track "0", "1" ... -> {frame: box}, boxes (x0, y0, x1, y1) in px, x1 and y1 exclusive.
    """
    from scipy.ndimage import find_objects, label

    tracks: dict[str, dict[int, Box]] = {}
    before, names, fresh = np.zeros((0, 0), int), list[str](), map(str, count())
    for frame, mask in enumerate(masks):
        regions, found = label(mask, structure=np.ones((3, 3)))
        old = _continued(before, len(names), regions, found) if names and found else np.full(found, -1)
        names = [names[i] if i >= 0 else next(fresh) for i in old]
        for name, (rows, columns) in zip(names, find_objects(regions), strict=True):
            tracks.setdefault(name, {})[frame] = (columns.start, rows.start, columns.stop, rows.stop)
        before = regions
    return tracks


def _continued(before: np.ndarray, old: int, regions: np.ndarray, new: int) -> np.ndarray:
    """For each of `new` regions, which of the `old` ones it continues, int (new,); -1 for none."""
    from scipy.optimize import linear_sum_assignment

    shared = np.zeros((new, old))
    both = (before > 0) & (regions > 0)
    np.add.at(shared, (regions[both] - 1, before[both] - 1), 1)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    continued = np.full(new, -1)
    linked = shared[rows, columns] > 0
    continued[rows[linked]] = columns[linked]
    return continued
