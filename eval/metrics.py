"""Metrics of detection and place, exact for whole test sets in bounded memory.

Every pixel metric changes only where a threshold crosses the value of a defect pixel. So it is enough to count, picture
by picture, how many normal pixels lie between and at those values: nothing is binned, ties count as everywhere (half),
and memory grows with the defect pixels, not with all pixels.

Definitions that papers leave open:
    normal pixels: all pixels outside the masks, of defective and of good pictures;
    regions: connected components of a mask, corners included (8-connected), as in MVTec's own evaluation;
    None: a metric that is not defined on this set, because it has no defect or nothing normal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xad_agent.errors import XadError

FPR_LIMIT = 0.3

MapAndMask = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class PixelCounts:
    """How the pixels of some pictures lie around the levels of a test set.

    Attributes:
        levels: float32 (U,), ascending: the distinct values that defect pixels take in the whole test set.
        defect: int64 (U,): defect pixels of these pictures at each level.
        overlap: float64 (U,): the same, each pixel weighed by 1 / (pixels of its region).
        tied: int64 (U,): normal pixels at each level.
        between: int64 (U + 1,): normal pixels below the first level, between each two, and above the last.
        regions: True regions in these pictures.
    """

    levels: np.ndarray
    defect: np.ndarray
    overlap: np.ndarray
    tied: np.ndarray
    between: np.ndarray
    regions: int

    def __add__(self, other: "PixelCounts") -> "PixelCounts":
        """The counts of both sets of pictures; they must have the same levels."""
        if self.levels is not other.levels and not np.array_equal(self.levels, other.levels):
            raise ValueError("counts at different levels cannot be added")
        return PixelCounts(
            self.levels,
            self.defect + other.defect,
            self.overlap + other.overlap,
            self.tied + other.tied,
            self.between + other.between,
            self.regions + other.regions,
        )

    @property
    def defined(self) -> bool:
        """Whether there are both defect and normal pixels."""
        return bool(self.defect.any()) and self.normal > 0

    @property
    def normal(self) -> int:
        """Normal pixels in all."""
        return int(self.tied.sum() + self.between.sum())

    def false_positives(self) -> tuple[np.ndarray, np.ndarray]:
        """Normal pixels strictly above, and at or above, each level: two int64 arrays (U,)."""
        steps = self.between[1:] + self.tied
        at_or_above = np.cumsum(steps[::-1])[::-1]
        return at_or_above - self.tied, at_or_above


def defect_levels(pairs: Iterable[MapAndMask]) -> np.ndarray:
    """The distinct values of all defect pixels, float32 (U,) ascending.

    Args:
        pairs: Anomaly maps (H, W), larger is stranger, each with its mask (H, W); sizes may differ between pictures.

    Raises:
        XadError: A map and its mask differ in shape, or a map has values that are not finite.
    """
    found = [np.unique(_checked(values, mask)[mask]) for values, mask in pairs]
    return np.unique(np.concatenate([np.empty(0, np.float32), *found]))


def count_pixels(pairs: Iterable[MapAndMask], levels: np.ndarray) -> PixelCounts:
    """Count the pixels of some pictures around `levels`, which must hold every value of their defect pixels.

    One picture is in memory at a time when `pairs` is a generator.
    """
    size = len(levels)
    defect, tied, between = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size + 1, np.int64)
    overlap, regions = np.zeros(size), 0
    for values, mask in pairs:
        values = _checked(values, mask)
        weights, found = _region_weights(mask)
        places = np.searchsorted(levels, values[mask])
        np.add.at(defect, places, 1)
        np.add.at(overlap, places, weights)
        _count_normal(values[~mask], levels, tied, between)
        regions += found
    return PixelCounts(levels, defect, overlap, tied, between, regions)


def _checked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if values.shape != mask.shape:
        raise XadError(f"an anomaly map of shape {values.shape} has a mask of {mask.shape}; make them of one size")
    if not np.isfinite(values).all():
        raise XadError("an anomaly map has values that are not finite; the detector that made it is at fault")
    return values.astype(np.float32, copy=False)


def _region_weights(mask: np.ndarray) -> tuple[np.ndarray, int]:
    from scipy.ndimage import label

    labels, count = label(mask, structure=np.ones((3, 3)))
    inside = labels[mask]
    return 1.0 / np.bincount(inside, minlength=count + 1)[inside], int(count)


def _count_normal(values: np.ndarray, levels: np.ndarray, tied: np.ndarray, between: np.ndarray) -> None:
    values = np.sort(values)
    places = np.searchsorted(levels, values)  # sorted needles walk the haystack in order: ten times as fast
    at_level = np.zeros(len(values), bool)
    inner = places < len(levels)
    at_level[inner] = levels[places[inner]] == values[inner]
    for target, chosen in ((tied, places[at_level]), (between, places[~at_level])):
        starts = np.flatnonzero(np.diff(chosen, prepend=-1))
        target[chosen[starts]] += np.diff(starts, append=len(chosen))


def pixel_auroc(counts: PixelCounts) -> float | None:
    """Area under the pixels' ROC curve, 0 to 1: how often a defect pixel exceeds a normal one, ties counting half."""
    if not counts.defined:
        return None
    above, at_or_above = counts.false_positives()
    rank = 1 - (above + at_or_above) / (2 * counts.normal)
    return float(np.average(rank, weights=counts.defect))


def aupro(counts: PixelCounts, limit: float = FPR_LIMIT) -> float | None:
    """Area under the per-region-overlap curve up to a false-positive rate, divided by it, 0 to 1.

    The curve joins, for each threshold, the rate of normal pixels at or above it and the share of a region's pixels at
    or above it, averaged over all regions; it is cut exactly at `limit`, by linear interpolation. A defect pixel lifts
    the curve by 1 / (regions x pixels of its region) while the rate goes from that just above its value to that at it,
    so the area is a sum over defect pixels.

    Source: Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 2021, section 5.

    Args:
        counts: The pixels of all pictures, good ones included.
        limit: Highest false-positive rate, over the normal pixels of all pictures, in (0, 1].
    """
    if not counts.defined:
        return None
    above, at_or_above = (part / counts.normal for part in counts.false_positives())
    return float(area_to_limit(above, at_or_above, limit) @ counts.overlap / (counts.regions * limit))


def area_to_limit(above: np.ndarray, at_or_above: np.ndarray, limit: float) -> np.ndarray:
    """What each hit adds to the area under a curve of hits over a false-positive rate, cut at `limit`; float64 (U,).

    A hit lifts the curve by one, on a straight line while the rate goes from that of the false positives strictly above
    its score to that of those at or above it. Beyond its last point the curve stays where it is.

    Args:
        above: Rate of the false positives strictly above each hit's score, float64 (U,).
        at_or_above: The same with those at its score, float64 (U,).
        limit: Where the curve is cut, exactly, by linear interpolation.
    """
    inside = np.clip(limit - above, 0, None)
    rise = at_or_above - above
    cut = inside * np.divide(inside, 2 * rise, out=np.zeros_like(rise), where=rise > 0)
    return np.where(at_or_above <= limit, limit - (above + at_or_above) / 2, cut)


def pixel_average_precision(counts: PixelCounts) -> float | None:
    """Precision averaged over recall, as in sklearn: sum of (recall step) x (precision at that threshold), 0 to 1."""
    if not counts.defined:
        return None
    precision, _ = _precision_recall(counts)
    return float(np.average(precision, weights=counts.defect))


def pixel_max_f1(counts: PixelCounts) -> tuple[float, float] | None:
    """The best F1 score any one threshold reaches, 0 to 1, and that threshold (value at or above it = defect)."""
    if not counts.defined:
        return None
    precision, recall = _precision_recall(counts)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    best = int(np.argmax(f1))
    return float(f1[best]), float(counts.levels[best])


def _precision_recall(counts: PixelCounts) -> tuple[np.ndarray, np.ndarray]:
    _, false = counts.false_positives()
    true = np.cumsum(counts.defect[::-1])[::-1]
    return true / np.maximum(true + false, 1), true / true[0]


def image_metrics(normal: Sequence[float], defective: Sequence[float]) -> dict[str, float | None]:
    """AUROC, average precision and best F1 of the pictures' scores, 0 to 1; None when one of the two is empty."""
    if not len(normal) or not len(defective):
        return {"image_auroc": None, "image_ap": None, "image_max_f1": None}
    metrics = sklearn_metrics()
    truth = np.repeat([0, 1], [len(normal), len(defective)])
    scores = np.concatenate([normal, defective])
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    return {
        "image_auroc": float(metrics.roc_auc_score(truth, scores)),
        "image_ap": float(metrics.average_precision_score(truth, scores)),
        "image_max_f1": float(f1.max()),
    }


def sklearn_metrics() -> Any:
    """The module `sklearn.metrics`; XadError saying how to install it when it is missing."""
    try:
        import sklearn.metrics
    except ImportError as error:
        raise XadError('evaluation needs scikit-learn: pip install "xad-agent[eval]"') from error
    return sklearn.metrics


def auroc(normal: np.ndarray, defective: np.ndarray) -> float:
    """The image AUROC again, a thousand times as fast as sklearn's, for resampling; neither is empty."""
    ranked = np.sort(normal)
    below = np.searchsorted(ranked, defective, "left") + np.searchsorted(ranked, defective, "right")
    return float(below.mean() / (2 * len(ranked)))


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """The mean of those that are defined; None where none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    """Intersection over union of two boolean masks (H, W), 0 to 1; 0 when both are empty."""
    union = np.count_nonzero(found | true)
    return float(np.count_nonzero(found & true) / union) if union else 0.0
