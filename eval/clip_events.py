"""Events of clips: which stretches of time are found.

A true event is a maximal stretch of anomalous frames of a clip, a found one a maximal stretch of frames whose score is
above the limit that the detector has set itself on normal clips, not one chosen on these. A found event and a true one
may be matched where the frames that they share are at least a share (temporal IoU, 0.1 or 0.5) of those that either
has; each is matched at most once, and of all matchings one with the most matches is taken (Hungarian algorithm).
Precision is the share of found events matched, recall of true ones, F1 their harmonic mean, over all events of all
clips. A long event found in pieces therefore counts once, and its other pieces are false.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from xad_agent.eval.intervals import bootstrap_interval, proportion

IOUS = (0.1, 0.5)


class Events(NamedTuple):
    """The events of one clip: how many are true, how many are found, how many are matched at a share."""

    true: int
    found: int
    matched: int


def stretches(flags: np.ndarray) -> np.ndarray:
    """The maximal stretches of True, int64 (n, 2): first, and beyond the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def match_events(labels: np.ndarray, scores: np.ndarray, limit: float, iou: float) -> Events:
    """The events of a clip and how many match.

    Args:
        labels: Whether each frame is anomalous, bool (T,).
        scores: Of each frame, float (T,).
        limit: Above it a frame belongs to a found event.
        iou: What share of the frames of both must be shared, in (0, 1].
    """
    from scipy.optimize import linear_sum_assignment

    true, found = stretches(labels), stretches(scores > limit)
    shared = np.minimum.outer(true[:, 1], found[:, 1]) - np.maximum.outer(true[:, 0], found[:, 0])
    lengths = np.add.outer(np.diff(true).ravel(), np.diff(found).ravel())
    close = shared.clip(0) >= iou * (lengths - shared.clip(0)) - 1e-9
    return Events(len(true), len(found), int(close[linear_sum_assignment(close, maximize=True)].sum()))


def event_metrics(
    labels: Sequence[np.ndarray], scores: Sequence[np.ndarray], limits: Sequence[float], *, seed: int
) -> dict[str, Any]:
    """`event_f1_01` and `event_f1_05`, by IoU, with intervals by bootstrap over whole clips.

    Also `event_recall_01`, `event_precision_01` and so on, as `proportion` gives them. F1 is None without a true event.

    Args:
        labels: Of each clip, bool (T,).
        scores: Of each clip, float (T,).
        limits: Of each clip.
        seed: Of the bootstrap.
    """
    result: dict[str, Any] = {}
    for iou in IOUS:
        events = [match_events(*one, iou) for one in zip(labels, scores, limits, strict=True)]
        true, found, matched = (sum(column) for column in zip(*events, strict=True))
        key = f"{iou:g}".replace(".", "")
        ends = bootstrap_interval(_f1, np.array(events), seed=seed) if true else None
        result |= {
            f"event_f1_{key}": _f1(np.array(events)) if true else None,
            f"event_f1_{key}_interval": ends,
            f"event_recall_{key}": proportion(np.arange(true) < matched),
            f"event_precision_{key}": proportion(np.arange(found) < matched),
        }
    return result


def _f1(events: np.ndarray) -> float:
    """From (clips, 3) counts; NaN where none of the clips has a true event."""
    true, found, matched = events.sum(axis=0)
    return float(2 * matched / (true + found)) if true else math.nan
