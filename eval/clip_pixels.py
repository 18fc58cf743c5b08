"""Pixel metrics of clips, exact for billions of pixels: what a clip's regions paint is piecewise constant.

Each pixel has the highest score of the regions that cover its centre; pixels that no region covers tie below all of
them. So it is enough to know, of each region, over how many normal and anomalous pixels its score is the highest.

Definitions that papers leave open:
    pixel AUC: area under the ROC curve of all pixels of all frames, ties counting half.
    pixel AUC, UCSD: Mahadevan et al., CVPR 2010 (Li et al., PAMI 2014, section 6): an anomalous frame is found where at
        least 40 % of its truly anomalous pixels are detected; a normal frame is a false alarm where any pixel is. The
        area under the curve of frames found over false alarms, level scores coming in together. Anomalous frames of
        which the regions never cover 40 %, and normal ones without a region, come last, all together, so the curve ends
        on a straight line to (1, 1), as where a threshold below all scores takes the whole picture.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from xad_agent.eval.clip_tracks import Patch
from xad_agent.eval.intervals import COARSE_LEVELS, Interval, bootstrap_interval

SHARE = 0.4


@dataclass(frozen=True)
class Painted:
    """How the regions of a clip, or of several, paint the pixels of their frames.

    Attributes:
        scores: float64 (N,): of each region, and -inf for what none covers.
        normal: int64 (N,): over how many normal pixels it is the highest.
        anomalous: int64 (N,): over how many anomalous pixels.
        reached: float64 (A,): of each anomalous frame, the highest score down to which 40 % of its anomalous pixels are
            covered; -inf where they never are.
        highest: float64 (F,): of each normal frame, the highest score of a region that covers a pixel; -inf for none.
    """

    scores: np.ndarray
    normal: np.ndarray
    anomalous: np.ndarray
    reached: np.ndarray
    highest: np.ndarray


def paint(patches: Iterable[Patch | None], detections: np.ndarray, shape: tuple[int, int]) -> Painted:
    """Paint the frames of a clip.

    Args:
        patches: Where each frame is anomalous, in order.
        detections: Regions found, float64 (N, 6), as `match` takes them and has checked them.
        shape: Height and width of the frames, px.
    """
    order = np.lexsort((detections[:, 5], detections[:, 0]))
    frames, boxes = detections[order, 0], _covered(detections[order, 1:5], shape)
    scores = detections[order, 5]
    normal, anomalous = np.zeros(len(scores), np.int64), np.zeros(len(scores), np.int64)
    bare, reached, highest = np.zeros(2, np.int64), [], []
    for frame, patch in enumerate(patches):
        own = slice(*np.searchsorted(frames, [frame, frame + 1]))
        seen = _visible(boxes[own], shape)
        true = _true_of(boxes[own], patch) if patch else np.zeros_like(seen)
        normal[own], anomalous[own] = (seen - true)[1:], true[1:]
        bare += seen[0] - true[0], true[0]
        if patch:
            reached.append(_reached(true, scores[own]))
        else:
            highest.append(max(scores[own][seen[1:] > 0], default=-math.inf))
    return Painted(
        np.append(scores, -math.inf),
        np.append(normal, bare[0]),
        np.append(anomalous, bare[1]),
        np.array(reached, float),
        np.array(highest, float),
    )


def _covered(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose centres lie in boxes, cut to the frame: first and beyond last, int64 (N, 4)."""
    size = np.array([shape[1], shape[0]] * 2)
    return np.clip(np.ceil(boxes - 0.5), 0, size).astype(np.int64)


def _visible(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels that no box covers, and those of each box that no later one covers: int64 (1 + N,).

    It is enough to paint the cells between the boxes' edges, far fewer than pixels.
    """
    columns, rows = (
        np.unique([0, shape[1], *boxes[:, [0, 2]].ravel()]),
        np.unique([0, shape[0], *boxes[:, [1, 3]].ravel()]),
    )
    places = np.searchsorted(columns, boxes[:, [0, 2]]), np.searchsorted(rows, boxes[:, [1, 3]])
    owner = np.zeros((len(rows) - 1, len(columns) - 1), np.int64)
    for number, ((x0, x1), (y0, y1)) in enumerate(zip(*(place.tolist() for place in places), strict=True), 1):
        owner[y0:y1, x0:x1] = number
    areas = np.multiply.outer(np.diff(rows), np.diff(columns))
    return np.bincount(owner.ravel(), areas.ravel(), 1 + len(boxes)).astype(np.int64)


def _true_of(boxes: np.ndarray, patch: Patch) -> np.ndarray:
    """The same of the anomalous pixels of a patch alone."""
    height, width = patch.mask.shape
    inside = np.clip(boxes - [patch.x, patch.y] * 2, 0, [width, height] * 2).tolist()
    owner = np.zeros((height, width), np.int64)
    for number, (x0, y0, x1, y1) in enumerate(inside, 1):
        owner[y0:y1, x0:x1] = number
    return np.bincount(owner[patch.mask], minlength=1 + len(boxes))


def _reached(true: np.ndarray, scores: np.ndarray) -> float:
    """The score down to which enough of a frame's anomalous pixels are covered; scores ascend as in `true[1:]`."""
    from_above = np.cumsum(true[:0:-1])[::-1]
    enough = np.flatnonzero(from_above >= SHARE * true.sum() - 1e-9)
    return float(scores[enough[-1]]) if len(enough) else -math.inf


def pixel_auc(clips: Sequence[Painted]) -> float | None:
    """The pixel AUC, 0 to 1; None where there are no anomalous or no normal pixels."""
    scores, normal, anomalous = (
        np.concatenate([getattr(clip, name) for clip in clips]) for name in ("scores", "normal", "anomalous")
    )
    levels, place = np.unique(scores, return_inverse=True)
    return _defined(_auc(*(np.bincount(place, weights, len(levels)) for weights in (normal, anomalous))))


def pixel_auc_ucsd(clips: Sequence[Painted]) -> float | None:
    """The AUC by UCSD's criterion, 0 to 1; None where there are no anomalous or no normal frames."""
    return _defined(_frames_auc(clips)(np.arange(len(clips))))


def pixel_intervals(clips: Sequence[Painted], *, seed: int) -> dict[str, Interval]:
    """The bootstrap intervals of `pixel_auc` and `pixel_auc_ucsd`, whole clips being resampled.

    For the former scores are lowered to the next of 1024 quantiles of those over anomalous pixels; good enough for an
    interval, the metric itself is exact.
    """
    drawn = np.arange(len(clips))
    statistics = {"pixel_auc": _coarse_auc(clips), "pixel_auc_ucsd": _frames_auc(clips)}
    return {name: bootstrap_interval(statistic, drawn, seed=seed) for name, statistic in statistics.items()}


class _Counts:
    """Normal and anomalous weights of each clip at common levels, (clips, levels) each; the AUC of clips drawn."""

    def __init__(self, rows: Sequence[tuple[np.ndarray, ...]]):
        self.normal, self.anomalous = (np.array([row[kind] for row in rows], float) for kind in (0, 1))

    def __call__(self, drawn: np.ndarray) -> float:
        times = np.bincount(drawn, minlength=len(self.normal)).astype(float)
        return _auc(times @ self.normal, times @ self.anomalous)


def _coarse_auc(clips: Sequence[Painted]) -> _Counts:
    over = np.concatenate([clip.scores[np.isfinite(clip.scores) & (clip.anomalous > 0)] for clip in clips])
    steps = np.quantile(over, np.linspace(0, 1, min(len(over), COARSE_LEVELS))) if len(over) else over
    rows = []
    for clip in clips:
        place = np.where(np.isfinite(clip.scores), 1 + np.searchsorted(steps, clip.scores, "right"), 0)
        rows.append(tuple(np.bincount(place, weights, len(steps) + 2) for weights in (clip.normal, clip.anomalous)))
    return _Counts(rows)


def _frames_auc(clips: Sequence[Painted]) -> _Counts:
    levels = np.unique(np.concatenate([part for clip in clips for part in (clip.reached, clip.highest)]))
    return _Counts(
        [
            tuple(
                np.bincount(np.searchsorted(levels, part), minlength=len(levels)) for part in (one.highest, one.reached)
            )
            for one in clips
        ]
    )


def _auc(normal: np.ndarray, anomalous: np.ndarray) -> float:
    """How often an anomalous one exceeds a normal one, from their weights at ascending levels; NaN where undefined."""
    pairs = normal.sum() * anomalous.sum()
    below = np.cumsum(normal) - normal / 2
    return float(anomalous @ below / pairs) if pairs else math.nan


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
