"""Exemplars: a few normal things that between them show what is normal at every place, each over a moment of time.

Beside them `views`: a few whole frames.

After EVAL (Singh, Jones and Learned-Miller 2023): video volumes chosen greedily so that every other one is near to one
of them, told apart by how they move and look; an anomaly is shown beside the nearest one of the same place.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xad_agent.detectors.attributes import Usual, place
from xad_agent.media import Clip, Picture, read_picture
from xad_agent.media.clip import spread
from xad_agent.media.figure import in_a_row
from xad_agent.perception.boxes import feet
from xad_agent.perception.sightings import Sightings

MOST = 120
VIEWS = 8
REACH = 1.5  # body heights; what is farther away is at another place
_MOMENTS = (-0.4, 0.0, 0.4)  # seconds
_SHOWN = 2.0  # body heights, at least; of the square around a thing
_SIDE = 120  # px


class Exemplar(NamedTuple):
    """A normal thing: the number of its clip, its row in that clip's sightings, and what it looked like (`strip`)."""

    clip: int
    row: int
    shown: Picture


class Likeness(NamedTuple):
    """A normal thing beside another.

    Attributes:
        exemplar: The normal one.
        away: How far its place is from the other's, body heights.
        motion: Length of the difference of their velocities, in units of the fastest normal ones (99.9 %).
        looks: Distance of their appearances, in units of the strangest normal ones; 0 where one is not known.
    """

    exemplar: Exemplar
    away: float
    motion: float
    looks: float


def choose(normal: Sequence[Sightings], usual: dict[str, Usual], seed: int) -> list[tuple[int, int]]:
    """At most 120 sightings, by clip and row: half of them cover all others, half are drawn at random."""
    import torch

    from xad_agent.detectors.neighbours import greedy_coreset

    comparable = [_comparable(seen) for seen in normal]
    rows = [(clip, row) for clip, own in enumerate(comparable) for row in own.tolist()]
    if len(rows) <= MOST:
        return rows
    points = np.concatenate([_volumes(seen, usual, own) for seen, own in zip(normal, comparable, strict=True)])
    covering = greedy_coreset(torch.from_numpy(points.astype(np.float32)), MOST // 2, seed).tolist()
    others = np.setdiff1d(np.arange(len(rows)), covering)
    drawn = np.random.default_rng(seed).choice(others, MOST - len(covering), replace=False).tolist()
    return [rows[place] for place in sorted([*covering, *drawn])]


def nearest(
    exemplars: Sequence[Exemplar],
    normal: Sequence[Sightings],
    usual: dict[str, Usual],
    seen: Sightings,
    rows: np.ndarray,
) -> Likeness | None:
    """The most similar exemplar within 1.5 body heights of a thing or, where there is none, the one nearest to it.

    Args:
        exemplars: Of the normal clips.
        normal: Their sightings.
        usual: See `AttributeDetector`.
        seen: The sightings of the clip that shows the thing.
        rows: The thing's; its place is that of the middle one.

    Returns:
        None where there is no exemplar.
    """
    middle = rows[len(rows) // 2]
    velocity, looks = map(_median, _motion_and_looks(seen, usual, rows))
    here, tall = feet(seen.box[middle]) / seen.shape[::-1], float(seen.tall[middle])
    found = []
    for exemplar in exemplars:
        theirs = normal[exemplar.clip]
        there = feet(theirs.box[exemplar.row]) / theirs.shape[::-1]
        motion, look = (part[0] for part in _motion_and_looks(theirs, usual, np.array([exemplar.row])))
        away = float(np.linalg.norm((there - here) * seen.shape[::-1])) / tall
        apart = (np.linalg.norm(motion - velocity), np.linalg.norm(look - looks) if len(look) == len(looks) else 0.0)
        found.append(Likeness(exemplar, away, *(float(np.nan_to_num(value)) for value in apart)))
    near = [one for one in found if one.away <= REACH]
    if near:
        return min(near, key=lambda one: np.hypot(one.motion, one.looks))
    return min(found, key=lambda one: one.away, default=None)


def strip(clip: Clip, seen: Sightings, row: int) -> Picture:
    """What is around a thing 0.4 s before, at and 0.4 s after a sighting of it, side by side."""
    x0, y0, x1, y1 = seen.box[row]
    side = max(x1 - x0, y1 - y0, _SHOWN * float(seen.tall[row]))
    x, y = (x0 + x1) / 2 - side / 2, (y0 + y1) / 2 - side / 2
    frames = [min(max(round(seen.frame[row] + moment * seen.fps), 0), clip.count - 1) for moment in _MOMENTS]
    cuts = [_cut(clip.frame(int(frame)).pixels, x, y, side) for frame in frames]
    return read_picture(in_a_row(cuts, _SIDE), name=f"{seen.name}, {clip.time(int(seen.frame[row])):.1f} s")


def views(clips: Sequence[Clip]) -> list[Picture]:
    """Eight whole frames, evenly over all clips as if they were one; all frames where there are fewer."""
    ends = np.cumsum([clip.count for clip in clips])
    found = []
    for frame in spread(int(ends[-1]), VIEWS):
        clip = int(np.searchsorted(ends, frame, side="right"))
        found.append(clips[clip].frame(frame - int(ends[clip]) + clips[clip].count))
    return found


def _comparable(seen: Sightings) -> np.ndarray:
    """The rows of tracks whose motion is known and, where appearances are known at all, whose appearance is."""
    kept = (seen.track > 0) & ~np.isnan(seen.speed)
    looked = ~np.isnan(seen.appearance).any(axis=1)
    return np.flatnonzero(kept & looked if looked.any() else kept)


def _volumes(seen: Sightings, usual: dict[str, Usual], rows: np.ndarray) -> np.ndarray:
    """Place, motion and looks of some rows, (rows, 4 + D), in units at which they are about as different."""
    return np.nan_to_num(np.concatenate([place(seen)[rows] / REACH, *_motion_and_looks(seen, usual, rows)], axis=1))


def _motion_and_looks(seen: Sightings, usual: dict[str, Usual], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Velocity (rows, 2) and appearance (rows, D) of some rows, in units of what normal ones reach."""
    velocity = seen.velocity[rows] / seen.tall[rows, None] / max(usual["speed"].far, 1e-6)
    return velocity, seen.appearance[rows].astype(np.float64) / max(usual["appearance"].far, 1e-6)


def _median(rows: np.ndarray) -> np.ndarray:
    """The median of the rows that are known, NaN where none is."""
    known = rows[~np.isnan(rows).any(axis=1)]
    return np.asarray(np.median(known, axis=0)) if len(known) else np.full(rows.shape[1], np.nan)


def _cut(pixels: np.ndarray, x: float, y: float, side: float) -> np.ndarray:
    """The square at x y of a frame, as far as it reaches."""
    height, width = pixels.shape[:2]
    left, top = int(np.clip(x, 0, width - 1)), int(np.clip(y, 0, height - 1))
    right, bottom = int(np.clip(np.ceil(x + side), left + 1, width)), int(np.clip(np.ceil(y + side), top + 1, height))
    return pixels[top:bottom, left:right]
