"""What cuts a thing out of a picture: `Segmenter`, and what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from xad_agent.media.picture import Picture


@dataclass(frozen=True, eq=False)
class Mask:
    """Which pixels belong to a thing.

    Attributes:
        pixels: bool (H, W) of the original picture.
        score: The IoU with the true mask that the segmenter predicts, 0 to 1; None where it predicts none.
    """

    pixels: np.ndarray
    score: float | None


class Segmenter(Protocol):
    """Cuts out what a box or points show.

    Attributes:
        name: Its spec.
        fingerprint: sha256 over its weights; "" without any.
    """

    name: str
    fingerprint: str

    def segment(
        self,
        picture: Picture,
        box: tuple[float, float, float, float] | None = None,
        points: Sequence[tuple[float, float]] = (),
    ) -> list[Mask]:
        """Masks of the thing in the box, or at the points, best first; what a picture costs is paid once.

        Args:
            box: x0 y0 x1 y1 in px of the original; what reaches out of the picture is cut off.
            points: x y in px of the original, all of them on the thing.

        Raises:
            XadError: Neither box nor points, a box that is inverted or outside the picture, or such a point.
        """
        ...
