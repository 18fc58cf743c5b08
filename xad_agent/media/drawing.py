"""What all drawings are made of: colours, type, numbers in circles, boxes, and pictures scaled and stacked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

INK, FAINT, PAPER, GAP = (28, 30, 34), (110, 114, 122), (255, 255, 255), 16
PNG_LEVEL = 3  # of compression; the usual 6 takes twice as long for a twentieth less
_THIN, _THIN_EDGE = (255, 255, 255, 150), (0, 0, 0, 110)


def font(size: int) -> "FreeTypeFont | ImageFont.ImageFont":
    """The one typeface, in px."""
    return ImageFont.load_default(size)


def fitted(pixels: np.ndarray, side: int) -> np.ndarray:
    """Pixels scaled so that the longer side is `side` px; single pixels stay sharp when there are few."""
    import cv2

    scale = side / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST if scale > 4 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method))


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Images one below the other."""
    page = Image.new("RGB", (max(i.width for i in images), sum(i.height for i in images)), PAPER)
    top = 0
    for image in images:
        page.paste(image, (0, top))
        top += image.height
    return page


def badge(draw: ImageDraw.ImageDraw, size: tuple[int, int], corner: tuple[int, int], text: str, scale: int = 1) -> None:
    """A number in a circle beside the upper right corner of what it is of.

    Args:
        draw: Where to.
        size: Width and height of that, px.
        corner: x y.
        text: The number.
        scale: How much larger than usual, for pictures that are shown smaller than they are drawn.
    """
    radius = 13 * scale
    x = min(max(corner[0] + 4 * scale, radius), size[0] - radius - 1)
    y = min(max(corner[1] - 4 * scale, radius), size[1] - radius - 1)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=INK, outline=PAPER, width=2 * scale)
    draw.text((x, y), text, fill=PAPER, font=font(16 * scale), anchor="mm")


def boxed(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], scale: int = 1) -> None:
    """A box, white on black so that it shows on anything; `scale` as for `badge`."""
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        draw.rectangle(box, outline=colour, width=width * scale)


def outlined(pixels: np.ndarray, box: tuple[int, int, int, int], label: str) -> np.ndarray:
    """A picture with a box, and a label's number beside it; a copy."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    boxed(draw, box)
    badge(draw, image.size, (box[2], box[1]), label.rsplit(" ", 1)[-1])
    return np.asarray(image)


def faintly_outlined(pixels: np.ndarray, boxes: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
    """A picture with numbered boxes (4,) that let through what is below them; a copy."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image, "RGBA")
    for number, box in boxes:
        corners = [round(float(value)) for value in box]
        draw.rectangle(corners, outline=_THIN)
        at = (corners[0] + 2, corners[1])
        draw.text(at, str(number), fill=_THIN, font=font(12), stroke_width=1, stroke_fill=_THIN_EDGE)
    return np.asarray(image)


def pointed(pixels: np.ndarray, at: tuple[int, int], side: int) -> np.ndarray:
    """A picture scaled as by `fitted`, with a ring around the pixel at x y; white on black, open so that it is seen."""
    drawn = fitted(pixels, side)
    across, down = drawn.shape[1] / pixels.shape[1], drawn.shape[0] / pixels.shape[0]
    x, y = (at[0] + 0.5) * across, (at[1] + 0.5) * down
    reach = max(9.0, 0.75 * max(across, down))
    image = Image.fromarray(drawn)
    draw = ImageDraw.Draw(image)
    for colour, width in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=colour, width=width)
    return np.asarray(image)
