"""Looking at a clip: which frames of it, at which size, and how what is in them moves."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from xad_agent.media.clip import Clip
from xad_agent.media.scaling import resize, shape_within
from xad_agent.perception.flow import GAP, measure_flow

LOOKS_PER_SECOND = 12.5  # twelve looks a second follow anything that walks, rides or drives; more only cost time
LEAST_FPS = 4.0  # below this things jump from frame to frame, and neither flow nor tracks can be measured
SIDE = 480  # px, of the frames that motion is measured on
_LEAST_SIDE = 16
_FLOWS = 6


@dataclass(frozen=True, eq=False)
class Look:
    """One look at a clip.

    Attributes:
        number: From 0; of the frame it is the number divided by the step.
        pixels: The frame, RGB uint8 (H, W, 3).
        grey: The frame in grey uint8 at the working size.
        flow: See `measure_flow`, px of the working size a look; None where it is not measured.
    """

    number: int
    pixels: np.ndarray
    grey: np.ndarray
    flow: np.ndarray | None = None


def look_step(fps: float) -> int:
    """Every which frame is looked at."""
    return max(1, round(fps / LOOKS_PER_SECOND))


def look_count(clip: Clip) -> int:
    """How many looks a clip gets, at least 1."""
    return -(-clip.count // look_step(clip.fps))


def working_shape(clip: Clip) -> tuple[int, int]:
    """Height and width of the working size, at which motion is measured."""
    return shape_within((clip.height, clip.width), SIDE)


def hindrance(frames: int, fps: float, shape: tuple[int, int]) -> str | None:
    """Why motion cannot be measured in a clip of so many frames, height and width; None where it can."""
    if fps / look_step(fps) < LEAST_FPS:
        return f"motion cannot be measured: fewer than {LEAST_FPS:g} frames a second"
    if frames <= look_step(fps):
        return "motion cannot be measured: the clip is too short"
    if min(shape_within(shape, SIDE)) < _LEAST_SIDE:
        return f"motion cannot be measured: the frames have fewer than {_LEAST_SIDE} px on a side"
    return None


def looks(clip: Clip, gap: int = GAP) -> Iterator[Look]:
    """Every look, with its flow over `gap` looks: the first look ahead, the others back; 0 measures none."""
    gap = min(gap, look_count(clip) - 1)
    recent = deque[Look](maxlen=gap + 1)
    for number, pixels in enumerate(clip.frames(0, None, look_step(clip.fps))):
        recent.append(Look(number, pixels, _grey(pixels)))
        if number == gap:
            yield from [_with_flow(early, recent[-1]) for early in list(recent)[:-1]]
        if number >= gap:
            yield _with_flow(recent[-1], recent[0])


def greys(clip: Clip, most: int) -> list[np.ndarray]:
    """At most so many grey frames at the working size, evenly spread over the clip."""
    return [_grey(frame) for frame in clip.frames(0, None, -(-clip.count // most))]


def sample_flows(clip: Clip) -> list[np.ndarray]:
    """A few flows from one look to the next, spread over a clip of at least two looks."""
    step = look_step(clip.fps)
    starts = np.unique(np.linspace(0, clip.count - 1 - step, _FLOWS).astype(int)).tolist()
    pairs = [[_grey(frame) for frame in clip.frames(start, start + step + 1, step)] for start in starts]
    return [measure_flow(earlier, later, 1) for earlier, later in pairs]


def _with_flow(look: Look, other: Look) -> Look:
    if look is other:
        return look
    return replace(look, flow=measure_flow(other.grey, look.grey, look.number - other.number))


def _grey(frame: np.ndarray) -> np.ndarray:
    import cv2

    return resize(np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)), shape_within(frame.shape, SIDE))
