"""A report of pictures: how scores are spread, each type with its interval, and the best and the worst examples."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.detectors.base import AnomalyMap
from xad_agent.eval.boxes import Matched, precision_and_recall
from xad_agent.eval.metrics import sklearn_metrics
from xad_agent.eval.page import Example, Page, Plot
from xad_agent.eval.plots import bars, curves, score_histogram
from xad_agent.eval.report import as_text
from xad_agent.eval.samples import Sample
from xad_agent.eval.store import Record
from xad_agent.evidence import Region, run_lengths
from xad_agent.media.overlay import overlay
from xad_agent.media.reading import read_picture

Scored = Sequence[tuple[Sample, Record]]
Shown = tuple[AnomalyMap, Sequence[Region]]

BEST, WORST = 3, 5


def image_page(
    result: dict[str, Any],
    scored: Scored,
    calibration: Calibration,
    show: Callable[[Sample], Shown],
    quality: str,
    matched: Sequence[Matched] = (),
) -> Page:
    """The page of one set.

    Args:
        result: Of the set.
        scored: Its pictures with their records.
        calibration: Has the limit and the colours' scale.
        show: Gives a picture's map and the places found in it.
        quality: The outcome by which defective pictures are better or worse, in words of the records.
        matched: The boxes of its pictures, where it has any.
    """
    done = [(sample, record) for sample, record in scored if "error" not in record]
    shares = {"pairs": "recall"}.get(result["layout"], "detection_rate")
    types = {f"{name} ({row['n']})": _bar(row[shares]) for name, row in result["types"].items()}
    plots = [Plot("Scores and the limit", score_histogram(_scores(done), result["threshold"]))]
    plots += [Plot("Found at the limit, by type, with 95 % intervals", bars(types, "share found"))] if types else []
    plots += [Plot("ROC of pictures", _roc(done))] if all(_scores(done).values()) else []
    if any(len(one.confidence) for one in matched):
        recall = precision_and_recall(matched)
        plots.append(Plot("Boxes, any type", curves({"boxes": recall[::-1]}, "recall", "precision")))
    examples = tuple(_example(*one, calibration, show) for one in best_and_worst(done, quality))
    return Page(f"Pictures of {result['category']}", as_text(result), result, tuple(plots), (), examples)


def best_and_worst(done: Scored, quality: str) -> list[tuple[str, Sample, Record]]:
    """The best pictures first, then the worst, each with why it is shown.

    Worst are missed ones, then the highest of the good that raise a false alarm, then those found at a wrong place.
    """
    found = sorted((p for p in done if p[0].defective and p[1]["anomalous"]), key=lambda p: -p[1][quality])
    missed = sorted((p for p in done if p[0].defective and not p[1]["anomalous"]), key=lambda p: p[1]["score"])
    alarms = sorted((p for p in done if not p[0].defective and p[1]["anomalous"]), key=lambda p: -p[1]["score"])
    best, rest = found[:BEST], found[BEST:]
    worst = [("worst: missed", *p) for p in missed[: WORST - 2]] + [("worst: false alarm", *p) for p in alarms[:2]]
    worst += [("worst: ill placed", *p) for p in rest[::-1][: WORST - len(worst)]]
    return [("best", *p) for p in best] + worst


def _example(
    why: str, sample: Sample, record: Record, calibration: Calibration, show: Callable[[Sample], Shown]
) -> Example:
    picture = read_picture(sample.path)
    found, regions = show(sample)
    told = ", ".join(f"{key} {value:.3g}" for key, value in record.items() if isinstance(value, (int, float)))
    marked = picture.pixels
    if sample.defective:
        marked = _marked(marked, sample.mask(picture.height, picture.width))
    pictures = (("what is true", marked), ("what is found", overlay(picture, found, calibration, regions)))
    return Example(f"{why}: {sample.name}", pictures, told)


def _marked(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with the outline of a mask, in a colour that few pictures have."""
    import cv2

    marked = pixels.copy()
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(marked, contours, -1, (0, 220, 255), max(1, round(max(mask.shape) / 250)))
    return marked


def box_regions(boxes: np.ndarray, limit: float, shape: tuple[int, int]) -> list[Region]:
    """Found boxes (N, 5) above a limit as regions, most confident first."""
    chosen = boxes[boxes[:, 4] > limit]
    regions = []
    for number, (*corners, score) in enumerate(chosen[np.argsort(-chosen[:, 4])], start=1):
        x0, y0, x1, y1 = (int(c) for c in corners)
        mask = np.zeros(shape, bool)
        mask[y0:y1, x0:x1] = True
        regions.append(
            Region(
                label=f"region {number}",
                box=(x0, y0, x1, y1),
                score=score,
                peak=((x0 + x1) // 2, (y0 + y1) // 2),
                area_share=float(mask.mean()),
                rle=run_lengths(mask),
            )
        )
    return regions


def _scores(done: Scored) -> dict[str, list[float]]:
    return {
        name: [record["score"] for sample, record in done if sample.defective == bad]
        for name, bad in (("good", False), ("defective", True))
    }


def _roc(done: Scored) -> str:
    scores = _scores(done)
    truth = np.repeat([0, 1], [len(scores["good"]), len(scores["defective"])])
    false, true, _ = sklearn_metrics().roc_curve(truth, [*scores["good"], *scores["defective"]])
    return curves({"pictures": (false, true)}, "false-alarm rate", "share of defective pictures found")


def _bar(share: dict[str, Any]) -> tuple[float, float | None, float | None]:
    return share["value"] or 0.0, share["low"], share["high"]
