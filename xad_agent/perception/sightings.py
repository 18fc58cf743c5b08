"""`Sightings`: what stands and moves in each frame of a clip, tracked; all that clip detectors look at."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.media.clip import Clip
from xad_agent.media.scaling import resize, shape_within
from xad_agent.perception.background import Background, is_steady
from xad_agent.perception.flow import GAP, measure_flow
from xad_agent.perception.movers import Motion, Mover
from xad_agent.perception.perspective import Perspective
from xad_agent.perception.tracks import Tracker

if TYPE_CHECKING:
    from xad_agent.perception.objects import ObjectDetector

LOOKS_PER_SECOND = 12.5  # twelve looks a second follow anything that walks, rides or drives; more only cost time
LEAST_FPS = 4.0  # below this things jump from frame to frame, and neither flow nor tracks can be measured
SIDE = 480  # px, of the frames that motion is measured on
OBJECT_SCORE = 0.35
DETECT_EVERY = 2  # looks; in between, what was found is carried on by the flow, at half the cost
_INSIDE, _OVERLAP = 0.6, 0.3
_SAMPLES = 40
_LEAST_SIDE = 16


@dataclass(frozen=True, eq=False)
class Sightings:
    """A row for each thing in each frame looked at.

    Attributes:
        name: Of the clip.
        frames: How many frames the clip has.
        fps: Of the clip.
        step: Every so many-th frame was looked at.
        shape: Height and width of the clip, px.
        steady: Whether the camera stands still; else place means nothing, and speeds hold the camera's own motion.
        frame: int (N,).
        track: int (N,), from 1; 0 for what no track holds.
        box: float32 (N, 4), px of the clip.
        speed: float32 (N,), body heights a second; NaN where motion cannot be measured.
        velocity: float32 (N, 2), px a second, x to the right and y down; NaN likewise.
        gait: float32 (N,), see `Mover`; NaN for what stands.
        tall: float32 (N,), body height in px of a person whose feet are on the lower edge of the box.
        scores: float32 (N, classes), the detector's for what it sees there; 0 where it sees nothing.
        object_frame: int (M,), object_box float32 (M, 4), object_scores float32 (M, classes): what the detector found.
        notes: What could not be measured, and why.
    """

    name: str
    frames: int
    fps: float
    step: int
    shape: tuple[int, int]
    steady: bool
    frame: np.ndarray
    track: np.ndarray
    box: np.ndarray
    speed: np.ndarray
    velocity: np.ndarray
    gait: np.ndarray
    tall: np.ndarray
    scores: np.ndarray
    object_frame: np.ndarray
    object_box: np.ndarray
    object_scores: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def looks(self) -> np.ndarray:
        """int: the frames looked at."""
        return np.arange(0, self.frames, self.step)


@dataclass
class Eyes:
    """What a clip is looked at with.

    Attributes:
        objects: The object detector.
        perspective: Of the camera, at motion's working size.
        background: Likewise; None where the clip's own median has to do.
        tile: See `ObjectDetector.detect`, px of the clip.
    """

    objects: "ObjectDetector"
    perspective: Perspective
    background: Background | None
    tile: int | None


@dataclass
class _Rows:
    frame: list[int] = field(default_factory=list)
    track: list[int] = field(default_factory=list)
    box: list[np.ndarray] = field(default_factory=list)
    motion: list[tuple[float, float, float, float]] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)


def watch(clip: Clip, eyes: Eyes, progress: bool = False) -> Sightings:
    """Look at a clip once from start to end, in memory that does not grow with the size of its frames.

    Raises:
        XadError: The clip cannot be read any more.
    """
    from tqdm import tqdm

    step = look_step(clip.fps)
    moving = clip.fps / step >= LEAST_FPS and clip.count > step and min(working_shape(clip)) >= _LEAST_SIDE
    samples = greys(clip, _SAMPLES)
    steady = not moving or is_steady(_sample_flows(clip, step))
    background, notes = _choose_background(samples, eyes.background, steady, moving)
    rows, seen, tracker = _Rows(), _Rows(), Tracker(clip.fps / step)
    scale = _scale(clip)
    looks = tqdm(_looks(clip, step, moving), total=-(-clip.count // step), desc=clip.name, disable=not progress)
    boxes, scores = np.zeros((0, 4), np.float32), np.zeros((0, len(eyes.objects.names)), np.float32)
    for index, frame, grey, flow in looks:
        motion = None
        if flow is not None and background is not None:
            motion = Motion(flow, background.foreground(grey), eyes.perspective)
        if motion is None or index // step % DETECT_EVERY == 0:
            boxes, scores = _detect(eyes, frame)
            seen.frame += [index] * len(boxes)
            seen.box += list(boxes)
            seen.scores += list(scores)
        else:
            boxes = _moved(boxes, motion, scale)
        movers = motion.movers() if motion else []
        places = np.array([mover.box for mover in movers], np.float32).reshape(-1, 4) * np.float32(scale)
        named, taken = _name(places, boxes, scores)
        rest = [motion.of(box / scale) if motion else None for box in boxes[~taken]]
        at = np.concatenate([places, boxes[~taken]])
        rows.frame += [index] * len(at)
        rows.track += list(tracker.update(at))
        rows.box += list(at)
        rows.motion += [_motion(mover, scale, motion is not None) for mover in (*movers, *rest)]
        rows.scores += [*named, *scores[~taken]]
    return _sightings(clip, step, steady, eyes, rows, seen, notes)


def look_step(fps: float) -> int:
    """Every which frame is looked at."""
    return max(1, round(fps / LOOKS_PER_SECOND))


def greys(clip: Clip, most: int) -> list[np.ndarray]:
    """At most so many grey frames at motion's working size, evenly spread over the clip."""
    step = max(1, clip.count // most)
    return [_grey(frame) for frame in clip.frames(0, None, step)][:most]


def working_shape(clip: Clip) -> tuple[int, int]:
    """Height and width of motion's working size."""
    return shape_within((clip.height, clip.width), SIDE)


def _scale(clip: Clip) -> float:
    """Px of the clip a px of the working size."""
    return clip.width / working_shape(clip)[1]


def _grey(frame: np.ndarray) -> np.ndarray:
    import cv2

    return resize(np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)), shape_within(frame.shape, SIDE))


def _sample_flows(clip: Clip, step: int) -> list[np.ndarray]:
    """A few flows spread over the clip."""
    starts = np.unique(np.linspace(0, max(0, clip.count - 1 - step), 6).astype(int))
    flows = []
    for start in starts:
        pair = [_grey(frame) for frame in clip.frames(int(start), int(start) + step + 1, step)]
        if len(pair) == 2:
            flows.append(measure_flow(pair[0], pair[1], 1))
    return flows


def _choose_background(
    samples: list[np.ndarray], known: Background | None, steady: bool, moving: bool
) -> tuple[Background | None, list[str]]:
    """The camera's known background where the clip shows it, else the clip's own; and what to say of it."""
    if not moving:
        return None, ["too few frames a second to measure motion"]
    if not steady:
        return None, ["the camera moves: speed, place and background are not judged"]
    own = Background.learn(samples)
    if known is None:
        return own, []
    if known.matches(own.image):
        return known, []
    return own, ["the background is not that of the profile: another camera, view or light"]


def _looks(clip: Clip, step: int, moving: bool) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray | None]]:
    """Index, frame, grey frame and flow of each frame looked at; the first three look ahead, the others back."""
    recent: deque[tuple[int, np.ndarray, np.ndarray]] = deque(maxlen=GAP + 1)
    for place, frame in enumerate(clip.frames(0, None, step)):
        recent.append((place * step, frame, _grey(frame)))
        if not moving:
            yield (*recent[-1], None)
        elif place == GAP:
            for early in list(recent)[:-1]:
                yield (*early, measure_flow(recent[-1][2], early[2], (early[0] - recent[-1][0]) // step))
        if moving and place >= GAP:
            yield (*recent[-1], measure_flow(recent[0][2], recent[-1][2], GAP))
    if moving and len(recent) <= GAP:
        last = recent[-1]
        for early in recent:
            other, gap = (last, (early[0] - last[0]) // step) if early is not last else (recent[0], len(recent) - 1)
            yield (*early, measure_flow(other[2], early[2], gap) if gap else None)


def _detect(eyes: Eyes, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) and scores (N, classes) of what the detector is sure enough of."""
    found = eyes.objects.detect(frame, eyes.tile)
    kept = found.scores.max(axis=1, initial=0) >= OBJECT_SCORE
    return found.boxes[kept], found.scores[kept]


def _moved(boxes: np.ndarray, motion: Motion, scale: float) -> np.ndarray:
    """The boxes of the look before, each carried on by what moves in it."""
    movers = [motion.of(box / scale) for box in boxes]
    shifts = [np.tile(mover.velocity, 2) * scale if mover else np.zeros(4) for mover in movers]
    return boxes + np.array(shifts, np.float32).reshape(-1, 4)


def _motion(mover: Mover | None, scale: float, measured: bool) -> tuple[float, float, float, float]:
    """Speed in body heights a look, velocity in px of the clip a look, and gait."""
    if mover is None:
        return (0.0, 0.0, 0.0, np.nan) if measured else (np.nan, np.nan, np.nan, np.nan)
    return mover.speed, mover.velocity[0] * scale, mover.velocity[1] * scale, mover.gait


def _name(movers: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the detector says of each mover (its objects' highest scores), and which objects the movers explain.

    An object belongs to the mover that holds most of it, or shares most with it.
    """
    named = np.zeros((len(movers), scores.shape[1]), np.float32)
    taken = np.zeros(len(boxes), dtype=bool)
    if not len(movers):
        return named, taken
    inside, overlap = _shares(boxes, movers)
    for place, best in enumerate(inside.argmax(axis=1)):
        if inside[place, best] >= _INSIDE or overlap[place, best] >= _OVERLAP:
            taken[place] = True
            named[best] = np.maximum(named[best], scores[place])
    return named, taken


def _shares(boxes: np.ndarray, movers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each box inside each mover, and their IoU, (boxes, movers) each."""
    first, last = np.maximum(boxes[:, None, :2], movers[:, :2]), np.minimum(boxes[:, None, 2:], movers[:, 2:])
    shared = np.prod(np.clip(last - first, 0, None), axis=2)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)[:, None]
    others = np.prod(movers[:, 2:] - movers[:, :2], axis=1)
    return shared / np.maximum(areas, 1), shared / np.maximum(areas + others - shared, 1)


def _sightings(
    clip: Clip, step: int, steady: bool, eyes: Eyes, rows: _Rows, seen: _Rows, notes: list[str]
) -> Sightings:
    classes = len(eyes.objects.names)
    box = np.array(rows.box, np.float32).reshape(-1, 4)
    motion = np.array(rows.motion, np.float32).reshape(-1, 4)
    looks = np.float32(clip.fps / step)
    scale = _scale(clip)
    return Sightings(
        name=clip.name,
        frames=clip.count,
        fps=clip.fps,
        step=step,
        shape=(clip.height, clip.width),
        steady=steady,
        frame=np.array(rows.frame, int),
        track=np.array(rows.track, int),
        box=box,
        speed=motion[:, 0] * looks,
        velocity=motion[:, 1:3] * looks,
        gait=motion[:, 3],
        tall=(eyes.perspective.body_height(box[:, 3] / scale) * scale).astype(np.float32),
        scores=np.array(rows.scores, np.float32).reshape(-1, classes),
        object_frame=np.array(seen.frame, int),
        object_box=np.array(seen.box, np.float32).reshape(-1, 4),
        object_scores=np.array(seen.scores, np.float32).reshape(-1, classes),
        notes=tuple(notes),
    )
