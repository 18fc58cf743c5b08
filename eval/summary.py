"""From the records and maps of single pictures to the metrics of a set and of each defect type."""

from collections.abc import Callable, Iterable, Iterator
from statistics import median
from typing import Any

import numpy as np

from xad_agent.eval.batch import failures
from xad_agent.eval.intervals import bootstrap_interval, counts_by_picture, pixel_intervals, proportion
from xad_agent.eval.loco_summary import mean_au_spro
from xad_agent.eval.metrics import (
    FPR_LIMIT,
    MapAndMask,
    PixelCounts,
    aupro,
    auroc,
    count_pixels,
    defect_levels,
    image_metrics,
    mean_of_known,
    pixel_auroc,
    pixel_average_precision,
    pixel_max_f1,
)
from xad_agent.eval.samples import GOOD, Sample
from xad_agent.eval.store import Record

Scored = list[tuple[Sample, Record]]
Pairs = Callable[[list[Sample]], Iterator[MapAndMask]]

METRICS = (
    "image_auroc",
    "image_ap",
    "image_max_f1",
    "pixel_auroc",
    "aupro",
    "pixel_ap",
    "pixel_max_f1",
    "region_iou",
    "region_iou_best",
    "image_auroc_mean",
    "box_ap",
    "box_f_score",
    "box_best_f_score",
)
SHARES = (
    "false_alarm_rate",
    "detection_rate",
    "pointing_game",
    "pointing_game_regions",
    "pointing_game_map",
    "repair_below_threshold",
    "repair_below_threshold_all",
    "box_precision",
    "box_recall",
)
COMMON = ("alpha", "detector", "seed")  # settings that are the same of all categories
MAP_DEFINITIONS = (
    f"aupro: up to a false-positive rate of {FPR_LIMIT}, interpolated there, divided by it; rates over the normal "
    "pixels of all pictures, good ones included; overlap averaged over 8-connected regions",
    "types: each type against all good test pictures",
    "pixel metrics: exact, nothing is binned; their intervals: pictures resampled, values at 1024 quantiles",
    "seconds_per_picture: median of reading and scoring one picture, in this process",
)
DEFINITIONS = (
    "pointing_game: defective pictures whose candidate (the strongest region or, where the picture passes, the place "
    "nearest to the limit) has its peak inside the mask; pointing_game_regions: a picture that passes is a miss",
    "region_iou: all found regions together against the mask, mean over defective pictures; no region is 0",
)


def summarise(scored: Scored, pairs: Pairs, *, seed: int, train: int) -> dict[str, Any]:
    """All metrics of a test set.

    Args:
        scored: Test pictures with their records; failed ones have an "error".
        pairs: Gives the maps and masks of pictures, one at a time.
        seed: Of the bootstrap.
        train: Normal pictures the profile was fitted on.

    Returns:
        `n` {train, normal, defective, failed}; `false_alarm_rate`, `detection_rate`, `pointing_game`,
        `pointing_game_regions`, `pointing_game_map` (the map's highest pixel), `repair_below_threshold` (of the
        detected defective pictures) and `repair_below_threshold_all` (of all defective pictures): each {value, low,
        high, hits, n} with the exact 95 % interval; `image_auroc`, `image_ap`, `image_max_f1`, `pixel_auroc`, `aupro`,
        `pixel_ap`, `pixel_max_f1`, `pixel_max_f1_threshold`, `region_iou`, `region_iou_best` (the best single region):
        0 to 1, None where not defined; `..._interval`: [low, high] by bootstrap; `types` {type: the same of it alone};
        `items`: the records; `failed` [{item, error}]; `notes`; `seconds_per_picture`, `repair_seconds_per_picture`:
        medians.
    """
    good, bad, _ = _parts(scored)
    result = summarise_maps(scored, pairs, seed=seed)
    result["n"] = {"train": train, **result["n"]}
    for kind, of_type in result["types"].items():
        of_type |= _decisions([record for sample, record in bad if sample.kind == kind], seed)
    return {
        **result,
        "false_alarm_rate": proportion(record["anomalous"] for _, record in good),
        **_decisions([record for _, record in bad], seed),
        "notes": [*result["notes"], *DEFINITIONS],
        "repair_seconds_per_picture": _median([r["repair_seconds"] for _, r in bad if "repair_seconds" in r]),
    }


def summarise_maps(scored: Scored, pairs: Pairs, *, seed: int) -> dict[str, Any]:
    """What scores and maps alone show, without any threshold: the part of `summarise` that every detector has.

    Returns:
        `n` {normal, defective, failed}, the image and pixel metrics of `summarise` with their intervals, `types`,
        `items`, `failed`, `notes` and `seconds_per_picture`.
    """
    good, bad, failed = _parts(scored)
    kinds = sorted({sample.kind for sample, _ in bad})
    levels, counts = _counted(good, bad, kinds, pairs)
    whole = sum((counts[kind] for kind in kinds), counts[GOOD])
    return {
        "n": {"normal": len(good), "defective": len(bad), "failed": len(failed)},
        **_metrics(good, bad, whole, seed),
        **_pixel_intervals(good, bad, levels, pairs, seed),
        "types": {kind: _type(good, bad, kind, counts, seed) for kind in kinds},
        "items": [record for _, record in good + bad],
        "failed": failed,
        "notes": [*_notes(good, bad, failed), *MAP_DEFINITIONS],
        "seconds_per_picture": median(record["seconds"] for _, record in good + bad),
    }


def _parts(scored: Scored) -> tuple[Scored, Scored, list[Record]]:
    """The good pictures, the defective ones, and what is said of those that failed."""
    good = [(s, r) for s, r in scored if "error" not in r and s.kind == GOOD]
    bad = [(s, r) for s, r in scored if "error" not in r and s.kind != GOOD]
    return good, bad, failures(record for _, record in scored)


def _counted(good: Scored, bad: Scored, kinds: list[str], pairs: Pairs) -> tuple[np.ndarray, dict[str, PixelCounts]]:
    """Each kind's pixels, counted once around the levels of the whole set, so that sums of kinds stay exact."""
    levels = defect_levels(pairs([sample for sample, _ in bad]))
    samples = [sample for sample, _ in good + bad]
    return levels, {
        kind: count_pixels(pairs([s for s in samples if s.kind == kind]), levels) for kind in [GOOD, *kinds]
    }


def _type(good: Scored, bad: Scored, kind: str, counts: dict[str, PixelCounts], seed: int) -> dict[str, Any]:
    own = [(sample, record) for sample, record in bad if sample.kind == kind]
    return {"n": len(own), **_metrics(good, own, counts[GOOD] + counts[kind], seed)}


def _metrics(good: Scored, bad: Scored, counts: PixelCounts, seed: int) -> dict[str, Any]:
    normal, defective = ([record["score"] for _, record in part] for part in (good, bad))
    best = pixel_max_f1(counts)
    return {
        **image_metrics(normal, defective),
        "image_auroc_interval": bootstrap_interval(auroc, normal, defective, seed=seed),
        "pixel_auroc": pixel_auroc(counts),
        "aupro": aupro(counts),
        "pixel_ap": pixel_average_precision(counts),
        "pixel_max_f1": best[0] if best else None,
        "pixel_max_f1_threshold": best[1] if best else None,
    }


def _decisions(records: list[Record], seed: int) -> dict[str, Any]:
    return {**_places(records, seed), **_repairs(records)}


def _places(records: list[Record], seed: int) -> dict[str, Any]:
    ious = [record["iou"] for record in records]
    return {
        "detection_rate": proportion(record["anomalous"] for record in records),
        "pointing_game": proportion(record["peak_in_mask"] for record in records),
        "pointing_game_regions": proportion(record["peak_in_mask"] and record["regions"] > 0 for record in records),
        "pointing_game_map": proportion(record["map_peak_in_mask"] for record in records),
        "region_iou": float(np.mean(ious)) if ious else None,
        "region_iou_interval": bootstrap_interval(np.mean, ious, seed=seed),
        "region_iou_best": float(np.mean([record["best_iou"] for record in records])) if records else None,
    }


def _repairs(records: list[Record]) -> dict[str, Any]:
    tried = [record for record in records if "repaired" in record]
    return {
        "repair_below_threshold": proportion(record["repaired"] for record in tried if record["anomalous"]),
        "repair_below_threshold_all": proportion(record["repaired"] or not record["anomalous"] for record in tried),
    }


def _pixel_intervals(good: Scored, bad: Scored, levels: np.ndarray, pairs: Pairs, seed: int) -> dict[str, Any]:
    if not bad:
        return {"pixel_auroc_interval": None, "aupro_interval": None}
    metrics: dict[str, Any] = {"pixel_auroc_interval": pixel_auroc, "aupro_interval": aupro}
    normal, defective = (counts_by_picture(pairs([sample for sample, _ in part]), levels) for part in (good, bad))
    return pixel_intervals(metrics, normal, defective, seed=seed)


def _notes(good: Scored, bad: Scored, failed: list[Record]) -> list[str]:
    notes = []
    if not good:
        notes.append("no good test picture: image metrics and false alarms on good pictures are not defined")
    if not bad:
        notes.append("no defective test picture: no metric of detection or place is defined")
    if failed:
        notes.append(f"{len(failed)} pictures failed and are in no metric")
    return notes


def _median(values: list[float]) -> float | None:
    return median(values) if values else None


def mean_of(results: list[dict[str, Any]]) -> dict[str, Any]:
    """One result of several categories: the mean of each metric, shares pooled, `n` summed, and all in `categories`.

    A metric or share that not all of them have, as of other layouts, is left to the categories.
    """
    first = results[0]

    def common(keys: Iterable[str]) -> list[str]:
        return [key for key in keys if all(key in result for result in results)]

    whole = {
        "task": first["task"],
        "category": "mean of " + ", ".join(result["category"] for result in results),
        **{key: first[key] for key in common(COMMON)},
        "n": {key: sum(result["n"].get(key, 0) for result in results) for key in first["n"]},
        **{key: mean_of_known([result[key] for result in results]) for key in common(METRICS)},
        **{key: _pooled([result[key] for result in results]) for key in common(SHARES)},
        "failed": [
            {**failure, "item": f"{result['category']}/{failure['item']}"}
            for result in results
            for failure in result["failed"]
        ],
        "categories": {result["category"]: result for result in results},
    }
    if common(["layout"]):
        whole["layout"] = ", ".join(dict.fromkeys(result["layout"] for result in results))
    return whole | ({"au_spro": mean_au_spro(results)} if common(["au_spro"]) else {})


def _pooled(shares: list[dict[str, Any]]) -> dict[str, Any]:
    hits, n = (sum(share[key] for share in shares) for key in ("hits", "n"))
    return proportion([True] * hits + [False] * (n - hits))
