"""What MVTec LOCO's layout is measured by besides: AU-sPRO, and logical and structural anomalies apart."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from xad_agent.eval.intervals import bootstrap_interval, counts_by_picture, pixel_intervals
from xad_agent.eval.layouts.loco import LocoSample
from xad_agent.eval.metrics import PixelCounts, aupro, auroc, defect_levels, mean_of_known
from xad_agent.eval.samples import GOOD, Sample
from xad_agent.eval.saturated import FPR_LIMITS, MapAndDefects, au_spro, count_saturated
from xad_agent.eval.store import Record, Store

MEAN = "mean"
DEFINITIONS = (
    "au_spro: of each kind of anomaly against all good test pictures, by the highest false-positive rate; mean: of the "
    "kinds, not of the pictures; au_spro_defects: of one type of defect, pixels of other defects being no false "
    "positives (Bergmann et al., IJCV 2022)",
    "image_auroc_mean: mean of the kinds of anomalies, each against all good test pictures",
)


def summarise_loco(scored: Sequence[tuple[Sample, Record]], store: Store, *, seed: int) -> dict[str, Any]:
    """AU-sPRO of a category of MVTec LOCO, and the mean image AUROC of its kinds of anomalies.

    Args:
        scored: Test pictures with their records; failed ones are left out.
        store: Has their maps.
        seed: Of the bootstrap.

    Returns:
        `au_spro` {kind: {limit: 0 to 1}}, with the `mean` of the kinds; `au_spro_intervals` {kind: {limit: [low,
        high]}}; `au_spro_defects` {name of a defect: {n, au_spro}}; `image_auroc_mean`, with its interval.
    """
    done = [(s, r["score"]) for s, r in scored if "error" not in r and isinstance(s, LocoSample)]
    kinds = sorted({sample.kind for sample, _ in done} - {GOOD})
    samples = {kind: [sample for sample, _ in done if sample.kind == kind] for kind in (GOOD, *kinds)}
    scores = [[score for sample, score in done if sample.kind == kind] for kind in (GOOD, *kinds)]
    known = all(scores) and bool(kinds)
    areas, intervals = {}, {}
    for kind in kinds:
        areas[kind] = _area(samples[GOOD] + samples[kind], store)
        intervals[kind] = _intervals(samples[GOOD], samples[kind], store, seed)
    if kinds:
        areas[MEAN] = {limit: mean_of_known([areas[kind][limit] for kind in kinds]) for limit in areas[kinds[0]]}
    return {
        "au_spro": areas,
        "au_spro_intervals": intervals,
        "au_spro_defects": _by_defect(samples, store),
        "image_auroc_mean": _mean_auroc(*map(np.array, scores)) if known else None,
        "image_auroc_mean_interval": bootstrap_interval(_mean_auroc, *scores, seed=seed) if known else None,
    }


def mean_au_spro(results: Sequence[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """The mean of several categories' `au_spro`, of the kinds that all of them have."""
    kinds = [kind for kind in results[0]["au_spro"] if all(kind in result["au_spro"] for result in results)]
    return {
        kind: {
            limit: mean_of_known([r["au_spro"][kind][limit] for r in results]) for limit in results[0]["au_spro"][kind]
        }
        for kind in kinds
    }


def _mean_auroc(normal: np.ndarray, *kinds: np.ndarray) -> float:
    return float(np.mean([auroc(normal, kind) for kind in kinds]))


def _maps(samples: Sequence[LocoSample], store: Store, name: str | None = None) -> Iterator[MapAndDefects]:
    """Maps with masks and defects, of one type of defect where a name is given; one picture in memory at a time."""
    for sample in samples:
        values = store.arrays(sample.name)["map"]
        counted = [defect for defect in sample.defects() if name in (None, defect.name)]
        yield values, sample.mask(*values.shape), counted


def _levels(samples: Sequence[LocoSample], store: Store) -> np.ndarray:
    return defect_levels(store.pairs([sample for sample in samples if sample.defective]))


def _area(samples: Sequence[LocoSample], store: Store, name: str | None = None) -> dict[str, float | None]:
    return au_spro(count_saturated(_maps(samples, store, name), _levels(samples, store)))


def _intervals(good: list[LocoSample], bad: list[LocoSample], store: Store, seed: int) -> dict[str, list[float] | None]:
    levels = _levels(bad, store)
    normal, defective = (counts_by_picture(_maps(part, store), levels, count_saturated) for part in (good, bad))
    metrics: dict[str, Callable[[PixelCounts], float | None]] = {
        f"{limit:g}": partial(aupro, limit=limit) for limit in FPR_LIMITS
    }
    return pixel_intervals(metrics, normal, defective, seed=seed)


def _by_defect(samples: dict[str, list[LocoSample]], store: Store) -> dict[str, Any]:
    named: dict[str, list[LocoSample]] = {}
    for sample in (sample for some in samples.values() for sample in some):
        for name in {defect.name for defect in sample.defects()}:
            named.setdefault(name, []).append(sample)
    return {
        name: {"n": len(some), "au_spro": _area([*samples[GOOD], *some], store, name)}
        for name, some in sorted(named.items())
    }
