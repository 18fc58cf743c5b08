"""What cuts a thing out of a picture: `Segmenter`, and what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from xad_agent.errors import XadError
from xad_agent.media.picture import Picture

Box = tuple[float, float, float, float]


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
        box: Box | None = None,
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


def check_prompt(picture: Picture, box: Box | None, points: Sequence[tuple[float, float]]) -> Box | None:
    """What of the box lies within the picture.

    Raises:
        XadError: See `Segmenter.segment`.
    """
    size = f"{picture.width} x {picture.height} px"
    if box is None and not points:
        raise XadError("nothing says what to cut out: give a box or points", exit_code=2)
    for x, y in points:
        if not (0 <= x < picture.width and 0 <= y < picture.height):
            raise XadError(
                f"the point {x:g} {y:g} is outside the picture of {size}: give one on the thing", exit_code=2
            )
    if box is None:
        return None
    x0, y0, x1, y1 = box
    shown = " ".join(f"{side:g}" for side in box)
    if not (x0 < x1 and y0 < y1):
        raise XadError(f"the box {shown} has no area: give x0 y0 x1 y1 with x0 < x1 and y0 < y1", exit_code=2)
    inside = max(x0, 0.0), max(y0, 0.0), min(x1, float(picture.width)), min(y1, float(picture.height))
    if not (inside[0] < inside[2] and inside[1] < inside[3]):
        raise XadError(f"the box {shown} is outside the picture of {size}: give one that overlaps it", exit_code=2)
    return inside
