"""Object detectors: what stands where in a picture, and how much each given place looks like each class."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from xad_agent import weights
from xad_agent.errors import XadError

DEFAULT = "nanodet"


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects found in one picture, the likeliest first.

    Attributes:
        boxes: float32 (N, 4), x0 y0 x1 y1 in px of the picture.
        scores: float32 (N, classes), how likely each is to be of each class, 0 to 1; a row need not sum to 1.
        names: The classes.
    """

    boxes: np.ndarray
    scores: np.ndarray
    names: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        """The likeliest class of each object."""
        return [self.names[best] for best in self.scores.argmax(axis=1)]


class ObjectDetector(Protocol):
    """What every object detector can do.

    Attributes:
        names: The classes that it tells apart.
    """

    names: tuple[str, ...]

    def detect(self, pixels: np.ndarray, tile: int | None = None) -> Detections:
        """Find objects, unlikely ones too: what counts as found is for the caller, by what normal pictures reach.

        Args:
            pixels: RGB uint8 (H, W, 3).
            tile: Look at squares of this many px one by one, for objects that are small in the picture; time grows
                with their number. None looks at the picture as a whole.

        Raises:
            XadError: The tiles are too small to show anything.
        """
        ...

    def classify(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """How much each given place looks like each class.

        Args:
            pixels: RGB uint8 (H, W, 3).
            boxes: (N, 4), x0 y0 x1 y1 in px.

        Returns:
            float32 (N, classes), 0 to 1; all 0 for a box that is empty or outside the picture.

        Raises:
            XadError: The boxes have another shape, or values that are not finite.
        """
        ...


def load_objects(spec: str = DEFAULT) -> ObjectDetector:
    """The detector that a spec names; "nanodet" is the embedded one, with the 80 classes of COCO.

    Raises:
        XadError: Unknown spec, or its weights are missing or damaged.
    """
    from xad_agent.perception.nanodet import NanoDet
    from xad_agent.perception.tfjs_graph import load_graph

    if spec != DEFAULT:
        raise XadError(f"unknown object detector {spec!r}: use {DEFAULT!r}", exit_code=2)
    return NanoDet(load_graph(weights.path(DEFAULT) / "nanodet.json"))
