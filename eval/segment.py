"""`xad eval segment`: how well defects are cut out, given their true boxes, beside GrabCut and the box itself."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.intervals import bootstrap_interval
from xad_agent.eval.layout import Sample, read_category
from xad_agent.eval.machine import provenance
from xad_agent.eval.metrics import overlap
from xad_agent.eval.report import interval_of, percent
from xad_agent.eval.sampling import drawn
from xad_agent.perception.models import NONE, Models

if TYPE_CHECKING:
    from xad_agent.media import Picture
    from xad_agent.perception.masks import Segmenter

SPECK = 9  # px: smaller pieces of a mask are left out
_ROUNDS = 5  # of GrabCut

_Box = tuple[int, int, int, int]
_Cut = Callable[["Picture", _Box], np.ndarray]


def evaluate_segmenters(
    directory: str | Path, *, limit: int | None = None, seed: int = 0, segmenter: str = "embedded"
) -> dict[str, Any]:
    """Cut out each piece of each true mask given its tight box, and compare with the piece.

    The pieces are the mask's connected components (8 neighbours) of at least 9 px, each with a box of its own; the IoU
    is over the whole picture. Intervals resample pictures.

    Args:
        directory: A category in a layout that `read_layout` knows.
        limit: At most this many test pictures of each type, drawn with `seed`; None for all.
        seed: Of the drawing and the bootstrap.
        segmenter: "embedded", or a spec as `load_sam` takes it; of several masks the first counts.

    Returns:
        A JSON-able dict. `methods`: for the segmenter (under its spec), `grabcut` (OpenCV's, from the same box, five
        rounds) and `box` (the box taken as the mask) each `mean_iou` with its `mean_iou_interval`, `types` (the mean of
        each), and `seconds_per_box`, all included. `over_grabcut`: the mean difference of the segmenter's IoU from
        GrabCut's, with `over_grabcut_interval`. Also `n` {pictures, boxes, specks}, versions and settings.

    Raises:
        XadError: The directory is not one category in a known layout, or no mask has a piece; or as `load_sam` says.
    """
    category = read_category(directory)
    methods: dict[str, _Cut] = {
        segmenter: _cutter(Models({"segmenter": NONE if segmenter == "embedded" else segmenter}).segmenter),
        "grabcut": _grabcut,
        "box": _box,
    }
    samples = [sample for sample in drawn(category.test, limit, seed) if sample.defective]
    rows: list[tuple[str, str, np.ndarray, np.ndarray]] = []  # picture, type, IoU and seconds by method
    specks = 0
    for sample in samples:
        picture, pieces, too_small = _pieces(sample)
        specks += too_small
        for piece, box in pieces:
            cuts = [_timed(cut, picture, box) for cut in methods.values()]
            ious = np.array([overlap(mask, piece) for mask, _ in cuts])
            rows.append((sample.name, sample.kind, ious, np.array([seconds for _, seconds in cuts])))
    if not rows:
        raise XadError(f"{category.root}: no mask has a piece of at least {SPECK} px")
    return {
        "task": "segment",
        "category": category.name,
        "directory": str(category.root.resolve()),
        "segmenter": segmenter,
        "limit": limit,
        "seed": seed,
        "n": {"pictures": len(samples), "boxes": len(rows), "specks": specks},
        **_summary(rows, list(methods), seed),
        **provenance(),
    }


def as_text(result: dict[str, Any]) -> str:
    """The table to read: mean IoU in % with 95 % intervals, by method and by type of defect."""
    n = result["n"]
    lines = [f"{result['category']}: {n['boxes']} boxes in {n['pictures']} pictures; mean IoU with the true mask, %"]
    for name, row in result["methods"].items():
        types = ", ".join(f"{kind} {percent(value)}" for kind, value in row["types"].items())
        ends = interval_of(row, "mean_iou")
        lines.append(f"{name}: {percent(row['mean_iou'])} {ends}, {row['seconds_per_box']:.3f} s a box; {types}")
    ends = interval_of(result, "over_grabcut")
    return "\n".join([*lines, f"{result['segmenter']} over grabcut: {percent(result['over_grabcut'])} {ends}"])


def _pieces(sample: Sample) -> "tuple[Picture, list[tuple[np.ndarray, _Box]], int]":
    """The picture, each piece of its mask with its tight box, and how many pieces were too small."""
    import cv2

    from xad_agent.media import read_picture

    picture = read_picture(sample.path)
    mask = sample.mask(picture.height, picture.width)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    found = []
    for number in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[number])
        if area >= SPECK:
            found.append((labels == number, (x, y, x + width, y + height)))
    return picture, found, count - 1 - len(found)


def _cutter(segmenter: "Segmenter") -> _Cut:
    return lambda picture, box: segmenter.segment(picture, box)[0].pixels


def _grabcut(picture: "Picture", box: _Box) -> np.ndarray:
    """GrabCut (Rother et al. 2004) from a box; the box itself where OpenCV finds too little in or around it."""
    import cv2

    x0, y0, x1, y1 = box
    labels = np.zeros(picture.pixels.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(picture.pixels, labels, (x0, y0, x1 - x0, y1 - y0), *models, _ROUNDS, cv2.GC_INIT_WITH_RECT)
    except cv2.error:
        return _box(picture, box)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _box(picture: "Picture", box: _Box) -> np.ndarray:
    x0, y0, x1, y1 = box
    mask = np.zeros(picture.pixels.shape[:2], bool)
    mask[y0:y1, x0:x1] = True
    return mask


def _timed(cut: _Cut, picture: "Picture", box: _Box) -> tuple[np.ndarray, float]:
    start = perf_counter()
    mask = cut(picture, box)
    return mask, perf_counter() - start


def _summary(rows: list[tuple[str, str, np.ndarray, np.ndarray]], names: list[str], seed: int) -> dict[str, Any]:
    pictures = np.unique([picture for picture, *_ in rows], return_inverse=True)[1]
    kinds = np.array([kind for _, kind, *_ in rows])
    ious, seconds = np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
    methods = {
        name: {
            **_mean("mean_iou", ious[:, place], pictures, seed),
            "types": {str(kind): float(ious[kinds == kind, place].mean()) for kind in np.unique(kinds)},
            "seconds_per_box": float(seconds[:, place].mean()),
        }
        for place, name in enumerate(names)
    }
    return {"methods": methods, **_mean("over_grabcut", ious[:, 0] - ious[:, names.index("grabcut")], pictures, seed)}


def _mean(name: str, values: np.ndarray, pictures: np.ndarray, seed: int) -> dict[str, Any]:
    """The mean of values, and its interval when whole pictures (numbered from 0) are resampled."""
    sums = np.stack([np.bincount(pictures, values), np.bincount(pictures)], axis=1)
    interval = bootstrap_interval(lambda some: float(some[:, 0].sum() / some[:, 1].sum()), sums, seed=seed)
    return {name: float(values.mean()), f"{name}_interval": interval}
