"""The overlay: a picture under its anomaly map on a fixed colour scale, with its legend and numbered regions."""

from collections.abc import Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from xad_agent.evidence import Box, Region
from xad_agent.media.drawing import FAINT, GAP, INK, PAPER, badge, boxed, fitted, font, stacked
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import resize, resize_mask, shape_within
from xad_agent.prompts import vocabulary

if TYPE_CHECKING:
    from xad_agent.calibration import Calibration
    from xad_agent.detectors.base import AnomalyMap

SIDE = 640
# Display value -> red, green, blue, opacity. Nothing shows well below the limit, which lies at 0.5.
_SCALE = np.array(
    [[0.0, 255, 230, 90, 0.0], [0.3, 255, 230, 90, 0.0], [0.5, 255, 150, 20, 0.45], [0.75, 235, 30, 30, 0.6],
     [1.0, 165, 0, 90, 0.7]]
)  # fmt: skip
_STEPS = 1024  # of display values; finer than the colours of a picture
_LAST_CLEAR = int(_SCALE[1, 0] * _STEPS)  # up to there the opacity is 0


class Overlay:
    """A picture under its anomaly map, made once so that it can be drawn quickly in many ways.

    The colour scale is fixed by the calibration, so a good picture stays uncoloured. Without a calibration it is
    fixed by the map's own median and spread, and the legend names no limit.

    Args:
        picture: What the map is of.
        anomaly_map: Values (H, W) of the picture.
        calibration: What the values mean, None where nothing normal is known.
        regions: What to number and outline.
        window: x0 y0 x1 y1 in px of the picture, the part that is shown; None for all of it.
        side: px of the longer side of what is shown, legend apart.
        scale: How much larger than usual lines and type are, for what is shown smaller than it is drawn.

    Attributes:
        window: What is shown.
        size: Width and height of it as drawn, px.
    """

    def __init__(
        self,
        picture: Picture,
        anomaly_map: "AnomalyMap",
        calibration: "Calibration | None",
        regions: Sequence[Region],
        window: Box | None = None,
        side: int = SIDE,
        scale: int = 1,
    ):
        self.window = window or (0, 0, picture.width, picture.height)
        x0, y0, x1, y1 = self.window
        self._cut = np.s_[y0:y1, x0:x1]
        self._picture, self._calibration, self._regions, self._scale = picture, calibration, regions, scale
        self._pixels = fitted(picture.pixels[self._cut], side)
        self.size = self._pixels.shape[1], self._pixels.shape[0]
        values = resize(anomaly_map.values[self._cut], self._pixels.shape[:2])
        self._steps = _steps(_display(values, anomaly_map, calibration))

    def draw(self, opacity: float = 1.0, outlines: bool = True, boxes: bool = False) -> np.ndarray:
        """The picture with the legend below it, RGB uint8.

        Args:
            opacity: Of the colours, 0 (the bare picture) to 1 (as in figures).
            outlines: Whether to draw the contours of the regions' masks.
            boxes: Whether to draw their boxes. Regions have their numbers with either.
        """
        image = Image.fromarray(_tinted(self._pixels, self._steps, opacity))
        draw = ImageDraw.Draw(image)
        for region in self._regions:
            box, contours = self._drawn_box(region), self._contours.get(region.label)
            if box is None or contours is None or not (outlines or boxes):
                continue
            if outlines:
                _trace(draw, contours, self._scale)
            if boxes:
                boxed(draw, box, self._scale)
            badge(draw, image.size, (box[2], box[1]), region.label.rsplit(" ", 1)[-1], self._scale)
        legend = _legend(max(image.width, 260 * self._scale), self._calibration, opacity, self._scale)
        return np.asarray(stacked([image, legend]))

    def place(self, x: int, y: int) -> tuple[int, int] | None:
        """The px of the picture that is shown at x y of what `draw` returns; None beside the picture."""
        width, height = self.size
        if not (0 <= x < width and 0 <= y < height):
            return None
        x0, y0, x1, y1 = self.window
        return x0 + int((x + 0.5) * (x1 - x0) / width), y0 + int((y + 0.5) * (y1 - y0) / height)

    @cached_property
    def _contours(self) -> dict[str, list[np.ndarray]]:
        """Of the regions that are in the window, by label: points (N, 2) as drawn."""
        import cv2

        found = {}
        for region in self._regions:
            mask = region.mask(self._picture.height, self._picture.width)[self._cut]
            if mask.any():
                drawn = resize_mask(mask, self.size[::-1]).astype(np.uint8)
                contours, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
                found[region.label] = [contour[:, 0] for contour in contours]
        return found

    def _drawn_box(self, region: Region) -> Box | None:
        """A region's box as drawn, as far as it is in the window; None where it is not."""
        x0, y0, x1, y1 = self.window
        across, down = self.size[0] / (x1 - x0), self.size[1] / (y1 - y0)
        left, top = max(region.box[0], x0) - x0, max(region.box[1], y0) - y0
        right, bottom = min(region.box[2], x1) - x0, min(region.box[3], y1) - y0
        if left >= right or top >= bottom:
            return None
        return int(left * across), int(top * down), round(right * across) - 1, round(bottom * down) - 1


def overlay(
    picture: Picture, anomaly_map: "AnomalyMap", calibration: "Calibration | None", regions: Sequence[Region]
) -> np.ndarray:
    """The whole picture as figures show it, see `Overlay`; RGB uint8, about `SIDE` px long."""
    return Overlay(picture, anomaly_map, calibration, regions).draw()


def window_around(box: Box, shape: tuple[int, ...], margin: int) -> Box:
    """A box x0 y0 x1 y1 with so many px around it, as far as a picture of that shape (H, W, ...) reaches."""
    x0, y0, x1, y1 = box
    return max(0, x0 - margin), max(0, y0 - margin), min(shape[1], x1 + margin), min(shape[0], y1 + margin)


def _display(values: np.ndarray, whole: "AnomalyMap", calibration: "Calibration | None") -> np.ndarray:
    """Map values as 0 to 1, the limit at 0.5; without a limit by the median and spread of the whole map."""
    if calibration is not None:
        return calibration.display(values)
    usual = resize(whole.values, shape_within(whole.values.shape, SIDE))
    median = float(np.median(usual))
    spread = max(1.4826 * float(np.median(np.abs(usual - median))), 1e-6)
    return np.clip((values - median) / (12 * spread), 0, 1)


def _steps(display: np.ndarray) -> np.ndarray:
    """Display values, 0 to 1, as steps of the colour scale, uint16: small, since many pictures are kept so."""
    return np.rint(display * _STEPS).astype(np.uint16)


@cache
def _colours() -> np.ndarray:
    """Red, green, blue and opacity for each step, float32 (steps, 4)."""
    at = np.arange(_STEPS + 1) / _STEPS
    return np.stack([np.interp(at, _SCALE[:, 0], of) for of in _SCALE[:, 1:].T], axis=-1).astype(np.float32)


def _tinted(pixels: np.ndarray, steps: np.ndarray, opacity: float) -> np.ndarray:
    tinted, flat = pixels.copy(), steps.ravel()
    coloured = np.flatnonzero(flat > _LAST_CLEAR)  # most of a picture is not, and that takes no time
    share, step = np.float32(opacity) * _colours()[:, 3:], flat.take(coloured)
    shown = tinted.reshape(-1, 3)
    blended = shown.take(coloured, axis=0) * (1 - share).take(step, axis=0)
    blended += (share * _colours()[:, :3]).take(step, axis=0)
    shown[coloured] = np.rint(blended, out=blended)
    return tinted


def _trace(draw: ImageDraw.ImageDraw, contours: Sequence[np.ndarray], scale: int) -> None:
    """Contours, white on black so that they show on anything."""
    for colour, width in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        for contour in contours:
            points = [(int(x), int(y)) for x, y in contour]
            draw.line([*points, points[0]], fill=colour, width=width * scale, joint="curve")


def _legend(width: int, calibration: "Calibration | None", opacity: float, scale: int) -> Image.Image:
    """The colour scale on grey, with the limit marked."""
    image = Image.new("RGB", (width, 46 * scale), PAPER)
    room, words, small = width - 2 * GAP, vocabulary("figure"), font(14 * scale)
    grey = np.full((12 * scale, room, 3), 150, np.uint8)
    bar = _tinted(grey, _steps(np.linspace(0, 1, room))[None].repeat(len(grey), axis=0), opacity)
    image.paste(Image.fromarray(bar), (GAP, 8 * scale))
    draw, below, middle = ImageDraw.Draw(image), 24 * scale, width // 2
    draw.text((GAP, below), words["low"], fill=FAINT, font=small)
    draw.text((width - GAP, below), words["high"], fill=FAINT, font=small, anchor="ra")
    if calibration is not None:
        draw.line((middle, 4 * scale, middle, 23 * scale), fill=INK, width=2 * scale)
        draw.text((middle, below), words["limit"], fill=INK, font=small, anchor="ma")
    return image
