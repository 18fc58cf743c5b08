"""What is true and what was found, drawn into the pictures of a report."""

from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw

TRUE, FOUND = (30, 200, 90), (235, 40, 40)

Colour = tuple[int, int, int]


def boxed(pixels: np.ndarray, boxes: Iterable[tuple[tuple[float, ...], Colour, str]]) -> Image.Image:
    """A picture, uint8 (H, W, 3), with boxes drawn in: x0 y0 x1 y1 in px, exclusive, their colour, and a word in it."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    wide = max(1, round(max(image.size) / 400))
    for (x0, y0, x1, y1), colour, word in boxes:
        draw.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colour, width=wide)
        if word:
            draw.text((x0 + wide + 1, y0 + wide), word, fill=colour)
    return image
