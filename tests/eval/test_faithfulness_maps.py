"""Energy, correlation and similarity of maps: by hand, against others' code, and by what must not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from xad_agent.eval.faithfulness_maps import boxes, energy, peak, place_auroc, rank_correlation, similarity


def noise(seed: int, shape: tuple[int, int] = (24, 31)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_energy_by_hand() -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    mask = np.array([[False, False], [False, True]])
    assert energy(values, mask) == 0.4
    assert energy(values, mask, usual=2.0) == pytest.approx(2 / 3)
    assert energy(values, mask, usual=3.0) == 1
    assert energy(values, mask, usual=4.0) is None
    assert energy(np.ones((2, 2)), mask) == 0.25, "a map that says nothing has as much inside as there is of it"


def test_boxes_are_around_each_part() -> None:
    mask = np.zeros((6, 8), dtype=bool)
    mask[0, 0] = mask[1, 1] = mask[4, 5] = mask[5, 5] = mask[5, 6] = True
    filled = np.zeros_like(mask)
    filled[:2, :2] = filled[4:6, 5:7] = True
    np.testing.assert_array_equal(boxes(mask), filled)
    assert not boxes(np.zeros((3, 3), dtype=bool)).any()


@given(st.integers(0, 99), st.booleans())
def test_rank_correlation_is_scipys(seed: int, tied: bool) -> None:
    one, other = noise(seed), noise(seed + 1) + 0.5 * noise(seed)
    if tied:
        one, other = one.round(), other.round()
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other, axis=None).statistic, abs=1e-12)
    assert rank_correlation(one, other) == rank_correlation(other, one)


def test_rank_correlation_sees_only_ranks() -> None:
    one = noise(0)
    assert rank_correlation(one, np.exp(one)) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, np.ones_like(one)) is None


def slow_similarity(one: np.ndarray, other: np.ndarray) -> float:
    """By the paper's formula, window by window."""
    a, b = ((v.astype(float) - v.min()) / (v.max() - v.min()) for v in (one, other))
    ticks = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(ticks, ticks) / np.outer(ticks, ticks).sum()
    found = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            m, n = (weights * p).sum(), (weights * q).sum()
            s, t = (weights * (p - m) ** 2).sum(), (weights * (q - n) ** 2).sum()
            st_ = (weights * (p - m) * (q - n)).sum()
            found.append((2 * m * n + 1e-4) * (2 * st_ + 9e-4) / ((m * m + n * n + 1e-4) * (s + t + 9e-4)))
    return float(np.mean(found))


@pytest.mark.parametrize("seed", range(3))
def test_similarity_is_the_papers(seed: int) -> None:
    one, other = noise(seed), noise(seed) + noise(seed + 50)
    assert similarity(one, other) == pytest.approx(slow_similarity(one, other), abs=1e-6)


def test_similarity_does_not_see_the_unit() -> None:
    one = noise(0)
    assert similarity(one, one) == pytest.approx(1)
    assert similarity(one, 7 * one + 3) == pytest.approx(1, abs=1e-5)
    assert similarity(one, -one) < 0
    assert similarity(np.zeros((20, 20)), np.full((20, 20), 5.0)) == pytest.approx(1), "both say nothing"
    assert similarity(noise(0, (4, 9)), noise(0, (4, 9))) == pytest.approx(1)
    assert np.isfinite(similarity(noise(0, (1, 1)), noise(1, (1, 1))))


def test_place_auroc_is_sklearns() -> None:
    values, mask = noise(0), noise(1) > 1
    assert place_auroc(values, mask) == pytest.approx(roc_auc_score(mask.ravel(), values.ravel()))
    assert place_auroc(values, np.ones_like(mask)) is None


def test_peak_is_row_and_column() -> None:
    values = np.zeros((5, 7))
    values[3, 6] = 2
    assert peak(values) == (3, 6)
