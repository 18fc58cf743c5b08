"""Harmless changes of a picture: of its light, its place, its compression, its noise and its focus."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np


def brighter(pixels: np.ndarray, gain: float) -> np.ndarray:
    """Every value times `gain`, at most white."""
    return np.clip(np.rint(gain * pixels.astype(np.float32)), 0, 255).astype(np.uint8)


def shifted(pixels: np.ndarray, px: int) -> np.ndarray:
    """Right and down; the border is repeated."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((px, 0), (px, 0), (0, 0)), mode="edge")[:height, :width]


def compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    """As a JPEG of a quality of 1 to 100 gives it back."""
    import cv2

    _, stored = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))


def blurred(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """By a Gaussian of `sigma` px."""
    import cv2

    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma))


def noisy(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """With normal noise of `sigma` grey levels, always the same."""
    noise = np.random.default_rng(0).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Change:
    """A slight change under which an explanation should stay as it is.

    Attributes:
        make: From pixels (H, W, 3) to changed ones, uint8 as they are.
        px: How far it moves the picture right and down.
    """

    make: Callable[[np.ndarray], np.ndarray]
    px: int = 0

    def back(self, array: np.ndarray) -> np.ndarray:
        """What belongs to the changed picture (H, W, ...), where it was before: (H - px, W - px, ...)."""
        return array[self.px :, self.px :]

    def same(self, array: np.ndarray) -> np.ndarray:
        """The part of what belongs to the picture as it is that `back` gives."""
        return array[: array.shape[0] - self.px, : array.shape[1] - self.px]


SLIGHT: dict[str, Change] = {
    "10 % brighter": Change(partial(brighter, gain=1.1)),
    "10 % darker": Change(partial(brighter, gain=0.9)),
    "20 % brighter": Change(partial(brighter, gain=1.2)),
    "20 % darker": Change(partial(brighter, gain=0.8)),
    "shifted 1 px": Change(partial(shifted, px=1), px=1),
    "shifted 2 px": Change(partial(shifted, px=2), px=2),
    "JPEG 90": Change(partial(compressed, quality=90)),
    "JPEG 40": Change(partial(compressed, quality=40)),
    "noise of 2 grey levels": Change(partial(noisy, sigma=2.0)),
    "blurred 0.5 px": Change(partial(blurred, sigma=0.5)),
    "blurred 1 px": Change(partial(blurred, sigma=1.0)),
}
