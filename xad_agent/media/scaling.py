"""Making pictures, masks and maps smaller, so that work does not grow with the camera."""

import numpy as np

from xad_agent.media.picture import Picture


def shape_within(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width of a shape (H, W, ...), scaled so that the longer is at most `side`; as they are when it is.

    Example:
        >>> shape_within((1000, 500, 3), 100), shape_within((10, 20), 100)
        ((100, 50), (10, 20))
    """
    height, width = shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An array (H, W) or (H, W, C) at another size, averaged where it shrinks; itself when it has that size."""
    if array.shape[:2] == shape:
        return array
    import cv2

    method = cv2.INTER_AREA if shape[0] < array.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(array, shape[::-1], interpolation=method))


def resize_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A boolean mask at another size; where it shrinks, every pixel it touches is kept, so no part gets lost."""
    if mask.shape == shape:
        return mask
    import cv2

    method = cv2.INTER_AREA if shape[0] < mask.shape[0] else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=method)) > 0


def shrink(picture: Picture, side: int) -> Picture:
    """The picture at most `side` px long; itself when it is."""
    pixels = resize(picture.pixels, shape_within(picture.pixels.shape, side))
    if pixels is picture.pixels:
        return picture
    return Picture(pixels, picture.name, picture.sha256, picture.notes)


def thicken(pixels: np.ndarray, least: int = 32, ratio: int = 16) -> np.ndarray:
    """Pixels (H, W, 3), repeated below and to the right, at least `least` px a side and at most `ratio` times as long.

    Networks that scale the shorter side fail at less; what is where stays as it is, in px.
    """
    height, width = pixels.shape[:2]
    thinnest = max(least, -(-max(height, width) // ratio))
    below, right = max(0, thinnest - height), max(0, thinnest - width)
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge") if below or right else pixels
