"""Clips of a fixed camera made here: textured things that move over textured ground, and a detector that knows them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from xad_agent.perception.objects import Detections

HEIGHT, WIDTH = 120, 160
NAMES = ("person", "bicycle")
_MARGIN = 40  # px of its texture on each side of a thing


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH, level: float = 90, spread: float = 12) -> np.ndarray:
    """Blurred noise, float32 (height, width), in grey levels."""
    noise = np.random.default_rng(seed).normal(size=(height + 16, width + 16)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)[8:-8, 8:-8]
    return np.asarray(level + spread * smooth / smooth.std(), dtype=np.float32)


@dataclass(frozen=True)
class Thing:
    """A rectangle with a texture of its own.

    Attributes:
        at: Its upper left corner in the first frame, x and y.
        velocity: x and y, px a frame; `legs` that of its lower half's texture, where it differs.
        size: Width and height.
        name: One of NAMES.
    """

    at: tuple[float, float]
    velocity: tuple[float, float] = (0.0, 0.0)
    size: tuple[int, int] = (16, 40)
    name: str = "person"
    legs: tuple[float, float] | None = None

    def box(self, frame: int) -> np.ndarray:
        """x0 y0 x1 y1 in a frame."""
        corner = np.add(self.at, np.multiply(self.velocity, frame))
        return np.concatenate([corner, corner + self.size])


def scene(
    count: int, things: Sequence[Thing] = (), height: int = HEIGHT, width: int = WIDTH, seed: int = 0, noise: float = 1
) -> np.ndarray:
    """RGB uint8 (count, height, width, 3); persons are bright, bicycles bright but for their red."""
    ground, camera = texture(seed, height, width), np.random.default_rng(seed)
    seen = camera.normal(0, noise, (count, height, width)).astype(np.float32) + ground
    frames = np.clip(seen, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=3)
    for number, thing in enumerate(things):
        own = texture(100 + number, thing.size[1] + 2 * _MARGIN, thing.size[0] + 2 * _MARGIN, level=200, spread=20)
        for place, frame in enumerate(frames):
            _paint(frame, thing, place, own)
    return frames


def _paint(pixels: np.ndarray, thing: Thing, frame: int, own: np.ndarray) -> None:
    x0, y0, x1, y1 = np.clip(np.ceil(thing.box(frame)), 0, [*pixels.shape[1::-1]] * 2).astype(int)
    if x0 >= x1 or y0 >= y1:
        return
    rows, columns = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    lower = (rows >= thing.box(frame)[1] + thing.size[1] / 2)[..., None]
    shift = np.where(lower, thing.velocity if thing.legs is None else thing.legs, thing.velocity) * frame
    across = (columns - thing.at[0] - shift[..., 0]).astype(np.float32) + _MARGIN
    down = (rows - thing.at[1] - shift[..., 1]).astype(np.float32) + _MARGIN
    painted = np.clip(cv2.remap(own, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), 160, 255)
    pixels[y0:y1, x0:x1] = painted[..., None].astype(np.uint8)
    if thing.name == "bicycle":
        pixels[y0:y1, x0:x1, 0] = 100


class Spotter:
    """An object detector that finds the things of a `scene`; counts how often it looked."""

    names = NAMES

    def __init__(self) -> None:
        self.looks = 0

    def detect(self, pixels: np.ndarray, tile: int | None = None) -> Detections:
        self.looks += 1
        bright = (pixels[..., 1] > 140).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        boxes, scores = [], []
        for x, y, width, height, area in stats[1:]:
            if area >= 60:
                red = pixels[y : y + height, x : x + width, 0].mean() > 130
                boxes.append((x, y, x + width, y + height))
                scores.append((0.9, 0.1) if red else (0.2, 0.8))
        return Detections(
            np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32).reshape(-1, 2), self.names
        )

    def classify(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        raise NotImplementedError("watching a clip only detects")
