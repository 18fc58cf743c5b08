"""With a reference of its own: where a picture shows what its reference has nowhere near.

What is normal is a single picture, of the same thing in the same place, as a template is. Such pairs never match to the
pixel. So every neighbourhood of the reference may lie a little beside that of the picture, wherever it then fits best;
and there a pixel is compared with the darkest and the lightest that the reference has around it, within a slack (a grey
dilation and erosion), and the reference's pixels with the picture likewise: what is too much is found by the one, what
is missing by the other, and edges that lie beside each other by neither.

Features of a network see places of 8 px and more, which is too coarse: defects of circuit boards are 2 px thin. What to
be lenient about was decided on DeepPCB's list of pairs to develop on, as they are and with references warped by hand.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from xad_agent.detectors.base import AnomalyMap
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import resize, shape_within
from xad_agent.registration import align

WORK_SIDE = 1024
SLACK_SHARE = 0.003  # of the longer side: how far beside each other edges may lie
BLUR_SHARE = 0.00625  # of the longer side, sigma: about how large a place is that counts as one
_NEAR_SHARE = 0.08  # of the longer side: how large a neighbourhood is that may lie beside
_STEPS = 2  # a neighbourhood may lie beside by so many slacks, each way
_GAIN = 0.8  # aligned is better only where it leaves less than this of the difference
_TRIMMED = 0.05  # share of the pixels, those that fit worst, that must not steer the light


class AgainstReference:
    """Compares pictures with one reference.

    Args:
        reference: The same thing without defects; another size is scaled to that of the picture.
    """

    name = "reference"

    def __init__(self, reference: Picture):
        self.reference = reference

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and its maximum; the unit is the full range from black to white.

        The reference is taken as it lies or, where that leaves clearly less of a difference, turned and shifted
        onto the picture (`registration.align`); its light is fitted to the picture's. What it does not cover is 0.
        Pictures are looked at 1024 px long at most.
        """
        shape = shape_within(picture.pixels.shape, WORK_SIDE)
        pixels = resize(picture.pixels, shape)
        reference, covered = self._on(picture, pixels)
        values = _blurred(_difference(pixels, reference) * (covered > 0.99))
        values = resize(values, (picture.height, picture.width))
        return AnomalyMap(values, float(values.max()), self.name)

    def _on(self, picture: Picture, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The reference on the picture's pixels (H, W, 3), and where it covers them, 0 to 1."""
        shape = pixels.shape[:2]
        as_it_lies = resize(self.reference.pixels, shape)
        found = align(self.reference, picture)
        if found is not None:
            laid, covered = (resize(part, shape) for part in _laid(self.reference, picture, found.matrix))
            if _unlike(pixels, laid, covered) < _GAIN * _unlike(pixels, as_it_lies, covered):
                return laid, covered
        return as_it_lies, np.ones(shape, np.float32)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The reference; `AgainstReference` of its pixels is the detector again."""
        return {}, {"reference": self.reference.pixels}


def reach(height: int, width: int) -> int:
    """How far beyond what differs, in px, the map of a picture of that size is raised by it."""
    return round((SLACK_SHARE + 2 * BLUR_SHARE) * max(height, width))


def _unlike(pixels: np.ndarray, reference: np.ndarray, covered: np.ndarray) -> float:
    """The mean difference of two pictures, in grey levels, of what is covered."""
    difference = np.abs(pixels.astype(np.float32) - reference).mean(axis=2)
    return float(np.average(difference, weights=covered)) if covered.any() else np.inf


def _difference(pixels: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """How far the two, uint8 (H, W, 3), differ wherever each neighbourhood fits best; float32 (H, W), 0 to 1."""
    import cv2

    slack = max(1, round(SLACK_SHARE * max(pixels.shape)))
    near = 2 * round(_NEAR_SHARE * max(pixels.shape) / 2) + 1
    one, other = _in_one_light(pixels, reference)
    values = lowest = None
    for shifted in _shifted(other, slack):
        beyond = np.maximum(_beyond(one, shifted, slack), _beyond(shifted, one, slack))
        around = cv2.blur(beyond, (near, near))
        if values is None or lowest is None:
            values, lowest = beyond, around
        else:
            better = around < lowest
            values[better], lowest[better] = beyond[better], around[better]
    return np.asarray(values) / 255


def _shifted(planes: np.ndarray, slack: int) -> Iterator[np.ndarray]:
    """The planes (C, H, W) shifted every way by up to `_STEPS` slacks, the least first, their rim repeated."""
    margin = _STEPS * slack
    padded = np.pad(planes, ((0, 0), (margin, margin), (margin, margin)), mode="edge")
    steps = range(0, 2 * margin + 1, slack)
    for y, x in sorted(((y, x) for y in steps for x in steps), key=lambda at: np.hypot(at[0] - margin, at[1] - margin)):
        yield padded[:, y : y + planes.shape[1], x : x + planes.shape[2]]


def _beyond(planes: np.ndarray, other: np.ndarray, slack: int) -> np.ndarray:
    """How far planes (C, H, W) are outside of what `other` has within the slack: the most of all, (H, W), 0 inside."""
    import cv2

    window = np.ones((2 * slack + 1, 2 * slack + 1), np.uint8)
    beyond = np.zeros(planes.shape[1:], np.float32)
    for mine, theirs in zip(planes, other, strict=True):
        for outside in (mine - cv2.dilate(theirs, window), cv2.erode(theirs, window) - mine):
            np.maximum(beyond, outside, out=beyond)
    return beyond


def _in_one_light(pixels: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float32 planes (3, H, W), or (1, H, W) where both are grey; those of the reference fitted to the others.

    Gain and offset of each are fitted, twice, to all but what fits worst.
    """
    colours = 1 if all((p[..., :1] == p).all() for p in (pixels, reference)) else 3
    target, source = (np.moveaxis(p[..., :colours], 2, 0).astype(np.float32) for p in (pixels, reference))
    fitted = source
    for _ in range(2):
        error = np.abs(fitted - target).max(axis=0)
        use = error <= np.quantile(error, 1 - _TRIMMED)
        fitted = np.stack([_line(s, t, use) for s, t in zip(source, target, strict=True)])
    return target, fitted


def _line(source: np.ndarray, target: np.ndarray, use: np.ndarray) -> np.ndarray:
    x, y = source[use], target[use]
    spread = float(x.var())
    gain = float(((x - x.mean()) * (y - y.mean())).mean()) / spread if spread > 1 else 1.0
    return np.asarray(y.mean() + gain * (source - x.mean()), dtype=np.float32)


def _blurred(values: np.ndarray) -> np.ndarray:
    import cv2

    return np.asarray(cv2.GaussianBlur(values, (0, 0), max(0.5, BLUR_SHARE * max(values.shape))))


def _laid(reference: Picture, picture: Picture, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The reference on the picture, (H, W, 3), and where it covers it, 0 to 1."""
    import cv2

    size = (picture.width, picture.height)
    laid = cv2.warpAffine(reference.pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return laid, cv2.warpAffine(np.ones(reference.pixels.shape[:2], np.float32), matrix, size)
