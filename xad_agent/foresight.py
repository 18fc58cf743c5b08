"""VQU-Net with what its errors mean: how large they are in normal frames that it was not trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from xad_agent.calibration import Calibration
from xad_agent.clip_profile import stretch_maxima
from xad_agent.detectors.attributes import SMOOTH_SECONDS
from xad_agent.detectors.base import AnomalyMap
from xad_agent.media import Clip
from xad_agent.perception.perspective import body_area
from xad_agent.perception.sightings import Sightings, rows_by
from xad_agent.profile_store import arrays_below

if TYPE_CHECKING:
    from xad_agent.detectors.vqunet import VquNet

HELD_OUT = 5
HEATS = ("mean", "sum")
_MOST_CLIPS, _MOST_FRAMES = 100, 5000


@dataclass(frozen=True)
class Part:
    """The first frames of a clip.

    Attributes:
        clip: The clip.
        count: How many of its frames.
    """

    clip: Clip
    count: int

    @property
    def name(self) -> str:
        """The clip's."""
        return self.clip.name

    def frames(self, start: int, stop: int, step: int) -> Iterator[np.ndarray]:
        """See `Clip.frames`."""
        return self.clip.frames(start, min(stop, self.count), step)


class Held(NamedTuple):
    """Frames that were kept from training: `start` to before `stop` of the clip of that number."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Foresight:
    """A trained VQU-Net and its errors in normal frames that were held out of the training.

    Attributes:
        network: Says each frame from the five before it.
        calibration: Of its `smoothed` frame scores, the highest of each stretch of five seconds.
        heat: Of the heat inside the boxes of normal things, see `heat_of_things`: its "mean" and its "sum"; empty where
            nothing was seen.
        trained, held: How many frames it was trained on, and how many were held out and judged.
    """

    network: "VquNet"
    calibration: Calibration
    heat: dict[str, Calibration]
    trained: int
    held: int

    @classmethod
    def fit(
        cls,
        clips: Sequence[Clip],
        seen: Sequence[Sightings],
        alpha: float,
        steps: int,
        seed: int = 0,
        checkpoint: Path | None = None,
        progress: bool = True,
    ) -> "Foresight":
        """Train on most of the normal clips, and judge the rest, see `split`.

        Args:
            clips: Normal ones.
            seen: What is seen in each.
            alpha: Share of false alarms that limits are set for.
            steps, seed, checkpoint, progress: See `VquNet.fit`.

        Raises:
            XadError: A clip is too short, or as `VquNet.fit`.
        """
        from tqdm import tqdm

        from xad_agent.detectors.vqunet import VquNet
        from xad_agent.detectors.vqunet.windows import MAX_FRAMES

        training, held = split(clips)
        network = VquNet.fit(training, steps=steps, seed=seed, checkpoint=checkpoint, progress=progress)
        parts = tqdm(held, desc="VQU-Net, held-out clips", unit="clip", disable=not progress)
        judged = [_judged(network, clips[part.number], seen[part.number], part) for part in parts]
        rates = [clips[part.number].fps for part in held]
        maxima = [stretch_maxima(smoothed(one.scores, fps), fps) for one, fps in zip(judged, rates, strict=True)]
        heat = np.concatenate([one.heat for one in judged])
        return cls(
            network,
            _calibrated(np.concatenate(maxima), alpha),
            {name: _calibrated(heat[:, n], alpha) for n, name in enumerate(HEATS) if len(heat)},
            min(sum(part.count for part in training), MAX_FRAMES),
            sum(len(one.scores) for one in judged),
        )

    def at(self, alpha: float) -> "Foresight":
        """The same network with limits for another share of false alarms."""
        heat = {name: of_things.at(alpha) for name, of_things in self.heat.items()}
        return replace(self, calibration=self.calibration.at(alpha), heat=heat)

    def summary(self) -> str:
        """One sentence for people."""
        return (
            f"VQU-Net was trained on {self.trained:,} frames; what its errors mean is known from {self.held:,} others, "
            f"{self.calibration.n} stretches, its limit is {self.calibration.threshold():.3g}."
        )

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Settings for JSON and arrays for safetensors; `from_state` makes it again."""
        settings, arrays = self.network.state()
        own = {"scores": self.calibration.scores} | {f"heat.{name}": one.scores for name, one in self.heat.items()}
        named = {f"network.{name}": array for name, array in arrays.items()}
        return {"network": settings, "trained": self.trained, "held": self.held}, own | named

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray], alpha: float) -> "Foresight":
        """What gave this state.

        Raises:
            KeyError, ValueError: Something is missing or has another shape.
        """
        from xad_agent.detectors.vqunet import VquNet

        network = VquNet.from_state(settings["network"], arrays_below("network.", arrays))
        heat = {name: _calibrated(arrays[f"heat.{name}"], alpha) for name in HEATS if f"heat.{name}" in arrays}
        return cls(network, _calibrated(arrays["scores"], alpha), heat, int(settings["trained"]), int(settings["held"]))


def split(clips: Sequence[Clip]) -> tuple[list[Part], list[Held]]:
    """What to train on, and what to hold out: every fifth clip or, of fewer, the last fifth of each one's frames.

    At most 100 clips are held out, and of them at most 5,000 frames, the first of each.

    Raises:
        XadError: A clip has too few frames, what is held out of it taken off.
    """
    from xad_agent.detectors.vqunet import Architecture
    from xad_agent.detectors.vqunet.windows import too_short

    few = len(clips) < HELD_OUT
    needed = Architecture().window + few
    if short := next((clip for clip in clips if clip.count < needed), None):
        raise too_short(short.name, short.count, needed)
    if few:
        training = [Part(clip, clip.count - clip.count // HELD_OUT) for clip in clips]
        held = [Held(number, part.count, part.clip.count) for number, part in enumerate(training)]
    else:
        numbers = range(HELD_OUT - 1, len(clips), HELD_OUT)[:_MOST_CLIPS]
        training = [Part(clip, clip.count) for number, clip in enumerate(clips) if number not in numbers]
        held = [Held(number, 0, clips[number].count) for number in numbers]
    most = _MOST_FRAMES // len(held)
    return training, [part._replace(stop=min(part.stop, part.start + most)) for part in held]


def errors(network: "VquNet", clip: Clip, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, AnomalyMap]]:
    """Number, map and score of each frame from `start` to before `stop` that five precede, one in memory at a time."""
    lead = network.lead
    first = max(start, lead)
    yield from enumerate(network.judge(clip.frames(first - lead, stop)), first)


def frame_scores(network: "VquNet", clip: Clip) -> np.ndarray:
    """The network's score of each frame, float32 (frames,); the first five take the next one's.

    A clip without a sixth frame scores 0.
    """
    scores = np.array([found.score for _, found in errors(network, clip)], np.float32)
    lead = clip.count - len(scores)
    return np.pad(scores, (lead, 0), "edge") if len(scores) else np.zeros(lead, np.float32)


def smoothed(scores: Sequence[float] | np.ndarray, fps: float) -> np.ndarray:
    """Scores of consecutive frames, float32 (frames,), smoothed as those of attributes are."""
    return np.asarray(gaussian_filter1d(np.array(scores, np.float32), SMOOTH_SECONDS * fps))


def heat_of_things(values: np.ndarray, seen: Sightings, rows: np.ndarray) -> np.ndarray:
    """The heat of a frame's map (H, W) inside the boxes of some sightings, float64 (rows, 2), see `HEATS`.

    The sum (section 3.4) is taken over the pixels of a person-sized box at that place, so that near and far compare. Of
    a box that has left the picture the pixels at the edge count.
    """
    from xad_agent.detectors.vqunet import heat_of_box

    low = np.clip(seen.box[rows, :2], 0, np.subtract(values.shape[::-1], 1))
    boxes = np.concatenate([low, np.maximum(seen.box[rows, 2:], low + 1)], axis=1)
    heats = np.array([heat_of_box(values, (x0, y0, x1, y1)) for x0, y0, x1, y1 in boxes.tolist()]).reshape(-1, 2)
    return np.stack([heats[:, 1], heats[:, 0] / body_area(seen.tall[rows])], axis=1)


class _Judged(NamedTuple):
    """Of some frames the scores (frames,), and of the things in them the heat (things, 2)."""

    scores: list[float]
    heat: np.ndarray


def _judged(network: "VquNet", clip: Clip, seen: Sightings, part: Held) -> _Judged:
    scores, heats, by_frame = [], [np.empty((0, len(HEATS)))], rows_by(seen.frame)
    for frame, found in errors(network, clip, part.start, part.stop):
        scores.append(found.score)
        heats.append(heat_of_things(found.values, seen, by_frame.get(frame, np.zeros(0, int))))
    return _Judged(scores, np.concatenate(heats))


def _calibrated(values: np.ndarray, alpha: float) -> Calibration:
    return Calibration.from_maps(values, [values], alpha)
