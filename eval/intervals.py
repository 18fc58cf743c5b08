"""How sure a measured share or metric is, with so many pictures: exact and bootstrap 95 % intervals."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from xad_agent.eval.metrics import PixelCounts, count_pixels

CONFIDENCE = 0.95
RESAMPLES = 1000
COARSE_LEVELS = 1024

Interval = list[float] | None

_ADDED = ("defect", "overlap", "tied", "between")


def proportion(outcomes: Iterable[bool]) -> dict[str, float | int | None]:
    """A share of yes among outcomes, with its exact 95 % interval (Clopper and Pearson, 1934).

    Returns:
        `value`, `low`, `high` in [0, 1] (None when there are no outcomes), `hits` and `n`.
    """
    from scipy.stats import binomtest

    flags = [bool(outcome) for outcome in outcomes]
    hits, n = sum(flags), len(flags)
    if not n:
        return {"value": None, "low": None, "high": None, "hits": 0, "n": 0}
    interval = binomtest(hits, n).proportion_ci(CONFIDENCE, method="exact")
    return {"value": hits / n, "low": float(interval.low), "high": float(interval.high), "hits": hits, "n": n}


def bootstrap_interval(statistic: Callable[..., float], *samples: np.ndarray | Sequence[float], seed: int) -> Interval:
    """The 95 % percentile bootstrap interval of a statistic (Efron, 1979).

    Args:
        statistic: Takes one array per sample, gives a number; NaN where it is not defined on a resample, which is then
            left out.
        samples: Each is resampled by itself, so that every resample keeps its normal and its defective pictures.
        seed: Of the resampling.

    Returns:
        [low, high]; None when a sample has fewer than two entries, or no resample has a value.
    """
    drawn = resampled(statistic, *samples, seed=seed)
    return ends(drawn) if len(drawn) else None


def resampled(statistic: Callable[..., float], *samples: np.ndarray | Sequence[float], seed: int) -> np.ndarray:
    """What a statistic is on 1000 resamples, see `bootstrap_interval`; none where a sample has fewer than 2 entries."""
    arrays = [np.asarray(sample) for sample in samples]
    if any(len(array) < 2 for array in arrays):
        return np.zeros(0)
    random = np.random.default_rng(seed)
    drawn = np.array([statistic(*(a[random.integers(len(a), size=len(a))] for a in arrays)) for _ in range(RESAMPLES)])
    return drawn[~np.isnan(drawn)]


def clustered_interval(statistic: Callable[[np.ndarray], float], groups: Sequence[Any], seed: int) -> Interval:
    """The same where items come in groups that hang together: whole groups are resampled.

    Args:
        statistic: Takes the places of items, int (M,), each as often as it is drawn; gives a number, NaN where it is
            not defined on a resample.
        groups: Which group each item belongs to, hashable.
        seed: Of the resampling.

    Returns:
        [low, high]; None with fewer than two groups, or where no resample has a value.
    """
    members: dict[Any, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    parts = [np.array(places) for places in members.values()]

    def of_groups(drawn: np.ndarray) -> float:
        return statistic(np.concatenate([parts[group] for group in drawn]))

    return bootstrap_interval(of_groups, np.arange(len(parts)), seed=seed)


def mean_of(values: Sequence[float | bool], groups: Sequence[Any], seed: int) -> dict[str, float | int | None]:
    """The mean of items that come in groups, {value, low, high, n}; None without values, or of one group alone."""
    array = np.asarray(values, float)
    if not len(array):
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = clustered_interval(lambda places: float(array[places].mean()), groups, seed) or (None, None)
    return {"value": float(array.mean()), "low": low, "high": high, "n": len(array)}


def pixel_intervals(
    metrics: dict[str, Callable[[PixelCounts], float | None]],
    normal: Sequence[PixelCounts],
    defective: Sequence[PixelCounts],
    *,
    seed: int,
) -> dict[str, Interval]:
    """The bootstrap intervals of pixel metrics, whole pictures being resampled, good and defective ones apart.

    Args:
        metrics: `pixel_auroc`, `aupro` ... by name.
        normal: Counts of each good picture, as `counts_by_picture` gives them.
        defective: Counts of each defective picture.
        seed: Of the resampling.

    Returns:
        [low, high] of each metric; None when there are fewer than two defective pictures.
    """
    if len(defective) < 2:
        return dict.fromkeys(metrics)
    rows = [*normal, *defective]
    times = np.hstack([_times(len(part), seed + place) for place, part in enumerate((normal, defective))])
    regions = times @ np.array([row.regions for row in rows], float)
    sums = {name: times @ np.stack([getattr(row, name) for row in rows]).astype(float) for name in _ADDED}
    values: dict[str, list[float]] = {name: [] for name in metrics}
    for drawn in range(RESAMPLES):
        fields = {name: field[drawn] for name, field in sums.items()}
        counts = PixelCounts(levels=rows[0].levels, regions=int(regions[drawn]), **fields)
        for name, metric in metrics.items():
            if (value := metric(counts)) is not None:
                values[name].append(value)
    return {name: ends(found) if found else None for name, found in values.items()}


def _times(count: int, seed: int) -> np.ndarray:
    """How often each of `count` pictures is drawn, in each resample: (RESAMPLES, count)."""
    if not count:
        return np.zeros((RESAMPLES, 0))
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(float)


def ends(drawn: Sequence[float] | np.ndarray) -> list[float]:
    """The middle 95 % of what was drawn, [low, high]."""
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return [float(low), float(high)]


def counts_by_picture(
    maps: Iterable[tuple[np.ndarray, *tuple[Any, ...]]],
    levels: np.ndarray,
    count: Callable[..., PixelCounts] = count_pixels,
) -> list[PixelCounts]:
    """Each picture's counts at no more than 1024 quantiles of `levels`: small enough to resample.

    Values are lowered to the next quantile, so pixels between two quantiles tie. Good enough for an interval;
    the metrics themselves are never computed from these.

    Args:
        maps: Each map with what `count` takes beside it.
        levels: Of the whole set.
        count: Counts the pixels of pictures.
    """
    chosen = levels[np.linspace(0, len(levels) - 1, min(len(levels), COARSE_LEVELS)).astype(int)]
    steps = np.concatenate([[np.nextafter(chosen[0], -np.inf, dtype=np.float32)], chosen])
    return [count([(steps[np.searchsorted(chosen, v, side="right")], *truth)], chosen) for v, *truth in maps]
