import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xad_agent.perception.perspective import Perspective

SHAPE = (240, 360)


def people(count: int, seed: int = 0, intercept: float = 10, slope: float = 0.2, noise: float = 2) -> np.ndarray:
    """Boxes of people on level ground."""
    random = np.random.default_rng(seed)
    feet, left = random.uniform(60, 240, count), random.uniform(0, 340, count)
    tall = intercept + slope * feet + random.normal(0, noise, count)
    return np.stack([left, feet - tall, left + 0.4 * tall, feet], axis=1)


@pytest.mark.parametrize("count", [60, 3000])
def test_the_line_is_found_with_a_third_of_wrong_boxes(count: int) -> None:
    boxes = people(count)
    random = np.random.default_rng(1)
    wrong = random.permutation(count)[: 3 * count // 10]
    boxes[wrong, 1] = boxes[wrong, 3] - random.uniform(8, 200, len(wrong))
    found = Perspective.fit(SHAPE, boxes)
    assert found.people == count
    for feet in (60, 150, 240):
        assert found.body_height(feet) == pytest.approx(10 + 0.2 * feet, rel=0.15)


def test_few_people_give_their_median_height_everywhere() -> None:
    boxes = people(29)
    found = Perspective.fit(SHAPE, boxes)
    assert (found.slope, found.people) == (0, 29)
    assert (found.heights == np.median(boxes[:, 3] - boxes[:, 1])).all()


def test_nobody_gives_a_tenth_of_the_picture() -> None:
    found = Perspective.fit(SHAPE, np.zeros((0, 4)))
    assert (found.heights == 24).all()
    assert found.people == 0


def test_people_at_one_distance_say_nothing_of_others() -> None:
    boxes = people(200, slope=0, intercept=40, noise=6)
    boxes += (np.random.default_rng(3).uniform(150, 156, len(boxes)) - boxes[:, 3])[:, None] * (0, 1, 0, 1)
    assert Perspective.fit(SHAPE, boxes).body_height([0, 240]) == pytest.approx(40, rel=0.1)


def test_fitting_is_deterministic() -> None:
    boxes = people(4000)
    assert Perspective.fit(SHAPE, boxes) == Perspective.fit(SHAPE, boxes)


@pytest.mark.parametrize(("intercept", "slope"), [(-50, 0.4), (400, 0), (10, -0.5), (5, 3), (0, 0)], ids=str)
def test_no_line_gives_impossible_heights(intercept: float, slope: float) -> None:
    found = Perspective(240, 360, intercept, slope, 50)
    for heights in (found.heights, found.body_height(np.arange(-50, 300))):
        assert (heights >= 8).all()
        assert (heights <= 240).all()


def test_the_height_at_the_middle_is_that_at_the_feet() -> None:
    found = Perspective(240, 360, 10, 0.2, 50)
    middle = 100
    tall = found.heights[middle]
    assert found.body_height(middle + tall / 2) == pytest.approx(tall)


@settings(max_examples=25)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    intercept=st.floats(-20, 60),
    slope=st.floats(-1, 2),
    seed=st.integers(0, 99),
)
def test_window_sums_are_those_of_a_loop(height: int, width: int, intercept: float, slope: float, seed: int) -> None:
    found = Perspective(height, width, intercept, slope, 50)
    values = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    sums, areas = found.window_sums(values), found.visible_area
    x0, y0, x1, y1 = found.windows
    for row in range(height):
        for column in range(width):
            at = row, column
            window = values[y0[at] : y1[at], x0[at] : x1[at]]
            assert sums[at] == pytest.approx(window.sum(), abs=1e-3)
            assert areas[at] == window.size > 0


def test_a_window_is_as_large_as_a_walker() -> None:
    found = Perspective(240, 360, 40, 0, 50)
    x0, y0, x1, y1 = (corner[120, 180] for corner in found.windows)
    assert (x1 - x0, y1 - y0) == (18, 40)
    assert found.window_area[120, 0] == 18 * 40
    assert (x0 + x1) / 2 == 180
    assert (y0 + y1) / 2 == 120
