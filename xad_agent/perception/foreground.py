"""The one object of a picture, where it has a clear one on an even background."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from xad_agent.media.picture import Picture
from xad_agent.media.scaling import resize, shape_within

WORK_SIDE = 256
_MIN_SIDE = 32
_BORDER_SHARE = 0.03
_MIN_SEPARATION = 6.0
_MIN_AREA, _MAX_AREA = 0.005, 0.8

_known: WeakKeyDictionary[Picture, "Foreground | None"] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Foreground:
    """The object of a picture, seen at most 256 px long.

    Attributes:
        mask: Booleans of the small picture.
        scale: Its size over that of the original.
        centre: x y of the centroid, in px of the small picture.
        axis: Unit vector x y of the longer axis.
        lengths: Standard deviations in px of the small picture, along the longer and the shorter axis.
    """

    mask: np.ndarray
    scale: float
    centre: tuple[float, float]
    axis: tuple[float, float]
    lengths: tuple[float, float]

    @property
    def elongation(self) -> float:
        """How many times longer than wide, 1 for a disc or a square."""
        return self.lengths[0] / self.lengths[1]


def find_foreground(picture: Picture) -> Foreground | None:
    """The object, or None where none stands out reliably from an even background.

    The background is a plane fitted to the colours along the border; the object is what differs from it. It is
    reliable when the border itself is background, the two differ clearly, and most of it hangs together.
    """
    if picture not in _known:
        shape = shape_within(picture.pixels.shape, WORK_SIDE)
        mask = _object_mask(resize(picture.pixels, shape)) if min(shape) >= _MIN_SIDE else None
        found = (
            None
            if mask is None
            else Foreground(mask, max(shape) / max(picture.height, picture.width), *principal_axes(mask))
        )
        _known[picture] = found
    return _known[picture]


def principal_axes(mask: np.ndarray) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """Centre, unit vector of the longer axis, and standard deviations (longer, shorter) of a mask's pixels.

    A pixel counts as a square of side 1, so a bar of 40 x 10 px is exactly 4 times as long as wide.
    """
    y, x = np.nonzero(mask)
    spread = np.cov(x, y, bias=True) if x.size > 1 else np.zeros((2, 2))
    values, vectors = np.linalg.eigh(spread + np.eye(2) / 12)
    axis = (float(vectors[0, 1]), float(vectors[1, 1]))
    return (float(x.mean()), float(y.mean())), axis, (float(values[1] ** 0.5), float(values[0] ** 0.5))


def _object_mask(pixels: np.ndarray) -> np.ndarray | None:
    import cv2

    distance, noise = _background_distance(pixels)
    level, _ = cv2.threshold(np.clip(distance, 0, 255).astype(np.uint8), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    mask = distance > level
    border = _border(mask.shape)
    if not mask.any() or mask[border].mean() > 0.05 or distance[mask].mean() < _MIN_SEPARATION * noise:
        return None
    whole = _whole(mask)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    area = stats[largest, cv2.CC_STAT_AREA]
    if area < 0.7 * whole.sum() or not _MIN_AREA <= area / whole.size <= _MAX_AREA:
        return None
    return labels == largest


def _whole(mask: np.ndarray) -> np.ndarray:
    """A mask as uint8 with its cracks closed and its holes filled: highlights on an object look like background."""
    import cv2

    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return np.asarray(cv2.drawContours(closed, contours, -1, 1, thickness=cv2.FILLED))


def _background_distance(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """Each pixel's colour distance to the background, and the spread of that distance along the border."""
    import cv2

    lab = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), (0, 0), 1).astype(np.float32)
    height, width = lab.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    terms = np.stack([np.ones_like(x), x / width, y / height], axis=-1)
    border = _border((height, width))
    plane, *_ = np.linalg.lstsq(terms[border], lab[border], rcond=None)
    distance = np.linalg.norm(lab - terms @ plane, axis=-1)
    return distance, max(2.0, float(np.median(distance[border])))


def _border(shape: tuple[int, int]) -> np.ndarray:
    border = np.ones(shape, dtype=bool)
    margin = max(2, round(_BORDER_SHARE * max(shape)))
    border[margin:-margin, margin:-margin] = False
    return border
