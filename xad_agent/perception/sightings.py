"""`Sightings`: what stands and moves in each frame of a clip, tracked; all that clip detectors look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from xad_agent.media.clip import Clip
from xad_agent.perception.background import Background, is_steady
from xad_agent.perception.boxes import shares
from xad_agent.perception.eyes import Eyes
from xad_agent.perception.flow import GAP
from xad_agent.perception.looks import (
    Look,
    greys,
    hindrance,
    look_count,
    look_step,
    looks,
    sample_flows,
    working_shape,
)
from xad_agent.perception.movers import Motion, Mover
from xad_agent.perception.networks import Networks, Objects
from xad_agent.perception.tracks import Tracker
from xad_agent.progress import Progress, followed

Places = Mapping[int, Sequence[tuple[int, tuple[float, float, float, float]]]]
"""Frame -> the track, from 1, and the box x0 y0 x1 y1 in px of the clip of each thing that is known to be there."""

_INSIDE, _OVERLAP = 0.6, 0.3
_LASTING_SECONDS = 1.0  # what stands for less is noise of the background
_SAMPLES = 40
_CAMERA_MOVES = "the camera moves: speed, place and background are not judged"
_OTHER_VIEW = "the background is not that of the profile: another camera, view or light"


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
        appearance: float16 (N, D), see `Appearance`; NaN where it was not looked at.
        pose: float16 (N, joints, 2), how far right of the middle of the box and below its upper edge each joint is, in
            heights of the box; NaN likewise.
        interactions: float16 (N, predicates), see `interactions` in observing.py; NaN where they were not worked out.
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
    appearance: np.ndarray
    pose: np.ndarray
    interactions: np.ndarray
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

    @property
    def detections_per_second(self) -> float:
        """How many times a second the detector looked; 1 where it did so once."""
        numbers = np.unique(self.object_frame)
        return self.fps / float(np.median(np.diff(numbers))) if len(numbers) > 1 else 1.0

    @property
    def motion_known(self) -> bool:
        """Whether it could be measured how things move; else nothing that moves strangely would be noticed."""
        return self.steady and hindrance(self.frames, self.fps, self.shape) is None

    @property
    def other_view(self) -> bool:
        """Whether it shows something else than the camera's known background."""
        return _OTHER_VIEW in self.notes

    def only(self, kept: np.ndarray) -> "Sightings":
        """The rows where `kept`, bool (N,), is True; what the detector found stays."""
        return replace(self, **{name: getattr(self, name)[kept] for name in ROWS})

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """All but the arrays, for JSON, and the arrays; `from_state` makes the same of them."""
        arrays = {name: getattr(self, name) for name in (*ROWS, *FOUND)}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in arrays}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Sightings":
        """The sightings that gave this state.

        Raises:
            KeyError, TypeError, ValueError: Something is missing.
        """
        height, width = settings["shape"]
        own: dict[str, Any] = {name: arrays[name] for name in (*ROWS, *FOUND)}
        return cls(**(settings | own | {"shape": (int(height), int(width)), "notes": tuple(settings["notes"])}))


ROWS = (
    "frame", "track", "box", "speed", "velocity", "gait", "tall", "scores", "appearance", "pose", "interactions",
)  # fmt: skip
FOUND = ("object_frame", "object_box", "object_scores")
"""The arrays of `Sightings`: those with a row for each thing, and those with one for each object found."""


def rows_by(keys: np.ndarray) -> dict[int, np.ndarray]:
    """Each key, int, with the rows that have it, in their order; the least key first."""
    order = np.argsort(keys, kind="stable")
    found, starts = np.unique(keys[order], return_index=True)
    return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True)) if len(found) else {}


def watch(clip: Clip, eyes: Eyes, progress: Progress = False, places: Places | None = None) -> Sightings:
    """Look at a clip once from start to end; memory grows with what is seen, not with the frames.

    Args:
        clip: What to look at.
        eyes: What with.
        progress: Whether a bar is shown, on stderr, or who is told.
        places: Where things are, if that is known: these are measured then, and nothing else is looked for.

    Raises:
        XadError: The clip cannot be read any more.
    """
    hindered = hindrance(clip.count, clip.fps, (clip.height, clip.width))
    steady = hindered is not None or is_steady(sample_flows(clip))
    background, note = _choose_background(greys(clip, _SAMPLES), eyes.background) if steady else (None, _CAMERA_MOVES)
    measured = steady and hindered is None
    seen = followed(looks(clip, GAP if measured else 0), look_count(clip), clip.name, progress)
    with Networks(eyes, every_look=not measured) as networks:
        watcher = _Watcher(clip, eyes, background if measured else None, networks, places)
        for look, found in networks.detected(seen):
            watcher.see(look, found.result() if found else None)
        return watcher.sightings(steady, tuple(said for said in (hindered, note) if said))


def _choose_background(samples: list[np.ndarray], known: Background | None) -> tuple[Background, str | None]:
    """The camera's known background where the clip shows it, else the clip's own; and what to say of it."""
    own = Background.learn(samples)
    if known is None:
        return own, None
    if known.matches(own.image):
        return known, None
    return own, _OTHER_VIEW


class _Rows(NamedTuple):
    """The columns of `Sightings`, motion as (speed, x, y, gait) in body heights and px of the clip a look.

    `still` says which are there only because they stand before the background.
    """

    frame: np.ndarray
    track: np.ndarray
    box: np.ndarray
    scores: np.ndarray
    motion: np.ndarray
    still: np.ndarray


class _Watcher:
    """What has been seen of a clip so far; without a background no motion is measured."""

    def __init__(
        self, clip: Clip, eyes: Eyes, background: Background | None, networks: Networks, places: Places | None = None
    ):
        self._clip, self._background, self._networks, self._places = clip, background, networks, places
        self._step = look_step(clip.fps)
        self._perspective = eyes.perspective.resized(working_shape(clip))
        self._scale = clip.width / working_shape(clip)[1]  # px of the clip a px of the working size
        self._tracker = Tracker(clip.fps / self._step)
        self._rows: list[_Rows] = []
        self._found: list[tuple[int, Objects]] = []
        self._objects: Objects

    def see(self, look: Look, found: Objects | None) -> None:
        """The next look, with what the detector found in it, None where it did not look."""
        motion = None
        if look.flow is not None and self._background is not None:
            motion = Motion(look.flow, self._background.foreground(look.grey), self._perspective)
        if found is not None:
            self._objects = found
            self._found.append((look.number * self._step, found))
        elif motion is not None:
            self._objects = self._carried(self._objects, motion)
        things = self._things if self._places is None else self._placed
        self._rows.append(things(look, motion))

    def sightings(self, steady: bool, notes: tuple[str, ...]) -> Sightings:
        """All that was seen."""
        rows = _Rows(*map(np.concatenate, zip(*self._rows, strict=True)))
        found = Objects(*map(np.concatenate, zip(*(objects for _, objects in self._found), strict=True)))
        looked = [np.full(len(objects.box), frame) for frame, objects in self._found]
        described = self._networks.described()
        per_second = np.float32(self._clip.fps / self._step)
        seen = Sightings(
            name=self._clip.name,
            frames=self._clip.count,
            fps=self._clip.fps,
            step=self._step,
            shape=(self._clip.height, self._clip.width),
            steady=steady,
            frame=rows.frame,
            track=rows.track,
            box=rows.box,
            speed=rows.motion[:, 0] * per_second,
            velocity=rows.motion[:, 1:3] * per_second,
            gait=rows.motion[:, 3],
            tall=(self._perspective.body_height(rows.box[:, 3] / self._scale) * self._scale).astype(np.float32),
            scores=rows.scores,
            appearance=described.appearance,
            pose=described.pose,
            interactions=np.full((len(rows.box), 1), np.nan, np.float16),
            object_frame=np.concatenate(looked),
            object_box=found.box,
            object_scores=found.scores,
            notes=notes,
        )
        lasting = np.bincount(rows.track)[rows.track] >= _LASTING_SECONDS * self._clip.fps / self._step
        return seen.only(~rows.still | lasting)

    def _carried(self, objects: Objects, motion: Motion) -> Objects:
        """The objects of the look before, each carried on by what moves in it, but for those that leave the picture."""
        movers = [motion.of(box / self._scale) for box in objects.box]
        shifts = [np.tile(mover.velocity, 2) * self._scale if mover else np.zeros(4) for mover in movers]
        box = objects.box + np.array(shifts, np.float32).reshape(-1, 4)
        box = np.clip(box, 0, np.array([self._clip.width, self._clip.height] * 2, np.float32))
        return objects._replace(box=box).where(np.all(box[:, 2:] - box[:, :2] >= 1, axis=1))

    def _things(self, look: Look, motion: Motion | None) -> _Rows:
        """What moves, with the names of the objects in it, the other objects, and what else stands there."""
        movers = motion.movers() if motion else []
        places = self._boxes(movers)
        named, taken = _name(places, self._objects.box, self._objects.scores)
        rest = self._objects.where(~taken)
        others = [motion.of(box / self._scale) if motion else None for box in rest.box]
        box = np.concatenate([places, rest.box])
        still = self._still(motion, box) if motion else []
        box = np.concatenate([box, self._boxes(still)])
        self._networks.describe(look, box)
        return _Rows(
            frame=np.full(len(box), look.number * self._step),
            track=self._tracker.update(box),
            box=box,
            scores=np.concatenate([named, rest.scores, np.zeros((len(still), named.shape[1]), np.float32)]),
            motion=self._motions([*movers, *others, *still], motion is not None),
            still=np.arange(len(box)) >= len(box) - len(still),
        )

    def _placed(self, look: Look, motion: Motion | None) -> _Rows:
        """What is where things are known to be, with the names of the objects in it."""
        frame = look.number * self._step
        known = (self._places or {}).get(frame, ())
        box = np.array([place for _, place in known], np.float32).reshape(-1, 4)
        self._networks.describe(look, box)
        return _Rows(
            frame=np.full(len(box), frame),
            track=np.array([track for track, _ in known], int),
            box=box,
            scores=_name(box, self._objects.box, self._objects.scores)[0],
            motion=self._motions([motion.of(one / self._scale) if motion else None for one in box], motion is not None),
            still=np.zeros(len(box), dtype=bool),
        )

    def _still(self, motion: Motion, known: np.ndarray) -> list[Mover]:
        """What stands there and is no part of what is in boxes (N, 4), nor holds one of them."""
        parts = motion.standing()
        if not parts or not len(known):
            return parts
        boxes = self._boxes(parts)
        (within, _), (around, _) = shares(boxes, known), shares(known, boxes)
        free = (within.max(axis=1) < _OVERLAP) & (around.max(axis=0) < _OVERLAP)
        return [part for part, kept in zip(parts, free, strict=True) if kept]

    def _boxes(self, movers: list[Mover]) -> np.ndarray:
        """Their boxes in px of the clip, float32 (N, 4)."""
        return np.array([mover.box for mover in movers], np.float32).reshape(-1, 4) * np.float32(self._scale)

    def _motions(self, movers: list[Mover | None], measured: bool) -> np.ndarray:
        """See `_Rows`; where nothing moves 0, and NaN where that is not known."""
        still = (0.0, 0.0, 0.0, np.nan) if measured else (np.nan,) * 4
        rows = [(m.speed, *np.multiply(m.velocity, self._scale), m.gait) if m else still for m in movers]
        return np.array(rows, np.float32).reshape(-1, 4)


def _name(movers: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the detector says of each mover (its objects' highest scores), and which objects the movers explain.

    An object belongs to the mover that shares most with it, where that is most of the object or much of both.
    """
    named = np.zeros((len(movers), scores.shape[1]), np.float32)
    taken = np.zeros(len(boxes), dtype=bool)
    if not len(movers):
        return named, taken
    inside, overlap = shares(boxes, movers)
    for place, best in enumerate(inside.argmax(axis=1)):
        if inside[place, best] >= _INSIDE or overlap[place, best] >= _OVERLAP:
            taken[place] = True
            named[best] = np.maximum(named[best], scores[place])
    return named, taken
