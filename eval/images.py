"""`xad eval images`: how well pictures are detected, placed and repaired, on a data set in any layout that is known."""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.eval.batch import Batch, score_all
from xad_agent.eval.fitting import fitted
from xad_agent.eval.layout import GOOD, Category, Sample, read_layout
from xad_agent.eval.layouts import loco
from xad_agent.eval.layouts.pairs import PairSet
from xad_agent.eval.loco_summary import DEFINITIONS as LOCO_DEFINITIONS
from xad_agent.eval.loco_summary import summarise_loco
from xad_agent.eval.machine import peak_memory_mb
from xad_agent.eval.metrics import overlap, sklearn_metrics
from xad_agent.eval.page import Page
from xad_agent.eval.report import as_text
from xad_agent.eval.store import Record, Store
from xad_agent.eval.summary import mean_of, summarise

if TYPE_CHECKING:
    from xad_agent.picture_profile import PictureProfile

__all__ = ["as_text", "evaluate_images"]


def evaluate_images(
    directory: str | Path,
    *,
    alpha: float = 0.05,
    backbone: str | None = None,
    repair: bool = True,
    batch: Batch | None = None,
) -> dict[str, Any]:
    """Fit on the normal pictures, score every test picture, and measure the results.

    In a layout of pairs nothing is fitted on: each picture is compared with its own reference, see `eval.pairs`.

    A picture that fails is listed under `failed`, counted, and left out of the metrics; the others go on.

    Args:
        directory: A category in a layout that `read_layout` knows, or a folder of categories.
        alpha: False-alarm rate that the threshold is set for, in (0, 1).
        backbone: Spec of the backbone; None for the profile's default.
        repair: Whether defective pictures are also repaired and scored again (the tool `repair`); pairs are not.
        batch: Which part of the set, where results are kept; its seed is also that of the fit. None for the whole set.

    Returns:
        A JSON-able dict with the `layout`, see `summarise` for the metrics, `summarise_loco` for what MVTec LOCO has
        besides, and `summarise_pairs` for pairs. Of several categories: the mean of each metric in the same
        places, and each category's own result under `categories`.

    Raises:
        XadError: The layout is wrong, no test picture could be scored, the output folder holds results of other
            settings, or scikit-learn is missing.
    """
    sklearn_metrics()
    batch = batch or Batch()
    options = {"alpha": alpha, "backbone": backbone, "repair": repair}
    categories = read_layout(directory)
    results = []
    for category in categories:
        settings = {"directory": str(category.root.resolve()), **options}
        with batch.store(settings, category.name if len(categories) > 1 else "") as store:
            result, page = _evaluate(category, store, batch)
            results.append(batch.finish(store, result, page))
    return results[0] if len(results) == 1 else mean_of(results)


def _evaluate(category: Category, store: Store, batch: Batch) -> tuple[dict[str, Any], Callable[[], Page]]:
    """The result, and what makes its page."""
    if isinstance(category, PairSet):
        return _evaluate_pairs(category, store, batch)
    settings = store.settings
    profile, fit_seconds = fitted(category.normal, store, batch.progress)
    samples = batch.chosen(category.test)
    scored = score_all(samples, store, lambda sample: _score(sample, profile, store), batch, arrays=True)
    peak = peak_memory_mb()  # before the metrics, which need memory of their own
    is_loco = category.layout == loco.LAYOUT
    metrics = summarise(scored, store.pairs, seed=settings["seed"], train=len(category.normal))
    result = {
        "task": "images",
        "category": category.name,
        "layout": category.layout,
        **settings,
        "threshold": profile.calibration.threshold(settings["alpha"]),
        **metrics,
        **(summarise_loco(scored, store, seed=settings["seed"]) if is_loco else {}),
        "notes": [*category.notes, *metrics["notes"], *(LOCO_DEFINITIONS if is_loco else ())],
        "fit_seconds": fit_seconds,
        "peak_memory_mb": peak,
    }
    return result, lambda: _page(result, scored, profile)


def _evaluate_pairs(category: PairSet, store: Store, batch: Batch) -> tuple[dict[str, Any], Callable[[], Page]]:
    from xad_agent.eval.pairs import evaluate_pairs, pairs_page

    result, scored, calibration = evaluate_pairs(category, store, batch)
    return result, lambda: pairs_page(result, scored, calibration, store)


def _score(sample: Sample, profile: "PictureProfile", store: Store) -> Record:
    from xad_agent.case import Case
    from xad_agent.evidence import Ledger
    from xad_agent.media import read_picture

    start = perf_counter()
    case = Case(read_picture(sample.path), profile, Ledger())
    found = case.anomaly_map
    seconds = perf_counter() - start
    found.check_finite(sample.name)
    mask = sample.mask(*found.values.shape)
    record: Record = {
        "score": float(found.score),
        "p_value": float(profile.calibration.p_value(found.score)),
        "anomalous": bool(found.score > profile.calibration.threshold(store.settings["alpha"])),
        "seconds": seconds,
    }
    if sample.kind != GOOD:
        record |= _places(case, mask)
        record |= _repaired(case) if store.settings["repair"] else {}
    store.keep(sample.name, map=found.values)
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


def _page(result: dict[str, Any], scored: Sequence[tuple[Sample, Record]], profile: "PictureProfile") -> Page:
    from xad_agent.case import Case
    from xad_agent.eval.image_page import Shown, image_page
    from xad_agent.evidence import Ledger
    from xad_agent.media import read_picture

    def show(sample: Sample) -> Shown:
        case = Case(read_picture(sample.path), profile, Ledger())
        return case.anomaly_map, case.regions

    return image_page(result, scored, profile.calibration, show, "iou")
