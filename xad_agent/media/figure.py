"""Drawings for answers: pictures side by side, and the answer at a glance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from xad_agent.media.drawing import FAINT, GAP, INK, PAPER, fitted, font, stacked
from xad_agent.media.overlay import SIDE, overlay
from xad_agent.prompts import vocabulary
from xad_agent.wording import numbers

if TYPE_CHECKING:
    from xad_agent.answer import Answer
    from xad_agent.case import Case

FIGURE_WIDTH = 1200
_VERDICT_COLOURS = {"anomalous": (190, 30, 45), "normal": (30, 125, 70), "uncertain": (150, 105, 10)}


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
    column = (FIGURE_WIDTH - 3 * GAP) // 2
    marked = Image.fromarray(overlay(case.picture, case.anomaly_map, calibration, answer.regions))
    panels = [_titled(case.picture.name, within(marked, column))]
    nearest = case.nearest_normal
    if nearest is not None:
        title = vocabulary("figure")["nearest"].format(name=nearest.name)
        panels.append(_titled(title, within(Image.fromarray(fitted(nearest.pixels, SIDE)), column)))
    top, row = headline(answer), _row(panels)
    figure = Image.new("RGB", (FIGURE_WIDTH, top.height + row.height), PAPER)
    figure.paste(top, (0, 0))
    figure.paste(row, ((FIGURE_WIDTH - row.width) // 2, top.height))
    return figure


def headline(answer: "Answer") -> Image.Image:
    """The verdict in its colour, then the score beside its limit."""
    image = Image.new("RGB", (FIGURE_WIDTH, 62), PAPER)
    draw = ImageDraw.Draw(image)
    verdict = answer.verdict.upper()
    width = int(draw.textlength(verdict, font=font(26))) + 2 * GAP
    draw.rounded_rectangle((GAP, 12, GAP + width, 54), radius=8, fill=_VERDICT_COLOURS[answer.verdict])
    draw.text((GAP + width // 2, 33), verdict, fill=PAPER, font=font(26), anchor="mm")
    draw.text((2 * GAP + width, 33), _score_line(answer), fill=INK, font=font(22), anchor="lm")
    return image


def _score_line(answer: "Answer") -> str:
    words = vocabulary("figure")
    if answer.score is None or answer.threshold is None:
        return str(words["uncalibrated"])
    score, limit = numbers(answer.score, answer.threshold)
    return str(words["calibrated"].format(score=score, limit=limit))


def _titled(title: str, image: Image.Image) -> Image.Image:
    text = Image.new("RGB", (image.width, 24), PAPER)
    ImageDraw.Draw(text).text((0, 2), _clipped(title, image.width), fill=FAINT, font=font(15))
    return stacked([text, image])


def _clipped(text: str, width: int) -> str:
    """The text as far as it fits."""
    if font(15).getlength(text) <= width:
        return text
    while text and font(15).getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _row(images: Sequence[Image.Image]) -> Image.Image:
    width = sum(i.width for i in images) + GAP * (len(images) + 1)
    page = Image.new("RGB", (width, max(i.height for i in images) + GAP), PAPER)
    left = GAP
    for image in images:
        page.paste(image, (left, 0))
        left += image.width + GAP
    return page


def _panel(pixels: np.ndarray, height: int) -> Image.Image:
    ratio = pixels.shape[1] / pixels.shape[0]
    return Image.fromarray(fitted(pixels, round(height * max(1.0, min(ratio, 2.0)))))


def within(image: Image.Image, width: int) -> Image.Image:
    """An image at most so wide."""
    return image if image.width <= width else image.resize((width, max(1, round(image.height * width / image.width))))
