"""A small normal world for tests: pictures of grey noise, and a profile that scores how far a pixel is from grey."""

from functools import cache

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.case import Case
from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.excess import figures
from xad_agent.evidence import Ledger
from xad_agent.looks import look_at
from xad_agent.media import Picture, read_picture
from xad_agent.perception.models import Models
from xad_agent.picture_profile import PictureProfile

USUAL = 3.2  # median distance of the noise from grey


def texture(seed: int, height: int = 96, width: int = 96) -> np.ndarray:
    """Grey noise around 128, RGB uint8."""
    noise = np.random.default_rng(seed).normal(128, 4, (height, width, 1))
    return np.clip(noise, 0, 255).astype(np.uint8).repeat(3, axis=2)


def picture(pixels: np.ndarray, name: str = "part.png") -> Picture:
    return read_picture(pixels, name=name)


def examine(asked: Picture) -> AnomalyMap:
    import cv2

    far = np.abs(asked.pixels.astype(np.float32) - 128).mean(axis=2)
    values = cv2.GaussianBlur(far, (0, 0), 2)
    return AnomalyMap(values, float(values.max()), "far from grey")


class NormalProfile(PictureProfile):
    """Twelve normal pictures, nearest first in their own order."""

    def __init__(self, normals: list[np.ndarray] | None = None):
        exemplars, scores, usual = _noise() if normals is None else _learned(normals)
        self.name, self.skipped, self._fitted = "noise", {}, len(exemplars)
        self._exemplars, self.usual = list(exemplars), dict(usual)
        self.calibration = Calibration(scores, level=0.8 * max(scores), alpha=0.05)

    def summary(self) -> str:
        return "Profile noise."

    def examine(self, asked: Picture) -> AnomalyMap:
        return examine(asked)

    def figures(self, asked: Picture, found: AnomalyMap) -> dict[str, float]:
        """Nothing is alike elsewhere in noise."""
        return _figures(asked, found)

    def nearest_pictures(self, asked: Picture, k: int) -> list[int]:
        return list(range(min(k, self.exemplars)))


def _figures(asked: Picture, found: AnomalyMap) -> dict[str, float]:
    return {**figures(found.values, found.values, (USUAL, USUAL)), **look_at(asked)}


def _learned(normals: list[np.ndarray]) -> tuple[list[Picture], list[float], dict[str, np.ndarray]]:
    """Pictures, their scores, and their figures in order; each counts four times."""
    exemplars = [picture(pixels, f"good {n}.png") for n, pixels in enumerate(normals)]
    found = [examine(normal) for normal in exemplars]
    measured = [_figures(*one) for one in zip(exemplars, found, strict=True)] * 4
    usual = {name: np.sort([of_one[name] for of_one in measured]) for name in measured[0]}
    return exemplars, [one.score for one in found] * 4, usual


@cache
def _noise() -> tuple[list[Picture], list[float], dict[str, np.ndarray]]:
    return _learned([texture(seed) for seed in range(12)])


def case_of(pixels: np.ndarray, profile: "NormalProfile | None" = None, models: Models | None = None) -> Case:
    """A case in the noise world."""
    return Case(picture(pixels), profile or NormalProfile(), Ledger(), models)


def with_square(box: tuple[int, int, int, int], value: int | tuple[int, int, int] = 220, seed: int = 99) -> np.ndarray:
    """A normal picture with one flat rectangle x0 y0 x1 y1 put in."""
    pixels = texture(seed)
    x0, y0, x1, y1 = box
    pixels[y0:y1, x0:x1] = value
    return pixels
