"""What things look like to a feature network: one vector for each box."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.perception.views import checked_boxes, paste, surroundings

if TYPE_CHECKING:
    from xad_agent.perception.backbone import Backbone

SIDE = 96
_CONTEXT = 1.1
_BATCH = 32


@contextmanager
def _one_thread() -> Iterator[None]:
    """With few small crops a second thread saves little, and costs many times as much where cores are busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Appearance:
    """Features of a trunk, averaged over the square around each box (as AI-VAD's deep features, Reiss and Hoshen 2022).

    Args:
        backbone: The trunk; its last stage is used.

    Attributes:
        backbone: The trunk.
        size: How many numbers describe a thing.
    """

    def __init__(self, backbone: "Backbone"):
        self.backbone = backbone
        self.size = backbone.channels[-1]

    def describe(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """What is in each box.

        Args:
            pixels: RGB uint8 (H, W, 3).
            boxes: (N, 4), x0 y0 x1 y1 in px.

        Returns:
            float32 (N, size); NaN for a box that is empty or outside the picture.

        Raises:
            XadError: The boxes have another shape, or values that are not finite.
        """
        import torch

        around = [surroundings(box, _CONTEXT, pixels.shape) for box in checked_boxes(boxes, pixels.shape)]
        shown = {place: rectangle for place, rectangle in enumerate(around) if rectangle}
        crops = np.zeros((len(shown), SIDE, SIDE, 3), np.uint8)
        for crop, rectangle in zip(crops, shown.values(), strict=True):
            paste(pixels, rectangle, crop, (0, 0), SIDE)
        described = np.full((len(around), self.size), np.nan, np.float32)
        for start in range(0, len(shown), _BATCH):
            images = torch.cat([self.backbone.prepare(crop) for crop in crops[start : start + _BATCH]])
            with torch.inference_mode(), _one_thread():
                last = self.backbone(images)[-1]
            described[list(shown)[start : start + _BATCH]] = last.mean(dim=(2, 3)).numpy()
        return described
