"""Paired comparisons against hand-computed cases, scipy and sklearn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test
from sklearn.metrics import roc_auc_score

from xad_agent.eval.paired import more_than_noise, paired_aurocs, paired_means


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """As many as in use: here it is intervals that are tested."""


def test_outcomes_of_yes_and_no_by_mcnemar():
    before = [0] * 8 + [1] * 2 + [1] * 10
    after = [1] * 8 + [0] * 2 + [1] * 10
    row = paired_means(before, after, seed=0)
    assert (row["n"], row["raised"], row["lowered"]) == (20, 8, 2)
    assert row["difference"] == pytest.approx(0.3)
    assert row["p_value"] == pytest.approx(2 * (1 + 10 + 45) / 1024), "two-sided binomial of 2 or fewer of 10"


def test_measures_by_permutation():
    random = np.random.default_rng(1)
    before, after = random.normal(size=8), random.normal(0.4, size=8)
    row = paired_means(before, after, seed=0)
    exact = permutation_test((before, after), lambda a, b: np.mean(b - a), permutation_type="samples", vectorized=False)
    assert row["p_value"] == pytest.approx(exact.pvalue)
    assert row["difference"] == pytest.approx(np.mean(after - before))
    low, high = row["interval"]
    assert low < row["difference"] < high


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12))
def test_swapping_runs_turns_the_sign(pairs):
    before, after = zip(*pairs, strict=True)
    there, back = paired_means(before, after, seed=0), paired_means(after, before, seed=0)
    assert there["difference"] == pytest.approx(-back["difference"])
    assert (there["raised"], there["p_value"]) == (back["lowered"], pytest.approx(back["p_value"]))
    assert there["interval"] == pytest.approx([-end for end in back["interval"][::-1]])


def test_few_items_need_both_the_interval_and_the_test():
    rows = [paired_means([0.0] * n, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6][:n], seed=0) for n in (5, 6)]
    assert all(row["interval"][0] > 0 for row in rows)
    assert [row["p_value"] for row in rows] == pytest.approx([2 / 2**5, 2 / 2**6])
    assert [more_than_noise(row) for row in rows] == [False, True]


def test_the_same_twice_is_noise():
    row = paired_means([0.2, 0.4, 0.6], [0.2, 0.4, 0.6], seed=0)
    assert (row["difference"], row["p_value"], more_than_noise(row)) == (0, 1, False)
    assert paired_means([], [], seed=0)["difference"] is None and not more_than_noise(paired_means([], [], seed=0))


def test_aurocs_are_those_of_sklearn_and_their_difference_is_paired():
    random = np.random.default_rng(0)
    truth = np.repeat([False, True], [60, 50])
    before = random.normal(truth * 1.0).round(1)
    after = 100 * (before + random.normal(0, 0.05, len(truth)) + truth * 0.5)
    row = paired_aurocs(truth, before, after, seed=0)
    assert row["before"] == pytest.approx(roc_auc_score(truth, before))
    assert row["after"] == pytest.approx(roc_auc_score(truth, after))
    assert more_than_noise(row), "the same items with a little more distance"
    assert not more_than_noise(paired_aurocs(truth, before, 7 * before + 1, seed=0)), "another unit is no difference"
    assert paired_aurocs([True, True], [0, 1], [0, 1], seed=0)["difference"] is None
