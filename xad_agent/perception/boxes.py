"""How boxes lie to each other."""

import numpy as np

SAME = 0.5  # overlap from which two boxes are of one thing


def feet(boxes: np.ndarray) -> np.ndarray:
    """The middles of the lower edges of boxes (..., 4), x0 y0 x1 y1: x y, (..., 2)."""
    return np.stack([boxes[..., [0, 2]].mean(axis=-1), boxes[..., 3]], axis=-1)


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Shared area of pairs of boxes (..., 4), or of one with several, over that of the smaller, float (...)."""
    low, high = np.maximum(boxes[..., :2], others[..., :2]), np.minimum(boxes[..., 2:], others[..., 2:])
    areas = [np.prod(box[..., 2:] - box[..., :2], axis=-1) for box in (boxes, others)]
    return np.asarray(np.prod(np.clip(high - low, 0, None), axis=-1) / np.maximum(np.minimum(*areas), 1))


def shares(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each box (N, 4) inside each of the others (M, 4), and their IoU, float (N, M) each."""
    first, last = np.maximum(boxes[:, None, :2], others[:, :2]), np.minimum(boxes[:, None, 2:], others[:, 2:])
    shared = np.prod(np.clip(last - first, 0, None), axis=2)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)[:, None]
    theirs = np.prod(others[:, 2:] - others[:, :2], axis=1)
    return shared / np.maximum(areas, 1), shared / np.maximum(areas + theirs - shared, 1)


def clipped(boxes: np.ndarray, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """What of boxes (N, 4) lies within a picture, and which of them do at all, bool (N)."""
    inside = np.clip(boxes, 0, np.array([width, height, width, height], boxes.dtype))
    return inside, (inside[:, 2:] > inside[:, :2]).all(axis=1)
