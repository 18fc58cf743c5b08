"""What the detector found in a clip, as the tracked and named objects that relations are read from."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xad_agent.perception.boxes import SAME, feet, overlap
from xad_agent.perception.eyes import Eyes
from xad_agent.perception.relations import Observed, Triplet, predicates, relations, zone_predicates
from xad_agent.perception.sightings import Sightings, rows_by
from xad_agent.perception.tracks import Tracker

_SPAN_SECONDS = 0.4
_AROUND_SECONDS = 0.5


Placed = tuple[Triplet, list[tuple[float, float, float, float]]]


def triplets_of(seen: Sightings, eyes: Eyes, usual: np.ndarray) -> list[Triplet]:
    """The relations between the objects of a clip, by frame; see `placed_triplets`."""
    return [triplet for triplet, _ in placed_triplets(seen, eyes, usual)]


def placed_triplets(seen: Sightings, eyes: Eyes, usual: np.ndarray) -> list[Placed]:
    """The relations between the objects of a clip, by frame, each with the boxes of those that are seen in that frame.

    Args:
        seen: What was seen in the clip.
        eyes: What it was looked at with: the detector's classes, and the zones.
        usual: float32 (classes,), what the detector says of normal things. Of the name it gives them most surely it is
            nothing special; any other is believed only above it.
    """
    if not len(seen.object_frame) or not seen.motion_known:
        return []  # without motion most relations are guesses
    frames, numbers = observed(seen, eyes.objects.names, usual)
    height, width = seen.shape
    zones = {zone: [(x * width, y * height) for x, y in corners] for zone, corners in eyes.zones.items()}
    where = [{one.track: one.box for one in frame} for frame in frames]
    return [
        (
            Triplet(t.subject, t.predicate, t.object, int(numbers[t.frame]), t.tracks),
            [where[t.frame][track] for track in t.tracks if track in where[t.frame]],
        )
        for t in relations(frames, seen.detections_per_second, eyes.perspective.resized(seen.shape), zones)
    ]


def with_interactions(seen: Sightings, eyes: Eyes, placed: Sequence[Placed]) -> Sightings:
    """The same sightings, with `interactions`: which relations each thing stands in, as subject or as object.

    A column for each of `predicates()` and of `zone_predicates`: the share of the detector's looks within half a second
    on either side in which it does; NaN for what no track holds, and where motion is not known.

    Args:
        seen: What was seen in the clip.
        eyes: What it was looked at with.
        placed: Its `placed_triplets`.
    """
    names = (*predicates(), *zone_predicates(eyes.zones))
    columns = {predicate: column for column, predicate in enumerate(names)}
    holds = np.zeros((len(seen), len(columns)), np.float32)
    by_frame = rows_by(seen.frame)
    for triplet, boxes in placed:
        rows = by_frame.get(triplet.frame, np.zeros(0, int))
        for box in boxes:
            meant = overlap(np.array(box), seen.box[rows]) > SAME
            holds[rows[meant], columns[_column(triplet, eyes)]] = 1
    looked = np.isin(seen.frame, seen.object_frame)
    shares = np.full(holds.shape, np.nan, np.float16)
    for track, rows in rows_by(seen.track).items():
        if track and seen.motion_known:
            shares[rows] = _shares_around(seen.frame[rows], holds[rows], looked[rows], seen.fps)
    return replace(seen, interactions=shares)


def _column(triplet: Triplet, eyes: Eyes) -> str:
    return f"{triplet.predicate} {triplet.object}" if triplet.object in eyes.zones else triplet.predicate


def _shares_around(frames: np.ndarray, holds: np.ndarray, looked: np.ndarray, fps: float) -> np.ndarray:
    """Of each row of a track the share of looks around it in which each relation holds; NaN where there is no look."""
    sums = np.concatenate([np.zeros((1, holds.shape[1])), np.cumsum(holds, axis=0)])
    counts = np.concatenate([[0], np.cumsum(looked)])
    first = np.searchsorted(frames, frames - _AROUND_SECONDS * fps)
    last = np.searchsorted(frames, frames + _AROUND_SECONDS * fps, side="right")
    number = (counts[last] - counts[first])[:, None]
    return np.where(number > 0, (sums[last] - sums[first]) / np.maximum(number, 1), np.nan)


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
        for rows in _tracked(seen, np.flatnonzero(labels == label), numbers):
            velocities = _velocities(seen, rows)
            for row, velocity in zip(rows, velocities, strict=True):
                x0, y0, x1, y1 = (float(value) for value in seen.object_box[row])
                place = int(np.searchsorted(numbers, seen.object_frame[row]))
                frames[place].append(
                    Observed(next_track, names[label], (x0, y0, x1, y1), (float(velocity[0]), float(velocity[1])))
                )
            next_track += 1
    return frames, numbers


def _tracked(seen: Sightings, rows: np.ndarray, numbers: np.ndarray) -> list[np.ndarray]:
    """The rows of each track among some of the objects, in the order of time.

    Where none is seen for two seconds, in which every track ends, the tracker is spared the rest of the pause.
    """
    tracker, tracks = Tracker(seen.detections_per_second), np.zeros(len(rows), int)
    longest, before = round(2 * seen.detections_per_second) + 2, 0
    for number, places in rows_by(seen.object_frame[rows]).items():
        look = int(np.searchsorted(numbers, number))
        for _ in range(min(look - before - 1, longest)):
            tracker.update(np.empty((0, 4)))
        tracks[places] = tracker.update(seen.object_box[rows[places]])
        before = look
    return [rows[places] for track, places in rows_by(tracks).items() if track]


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
    stands = feet(seen.object_box[rows])
    seconds = seen.object_frame[rows] / seen.fps
    before = np.searchsorted(seconds, seconds - _SPAN_SECONDS)
    after = np.minimum(np.searchsorted(seconds, seconds + _SPAN_SECONDS, side="right"), len(rows)) - 1
    lasted = seconds[after] - seconds[before]
    moved = stands[after] - stands[before]
    return np.where(lasted[:, None] > 0, moved / np.maximum(lasted, 1e-6)[:, None], 0.0)
