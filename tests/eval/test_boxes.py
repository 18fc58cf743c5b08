"""Boxes of a map, and what is counted of them, by hand and against sklearn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from xad_agent.eval.boxes import (
    Matched,
    average_precision,
    best_f_score,
    boxes_above,
    f_score,
    match,
    precision_and_recall,
)


def boxes(*rows):
    return np.array(rows, float).reshape(-1, 5)


TRUE = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], float)


def test_boxes_are_drawn_around_what_is_above_the_level():
    values = np.zeros((400, 500), np.float32)
    values[100:110, 200:220] = 0.4
    values[112, 210] = 0.9  # 2 px below: one place with it
    values[0, 0] = 0.2  # its box ends at the picture's rim
    values[300, 300] = 0.05  # below the level
    found = boxes_above(values, 0.1)
    assert found[found[:, 4].argsort()].tolist() == [
        [0, 0, 1 + 4, 1 + 4, pytest.approx(0.2)],
        [200 - 4, 100 - 4, 220 + 4, 113 + 4, pytest.approx(0.9)],
    ]


def test_nothing_above_the_level_is_no_box():
    assert boxes_above(np.zeros((9, 9), np.float32), 0.1).shape == (0, 5)


@pytest.mark.parametrize(
    ("found", "right", "found_at"),
    [
        (boxes([0, 0, 10, 10, 2], [20, 20, 30, 30, 1]), [True, True], [2, 1]),
        (boxes([0, 0, 10, 10, 1], [1, 0, 11, 10, 2]), [False, True], [2, -np.inf]),  # the better one takes it
        (boxes([0, 0, 20, 15, 1]), [True], [1, -np.inf]),  # IoU 1/3 is above 0.33
        (boxes([0, 0, 20, 16, 1]), [False], [-np.inf, -np.inf]),  # 0.3125 is not
        (boxes(), [], [-np.inf, -np.inf]),
    ],
    ids=["both", "twice", "just over", "just under", "none"],
)
def test_which_boxes_are_right(found, right, found_at):
    matched = match(found, TRUE)
    assert (matched.right.tolist(), matched.found_at.tolist()) == (right, found_at)


def test_no_true_box_makes_every_found_one_wrong():
    matched = match(boxes([0, 0, 1, 1, 3]), np.zeros((0, 4)))
    assert (matched.right.tolist(), average_precision([matched]), best_f_score([matched])) == ([False], None, None)


def matched(confidence, right, missed):
    confidence, right = np.array(confidence, float), np.array(right, bool)
    return Matched(confidence, right, np.concatenate([confidence[right], np.full(missed, -np.inf)]))


def test_average_precision_by_hand():
    """Right, wrong, right, and one of three true boxes missed: (1 + 2/3 + 0) / 3."""
    pictures = [matched([9, 8], [True, False], 0), matched([7], [True], 1)]
    assert average_precision(pictures) == pytest.approx((1 + 2 / 3) / 3)
    # precision 2/3 and recall 2/3 with all of them; with the first alone 1 and 1/3
    assert best_f_score(pictures) == (pytest.approx(2 / 3), 7.0)
    precision, recall = precision_and_recall(pictures)
    assert precision.tolist() == pytest.approx([1, 0.5, 2 / 3])
    assert recall.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])


def test_f_score():
    assert f_score(0.5, 1.0) == pytest.approx(2 / 3)
    assert (f_score(None, 0.0), f_score(0.0, 0.0), f_score(1.0, None)) == (0.0, 0.0, None)


def test_nothing_found_is_average_precision_0():
    assert average_precision([matched([], [], 2)]) == 0.0
    assert best_f_score([matched([], [], 2)]) is None


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12), st.integers(0, 3))
def test_average_precision_as_sklearns(found, missed):
    """With ties; true boxes that nothing found are such as are found last of all, and of no precision."""
    confidence, right = zip(*found, strict=True)
    if not any(right):
        return
    count = sum(right) + missed
    expected = average_precision_score(right, confidence) * sum(right) / count
    assert average_precision([matched(confidence, right, missed)]) == pytest.approx(expected)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6, unique=True))
def test_true_boxes_themselves_are_all_right(corners):
    true = np.array([[x, y, x + 9, y + 7] for x, y in corners], float)
    one = match(np.column_stack([true, np.arange(len(true))]), true)
    assert average_precision([one]) == 1.0
