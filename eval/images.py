"""`xad eval images`: how well pictures are detected, placed and repaired, on a data set in MVTec's layout."""

import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.eval.layout import GOOD, Category, Sample, check_limit, drawn, read_layout
from xad_agent.eval.machine import peak_memory_mb, revision, versions
from xad_agent.eval.metrics import overlap, sklearn_metrics
from xad_agent.eval.report import as_text
from xad_agent.eval.store import Record, Store, check_finite, score_all
from xad_agent.eval.summary import mean_of, summarise

if TYPE_CHECKING:
    from xad_agent.picture_profile import PictureProfile

__all__ = ["as_text", "evaluate_images"]


def evaluate_images(
    directory: str | Path,
    *,
    alpha: float = 0.05,
    backbone: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    repair: bool = True,
    progress: bool = True,
    output: str | Path | None = None,
) -> dict[str, Any]:
    """Fit on train/good, score every test picture, and measure the results.

    A picture that fails is listed under `failed`, counted, and left out of the metrics; the others go on.

    Args:
        directory: A category in MVTec's layout, or a folder of categories.
        alpha: False-alarm rate that the threshold is set for, in (0, 1).
        backbone: Spec of the backbone; None for the profile's default.
        limit: At most this many test pictures of each type, drawn with `seed`; None for all.
        seed: Of the fit, the drawing and the bootstrap.
        repair: Whether defective pictures are also repaired and scored again (the tool `repair`).
        progress: Whether bars are shown, on stderr.
        output: Folder for the records and maps of each picture; with it, a stopped evaluation called again with the
            same settings goes on where it was. None keeps nothing.

    Returns:
        A JSON-able dict, see `summarise` for the metrics. Of several categories: the mean of each metric in the same
        places, and each category's own result under `categories`.

    Raises:
        XadError: The layout is wrong, no test picture could be scored, `output` holds results of other settings, or
            scikit-learn is missing.
    """
    sklearn_metrics()
    check_limit(limit)
    options = {"alpha": alpha, "backbone": backbone, "limit": limit, "seed": seed, "repair": repair}
    categories = read_layout(directory)
    results = []
    for category in categories:
        settings = {
            "directory": str(category.root.resolve()),
            **options,
            "versions": versions(),
            "revision": revision(),
        }
        with tempfile.TemporaryDirectory(prefix="xad-eval-") as scratch:
            folder = Path(output) if output is not None else Path(scratch)
            store = Store(folder / category.name if len(categories) > 1 else folder, settings)
            results.append(_evaluate(category, store, progress))
    return results[0] if len(results) == 1 else mean_of(results)


def _evaluate(category: Category, store: Store, progress: bool) -> dict[str, Any]:
    settings = store.settings
    samples = drawn(category.test, settings["limit"], settings["seed"])
    profile, fit_seconds = _fitted(category, store, progress)
    scored = score_all(samples, store, lambda sample: _score(sample, profile, store), progress, store.has_map)
    peak = peak_memory_mb()  # before the metrics, which need memory of their own
    return {
        "task": "images",
        "category": category.name,
        **settings,
        "threshold": profile.calibration.threshold(settings["alpha"]),
        **summarise(scored, store.pairs, seed=settings["seed"], train=len(category.normal)),
        "fit_seconds": fit_seconds,
        "peak_memory_mb": peak,
    }


def _fitted(category: Category, store: Store, progress: bool) -> tuple["PictureProfile", float]:
    from xad_agent.picture_profile import PictureProfile

    if store.fit_seconds is not None:
        return PictureProfile.load(store.profile), store.fit_seconds
    options = {name: store.settings[name] for name in ("alpha", "backbone", "seed")}
    if options["backbone"] is None:
        del options["backbone"]
    start = perf_counter()
    profile = PictureProfile.fit([str(path) for path in category.normal], progress=progress, **options)
    seconds = perf_counter() - start
    profile.save(store.profile)
    store.fitted(seconds)
    return profile, seconds


def _score(sample: Sample, profile: "PictureProfile", store: Store) -> Record:
    from xad_agent.case import Case
    from xad_agent.evidence import Ledger
    from xad_agent.media import read_picture

    start = perf_counter()
    case = Case(read_picture(sample.path), profile, Ledger())
    found = case.anomaly_map
    seconds = perf_counter() - start
    check_finite(found, sample)
    mask = sample.mask(*found.values.shape)
    record: Record = {
        "picture": sample.name,
        "kind": sample.kind,
        "score": float(found.score),
        "p_value": float(profile.calibration.p_value(found.score)),
        "anomalous": bool(found.score > profile.calibration.threshold(store.settings["alpha"])),
        "seconds": seconds,
    }
    if sample.kind != GOOD:
        record |= _places(case, mask)
        record |= _repaired(case) if store.settings["repair"] else {}
    store.keep_map(sample, found.values)
    return record


def _places(case: Any, mask: np.ndarray) -> Record:
    """Whether the strongest place lies in the true mask, and how well the found regions cover it."""
    values, regions = case.anomaly_map.values, case.regions
    found = [region.mask(*mask.shape) for region in regions]
    return {
        "regions": len(regions),
        "peak_in_mask": bool(mask[case.candidate.peak[1], case.candidate.peak[0]]),
        "map_peak_in_mask": bool(mask[np.unravel_index(np.argmax(values), values.shape)]),
        "iou": overlap(np.logical_or.reduce(found), mask) if found else 0.0,
        "best_iou": max((overlap(one, mask) for one in found), default=0.0),
    }


def _repaired(case: Any) -> Record:
    """The score after the repair; None where the tool says that there is nothing to repair."""
    from xad_agent.tools.repair import repair

    start = perf_counter()
    evidence = repair(case)
    named = {quantity.name: quantity.value for quantity in evidence.quantities}
    after = named.get("score after repair")
    return {
        "score_after_repair": after,
        "repaired": after is not None and after <= named["threshold"],
        "repair_seconds": perf_counter() - start,
    }
