"""Boxes: what of them lies within a picture."""

import numpy as np

from xad_agent.perception.boxes import clipped


def test_boxes_are_cut_to_the_picture_and_those_outside_are_told() -> None:
    boxes = np.array([[-5.0, 1, 4, 30], [1, 2, 3, 4], [20, 0, 25, 5], [0, 10, 5, 12], [3, 3, 3, 9]])
    inside, left = clipped(boxes, 20, 10)
    assert inside[:2].tolist() == [[0, 1, 4, 10], [1, 2, 3, 4]]
    assert left.tolist() == [True, True, False, False, False]
