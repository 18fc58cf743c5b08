"""Laying a normal picture over the picture in question, where the two show the same thing in another pose."""

from dataclasses import dataclass

import numpy as np

from xad_agent.media.picture import Picture, grey
from xad_agent.media.scaling import resize, resize_mask, shape_within
from xad_agent.perception.foreground import WORK_SIDE, Foreground, find_foreground

MIN_QUALITY = 0.65
_MIN_SIDE = 24
_MAX_STRETCH = 1.15
_MIN_OVERLAP = 0.6
_DETAIL_SIGMA = 8.0


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a normal picture lies on another.

    Attributes:
        matrix: float64 (2, 3), from px of the normal picture to px of the other.
        quality: Correlation of their details where both are, -1 to 1.
    """

    matrix: np.ndarray
    quality: float


def align(normal: Picture, picture: Picture, ignore: np.ndarray | None = None) -> Alignment | None:
    """Turn, shift and scale `normal` so that it lies on `picture`.

    Starts from the same frame, from a shift (phase correlation) and from the pose of the object, where both have a
    clear one; the best start is refined by ECC (Evangelidis and Psarakis, 2008).

    Args:
        normal: A picture that shows the same kind of thing.
        picture: The picture to lie on.
        ignore: Booleans (H, W) of `picture` that must not steer the alignment, such as an anomalous place.

    Returns:
        None when the two do not align, as textures do not.
    """
    if min(normal.height, normal.width, picture.height, picture.width) < _MIN_SIDE:
        return None
    source, _, source_scale = _details(normal)
    target, use, target_scale = _details(picture, ignore)
    starts = [*_frame_starts(source, target), *_object_starts(normal, picture)]
    best = max(starts, key=lambda start: _quality(source, target, start, use))
    refined = _refine(source, target, best, use)
    quality = _quality(source, target, refined, use)
    stretch = np.linalg.svd(refined[:, :2], compute_uv=False)
    if quality < MIN_QUALITY or stretch[0] > _MAX_STRETCH * stretch[1]:
        return None
    matrix = refined * [[source_scale, source_scale, 1.0]] / target_scale
    return Alignment(matrix, quality)


def _details(picture: Picture, ignore: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, float]:
    """Grey minus its surroundings, float32 at most 256 px long; what of it to use, 0 or 1; and the scale."""
    import cv2

    shape = shape_within(picture.pixels.shape, WORK_SIDE)
    small = resize(grey(picture.pixels), shape).astype(np.float32)
    use = np.ones(shape, dtype=np.uint8)
    if ignore is not None:
        use[resize_mask(ignore, shape)] = 0
    around = cv2.GaussianBlur(small * use, (0, 0), _DETAIL_SIGMA)
    weight = cv2.GaussianBlur(use.astype(np.float32), (0, 0), _DETAIL_SIGMA)
    return (small - around / np.maximum(weight, 1e-3)) * use, use, max(shape) / max(picture.height, picture.width)


def _frame_starts(source: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """The same frame, and the same frame shifted."""
    import cv2

    frame = np.diag([target.shape[1] / source.shape[1], target.shape[0] / source.shape[0], 1.0])[:2]
    window = cv2.createHanningWindow(target.shape[::-1], cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(_lay(source, frame, target.shape), target, window)
    return [frame, frame + np.array([[0, 0, dx], [0, 0, dy]])]


def _object_starts(normal: Picture, picture: Picture) -> list[np.ndarray]:
    """The object of one turned onto that of the other, either way round; both work at the same size as this module."""
    source, target = find_foreground(normal), find_foreground(picture)
    if source is None or target is None:
        return []
    return [_pose(source, target, half_turns) for half_turns in (0, 1)]


def _pose(source: Foreground, target: Foreground, half_turns: int) -> np.ndarray:
    ratio = np.sqrt(np.prod(target.lengths) / np.prod(source.lengths))
    angle = np.arctan2(target.axis[1], target.axis[0]) - np.arctan2(source.axis[1], source.axis[0]) + half_turns * np.pi
    turn = ratio * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.hstack([turn, (np.array(target.centre) - turn @ np.array(source.centre))[:, None]])


def _lay(source: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    import cv2

    return cv2.warpAffine(source, matrix, shape[::-1], flags=cv2.INTER_LINEAR)


def _quality(source: np.ndarray, target: np.ndarray, matrix: np.ndarray, use: np.ndarray) -> float:
    """Correlation of the details where both are; -1 when they hardly overlap."""
    both = (_lay(np.ones_like(source), matrix, target.shape) > 0.99) & (use > 0)
    if both.sum() < _MIN_OVERLAP * max(use.sum(), 1):  # nothing to compare: all of it is left out
        return -1.0
    a, b = _lay(source, matrix, target.shape)[both], target[both]
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-6))


def _refine(source: np.ndarray, target: np.ndarray, matrix: np.ndarray, use: np.ndarray) -> np.ndarray:
    import cv2

    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    try:
        _, refined = cv2.findTransformECC(source, target, matrix.astype(np.float32), cv2.MOTION_AFFINE, stop, use, 3)
    except cv2.error:  # it does not converge where nothing matches
        return matrix
    return np.asarray(refined, dtype=np.float64)
