"""`Eyes`: what the clips of one camera are looked at with, learned from its normal clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.media.clip import Clip
from xad_agent.perception.background import Background
from xad_agent.perception.looks import greys, working_shape
from xad_agent.perception.perspective import Perspective
from xad_agent.perception.zones import Polygon

if TYPE_CHECKING:
    from xad_agent.perception.appearance import Appearance
    from xad_agent.perception.objects import ObjectDetector
    from xad_agent.perception.pose import PoseEstimator

OBJECT_SCORE = 0.35
_LOOKS_FOR_PEOPLE = 60
_LOOKS_FOR_TILE = 8
_ENOUGH = 0.8
_PERSON = "person"
_SURE = 0.5


@dataclass
class Eyes:
    """What a clip is looked at with.

    Attributes:
        objects: The object detector.
        perspective: Of the camera, at motion's working size.
        background: Likewise; None where the clip's own median has to do.
        tile: See `ObjectDetector.detect`, px of the clip.
        appearance: Describes what things look like; None where nothing is to.
        pose: Finds joints; None likewise.
        zones: Places that the user named, see `read_zones`.
    """

    objects: "ObjectDetector"
    perspective: Perspective
    background: Background | None
    tile: int | None
    appearance: "Appearance | None" = None
    pose: "PoseEstimator | None" = None
    zones: Mapping[str, Polygon] = field(default_factory=dict)


def learn_eyes(clips: Sequence[Clip], objects: "ObjectDetector") -> Eyes:
    """Learn a camera's background, the tile that shows people best, and its perspective.

    Args:
        clips: Normal ones of one size.
        objects: The detector.
    """
    each = max(2, 120 // len(clips))
    background = Background.learn([frame for clip in clips for frame in greys(clip, each)])
    frames = _spread(clips, _LOOKS_FOR_PEOPLE)
    tile = _tile(frames[:: max(1, len(frames) // _LOOKS_FOR_TILE)], objects)
    height, width = working_shape(clips[0])
    people = np.concatenate([_people(frame, objects, tile) for frame in frames]) * (width / clips[0].width)
    return Eyes(objects, Perspective.fit((height, width), people), background, tile)


def _spread(clips: Sequence[Clip], most: int) -> list[np.ndarray]:
    """At most so many frames, spread over the clips."""
    each = max(1, most // len(clips))
    return [frame for clip in clips for frame in clip.frames(0, None, max(1, clip.count // each))][: 2 * most]


def _tile(frames: Sequence[np.ndarray], objects: "ObjectDetector") -> int | None:
    """The largest tile in which nearly all people are found who are found in any: small people need enlarging."""
    short = min(frames[0].shape[:2])
    tiles = [None, short, short // 2] if short >= 64 else [None]
    found = [sum(len(_people(frame, objects, tile)) for frame in frames) for tile in tiles]
    return tiles[next(i for i, count in enumerate(found) if count >= _ENOUGH * max(found))]


def _people(frame: np.ndarray, objects: "ObjectDetector", tile: int | None) -> np.ndarray:
    """Boxes (N, 4) of people seen whole and surely."""
    found = objects.detect(frame, tile)
    height, width = frame.shape[:2]
    sure = found.scores[:, found.names.index(_PERSON)] >= max(_SURE, OBJECT_SCORE)
    x0, y0, x1, y1 = found.boxes.T
    return np.asarray(found.boxes[sure & (x0 > 2) & (y0 > 2) & (x1 < width - 2) & (y1 < height - 2)])
