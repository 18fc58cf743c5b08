"""Which boxes of successive frames are the same object: norfair's tracker, boxes compared by their overlap."""

import logging

import numpy as np

_SAME = 0.8  # 1 - IoU up to which a box continues a track; walkers far away are a few px wide and overlap little
_LOST_SECONDS = 1.0


class Tracker:
    """Gives the boxes of one clip their track numbers, frame by frame.

    Args:
        fps: Frames a second; a track that is not seen for a second ends.
    """

    def __init__(self, fps: float):
        from norfair import Tracker as Norfair

        logging.getLogger("norfair").setLevel(logging.ERROR)
        patience = max(2, round(_LOST_SECONDS * fps))
        self._norfair = Norfair("iou", distance_threshold=_SAME, hit_counter_max=patience, initialization_delay=0)
        self._frame = 0

    def update(self, boxes: np.ndarray) -> np.ndarray:
        """Track numbers, int (N,), of the boxes (N, 4) of the next frame; numbers start at 1 and never come back."""
        from norfair import Detection

        self._frame += 1
        detections = [
            Detection(points=np.asarray(box, float).reshape(2, 2), data=(self._frame, place))
            for place, box in enumerate(boxes)
        ]
        numbers = np.zeros(len(boxes), dtype=int)
        for tracked in self._norfair.update(detections or None):
            frame, place = tracked.last_detection.data
            if frame == self._frame:
                numbers[place] = tracked.id
        return numbers
