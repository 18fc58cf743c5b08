"""The plan of a camera's view: colour where things are, arrows the way they go."""

import numpy as np
import pytest

from xad_agent.media.plan import _drawn, plan

GREY = np.full((90, 140, 3), 100, np.uint8)


def test_colour_where_things_are_seen_and_nowhere_else() -> None:
    feet = np.random.default_rng(0).uniform([10, 40], [40, 60], (500, 2))
    drawn = plan(GREY, feet, np.full((500, 2), np.nan)).astype(int)
    assert drawn.shape[1] == 640 and abs(drawn.shape[0] - 640 * 90 / 140) <= 1
    colour = drawn.max(axis=2) - drawn.min(axis=2)
    assert colour[220:240, 90:130].min() > 30 and colour[:100].max() == colour[:, 400:].max() == 0


def test_an_arrow_for_each_main_heading_of_a_cell() -> None:
    """In one cell 60 go right at 10 and 12 px a second, 30 up; 10 go down, too few for an arrow. Some stand."""
    feet = np.tile([[75.0, 45.0]], (110, 1))
    ways = [(10.0, 0.0)] * 30 + [(12.0, 0.0)] * 30 + [(0.0, -5.0)] * 30 + [(0.0, 5.0)] * 10 + [(np.nan, np.nan)] * 10
    density, tails, arrows = _drawn(feet, np.array(ways), (90, 140))
    assert tails == pytest.approx(np.array([[75, 45], [75, 45]]))  # the middle of its cell of 10 x 10 px
    assert sorted(arrows.tolist()) == [[0, -5], [11, 0]]
    assert density.max() == 1 and np.unravel_index(density.argmax(), density.shape) == (18, 30)


@pytest.mark.parametrize("shape", [(1, 300, 3), (300, 1, 3), (40, 40, 3), (2000, 30, 3)])
def test_any_shape_and_nothing_seen(shape: tuple[int, int, int]) -> None:
    drawn = plan(np.zeros(shape, np.uint8), np.zeros((0, 2)), np.zeros((0, 2)))
    assert max(drawn.shape[:2]) == 640 and min(drawn.shape[:2]) >= 1 and drawn.max() == 0
