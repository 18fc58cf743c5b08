import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.errors import XadError
from xad_agent.perception.views import checked_boxes, paste, surroundings, tiles

sides = st.integers(1, 400)


def test_a_rectangle_lands_in_its_cell_with_its_shape_kept() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[20:40, 50:90] = 255
    canvas = np.zeros((60, 60, 3), np.uint8)
    view = paste(pixels, (50, 20, 90, 40), canvas, (20, 30), 20)
    expected = np.zeros((60, 60, 3), np.uint8)
    expected[30:40, 20:40] = 255
    np.testing.assert_array_equal(canvas, expected)
    np.testing.assert_allclose(view.to_canvas(np.array([50.0, 20, 90, 40])), [20, 30, 40, 40])
    np.testing.assert_allclose(view.to_canvas(np.array([[70.0, 30]])), [[30, 35]])


@given(st.tuples(st.integers(0, 50), st.integers(0, 50), sides, sides), st.integers(1, 416))
def test_there_and_back(rectangle: tuple[int, int, int, int], side: int) -> None:
    x, y, width, height = rectangle
    canvas = np.zeros((side, side, 3), np.uint8)
    pixels = np.full((y + height, x + width, 3), 9, np.uint8)
    view = paste(pixels, (x, y, x + width, y + height), canvas, (0, 0), side)
    box = np.array([x, y, x + width, y + height], np.float32)
    there = view.to_canvas(box)
    assert there.dtype == np.float32
    assert max(there) == pytest.approx(side, abs=0.01)
    np.testing.assert_allclose(view.to_picture(there), box, atol=0.01)
    assert (canvas[: round(there[3]), : round(there[2])] == 9).all()


@given(sides, sides, st.integers(32, 500))
def test_tiles_cover_the_picture_and_overlap(height: int, width: int, side: int) -> None:
    found = tiles((height, width, 3), side, 0.25)
    seen = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in found:
        assert (x1 - x0, y1 - y0) == (min(side, width), min(side, height))
        seen[y0:y1, x0:x1] = True
    assert seen.all()
    for starts in ({x0 for x0, *_ in found}, {y0 for _, y0, *_ in found}):
        assert all(step <= 0.75 * side + 1 for step in np.diff(sorted(starts)))


def test_no_more_tiles_than_needed() -> None:
    assert len(tiles((240, 360), 400, 0.25)) == 1
    assert len(tiles((100, 175), 100, 0.25)) == 2
    assert len(tiles((100, 176), 100, 0.25)) == 3


def test_the_surroundings_end_where_the_picture_does() -> None:
    assert surroundings(np.array([40, 20, 50, 40]), 2, (200, 300, 3)) == (25, 10, 65, 50)
    assert surroundings(np.array([0, 0, 10, 10]), 3, (15, 300, 3)) == (0, 0, 20, 15)
    assert surroundings(np.array([0.2, 0.2, 0.4, 0.4]), 1, (1, 1, 3)) == (0, 0, 1, 1)
    assert surroundings(np.array([5, 5, 5, 9]), 2, (20, 20)) is None


def test_boxes_are_cut_off_at_the_picture() -> None:
    found = checked_boxes([[-5, 2, 4, 500], [30, 0, 40, 5], [3, 3, 2, 2]], (10, 20, 3))
    np.testing.assert_array_equal(found, [[0, 2, 4, 10], [20, 0, 20, 5], [3, 3, 2, 2]])
    assert found.dtype == np.float32


def test_no_boxes() -> None:
    assert checked_boxes([], (10, 10)).shape == (0, 4)
    assert checked_boxes(np.empty((0, 4)), (10, 10)).shape == (0, 4)


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ([1, 2, 3, 4], r"shape \(4,\)"),
        ([[1, 2, 3]], r"shape \(1, 3\)"),
        (np.empty((3, 0)), r"shape \(3, 0\)"),
        ([[0, 0, 1, 1], [0, np.nan, 1, 1]], "box 2 of 2"),
        ([[0, 0, np.inf, 1]], "box 1 of 1"),
    ],
)
def test_says_what_is_wrong_with_boxes(boxes: np.ndarray, says: str) -> None:
    with pytest.raises(XadError, match=says):
        checked_boxes(boxes, (10, 10))
