"""What all of a picture shares is taken off its map; what is in one place stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xad_agent.detectors.excess import excess, figures


def spotted(at: tuple[int, int] = (6, 6), value: float = 5.0) -> np.ndarray:
    values = np.ones((12, 12))
    values[at] = value
    return values


def test_by_hand() -> None:
    values = spotted()
    values[0] = 4  # of 12 rows the outer two are near the border
    values[5] = 4  # this one is not
    left = excess(values + 2, usual=1.0)
    assert left[6, 6] == 5, "2 of 7 is of all the map"
    assert left[0, 3] == 1, "a row along the border is raised as a whole"
    assert left[5, 3] == 4, "one inside may be a defect"
    assert left[8, 8] == 1


def test_where_two_raised_lines_cross_both_are_taken_off() -> None:
    values = np.ones((12, 12))
    values[0] += 2
    values[:, 0] += 3
    assert (excess(values, usual=1.0) == 1).all()


def test_a_map_that_is_not_raised_stays() -> None:
    np.testing.assert_array_equal(excess(spotted(), usual=1.5), spotted())


@settings(max_examples=30)
@given(st.floats(0, 50), st.integers(0, 11), st.integers(0, 11))
def test_raising_all_of_a_map_changes_nothing(by: float, row: int, column: int) -> None:
    values = spotted((row, column))
    np.testing.assert_allclose(excess(values + by, usual=1.0), excess(values, usual=1.0), atol=1e-9)
    assert excess(values, usual=1.0).argmax() == 12 * row + column


def test_figures() -> None:
    values = spotted()
    values[0] = 4
    found = figures(values, np.full((12, 12), 0.5), (1.0, 0.25))
    assert found == {"rest": 5.0, "elsewhere": pytest.approx(0.25), "whole": 1.0, "rim": 3.0}


def test_figures_of_large_and_tiny_maps() -> None:
    large = figures(*[np.kron(spotted(), np.ones((100, 100)))] * 2, (1.0, 1.0))
    assert large == pytest.approx({"rest": 5, "elsewhere": 5, "whole": 1, "rim": 0}, abs=1e-6)
    assert all(np.isfinite(value) for value in figures(*[np.ones((1, 1))] * 2, (0.0, 0.0)).values())
