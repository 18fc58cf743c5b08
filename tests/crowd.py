"""A small normal world of clips: people walk along lanes of a walkway; a stranger rides three times as fast.

What is seen is made directly from arrays, so that no detector, flow or tracker is needed; `film` draws it.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.seeing import SeeingModels
from xad_agent.calibration import Calibration
from xad_agent.clip_case import ClipCase
from xad_agent.clip_profile import ClipProfile, stretch_maxima
from xad_agent.detectors.attributes import AttributeDetector
from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.vqunet import VquNet
from xad_agent.evidence import Ledger
from xad_agent.exemplars import Exemplar, choose, strip, views
from xad_agent.foresight import Foresight
from xad_agent.media import Clip, read_clip
from xad_agent.perception.eyes import Eyes
from xad_agent.perception.objects import Detections
from xad_agent.perception.perspective import Perspective
from xad_agent.perception.sightings import Sightings

NAMES = ("person", "bicycle", "dog")
HEIGHT, WIDTH, FRAMES, FPS, TALL = 120, 160, 120, 10.0, 20
LANES = (40, 70, 100)  # rows of the feet, px


@dataclass(frozen=True)
class Walker:
    """A box that moves along a lane at a constant speed, in body heights a second, to the right where it is positive.

    Attributes:
        feet: Row of its lower edge, px.
        start: x of its middle in frame `first`, px.
        scores: Of each of `NAMES`.
    """

    feet: float
    start: float
    speed: float = 1.0
    first: int = 0
    last: int = FRAMES - 1
    size: tuple[float, float] = (8, TALL)
    gait: float = 1.4
    scores: tuple[float, float, float] = (0.6, 0.05, 0.02)

    def box(self, frame: int) -> tuple[float, float, float, float]:
        """x0 y0 x1 y1, px."""
        middle = self.start + self.speed * TALL * (frame - self.first) / FPS
        width, height = self.size
        return middle - width / 2, self.feet - height, middle + width / 2, self.feet


RIDER = Walker(70, 150, speed=-1.5, first=40, last=84, size=(14, TALL), gait=1.0, scores=(0.4, 0.7, 0.1))


def sightings(
    walkers: Sequence[Walker], frames: int = FRAMES, fps: float = FPS, name: str = "walk", **other: Any
) -> Sightings:
    """What is seen of them; each is a track, numbered from 1 in their order."""
    rows = [(frame, track) for track, walker in enumerate(walkers) for frame in range(walker.first, walker.last + 1)]
    rows = sorted(row for row in rows if row[0] < frames)
    frame, track = np.array(rows, int).reshape(-1, 2).T
    made = [walkers[which] for which in track]
    speed = np.array([walker.speed for walker in made], np.float32)
    box = np.array([walker.box(at) for walker, at in zip(made, frame, strict=True)], np.float32).reshape(-1, 4)
    scores = np.array([walker.scores for walker in made], np.float32).reshape(-1, len(NAMES))
    seen = {
        "frame": frame,
        "track": track + 1,
        "box": box,
        "speed": np.abs(speed),
        "velocity": np.stack([speed * TALL, 0 * speed], axis=1),
        "gait": np.array([walker.gait for walker in made], np.float32),
        "tall": np.full(len(frame), TALL, np.float32),
        "scores": scores,
        **unseen(len(frame)),
        "object_frame": frame,
        "object_box": box,
        "object_scores": scores,
    }
    settings = {"name": name, "frames": frames, "fps": fps, "step": 1, "shape": (HEIGHT, WIDTH), "steady": True}
    return Sightings(**(settings | seen | other))


def unseen(count: int) -> dict[str, np.ndarray]:
    """The columns of sightings whose appearance, pose and interactions nobody looked at."""
    return {
        "appearance": np.full((count, 1), np.nan, np.float16),
        "pose": np.full((count, 1, 2), np.nan, np.float16),
        "interactions": np.full((count, 1), np.nan, np.float16),
    }


def walk(seed: int, frames: int = FRAMES) -> Sightings:
    """A normal clip: a walker on each lane, both ways, each a little different."""
    random = np.random.default_rng(seed)
    walkers = []
    for lane, way in zip(LANES, (1, -1, 1), strict=True):
        speed, start = random.uniform(0.4, 0.6), random.uniform(8, 20)
        height, gait = random.normal(TALL, 0.5), random.normal(1.4, 0.1)
        walkers.append(
            Walker(lane, start if way > 0 else WIDTH - start, way * speed, size=(0.4 * height, height), gait=gait)
        )
    return sightings(walkers, frames, name=f"walk {seed}")


def scene(*strangers: Walker, frames: int = FRAMES, **other: Any) -> Sightings:
    """Two walkers, and strangers, whose tracks are 3, 4 and so on."""
    walkers = [Walker(40, 12, 0.55), Walker(100, 14, 0.55)]
    return sightings([*walkers, *strangers], frames, name="scene", **other)


def film(seen: Sightings) -> Clip:
    """A clip that shows it: a textured box for each sighting on even grey."""
    frames = np.full((seen.frames, *seen.shape, 3), 90, np.uint8)
    texture = np.random.default_rng(0).integers(120, 256, (*seen.shape, 3), np.uint8)
    for frame, box in zip(seen.frame, np.rint(seen.box).astype(int), strict=True):
        x0, y0, x1, y1 = np.maximum(box, 0)
        part = frames[frame, y0:y1, x0:x1]
        part[:] = texture[: part.shape[0], : part.shape[1]]
    return read_clip(frames, fps=seen.fps, name=seen.name)


class Drawn:
    """An object detector that knows `film`'s boxes: what is bright on grey is a person, what is wide a bicycle."""

    names = NAMES

    def detect(self, pixels: np.ndarray, tile: int | None = None) -> Detections:
        import cv2

        _, _, stats, _ = cv2.connectedComponentsWithStats((pixels.min(axis=2) > 100).astype(np.uint8))
        x, y, width, height, _ = stats[1:][stats[1:, 4] > 40].T
        boxes = np.stack([x, y, x + width, y + height], axis=1).astype(np.float32)
        rides = (width > 0.6 * height)[:, None]
        return Detections(boxes, np.where(rides, RIDER.scores, Walker(0, 0).scores).astype(np.float32), NAMES)

    def classify(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def profile_of(normal: Sequence[Sightings], alpha: float = 0.1) -> ClipProfile:
    """A profile put together of what was seen, as `ClipProfile.fit` does."""
    detector, judged = AttributeDetector.fit(normal)
    scores = [judgement.of_frames(seen) for judgement, seen in zip(judged, normal, strict=True)]
    maxima = np.concatenate([stretch_maxima(values, seen.fps) for values, seen in zip(scores, normal, strict=True)])
    eyes = Eyes(Drawn(), Perspective(HEIGHT, WIDTH, float(TALL), 0.0, 30), None, None)
    films = [film(seen) for seen in normal]
    exemplars = [
        Exemplar(number, row, strip(films[number], normal[number], row))
        for number, row in choose(normal, detector.usual, 0)[::6]
    ]
    calibration = Calibration.from_maps(maxima, scores, alpha)
    return ClipProfile("walkway", (HEIGHT, WIDTH), eyes, normal, detector, calibration, exemplars, views(films), {})


def walkway() -> ClipProfile:
    """Fitted on ten normal clips of 12 s: 20 stretches. Each test has its own, and all have one memory."""
    return copy(_walkway())


@cache
def _walkway() -> ClipProfile:
    return profile_of([walk(seed) for seed in range(10)])


def case_of(seen: Sightings, profile: ClipProfile | None = None) -> ClipCase:
    """A case of a clip in which this is seen."""
    case = ClipCase(film(seen), profile or walkway(), Ledger(), SeeingModels())
    case.__dict__["seen"] = seen
    return case


class Standstill:
    """Stands for a `VquNet`: it says that each frame is as the one before it, so that what moves is hot."""

    lead = 5

    def judge(self, frames: Iterable[np.ndarray]) -> Iterator[AnomalyMap]:
        before: list[np.ndarray] = []
        for frame in frames:
            if len(before) == self.lead:
                error = ((frame / 255.0 - before[-1]) ** 2).mean(axis=2, dtype=float).astype(np.float32)
                yield AnomalyMap(error, float(np.sqrt(error.sum(dtype=float))), "vqunet")
            before = [*before[-self.lead + 1 :], frame / 255.0]


def foreseeing(clips: int = 10, alpha: float = 0.1) -> ClipProfile:
    """A walkway with a `Standstill`, whose errors are known from every fifth clip; as `walkway`."""
    return copy(_foreseeing(clips, alpha))


@cache
def _foreseeing(clips: int, alpha: float) -> ClipProfile:
    normal = [walk(seed) for seed in range(clips)]
    profile = profile_of(normal, alpha)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VquNet, "fit", lambda *_, **__: Standstill())
        profile.vqunet = Foresight.fit([film(seen) for seen in normal], normal, alpha, 1, progress=False)
    return profile
