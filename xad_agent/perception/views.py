"""Rectangles of a picture, scaled into the square input of a network, and the way back."""

import math
from dataclasses import dataclass

import numpy as np

from xad_agent.errors import XadError
from xad_agent.media.scaling import resize

Rectangle = tuple[int, int, int, int]  # x0 y0 x1 y1 in whole px


@dataclass(frozen=True, eq=False)
class View:
    """How places in a picture belong to places on a canvas.

    Attributes:
        scale: Canvas px for each px of the picture, along x and y.
        shift: Where the picture's origin would lie, x y in px of the canvas.
    """

    scale: np.ndarray
    shift: np.ndarray

    def to_canvas(self, places: np.ndarray) -> np.ndarray:
        """Points (..., 2) or boxes (..., 4), px of the picture, in px of the canvas; float32."""
        return (places.reshape(-1, 2) * self.scale + self.shift).astype(np.float32).reshape(places.shape)

    def to_picture(self, places: np.ndarray) -> np.ndarray:
        """Points (..., 2) or boxes (..., 4), px of the canvas, in px of the picture; float32."""
        return ((places.reshape(-1, 2) - self.shift) / self.scale).astype(np.float32).reshape(places.shape)


def paste(pixels: np.ndarray, rectangle: Rectangle, canvas: np.ndarray, corner: tuple[int, int], side: int) -> View:
    """Scale a rectangle of a picture into a square cell of a canvas, as large as it fits there with its shape kept.

    Args:
        pixels: (H, W, 3).
        rectangle: Within the picture, not empty.
        canvas: (H', W', 3); painted over.
        corner: Upper left one of the cell, x y in px of the canvas; the rectangle's comes to lie there.
        side: Of the cell.
    """
    (x0, y0, x1, y1), (left, top) = rectangle, corner
    size = np.array([x1 - x0, y1 - y0])
    width, height = np.maximum(np.rint(size * side / size.max()), 1).astype(int)
    canvas[top : top + height, left : left + width] = resize(pixels[y0:y1, x0:x1], (height, width))
    scale = np.array([width, height]) / size
    return View(scale, np.array([left, top]) - scale * [x0, y0])


def tiles(shape: tuple[int, ...], side: int, overlap: float) -> list[Rectangle]:
    """Squares that cover a picture (H, W, ...), neighbours sharing at least `overlap` of their side.

    Where the picture is smaller than `side`, so is the tile.
    """

    def starts(length: int) -> list[int]:
        step = side * (1 - overlap)
        count = max(1, math.ceil((length - side) / step) + 1)
        return [round(at) for at in np.linspace(0, max(0, length - side), count)]

    height, width = shape[:2]
    return [(x, y, min(x + side, width), min(y + side, height)) for y in starts(height) for x in starts(width)]


def checked_boxes(boxes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The part of each box that is inside a picture (H, W, ...): float32 (N, 4), empty where none is.

    Raises:
        XadError: The boxes have another shape than (N, 4), or values that are not finite.
    """
    boxes = np.asarray(boxes, np.float32)
    if boxes.shape == (0,):  # an empty list
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise XadError(f"boxes of shape {boxes.shape} were given: (N, 4) is needed, x0 y0 x1 y1 in px")
    finite = np.isfinite(boxes).all(axis=1)
    if not finite.all():
        raise XadError(f"box {finite.argmin() + 1} of {len(boxes)} has values that are not finite: leave it out")
    height, width = shape[:2]
    return boxes.clip(0, np.array([width, height] * 2, np.float32))


def surroundings(box: np.ndarray, factor: float, shape: tuple[int, ...]) -> Rectangle | None:
    """The square around a box, `factor` times its longer side, as far as the picture (H, W, ...) reaches.

    None where the box is empty.
    """
    x0, y0, x1, y1 = map(float, box)
    if x1 <= x0 or y1 <= y0:
        return None
    height, width = shape[:2]
    half = factor * max(x1 - x0, y1 - y0) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return (
        max(0, math.floor(x - half)),
        max(0, math.floor(y - half)),
        min(width, math.ceil(x + half)),
        min(height, math.ceil(y + half)),
    )
