"""NanoDet, the embedded object detector."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import softmax
from torchvision.ops import batched_nms, box_iou

from xad_agent.errors import XadError
from xad_agent.perception.objects import Detections
from xad_agent.perception.views import Rectangle, checked_boxes, paste, surroundings, tiles
from xad_agent.prompts import vocabulary

if TYPE_CHECKING:
    import onnxruntime

LEAST_SCORE = 0.05
LEAST_TILE = 32
_SIDE = 416
_STRIDES = (8, 16, 32)
_BINS = 11
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)[:, None, None]  # of blue, green, red
_STD = np.array([57.375, 57.12, 58.395], np.float32)[:, None, None]
_SAME_OBJECT = 0.5  # intersection over union

_TILE_OVERLAP = 0.25  # so an object of a quarter of a tile is whole in one of them
_NEAR_EDGE = 0.02
_MOSTLY = 0.7

# Places to name share a canvas. On walkers of 30 px, sixteen to a canvas give higher and cleaner scores than fewer and
# larger ones, since enlarging only blurs; what that would shrink goes four to a canvas. A place's own size decides, not
# the company that it is in, so that its scores can be compared with normal ones.
_FIELDS = (4, 2)  # along a side of the canvas
_CONTEXT = 1.5
_SAME_PLACE = 0.3  # intersection over union; loose, as foreground boxes seldom fit an object exactly


class NanoDet:
    """NanoDet-g at 416 px, trained on COCO (RangiLyu 2021), an `ObjectDetector`; it keeps scores from LEAST_SCORE up.

    Cells at strides 8, 16 and 32 each give the probability of every class, and how far the sides of a box are from the
    cell's centre, as a distribution over 0 to 10 strides (Li et al., Generalized Focal Loss, NeurIPS 2020).
    """

    def __init__(self, session: "onnxruntime.InferenceSession"):
        self.names: tuple[str, ...] = tuple(vocabulary("coco"))
        self._session = session
        self._centres, self._strides = _cells()

    def detect(self, pixels: np.ndarray, tile: int | None = None) -> Detections:
        """As `ObjectDetector.detect`; a tile has LEAST_TILE px or more."""
        if tile is not None and tile < LEAST_TILE:
            raise XadError(f"tiles of {tile} px show nothing: take {LEAST_TILE} px or more", exit_code=2)
        rectangles = tiles(pixels.shape, tile or max(pixels.shape[:2]), _TILE_OVERLAP)
        found = [self._look_at(pixels, rectangle) for rectangle in rectangles]
        boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        cut = [_is_cut(part, r, pixels.shape) for (part, _), r in zip(found, rectangles, strict=True)]
        kept = ~_shown_whole_elsewhere(boxes, np.concatenate(cut))
        return Detections(*_distinct(boxes[kept], scores[kept]), self.names)

    def classify(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """As `ObjectDetector.classify`: for each class the most that any cell gives whose box agrees with the place."""
        boxes = checked_boxes(boxes, pixels.shape)
        scores = np.zeros((len(boxes), len(self.names)), np.float32)
        groups: dict[int, list[tuple[int, Rectangle]]] = {fields: [] for fields in _FIELDS}
        for place, box in enumerate(boxes):
            if rectangle := surroundings(box, _CONTEXT, pixels.shape):
                groups[_fields(rectangle)].append((place, rectangle))
        for fields, seen in groups.items():
            for start in range(0, len(seen), fields**2):
                self._classify_together(pixels, boxes, seen[start : start + fields**2], fields, scores)
        return scores

    def _classify_together(
        self, pixels: np.ndarray, boxes: np.ndarray, seen: list[tuple[int, Rectangle]], fields: int, scores: np.ndarray
    ) -> None:
        """Fill in the scores of places that fit on one canvas."""
        canvas, side = _canvas(), _SIDE // fields
        views = [
            paste(pixels, rectangle, canvas, (field % fields * side, field // fields * side), side)
            for field, (_, rectangle) in enumerate(seen)
        ]
        found, likely = self._run(canvas)
        places = np.stack([view.to_canvas(boxes[place]) for view, (place, _) in zip(views, seen, strict=True)])
        agree = box_iou(torch.from_numpy(places), torch.from_numpy(found)).numpy() >= _SAME_PLACE
        for (place, _), cells in zip(seen, agree, strict=True):
            scores[place] = likely[cells].max(axis=0, initial=0)

    def _look_at(self, pixels: np.ndarray, rectangle: Rectangle) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (N, 4), px of the picture, and scores (N, classes) of what a rectangle of the picture shows."""
        canvas = _canvas()
        view = paste(pixels, rectangle, canvas, (0, 0), _SIDE)
        boxes, scores = self._run(canvas)
        inside = view.to_picture(boxes).clip(rectangle[:2] * 2, rectangle[2:] * 2, dtype=np.float32)
        kept = (scores.max(axis=1) >= LEAST_SCORE) & (inside[:, :2] < inside[:, 2:]).all(axis=1)
        return _distinct(inside[kept], scores[kept])

    def _run(self, canvas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Box (cells, 4), px of the canvas, and probabilities (cells, classes) of every cell."""
        planes = np.ascontiguousarray(canvas.transpose(2, 0, 1)[::-1])  # copied first: four times as quick
        image = (planes - _MEAN) / _STD
        outputs = self._session.run(None, {self._session.get_inputs()[0].name: image[None]})
        finest_first = sorted((output[0] for output in outputs), key=len, reverse=True)
        scores = np.concatenate([output for output in finest_first if output.shape[1] == len(self.names)])
        bins = np.concatenate([output for output in finest_first if output.shape[1] == 4 * _BINS])
        shares = softmax(bins.reshape(-1, 4, _BINS), axis=2)
        before, after = np.split(shares @ np.arange(_BINS, dtype=np.float32) * self._strides, 2, axis=1)
        return np.concatenate([self._centres - before, self._centres + after], axis=1), scores


def _canvas() -> np.ndarray:
    return np.zeros((_SIDE, _SIDE, 3), np.uint8)


def _fields(rectangle: Rectangle) -> int:
    """The smallest fields that do not shrink a rectangle, else the largest there are."""
    x0, y0, x1, y1 = rectangle
    fitting = (fields for fields in _FIELDS if _SIDE // fields >= max(x1 - x0, y1 - y0))
    return next(fitting, _FIELDS[-1])


def _cells() -> tuple[np.ndarray, np.ndarray]:
    """Centres (cells, 2), x y, and strides (cells, 1), px of the canvas, row by row, the finest grid first."""
    centres, strides = [], []
    for stride in _STRIDES:
        y, x = np.mgrid[0:_SIDE:stride, 0:_SIDE:stride] + stride / 2
        centres.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _distinct(boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of boxes that show the same object as the same class only the likeliest; the likeliest of all comes first."""
    best, labels = torch.from_numpy(scores).max(dim=1)
    kept = batched_nms(torch.from_numpy(boxes), best, labels, _SAME_OBJECT).numpy()
    return boxes[kept], scores[kept]


def _is_cut(boxes: np.ndarray, tile: Rectangle, shape: tuple[int, ...]) -> np.ndarray:
    """Which boxes reach an edge of their tile beyond which the picture goes on."""
    x0, y0, x1, y1 = tile
    margin = _NEAR_EDGE * max(x1 - x0, y1 - y0)
    inner = np.array([x0 > 0, y0 > 0, x1 < shape[1], y1 < shape[0]])
    return np.asarray((inner & (np.abs(boxes - np.array(tile)) < margin)).any(axis=1))


def _shown_whole_elsewhere(boxes: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Which of the cut boxes lie mostly within one that is not: another tile shows that object whole."""
    shown, wholes = np.zeros(len(boxes), bool), boxes[~cut]
    for place in np.flatnonzero(cut):
        part = boxes[place]
        sides = np.minimum(part[2:], wholes[:, 2:]) - np.maximum(part[:2], wholes[:, :2])
        shown[place] = sides.clip(0).prod(axis=1).max(initial=0) >= _MOSTLY * (part[2:] - part[:2]).prod()
    return shown
