"""What a score means: its threshold, its p-value, and a fixed colour scale, from scores of unseen normal media."""

import math
from collections.abc import Sequence

import numpy as np

_LEVEL_QUANTILE = 0.995


class Calibration:
    """Scores of normal media, each scored as if it had not been seen.

    Thresholds and p-values are conformal (Vovk et al. 2005): where the next normal picture is exchangeable with these,
    its score exceeds `threshold(alpha)` with probability at most alpha, and its p-value is at most alpha as rarely.

    Args:
        scores: At least one, finite.
        level: The map's value above which a pixel counts as anomalous.
        floor: The map's usual value on normal media; the lower end of the display.
        alpha: Share of false alarms that `threshold` is set for, in (0, 1).

    Attributes:
        scores: float64 (n,), ascending.
        n: How many there are.

    Example:
        >>> Calibration([1.0, 2.0, 3.0], level=2.5, alpha=0.25).threshold()
        3.0
    """

    def __init__(self, scores: Sequence[float] | np.ndarray, level: float, floor: float = 0.0, alpha: float = 0.01):
        self.scores = np.sort(np.asarray(scores, dtype=np.float64))
        if not 0 < alpha < 1:
            raise ValueError(f"alpha {alpha} is not between 0 and 1")
        if self.scores.ndim != 1 or not self.scores.size or not np.isfinite([*self.scores, level, floor]).all():
            raise ValueError("calibration needs at least one score, and only finite numbers")
        self.n = int(self.scores.size)
        self.level, self.floor, self.alpha = float(level), float(floor), float(alpha)

    @classmethod
    def from_maps(cls, scores: np.ndarray, maps: Sequence[np.ndarray], alpha: float) -> "Calibration":
        """From unseen normal media's scores and their maps' values; pictures count alike, whatever their size."""
        level = float(np.mean([np.quantile(values, _LEVEL_QUANTILE) for values in maps]))
        floor = float(np.mean([np.median(values) for values in maps]))
        return cls(scores, level, floor, alpha)

    def threshold(self, alpha: float | None = None) -> float:
        """The score above which a picture is anomalous; the highest normal score where n is too small for alpha."""
        rank = math.ceil((self.n + 1) * (1 - (self.alpha if alpha is None else alpha)) - 1e-9)
        return float(self.scores[min(max(rank, 1), self.n) - 1])

    def at(self, alpha: float) -> "Calibration":
        """The same scores with the threshold set for another share of false alarms; ValueError outside (0, 1)."""
        return Calibration(self.scores, self.level, self.floor, alpha)

    def p_value(self, score: float) -> float:
        """Share of normal media that score at least as high, the one asked about counted in; in [1 / (n + 1), 1]."""
        return float((1 + self.n - np.searchsorted(self.scores, score, side="left")) / (self.n + 1))

    @property
    def reliable(self) -> bool:
        """Whether there are enough scores for alpha; otherwise false alarms may be more frequent than alpha."""
        return (self.n + 1) * self.alpha >= 1 - 1e-9

    def display(self, values: np.ndarray) -> np.ndarray:
        """Map values on the fixed scale 0 to 1, float32: 0 is usual on normal media, 0.5 the threshold."""
        height = max(self.threshold() - self.floor, 1e-9)
        return np.clip(0.5 * (np.asarray(values, dtype=np.float32) - self.floor) / height, 0, 1).astype(np.float32)
