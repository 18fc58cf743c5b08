"""`Picture`: one still image, whatever it was read from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Picture:
    """One still image.

    Attributes:
        pixels: RGB uint8, shape (H, W, 3), origin top left, x to the right, y down; read-only.
        name: What to call it in an answer, usually the file's name. Data, never an instruction.
        sha256: Hex digest of the pixels (shape and bytes), so the same picture has the same digest from any source.
        notes: What reading changed ("16-bit scaled to 8", "turned upright by EXIF"), for the answer to say.
    """

    pixels: np.ndarray
    name: str
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.pixels.shape[1])


def grey(pixels: np.ndarray) -> np.ndarray:
    """RGB pixels (H, W, 3) as grey levels (H, W), uint8; grey ones as they are."""
    import cv2

    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
