"""Whether one run is better than another on the same items, or whether the difference may be noise."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xad_agent.eval.intervals import bootstrap_interval, ends, resampled

SIGNIFICANT = 0.05


def paired_means(before: Sequence[float], after: Sequence[float], *, seed: int) -> dict[str, Any]:
    """The mean difference of two measurements of the same items, with how sure it is.

    Args:
        before, after: One number of each item, (N,), items in the same order.
        seed: Of the bootstrap and, where there are too many for all of them, of the permutations.

    Returns:
        `n`, `before` and `after` (means), `difference` (after - before), `interval` [low, high] by bootstrap over
        items, `p_value` of no difference: for outcomes that are all 0 or 1 McNemar's exact test (McNemar, 1947), else
        the permutation test that swaps the two measurements of an item (two-sided); `raised` and `lowered`: how many
        items. Means and differences are None where there is no item.
    """
    first, second = np.asarray(before, float), np.asarray(after, float)
    changes = second - first
    if not len(changes):
        return dict.fromkeys(("before", "after", "difference", "interval", "p_value")) | {
            "n": 0,
            "raised": 0,
            "lowered": 0,
        }
    raised, lowered = int((changes > 0).sum()), int((changes < 0).sum())
    return {
        "n": len(changes),
        "before": float(first.mean()),
        "after": float(second.mean()),
        "difference": float(changes.mean()),
        "interval": bootstrap_interval(np.mean, changes, seed=seed),
        "p_value": _p_value(changes, raised, lowered, seed),
        "raised": raised,
        "lowered": lowered,
    }


def _p_value(changes: np.ndarray, raised: int, lowered: int, seed: int) -> float:
    from scipy.stats import binomtest, permutation_test

    if raised + lowered < 2:
        return 1.0
    if np.isin(changes, (-1.0, 0.0, 1.0)).all():
        return float(binomtest(raised, raised + lowered).pvalue)
    moved = changes[changes != 0]  # an item that did not change is the same in every permutation
    test = permutation_test(
        (moved,), np.sum, permutation_type="samples", n_resamples=9999, rng=np.random.default_rng(seed)
    )
    return float(test.pvalue)


def paired_aurocs(
    defective: Sequence[bool], before: Sequence[float], after: Sequence[float], *, seed: int
) -> dict[str, Any]:
    """The AUROCs of two scores of the same items, and their difference, by bootstrap over items.

    Good and defective items are resampled apart, an item with both of its scores.

    Args:
        defective: Of each item whether it should score high, (N,).
        before, after: Scores, (N,); the two may have different units.
        seed: Of the bootstrap.

    Returns:
        As `paired_means`, without `raised` and `lowered`; `p_value` from the same resamples: twice the share of those
        on the rarer side of 0. All None where there is no good item, or no defective one.
    """
    truth = np.asarray(defective, bool)
    scores = np.stack([np.asarray(before, float), np.asarray(after, float)])
    if truth.all() or not truth.any():
        return dict.fromkeys(("before", "after", "difference", "interval", "p_value")) | {"n": len(truth)}
    good, bad = np.flatnonzero(~truth), np.flatnonzero(truth)
    area = _areas(scores)
    first, second = (float(value) for value in area(good, bad))
    drawn = resampled(lambda g, b: float(np.diff(area(g, b))[0]), good, bad, seed=seed)
    return {
        "n": len(truth),
        "before": first,
        "after": second,
        "difference": second - first,
        "interval": ends(drawn) if len(drawn) else None,
        "p_value": _p_value_of(drawn),
    }


def _p_value_of(drawn: np.ndarray) -> float | None:
    if not len(drawn):
        return None
    rarer = min((drawn <= 0).sum(), (drawn >= 0).sum())
    return float(min(1.0, 2 * (rarer + 1) / (len(drawn) + 1)))


def _areas(scores: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The AUROC of each row of `scores`, (R, N), as a function of the good and defective items drawn."""
    from scipy.stats import rankdata

    def area(good: np.ndarray, bad: np.ndarray) -> np.ndarray:
        ranks = rankdata(scores[:, np.concatenate([good, bad])], axis=1)[:, len(good) :].sum(axis=1)
        return (ranks - len(bad) * (len(bad) + 1) / 2) / (len(good) * len(bad))

    return area


def more_than_noise(row: dict[str, Any], p_value: str = "p_value") -> bool:
    """Whether an interval leaves out 0 and the p-value, where there is one, is 0.05 at most.

    Of few items the bootstrap alone says too much: five that all changed one way have an interval apart from 0, while
    no test on five can be surer than p = 0.06.

    Args:
        row: As `paired_means` or `paired_aurocs` gives it.
        p_value: Under which name its p-value is.
    """
    ends, found = row["interval"], row[p_value]
    return ends is not None and (ends[0] > 0 or ends[1] < 0) and (found is None or found <= SIGNIFICANT)
