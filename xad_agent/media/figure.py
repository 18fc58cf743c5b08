"""Drawings for answers: the overlay on a fixed colour scale, pictures side by side, and both as one figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xad_agent.evidence import Region
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import resize
from xad_agent.prompts import vocabulary
from xad_agent.wording import numbers

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

    from xad_agent.answer import Answer
    from xad_agent.calibration import Calibration
    from xad_agent.case import Case
    from xad_agent.detectors.base import AnomalyMap

SIDE = 640
FIGURE_WIDTH = 1200
_INK, _FAINT, _PAPER, _GAP = (28, 30, 34), (110, 114, 122), (255, 255, 255), 16
_THIN, _THIN_EDGE = (255, 255, 255, 150), (0, 0, 0, 110)
_VERDICT_COLOURS = {"anomalous": (190, 30, 45), "normal": (30, 125, 70), "uncertain": (150, 105, 10)}
# Display value -> red, green, blue, opacity. Nothing shows well below the limit, which lies at 0.5.
_SCALE = np.array(
    [[0.0, 255, 230, 90, 0.0], [0.3, 255, 230, 90, 0.0], [0.5, 255, 150, 20, 0.45], [0.75, 235, 30, 30, 0.6],
     [1.0, 165, 0, 90, 0.7]]
)  # fmt: skip


def overlay(
    picture: Picture, anomaly_map: "AnomalyMap", calibration: "Calibration | None", regions: Sequence[Region]
) -> np.ndarray:
    """The picture under its anomaly map, with numbered region outlines and a legend.

    The colour scale is fixed by the calibration, so a good picture stays uncoloured. Without a calibration it is
    fixed by the map's own median and spread, and the legend names no limit.

    Returns:
        RGB uint8, about `SIDE` px long.
    """
    pixels = fitted(picture.pixels, SIDE)
    image = Image.fromarray(_colour(pixels, _display(resize(anomaly_map.values, pixels.shape[:2]), calibration)))
    for region in regions:
        _outline(image, region, picture)
    return np.asarray(stacked([image, _legend(max(image.width, 260), calibration)]))


def side_by_side(panels: Sequence[tuple[str, np.ndarray]], height: int = 260) -> np.ndarray:
    """Titled pictures in a row, equally high.

    Args:
        panels: Title and RGB uint8 pixels of each; not empty.
        height: Of the pictures, px; they are narrowed where they would be wider than twice that.
    """
    drawn = [_titled(title, _panel(pixels, height)) for title, pixels in panels]
    return np.asarray(_row(drawn))


def in_a_row(pictures: Sequence[np.ndarray], height: int) -> np.ndarray:
    """Pictures, RGB uint8, without titles in a row, equally high."""
    return np.asarray(_row([_panel(pixels, height) for pixels in pictures]))


def answer_figure(answer: "Answer", case: "Case") -> Image.Image:
    """The answer at a glance: verdict and score, the overlay, and the nearest normal picture beside it.

    Returns:
        An RGB image `FIGURE_WIDTH` px wide.
    """
    calibration = case.profile.calibration if case.profile else None
    column = (FIGURE_WIDTH - 3 * _GAP) // 2
    marked = Image.fromarray(overlay(case.picture, case.anomaly_map, calibration, answer.regions))
    panels = [_titled(case.picture.name, within(marked, column))]
    nearest = case.nearest_normal
    if nearest is not None:
        title = vocabulary("figure")["nearest"].format(name=nearest.name)
        panels.append(_titled(title, within(Image.fromarray(fitted(nearest.pixels, SIDE)), column)))
    top, row = headline(answer), _row(panels)
    figure = Image.new("RGB", (FIGURE_WIDTH, top.height + row.height), _PAPER)
    figure.paste(top, (0, 0))
    figure.paste(row, ((FIGURE_WIDTH - row.width) // 2, top.height))
    return figure


def _display(values: np.ndarray, calibration: "Calibration | None") -> np.ndarray:
    """Map values as 0 to 1, the limit at 0.5."""
    if calibration is not None:
        return calibration.display(values)
    median = float(np.median(values))
    spread = max(1.4826 * float(np.median(np.abs(values - median))), 1e-6)
    return np.clip((values - median) / (12 * spread), 0, 1)


def _colour(pixels: np.ndarray, display: np.ndarray) -> np.ndarray:
    red, green, blue, opacity = (np.interp(display, _SCALE[:, 0], _SCALE[:, n]) for n in range(1, 5))
    colour = np.stack([red, green, blue], axis=-1)
    return np.rint(pixels + opacity[..., None] * (colour - pixels)).astype(np.uint8)


def _outline(image: Image.Image, region: Region, picture: Picture) -> None:
    """The region's contour, white on black so that it shows on anything, and its number beside it."""
    import cv2

    mask = region.mask(picture.height, picture.width).astype(np.uint8)
    large = cv2.resize(mask, image.size, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    draw = ImageDraw.Draw(image)
    for colour, width in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        for contour in contours:
            points = [(int(x), int(y)) for x, y in contour[:, 0]]
            draw.line([*points, points[0]], fill=colour, width=width, joint="curve")
    x, y, w, _ = cv2.boundingRect(max(contours, key=cv2.contourArea))
    _badge(draw, image.size, (x + w, y), region.label.rsplit(" ", 1)[-1])


def _badge(draw: ImageDraw.ImageDraw, size: tuple[int, int], corner: tuple[int, int], text: str) -> None:
    radius = 13
    x = min(max(corner[0] + 4, radius), size[0] - radius - 1)
    y = min(max(corner[1] - 4, radius), size[1] - radius - 1)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_INK, outline=_PAPER, width=2)
    draw.text((x, y), text, fill=_PAPER, font=_font(16), anchor="mm")


def _legend(width: int, calibration: "Calibration | None") -> Image.Image:
    """The colour scale on grey, with the limit marked."""
    image = Image.new("RGB", (width, 46), _PAPER)
    room = width - 2 * _GAP
    bar = _colour(np.full((12, room, 3), 150, np.uint8), np.linspace(0, 1, room)[None].repeat(12, axis=0))
    image.paste(Image.fromarray(bar), (_GAP, 8))
    draw, words = ImageDraw.Draw(image), vocabulary("figure")
    middle = width // 2
    draw.text((_GAP, 24), words["low"], fill=_FAINT, font=_font(14))
    draw.text((width - _GAP, 24), words["high"], fill=_FAINT, font=_font(14), anchor="ra")
    if calibration is not None:
        draw.line((middle, 4, middle, 23), fill=_INK, width=2)
        draw.text((middle, 24), words["limit"], fill=_INK, font=_font(14), anchor="ma")
    return image


def outlined(pixels: np.ndarray, box: tuple[int, int, int, int], label: str) -> np.ndarray:
    """A picture with a box, white on black so that it shows on anything, and a label's number beside it; a copy."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        draw.rectangle(box, outline=colour, width=width)
    _badge(draw, image.size, (box[2], box[1]), label.rsplit(" ", 1)[-1])
    return np.asarray(image)


def faintly_outlined(pixels: np.ndarray, boxes: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
    """A picture with numbered boxes (4,) that let through what is below them; a copy."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image, "RGBA")
    for number, box in boxes:
        corners = [round(float(value)) for value in box]
        draw.rectangle(corners, outline=_THIN)
        draw.text((corners[0] + 2, corners[1]), str(number), fill=_THIN, font=_font(12), stroke_width=1,
                  stroke_fill=_THIN_EDGE)  # fmt: skip
    return np.asarray(image)


def headline(answer: "Answer") -> Image.Image:
    """The verdict in its colour, then the score beside its limit."""
    image = Image.new("RGB", (FIGURE_WIDTH, 62), _PAPER)
    draw = ImageDraw.Draw(image)
    verdict = answer.verdict.upper()
    width = int(draw.textlength(verdict, font=_font(26))) + 2 * _GAP
    draw.rounded_rectangle((_GAP, 12, _GAP + width, 54), radius=8, fill=_VERDICT_COLOURS[answer.verdict])
    draw.text((_GAP + width // 2, 33), verdict, fill=_PAPER, font=_font(26), anchor="mm")
    draw.text((2 * _GAP + width, 33), _score_line(answer), fill=_INK, font=_font(22), anchor="lm")
    return image


def _score_line(answer: "Answer") -> str:
    words = vocabulary("figure")
    if answer.score is None or answer.threshold is None:
        return str(words["uncalibrated"])
    score, limit = numbers(answer.score, answer.threshold)
    return str(words["calibrated"].format(score=score, limit=limit))


def _titled(title: str, image: Image.Image) -> Image.Image:
    text = Image.new("RGB", (image.width, 24), _PAPER)
    ImageDraw.Draw(text).text((0, 2), _clipped(title, image.width), fill=_FAINT, font=_font(15))
    return stacked([text, image])


def _clipped(text: str, width: int) -> str:
    """The text as far as it fits."""
    if _font(15).getlength(text) <= width:
        return text
    while text and _font(15).getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Images one below the other."""
    page = Image.new("RGB", (max(i.width for i in images), sum(i.height for i in images)), _PAPER)
    top = 0
    for image in images:
        page.paste(image, (0, top))
        top += image.height
    return page


def _row(images: Sequence[Image.Image]) -> Image.Image:
    width = sum(i.width for i in images) + _GAP * (len(images) + 1)
    page = Image.new("RGB", (width, max(i.height for i in images) + _GAP), _PAPER)
    left = _GAP
    for image in images:
        page.paste(image, (left, 0))
        left += image.width + _GAP
    return page


def _panel(pixels: np.ndarray, height: int) -> Image.Image:
    ratio = pixels.shape[1] / pixels.shape[0]
    return Image.fromarray(fitted(pixels, round(height * max(1.0, min(ratio, 2.0)))))


def within(image: Image.Image, width: int) -> Image.Image:
    """An image at most so wide."""
    return image if image.width <= width else image.resize((width, max(1, round(image.height * width / image.width))))


def fitted(pixels: np.ndarray, side: int) -> np.ndarray:
    """Pixels scaled so that the longer side is `side` px; single pixels stay sharp when there are few."""
    import cv2

    scale = side / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST if scale > 4 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method))


def _font(size: int) -> "FreeTypeFont | ImageFont.ImageFont":
    return ImageFont.load_default(size)
