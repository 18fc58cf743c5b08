"""`xad eval zero-shot`: how well a detector that has seen no normal picture detects and places.

Beside chance and two trivial detectors: a figure that is not above theirs says nothing of the detector.
"""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from xad_agent.detectors.base import AnomalyMap
from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch, score_all
from xad_agent.eval.layout import GOOD, Category, Sample, read_layout
from xad_agent.eval.machine import peak_memory_mb
from xad_agent.eval.metrics import sklearn_metrics
from xad_agent.eval.page import Page, Plot
from xad_agent.eval.plots import score_histogram
from xad_agent.eval.report import interval_of, percent
from xad_agent.eval.store import Record, Store
from xad_agent.eval.summary import mean_of, summarise_maps
from xad_agent.media import read_picture
from xad_agent.media.picture import Picture, grey
from xad_agent.media.scaling import resize, shape_within

CHANCE = 0.5
_COLUMNS = (("image AUROC", "image_auroc"), ("pixel AUROC", "pixel_auroc"), ("AUPRO", "aupro"))
_CONTRAST_SIDE = 512
_SURROUNDINGS, _GRAIN = 0.03, 0.008  # sigmas, of the picture's longer side


class Scorer(Protocol):
    """What can be evaluated: a detector that has seen no normal picture."""

    name: str

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and the score of one picture."""
        ...


class Centre:
    """Takes the centre of any picture for its strangest place, and every picture for as strange as another."""

    name = "centre"

    def score(self, picture: Picture) -> AnomalyMap:
        """The nearness to the centre, 0 in the corners to 1."""
        y, x = (np.abs(np.linspace(-1, 1, length, dtype=np.float32)) for length in (picture.height, picture.width))
        return AnomalyMap(1 - np.hypot(y[:, None], x) / np.float32(np.sqrt(2)), 0.0, self.name)


class Contrast:
    """Takes what is darker or lighter than its surroundings for strange."""

    name = "contrast"

    def score(self, picture: Picture) -> AnomalyMap:
        """How far grey levels, smoothed a little, are from their mean around, and the most of it."""
        import cv2

        small = resize(grey(picture.pixels), shape_within(picture.pixels.shape, _CONTRAST_SIDE)).astype(np.float32)
        side = max(small.shape)
        fine, around = (cv2.GaussianBlur(small, (0, 0), share * side) for share in (_GRAIN, _SURROUNDINGS))
        values = resize(np.abs(fine - around), (picture.height, picture.width))
        return AnomalyMap(values, float(values.max()), self.name)


BASELINES: Mapping[str, Scorer] = MappingProxyType({one.name: one for one in (Centre(), Contrast())})


def evaluate_zero_shot(
    directory: str | Path,
    *,
    detector: str | Scorer = "self-dissimilarity",
    backbone: str | None = None,
    batch: Batch | None = None,
) -> dict[str, Any]:
    """Score every test picture without having seen a normal one, and measure the results; train/ is not looked at.

    Args:
        directory: A category in a layout that `read_layout` knows, or a folder of categories.
        detector: "self-dissimilarity", "centre", "contrast", or any detector; two of the same name are not told apart
            in an output folder.
        backbone: Spec of the backbone of self-dissimilarity; None for the embedded one.
        batch: Which part of the set, and where results are kept; None for the whole set.

    Returns:
        A JSON-able dict, see `summarise_maps` for the metrics; `chance` 0.5, what each AUROC would be by chance;
        `baselines` {"centre", "contrast": the metrics of trivial detectors}. Of several categories: the mean of each
        metric in the same places, and each category's own result under `categories`.

    Raises:
        XadError: The layout is wrong, there is no such detector, no test picture could be scored, the output folder
            holds results of other settings, or scikit-learn is missing.
    """
    sklearn_metrics()
    batch = batch or Batch()
    categories = read_layout(directory, learn=False)
    scorer = _loaded(detector, backbone) if isinstance(detector, str) else detector
    results = []
    for category in categories:
        folder = category.name if len(categories) > 1 else ""
        baselines = {
            name: _evaluate(category, baseline, folder, {"backbone": backbone}, batch, {})
            for name, baseline in BASELINES.items()
            if name != scorer.name
        }
        results.append(_evaluate(category, scorer, folder, {"backbone": backbone}, batch, baselines))
    if len(results) == 1:
        return results[0]
    baselines = {name: mean_of([one["baselines"][name] for one in results]) for name in results[0]["baselines"]}
    return {**mean_of(results), "chance": CHANCE, "baselines": baselines}


def _loaded(name: str, backbone: str | None) -> Scorer:
    if name in BASELINES:
        return BASELINES[name]
    if name == "self-dissimilarity":
        from xad_agent.detectors.self_dissimilarity import SelfDissimilarity
        from xad_agent.perception.backbone import load_backbone

        return SelfDissimilarity(load_backbone(backbone) if backbone is not None else None)
    names = ", ".join(["self-dissimilarity", *BASELINES])
    raise XadError(f"there is no zero-shot detector {name!r}: there are {names}", exit_code=2)


def _evaluate(
    category: Category,
    scorer: Scorer,
    folder: str,
    options: dict[str, Any],
    batch: Batch,
    baselines: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    settings = {"directory": str(category.root.resolve()), "detector": scorer.name, **options}
    with batch.store(settings, f"{folder}/{scorer.name}" if folder else scorer.name) as store:
        samples = batch.chosen(category.test)
        scored = score_all(samples, store, lambda sample: _score(sample, scorer, store), batch, arrays=True)
        peak = peak_memory_mb()  # before the metrics, which need memory of their own
        result = {
            "task": "zero-shot",
            "category": category.name,
            **store.settings,
            "chance": CHANCE,
            **summarise_maps(scored, store.pairs, seed=batch.seed),
            "peak_memory_mb": peak,
            "baselines": baselines,
        }
        return batch.finish(store, result, lambda: _page(result))


def _page(result: dict[str, Any]) -> Page:
    scores = {
        name: [item["score"] for item in result["items"] if (item["kind"] == GOOD) == good]
        for name, good in (("good", True), ("defective", False))
    }
    title = f"{result['category']} without normal pictures, by {result['detector']}"
    return Page(title, as_text(result), result, plots=(Plot("Scores", score_histogram(scores)),))


def _score(sample: Sample, scorer: Scorer, store: Store) -> Record:
    start = perf_counter()
    found = scorer.score(read_picture(sample.path))
    seconds = perf_counter() - start
    found.check_finite(sample.name)
    mask = sample.mask(*found.values.shape)  # a mask that is wrong fails its picture, not the set
    store.keep(sample.name, map=found.values)
    peak = np.unravel_index(np.argmax(found.values), mask.shape)
    pointed = {"map_peak_in_mask": bool(mask[peak])} if sample.defective else {}
    return {"score": float(found.score), "seconds": seconds, **pointed}


def as_text(result: dict[str, Any]) -> str:
    """A table of what `evaluate_zero_shot` gives, in %, with 95 % intervals; several categories one after the other."""
    if "categories" in result:
        return "\n\n".join([*map(as_text, result["categories"].values()), _table(result)])
    kinds = [f"{name}: {_row(of_type)}" for name, of_type in result["types"].items()]
    memory = result["peak_memory_mb"]
    cost = f"{result['seconds_per_picture']:.3f} s a picture"
    cost += f", peak memory {memory:,.0f} MB" if memory is not None else ""
    failures = [f"failed: {failure['item']}: {failure['error']}" for failure in result["failed"]]
    return "\n".join([_table(result), "", *kinds, "", cost, *failures, *(f"({note})" for note in result["notes"])])


def _table(result: dict[str, Any]) -> str:
    n = result["n"]
    title = (
        f"{result['category']}: no normal picture seen; {n['normal']} good and {n['defective']} defective, "
        f"{n['failed']} failed; seed {result['seed']}"
    )
    rows = {result["detector"]: result, **result["baselines"]}
    width = max(map(len, rows))
    lines = [title, f"{'':<{width}}" + "".join(f"{name:>28}" for name, _ in _COLUMNS)]
    for name, row in rows.items():
        cells = (f"{percent(row[key])} {_interval(row, key)}".strip() for _, key in _COLUMNS)
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>28}" for cell in cells))
    return "\n".join([*lines, f"{'chance':<{width}}{percent(CHANCE):>28}{percent(CHANCE):>28}{'-':>28}"])


def _interval(row: dict[str, Any], key: str) -> str:
    return interval_of(row, key) if f"{key}_interval" in row else ""


def _row(of_type: dict[str, Any]) -> str:
    return ", ".join(f"{name} {percent(of_type[key])}" for name, key in _COLUMNS) + f" ({of_type['n']})"
