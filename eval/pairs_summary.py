"""From the records, maps and boxes of single pairs to the metrics of a set."""

from typing import Any

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.eval.boxes import IOU, Matched, average_precision, best_f_score, f_score, match
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.layouts.pairs import TYPES, PairSample
from xad_agent.eval.store import Record, Store
from xad_agent.eval.summary import summarise_maps

PairsScored = list[tuple[PairSample, Record]]

DEFINITIONS = (
    f"box_...: a found box is right where its IoU with a true box that no better one has taken is above {IOU}; types "
    "are not named, so that these figures are not comparable with published ones that ask for the right type, such as "
    "DeepPCB's 98.6 % mAP and 98.2 % F-score",
    "box_precision, box_recall, box_f_score and types: at the limit; box_best_f_score: at the limit that suits the "
    "test pairs best, as published F-scores are",
    "box_ap: mean over true boxes of the precision at the confidence of what found them; a map's maximum is the "
    "confidence",
    "intervals of shares of boxes take boxes as independent; those of box_ap and F-scores resample pictures",
    "false_alarm_rate: pairs of which what is outside of the true boxes, alone, scores above the limit",
    "the limit is from the pairs to develop on, what is in their boxes left out; pixels are measured against boxes",
)


def summarise_pairs(scored: PairsScored, store: Store, calibration: Calibration, *, seed: int) -> dict[str, Any]:
    """All metrics of a set of pairs.

    Args:
        scored: Pairs with their records; failed ones have an "error".
        store: Has their maps, and their boxes as `boxes_above` gives them.
        calibration: Has the limit.
        seed: Of the bootstrap.

    Returns:
        What `summarise_maps` gives, and `n` also {train, boxes}; `box_ap`, `box_f_score`, `box_best_f_score`, each with
        `..._interval`, and `box_best_f_score_limit`; `box_precision`, `box_recall`, `false_alarm_rate`,
        `detection_rate`, `pointing_game_map`: shares with their exact 95 % intervals; `types` {type: {n, recall, a
        share}}.
    """
    whole = summarise_maps(list(scored), store.pairs, seed=seed)
    done = [(sample, record) for sample, record in scored if "error" not in record]
    matched = matched_boxes(scored, store)
    limit = calibration.threshold()
    named = [(box.type, at > limit) for (sample, _), one in zip(done, matched, strict=True)
             for box, at in zip(sample.boxes, one.found_at, strict=True)]  # fmt: skip
    outside = [record["score_outside_boxes"] for _, record in done if record["score_outside_boxes"] is not None]
    bad = [record for sample, record in done if sample.defective]
    present = [name for name in TYPES if any(name == one for one, _ in named)]
    return {
        **whole,
        "n": {"train": calibration.n, **whole["n"], "boxes": len(named)},
        **_boxes(matched, limit, seed),
        "false_alarm_rate": proportion(score > limit for score in outside),
        "detection_rate": proportion(record["anomalous"] for record in bad),
        "pointing_game_map": proportion(record["map_peak_in_mask"] for record in bad),
        "types": {name: _type([found for one, found in named if one == name]) for name in present},
        "notes": [*(note for note in whole["notes"] if not note.startswith("types:")), *DEFINITIONS],
    }


def matched_boxes(scored: PairsScored, store: Store) -> list[Matched]:
    """The kept boxes of each pair that did not fail, beside its true ones."""
    return [
        match(store.arrays(sample.name)["boxes"], sample.corners())
        for sample, record in scored
        if "error" not in record
    ]


def _type(found: list[bool]) -> dict[str, Any]:
    return {"n": len(found), "recall": proportion(found)}


def _boxes(matched: list[Matched], limit: float, seed: int) -> dict[str, Any]:
    best = best_f_score(matched)

    def resampled(metric: Any) -> list[float] | None:
        places = np.arange(len(matched))
        return bootstrap_interval(lambda drawn: _number(metric([matched[n] for n in drawn])), places, seed=seed)

    return {
        "box_ap": average_precision(matched),
        "box_ap_interval": resampled(average_precision),
        "box_precision": proportion(_right_above(matched, limit)),
        "box_recall": proportion(_found_above(matched, limit)),
        "box_f_score": _f_score(matched, limit),
        "box_f_score_interval": resampled(lambda some: _f_score(some, limit)),
        "box_best_f_score": best[0] if best else None,
        "box_best_f_score_interval": resampled(lambda some: (best_f_score(some) or (None,))[0]),
        "box_best_f_score_limit": best[1] if best else None,
    }


def _right_above(matched: list[Matched], limit: float) -> np.ndarray:
    return np.concatenate([np.empty(0, bool), *(one.right[one.confidence > limit] for one in matched)])


def _found_above(matched: list[Matched], limit: float) -> np.ndarray:
    return np.concatenate([np.empty(0, bool), *(one.found_at > limit for one in matched)])


def _f_score(matched: list[Matched], limit: float) -> float | None:
    right, found = _right_above(matched, limit), _found_above(matched, limit)
    return f_score(float(right.mean()) if len(right) else None, float(found.mean()) if len(found) else None)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
