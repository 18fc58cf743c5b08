"""What the detector found in a clip, as the tracked and named objects that relations are read from."""

from collections.abc import Sequence

import numpy as np

from xad_agent.perception.relations import BodyScale, Observed, Triplet, relations
from xad_agent.perception.sightings import Sightings
from xad_agent.perception.tracks import Tracker

_SPAN_SECONDS = 0.4


def triplets_of(seen: Sightings, names: Sequence[str], usual: np.ndarray) -> list[Triplet]:
    """The relations between the objects of a clip, by frame; see `placed_triplets`."""
    return [triplet for triplet, _ in placed_triplets(seen, names, usual)]


def placed_triplets(
    seen: Sightings, names: Sequence[str], usual: np.ndarray
) -> list[tuple[Triplet, list[tuple[float, float, float, float]]]]:
    """The relations between the objects of a clip, by frame, each with the boxes of those that are seen in that frame.

    Args:
        seen: What was seen in the clip.
        names: The detector's classes.
        usual: float32 (classes,), what the detector says of normal things. Of the name it gives them most surely it is
            nothing special; any other is believed only above it.
    """
    if not len(seen) or not len(seen.object_frame):
        return []
    frames, numbers = observed(seen, names, usual)
    where = [{one.track: one.box for one in frame} for frame in frames]
    return [
        (
            Triplet(t.subject, t.predicate, t.object, int(numbers[t.frame]), t.tracks),
            [where[t.frame][track] for track in t.tracks if track in where[t.frame]],
        )
        for t in relations(frames, _rate(seen), _scale(seen))
    ]


def observed(seen: Sightings, names: Sequence[str], usual: np.ndarray) -> tuple[list[list[Observed]], np.ndarray]:
    """The named objects of each frame the detector looked at, and those frames' numbers.

    Things of different names may cover each other, as a rider does the bicycle: each name has its own tracks. Their
    velocity is that of the middle of the lower edge, over 0.4 s.
    """
    numbers = np.unique(seen.object_frame)
    labels = believed(seen.object_scores, usual)
    frames: list[list[Observed]] = [[] for _ in numbers]
    next_track = 1
    for label in np.unique(labels[labels >= 0]):
        tracker, tracks = Tracker(_rate(seen)), np.zeros(len(labels), int)
        for number in numbers:
            rows = np.flatnonzero((seen.object_frame == number) & (labels == label))
            tracks[rows] = tracker.update(seen.object_box[rows])
        for track in np.unique(tracks[tracks > 0]):
            rows = np.flatnonzero(tracks == track)
            velocities = _velocities(seen, rows)
            for row, velocity in zip(rows, velocities, strict=True):
                x0, y0, x1, y1 = (float(value) for value in seen.object_box[row])
                place = int(np.searchsorted(numbers, seen.object_frame[row]))
                frames[place].append(
                    Observed(next_track, names[label], (x0, y0, x1, y1), (float(velocity[0]), float(velocity[1])))
                )
            next_track += 1
    return frames, numbers


def believed(scores: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """What to call things by the detector's scores (N, classes), int (N,): the likeliest class believed, -1 for none.

    Args:
        scores: What the detector says of each.
        usual: See `placed_triplets`, which says what is believed.
    """
    if not len(scores):
        return np.zeros(0, int)
    least = np.where(usual >= usual.max(), 0.0, usual)
    surplus = np.where(scores > least, scores, -1.0)
    return np.where(surplus.max(axis=1) > 0, surplus.argmax(axis=1), -1)


def _velocities(seen: Sightings, rows: np.ndarray) -> np.ndarray:
    """Px a second of a track's rows, (rows, 2)."""
    feet = np.stack([seen.object_box[rows][:, [0, 2]].mean(axis=1), seen.object_box[rows, 3]], axis=1)
    seconds = seen.object_frame[rows] / seen.fps
    before = np.searchsorted(seconds, seconds - _SPAN_SECONDS)
    after = np.minimum(np.searchsorted(seconds, seconds + _SPAN_SECONDS, side="right"), len(rows)) - 1
    lasted = seconds[after] - seconds[before]
    moved = feet[after] - feet[before]
    return np.where(lasted[:, None] > 0, moved / np.maximum(lasted, 1e-6)[:, None], 0.0)


def _rate(seen: Sightings) -> float:
    """How many times a second the detector looked."""
    numbers = np.unique(seen.object_frame)
    return seen.fps / float(np.median(np.diff(numbers))) if len(numbers) > 1 else seen.fps


def _scale(seen: Sightings) -> BodyScale:
    """The body height by place that sightings were measured by."""
    feet, tall = seen.box[:, 3], seen.tall
    slope, offset = np.polyfit(feet, tall, 1) if len(feet) > 1 and np.ptp(feet) > 1 else (0.0, float(tall.mean()))
    return BodyScale(float(slope), float(offset), float(feet.min()), float(feet.max()))
