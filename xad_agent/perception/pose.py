"""Pose estimators: where a person's joints are."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from xad_agent import weights
from xad_agent.errors import XadError
from xad_agent.perception.views import Rectangle, checked_boxes, paste, surroundings
from xad_agent.prompts import vocabulary

if TYPE_CHECKING:
    import onnxruntime

DEFAULT = "movenet"
_SIDE = 192
_CONTEXT = 1.25


class PoseEstimator(Protocol):
    """What every pose estimator can do.

    Attributes:
        joints: Their names.
    """

    joints: tuple[str, ...]

    def estimate(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """The joints of the person in each box, found whether there is one or not: their scores tell.

        Args:
            pixels: RGB uint8 (H, W, 3).
            boxes: (N, 4), x0 y0 x1 y1 in px.

        Returns:
            float32 (N, joints, 3): x and y in px of the picture, and a score from 0 to 1; for a box that is empty or
            outside the picture NaN, NaN and 0.

        Raises:
            XadError: The boxes have another shape, or values that are not finite.
        """
        ...


def load_pose(spec: str = DEFAULT) -> PoseEstimator:
    """The estimator that a spec names; "movenet" is the embedded one, with the 17 joints of COCO.

    Raises:
        XadError: Unknown spec, or its weights are missing or damaged.
    """
    from xad_agent.perception.tfjs_graph import load_graph

    if spec != DEFAULT:
        raise XadError(f"unknown pose estimator {spec!r}: use {DEFAULT!r}", exit_code=2)
    return MoveNet(load_graph(weights.path(DEFAULT) / "movenet-lightning.json"))


class MoveNet:
    """MoveNet SinglePose Lightning v4 (Google 2021), a `PoseEstimator`. Its graph takes one person at a time."""

    def __init__(self, session: "onnxruntime.InferenceSession"):
        self.joints: tuple[str, ...] = tuple(vocabulary("joints"))
        self._session = session

    def estimate(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """As `PoseEstimator.estimate`."""
        around = [surroundings(box, _CONTEXT, pixels.shape) for box in checked_boxes(boxes, pixels.shape)]
        poses = np.full((len(around), len(self.joints), 3), (np.nan, np.nan, 0), np.float32)
        for pose, rectangle in zip(poses, around, strict=True):
            if rectangle:
                pose[:] = self._look_at(pixels, rectangle)
        return poses

    def _look_at(self, pixels: np.ndarray, rectangle: Rectangle) -> np.ndarray:
        canvas = np.zeros((_SIDE, _SIDE, 3), np.uint8)
        view = paste(pixels, rectangle, canvas, (0, 0), _SIDE)
        (output,) = self._session.run(None, {self._session.get_inputs()[0].name: canvas[None].astype(np.int32)})
        y, x, score = output.reshape(len(self.joints), 3).T
        return np.column_stack([view.to_picture(_SIDE * np.column_stack([x, y])), score])
