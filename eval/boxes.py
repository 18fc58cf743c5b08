"""Boxes: drawn around what a map marks, and measured against true ones.

A found box is right where its IoU with a true box that no better one has taken is above 0.33; boxes are taken by their
confidence, highest first. Names are not asked for. Precision, recall and F-score are at a limit on the confidence;
average precision is over all limits: the mean, over the true boxes, of the precision at the confidence of the box that
found it, 0 where none did.

Source: the README of DeepPCB (Tang et al., 2019), whose own figures ask for the right type as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xad_agent.perception.boxes import shares

IOU = 0.33
_JOIN_SHARE = 0.003  # of the longer side: what is not farther apart than twice this is one place
_MARGIN_SHARE = 0.008  # of the longer side: how far boxes are drawn around what they mark, as DeepPCB's are


@dataclass(frozen=True, eq=False)
class Matched:
    """The found boxes of one picture beside its true ones.

    Attributes:
        confidence: Of the found boxes, float64 (N,).
        right: Which of them are, bool (N,).
        found_at: Of each true box the confidence of the box that found it, float64 (M,); -inf where none did.
    """

    confidence: np.ndarray
    right: np.ndarray
    found_at: np.ndarray


def boxes_above(values: np.ndarray, level: float) -> np.ndarray:
    """A box around each place where a map is above a level, with the map's maximum there for a confidence.

    Args:
        values: (H, W).
        level: In the map's unit.

    Returns:
        float64 (N, 5): x0 y0 x1 y1 within the picture, x1 and y1 exclusive, and the confidence.
    """
    import cv2
    from scipy.ndimage import find_objects, maximum

    height, width = values.shape
    side = max(height, width)
    reach, margin = round(_JOIN_SHARE * side), round(_MARGIN_SHARE * side)
    above = (values > level).astype(np.uint8)
    count, labels = cv2.connectedComponents(cv2.dilate(above, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)))
    labels *= above
    places = [(x.start - margin, y.start - margin, x.stop + margin, y.stop + margin) for y, x in find_objects(labels)]
    if not places:
        return np.zeros((0, 5))
    boxes = np.clip(np.array(places, float), 0, [width, height, width, height])
    return np.column_stack([boxes, maximum(values, labels, np.arange(1, count))])


def match(found: np.ndarray, true: np.ndarray, iou: float = IOU) -> Matched:
    """Find which boxes are right.

    Args:
        found: (N, 5), as `boxes_above` gives them.
        true: (M, 4).
        iou: Above which a found box is of the same place as a true one.
    """
    right, found_at = np.zeros(len(found), bool), np.full(len(true), -np.inf)
    if len(found) and len(true):
        _, ious = shares(found[:, :4], true)
        for place in np.argsort(-found[:, 4], kind="stable"):
            free = np.where(np.isinf(found_at), ious[place], 0.0)
            best = int(free.argmax())
            if free[best] > iou:
                right[place], found_at[best] = True, found[place, 4]
    return Matched(found[:, 4], right, found_at)


def average_precision(pictures: Sequence[Matched]) -> float | None:
    """Average precision of all pictures' boxes together, 0 to 1; None where there is no true box."""
    confidence, right, count = _gathered(pictures)
    if not count:
        return None
    precision, _ = _curve(confidence, right, count)
    return float(precision[right].sum() / count)


def best_f_score(pictures: Sequence[Matched]) -> tuple[float, float] | None:
    """The best F-score that any one limit on the confidence reaches, and the confidence from which boxes count then.

    None where there is no true box, or no box is found.
    """
    confidence, right, count = _gathered(pictures)
    if not count or not len(confidence):
        return None
    precision, recall = _curve(confidence, right, count)
    scores = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    best = int(scores.argmax())
    return float(scores[best]), float(confidence[best])


def precision_and_recall(pictures: Sequence[Matched]) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall where boxes of at least each confidence count, highest first: two float64 (N,)."""
    confidence, right, count = _gathered(pictures)
    order = np.argsort(-confidence, kind="stable")
    precision, recall = _curve(confidence, right, max(count, 1))
    return precision[order], recall[order]


def f_score(precise: float | None, recalled: float | None) -> float | None:
    """The harmonic mean of precision and recall; 0 where nothing is right, None where recall is not defined."""
    if recalled is None:
        return None
    total = (precise or 0.0) + recalled
    return 2 * (precise or 0.0) * recalled / total if total else 0.0


def _gathered(pictures: Sequence[Matched]) -> tuple[np.ndarray, np.ndarray, int]:
    confidence = np.concatenate([np.empty(0), *(one.confidence for one in pictures)])
    right = np.concatenate([np.empty(0, bool), *(one.right for one in pictures)])
    return confidence, right, sum(len(one.found_at) for one in pictures)


def _curve(confidence: np.ndarray, right: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall where boxes of at least the confidence of each count, (N,) each; ties count together."""
    ordered = np.sort(confidence)
    taken = len(ordered) - np.searchsorted(ordered, confidence, side="left")
    hits = np.sort(confidence[right])
    correct = len(hits) - np.searchsorted(hits, confidence, side="left")
    return correct / np.maximum(taken, 1), correct / count
