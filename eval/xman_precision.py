"""Average precision over frames, and how sure it is: whole clips are resampled, for frames of a clip hang together."""

from collections.abc import Callable, Mapping

import numpy as np

from xad_agent.eval.intervals import Interval, bootstrap_interval

Column = tuple[np.ndarray, np.ndarray]
"""Of one class: which frames of all clips have it, bool (N,), and their scores, (N,)."""


def undefined(truth: np.ndarray) -> str | None:
    """Why there is no average precision of these frames; None where there is."""
    if not truth.any():
        return "no frame has it"
    return "every frame has it" if truth.all() else None


class Resampled:
    """The average precisions of classes on resamples of whole clips.

    Args:
        columns: Of each class that has an average precision.
        clips: The clip of each frame, int (N,), from 0.
        seed: Of the bootstrap; all classes are measured on the same resamples.
    """

    def __init__(self, columns: Mapping[str, Column], clips: np.ndarray, seed: int):
        self._precisions = {name: precision_of(truth, scores, clips) for name, (truth, scores) in columns.items()}
        self._clips, self._seed = np.unique(clips), seed
        self._known: dict[bytes, dict[str, float]] = {}

    def interval(self, *names: str) -> Interval:
        """The 95 % interval, [low, high], of the mean over some classes.

        A class that a resample lacks is not in its mean. None where there are fewer than two clips, or no class.
        """

        def mean(drawn: np.ndarray) -> float:
            found = self._on(drawn)
            known = [found[name] for name in names if not np.isnan(found[name])]
            return float(np.mean(known)) if known else float("nan")

        return bootstrap_interval(mean, self._clips, seed=self._seed) if names else None

    def _on(self, drawn: np.ndarray) -> dict[str, float]:
        if (key := drawn.tobytes()) not in self._known:
            times = np.bincount(drawn, minlength=len(self._clips)).astype(float)
            self._known[key] = {name: precision(times) for name, precision in self._precisions.items()}
        return self._known[key]


def precision_of(truth: np.ndarray, scores: np.ndarray, clips: np.ndarray) -> Callable[[np.ndarray], float]:
    """The average precision as a function of how often each clip is drawn, as sklearn defines it.

    It only depends on how many frames of each clip, and how many true ones, lie at or above each true frame's score.
    NaN where no drawn frame has the class, or all do.

    Args:
        truth: Bool (N,).
        scores: (N,).
        clips: Int (N,), from 0.
    """
    levels = np.unique(scores[truth])
    of_clips = [clips == clip for clip in range(clips.max() + 1)]
    seen = np.array([_at_or_above(levels, scores[own]) for own in of_clips], np.float64)
    true = np.array([_at_or_above(levels, scores[own & truth]) for own in of_clips], np.float64)
    frames = np.array([own.sum() for own in of_clips], np.float64)

    def precision(times: np.ndarray) -> float:
        hits, shown = times @ true, times @ seen
        if not hits.size or not hits[0] or hits[0] == times @ frames:
            return float("nan")
        return float(-np.diff(hits, append=0) @ (hits / np.maximum(shown, 1)) / hits[0])

    return precision


def _at_or_above(levels: np.ndarray, values: np.ndarray) -> np.ndarray:
    return len(values) - np.searchsorted(np.sort(values), levels, "left")
