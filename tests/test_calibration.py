"""Calibration: conformal guarantees, few scores, and the display scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.calibration import Calibration

scores = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60)
alphas = st.floats(0.001, 0.999)


@given(scores, st.floats(-2e3, 2e3))
def test_p_value_counts_scores_at_least_as_high(values: list[float], score: float) -> None:
    calibration = Calibration(values, level=0)
    assert calibration.p_value(score) == pytest.approx((1 + sum(v >= score for v in values)) / (len(values) + 1))


@given(scores, st.floats(-2e3, 2e3), st.floats(0, 1e3))
def test_p_value_never_rises_with_the_score(values: list[float], score: float, more: float) -> None:
    calibration = Calibration(values, level=0)
    assert calibration.p_value(score + more) <= calibration.p_value(score)


@given(scores, alphas)
def test_what_exceeds_the_threshold_has_a_small_p_value(values: list[float], alpha: float) -> None:
    calibration = Calibration(values, level=0, alpha=alpha)
    above = np.nextafter(calibration.threshold(), np.inf)
    if calibration.reliable:
        assert calibration.p_value(above) <= alpha + 1e-9
    else:
        assert calibration.p_value(above) == pytest.approx(1 / (len(values) + 1))


@given(scores, alphas, alphas)
def test_another_alpha_moves_the_threshold_alone(values: list[float], one: float, other: float) -> None:
    first = Calibration(values, level=3, floor=1, alpha=one)
    second = first.at(other)
    assert second.threshold() == first.threshold(other)
    assert (second.level, second.floor, second.alpha) == (3, 1, other)
    assert first.alpha == one
    np.testing.assert_array_equal(second.scores, first.scores)


@given(st.integers(0, 2**32 - 1))
def test_false_alarms_are_as_rare_as_alpha(seed: int) -> None:
    random = np.random.default_rng(seed)
    calibration = Calibration(random.normal(size=4000), level=0, alpha=0.05)
    assert np.mean(random.normal(size=4000) > calibration.threshold()) == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize(("n", "smallest"), [(1, 1 / 2), (2, 1 / 3)])
def test_few_scores_give_wide_p_values_and_say_so(n: int, smallest: float) -> None:
    calibration = Calibration(np.arange(1.0, n + 1), level=0.5, alpha=0.05)
    assert not calibration.reliable
    assert calibration.p_value(100.0) == pytest.approx(smallest)
    assert calibration.threshold() == n


def test_threshold_sits_in_the_middle_of_the_display() -> None:
    calibration = Calibration([1.0, 2.0, 4.0], level=3.0, floor=0.5, alpha=0.25)
    shown = calibration.display(np.array([[0.0, 0.5, calibration.threshold(), 100.0]]))
    np.testing.assert_allclose(shown, [[0, 0, 0.5, 1]])
    assert shown.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "level", "alpha"),
    [([], 0.0, 0.1), ([np.nan], 0.0, 0.1), ([1.0], np.inf, 0.1), ([1.0], 0.0, 0.0), ([1.0], 0.0, 1.0)],
)
def test_refuses_what_gives_no_meaning(values: list[float], level: float, alpha: float) -> None:
    with pytest.raises(ValueError, match=r"calibration|alpha"):
        Calibration(values, level=level, alpha=alpha)
