"""A set of pairs: each picture against its own reference (`detectors.reference`), and boxes against true boxes.

The limit is that of what is normal between a picture and its reference: the pairs to develop on, with what lies in
their boxes left out. Their labels say nothing else; the pairs that are tested on say nothing at all.
"""

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.reference import AgainstReference, reach
from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch, score_all
from xad_agent.eval.boxes import boxes_above, f_score, match
from xad_agent.eval.image_page import Shown, box_regions, image_page
from xad_agent.eval.layouts.pairs import PairSample, PairSet
from xad_agent.eval.machine import peak_memory_mb
from xad_agent.eval.page import Page
from xad_agent.eval.pairs_summary import PairsScored, matched_boxes, summarise_pairs
from xad_agent.eval.samples import Sample
from xad_agent.eval.store import Record, Store
from xad_agent.media.reading import read_picture

_FILE = "calibration.json"


def evaluate_pairs(category: PairSet, store: Store, batch: Batch) -> tuple[dict[str, Any], PairsScored, Calibration]:
    """Find the limit on the pairs to develop on, score those to test on, and measure the results.

    Args:
        category: The pairs.
        store: Where results are kept; its settings have `alpha` and `seed`.
        batch: Which part of the set.

    Returns:
        A JSON-able dict, see `summarise_pairs` for the metrics; the pairs with their records; and the calibration.

    Raises:
        XadError: No pair to develop on, or none to test on, could be scored.
    """
    settings = store.settings
    seconds = store.fit(lambda folder: _save(_calibrated(category, settings["alpha"], batch.progress), folder))
    calibration = _load(store.profile, settings["alpha"])
    scored: PairsScored = score_all(
        [sample for sample in batch.chosen(category.test) if isinstance(sample, PairSample)],
        store,
        lambda sample: _score(sample, calibration, store),
        batch,
        arrays=True,
        unit="pair",
    )
    peak = peak_memory_mb()  # before the metrics, which need memory of their own
    result = {
        "task": "images",
        "category": category.name,
        "layout": category.layout,
        **settings,
        "detector": AgainstReference.name,
        "threshold": calibration.threshold(),
        **summarise_pairs(scored, store, calibration, seed=settings["seed"]),
        "fit_seconds": seconds,
        "peak_memory_mb": peak,
    }
    return {**result, "notes": [*category.notes, *result["notes"]]}, scored, calibration


def pairs_page(result: dict[str, Any], scored: PairsScored, calibration: Calibration, store: Store) -> Page:
    """The page of what `evaluate_pairs` gives."""
    matched = matched_boxes(scored, store)

    def show(sample: Sample) -> Shown:
        kept = store.arrays(sample.name)
        regions = box_regions(kept["boxes"], calibration.threshold(), kept["map"].shape)
        return AnomalyMap(kept["map"], float(kept["map"].max()), AgainstReference.name), regions

    return image_page(result, scored, calibration, show, "f_score", matched)


def _calibrated(category: PairSet, alpha: float, progress: bool) -> Calibration:
    """What is normal between the pairs to develop on; XadError where none of them can be read.

    A pixel counts as anomalous above what the map of a usual pair reaches at most: the median of their scores.
    """
    from tqdm import tqdm

    scores, medians, failed = [], [], []
    for sample in tqdm(category.train, desc="learning normal", unit="pair", disable=not progress):
        try:
            values = _compared(sample).values
        except XadError as error:
            failed.append(str(error))
            continue
        normal = values[~_near(sample, *values.shape)]
        if normal.size:
            scores.append(float(normal.max()))
            medians.append(float(np.median(normal)))
    if not scores:
        raise XadError(
            f"{category.root}: no pair to develop on could be used; {failed[0] if failed else 'all is boxes'}"
        )
    return Calibration(scores, float(np.median(scores)), float(np.mean(medians)), alpha)


def _save(calibration: Calibration, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    content = {"scores": calibration.scores.tolist(), "level": calibration.level, "floor": calibration.floor}
    (folder / _FILE).write_text(json.dumps(content), "utf-8")


def _load(folder: Path, alpha: float) -> Calibration:
    try:
        content = json.loads((folder / _FILE).read_text("utf-8"))
        return Calibration(content["scores"], content["level"], content["floor"], alpha)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XadError(f"{folder / _FILE}: is not whole; delete {folder.parent} and start again") from error


def _score(sample: PairSample, calibration: Calibration, store: Store) -> Record:
    start = perf_counter()
    found = _compared(sample)
    boxes = boxes_above(found.values, calibration.level)
    seconds = perf_counter() - start
    found.check_finite(sample.name)
    outside = found.values[~_near(sample, *found.values.shape)]
    limit = calibration.threshold()
    matched = match(boxes, sample.corners())
    right, taken = int((matched.found_at > limit).sum()), int((matched.confidence > limit).sum())
    store.keep(sample.name, map=found.values, boxes=boxes)
    record: Record = {
        "score": found.score,
        "p_value": calibration.p_value(found.score),
        "anomalous": found.score > limit,
        "score_outside_boxes": float(outside.max()) if outside.size else None,
        "boxes": len(sample.boxes),
        "boxes_found": right,
        "boxes_wrong": taken - right,
        "seconds": seconds,
    }
    if sample.defective:
        peak = np.unravel_index(np.argmax(found.values), found.values.shape)
        record["f_score"] = f_score(right / taken if taken else None, right / len(sample.boxes))
        record["map_peak_in_mask"] = bool(sample.mask(*found.values.shape)[peak])
    return record


def _compared(sample: PairSample) -> AnomalyMap:
    return AgainstReference(read_picture(sample.reference)).score(read_picture(sample.path))


def _near(sample: PairSample, height: int, width: int) -> np.ndarray:
    """What lies in its boxes, or so near that the map is raised by it, booleans (height, width)."""
    mask, grown = np.zeros((height, width), bool), reach(height, width)
    for box in sample.boxes:
        mask[max(box.y0 - grown, 0) : box.y1 + grown, max(box.x0 - grown, 0) : box.x1 + grown] = True
    return mask
