"""What geometry and motion say of tracked objects: who rides, carries, follows or stands beside what, as triplets.

The predicates are data: prompts/relations.yaml says of each which measures must lie in which ranges, and what
it means. Here is only how each measure is taken, and how long a relation must hold.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.perception.boxes import feet
from xad_agent.perception.perspective import Perspective
from xad_agent.perception.zones import Polygon
from xad_agent.prompts import vocabulary

_STANDING = 0.05

_Key = tuple[str, int, int | str | None]


@dataclass(frozen=True)
class Observed:
    """One tracked object in one frame.

    Attributes:
        track: Which object it is, the same in every frame.
        name: What the detector calls it.
        box: x0 y0 x1 y1 in px.
        velocity: x y in px a second.
    """

    track: int
    name: str
    box: tuple[float, float, float, float]
    velocity: tuple[float, float]


@dataclass(frozen=True)
class Triplet:
    """One relation in one frame.

    Attributes:
        subject: Its name.
        predicate: As prompts/relations.yaml calls it, or as a text said it.
        object: Its name, or that of the zone; "" where the subject is alone.
        frame: Index of the frame.
        tracks: Of subject and object; of the subject alone where the object has none; none in a text.
    """

    subject: str
    predicate: str
    object: str = ""
    frame: int = 0
    tracks: tuple[int, ...] = ()

    @property
    def words(self) -> tuple[str, str, str]:
        """Subject, predicate and object."""
        return self.subject, self.predicate, self.object

    def __str__(self) -> str:
        return " ".join(self.words).rstrip()


def predicates() -> tuple[str, ...]:
    """Every relation of two objects and of one alone, in the order of the vocabulary."""
    rules = vocabulary("relations")
    return (*rules["pairs"], *rules["alone"])


def zone_predicates(zones: Iterable[str]) -> tuple[str, ...]:
    """The relation to each zone: "is inside flower bed"."""
    return tuple(f"{vocabulary('relations')['zone']} {zone}" for zone in zones)


def relations(
    frames: Sequence[Sequence[Observed]],
    fps: float,
    perspective: Perspective,
    zones: Mapping[str, Polygon] | None = None,
) -> list[Triplet]:
    """Every relation in every frame, once it held for as long as prompts/relations.yaml asks (mostly half a second).

    A track's name is the one it has most often.

    Args:
        frames: What was seen in each frame, in order; a track at most once in a frame.
        fps: Frames a second, above 0.
        perspective: Of those frames; the body height at each place is the unit of every threshold.
        zones: Places by name, each a polygon of x y in px.

    Returns:
        By frame; within a frame in the order of the vocabulary.

    Raises:
        XadError: fps is not above 0, or a zone has fewer than three corners.
    """
    if not fps > 0:
        raise XadError(f"{fps} frames a second cannot be: give the clip's frame rate")
    if small := next((name for name, polygon in (zones or {}).items() if len(polygon) < 3), None):
        raise XadError(f"the zone {small!r} has fewer than three corners: give a polygon")
    rules = vocabulary("relations")
    names = _names(frames)
    raw: dict[_Key, list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        for key in _found(frame, names, perspective, zones or {}, rules):
            raw[key].append(index)
    spans = {**rules["pairs"], **rules["alone"], rules["zone"]: {}}
    found = []
    for key, at in raw.items():
        seconds = spans[key[0]].get("seconds", rules["seconds"])
        held = _held(at, max(1, round(seconds * fps)), round(rules["bridge"] * fps))
        found += [_triplet(key, names, index) for index in held]
    order = list(spans)
    return sorted(found, key=lambda t: (t.frame, order.index(t.predicate), t.tracks))


def _names(frames: Sequence[Sequence[Observed]]) -> dict[int, str]:
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for frame in frames:
        for seen in frame:
            counts[seen.track][seen.name] += 1
    return {track: seen.most_common(1)[0][0] for track, seen in counts.items()}


def _triplet(key: _Key, names: Mapping[int, str], frame: int) -> Triplet:
    predicate, subject, other = key
    if isinstance(other, int):
        return Triplet(names[subject], predicate, names[other], frame, (subject, other))
    return Triplet(names[subject], predicate, other or "", frame, (subject,))


def _held(at: list[int], least: int, bridge: int) -> list[int]:
    """The frames of runs at least `least` long, interruptions of at most `bridge` frames filled."""
    runs: list[list[int]] = []
    for index in at:
        if runs and index - runs[-1][1] <= bridge + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return [index for first, last in runs if last - first + 1 >= least for index in range(first, last + 1)]


def _found(
    frame: Sequence[Observed],
    names: Mapping[int, str],
    perspective: Perspective,
    zones: Mapping[str, Polygon],
    rules: dict[str, Any],
) -> list[_Key]:
    """What holds in one frame: predicate, subject's track, and the object's track or zone."""
    if not frame:
        return []
    tracks = [seen.track for seen in frame]
    kinds = {kind: np.array([names[track] in known for track in tracks]) for kind, known in rules["kinds"].items()}
    kinds["any"] = np.ones(len(frame), bool)
    measured = _Measured(frame, kinds["person"], perspective)
    holds: dict[str, np.ndarray] = {}
    for predicate, rule in (rules["pairs"] | rules["alone"]).items():
        true = _any_of(kinds, rule["subject"])[:, None]
        if "object" in rule:
            true = true & _any_of(kinds, rule["object"]) & ~np.eye(len(frame), dtype=bool)
        for excluding in rule.get("unless", ()):
            true = true & ~holds[excluding].any(axis=1, keepdims=True)
        for name, (least, most) in rule["when"].items():
            values = MEASURES[name](measured)
            true = true & (values >= least) & (values <= most)
        holds[predicate] = true
    found: list[_Key] = []
    for predicate, true in holds.items():
        if predicate in rules["symmetric"]:
            true = true & true.T & np.less.outer(tracks, tracks)
        for i, j in np.argwhere(true):
            found.append((predicate, tracks[i], tracks[j] if predicate in rules["pairs"] else None))
    for zone, polygon in zones.items():
        found += [
            (rules["zone"], track, zone)
            for track, foot in zip(tracks, measured.feet, strict=True)
            if _inside(foot, polygon)
        ]
    return found


def _any_of(kinds: Mapping[str, np.ndarray], chosen: Sequence[str]) -> np.ndarray:
    return np.any([kinds[kind] for kind in chosen], axis=0)


def _inside(point: np.ndarray, polygon: Polygon) -> bool:
    import cv2

    corners = np.asarray(polygon, np.float32).reshape(-1, 1, 2)
    return cv2.pointPolygonTest(corners, (float(point[0]), float(point[1])), False) >= 0


class _Measured:
    """What the measures of one frame share. Subjects run along axis 0, objects along axis 1."""

    def __init__(self, frame: Sequence[Observed], person: np.ndarray, perspective: Perspective):
        self.person = person
        self.boxes = np.array([seen.box for seen in frame], float)
        velocity = np.array([seen.velocity for seen in frame], float)
        self.feet = feet(self.boxes)
        self.size = self.boxes[:, 2:] - self.boxes[:, :2]
        self.body = perspective.body_height(self.feet[:, 1])[:, None]
        self.velocity = velocity / self.body
        self.speed = np.linalg.norm(self.velocity, axis=1)
        # In one unit for both, so that the farther of two who walk together is not slower.
        self.relative = (velocity[None] - velocity[:, None]) / self.body[..., None]

    @cached_property
    def offset(self) -> np.ndarray:
        """From each foot to every other, in body heights of the first, (N, N, 2)."""
        return (self.feet[None] - self.feet[:, None]) / self.body[..., None]

    @cached_property
    def distance(self) -> np.ndarray:
        return np.linalg.norm(self.offset, axis=2)

    @cached_property
    def common(self) -> np.ndarray:
        """Width and height that two boxes have in common, negative where they are apart, in px, (N, N, 2)."""
        low = np.maximum(self.boxes[:, None, :2], self.boxes[None, :, :2])
        return np.minimum(self.boxes[:, None, 2:], self.boxes[None, :, 2:]) - low


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between vectors; NaN where one of them is (nearly) zero: what stands has no direction."""
    lengths = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    defined = (lengths[0] > _STANDING) & (lengths[1] > _STANDING)
    cosine = np.divide((a * b).sum(-1), lengths[0] * lengths[1], out=np.full(defined.shape, np.nan), where=defined)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def _closing(m: _Measured) -> np.ndarray:
    along = -(m.offset * m.relative).sum(-1)
    return np.divide(along, m.distance, out=np.zeros_like(along), where=m.distance > 0)


def _alone(m: _Measured) -> np.ndarray:
    others = np.where(m.person[None] & ~np.eye(len(m.person), dtype=bool), m.distance, np.inf)
    return others.min(axis=1, keepdims=True)


def _inside_share(m: _Measured) -> np.ndarray:
    return np.clip(m.common, 0, None).prod(-1) / np.maximum(m.size.prod(-1), 1)[None]


MEASURES: Mapping[str, Callable[[_Measured], np.ndarray]] = {
    "speed": lambda m: m.speed[:, None],
    "width": lambda m: (m.size[:, 0] / np.maximum(m.size[:, 1], 1))[:, None],
    "alone": _alone,
    "object speed": lambda m: m.speed[None],
    "difference": lambda m: np.linalg.norm(m.relative, axis=2),
    "turn": lambda m: _angle(m.velocity[:, None], m.velocity[None]),
    "heading": lambda m: _angle(m.velocity[:, None], m.offset),
    "distance": lambda m: m.distance,
    "closing": _closing,
    "gap": lambda m: np.linalg.norm(np.clip(-m.common, 0, None), axis=2) / m.body,
    "inside": _inside_share,
    "across": lambda m: m.common[..., 0] / np.maximum(np.minimum(m.size[:, None, 0], m.size[None, :, 0]), 1),
    "raised": lambda m: m.offset[..., 1],
    "lower": lambda m: (m.boxes[None][..., 1::2].mean(-1) - m.boxes[:, None][..., 1::2].mean(-1)) / m.body,
    "size": lambda m: m.size[None, :, 1] / m.body,
}
