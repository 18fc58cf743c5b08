"""Intervals of items that hang together: by whole groups."""

import numpy as np
import pytest

from xad_agent.eval.intervals import bootstrap_interval, clustered_interval, mean_of


@pytest.fixture(scope="module", autouse=True)
def few_resamples() -> None:
    """As many as in use: here it is intervals that are tested."""


def mean(values: np.ndarray):
    return lambda places: float(values[places].mean())


def test_groups_of_one_are_the_plain_bootstrap() -> None:
    values = np.random.default_rng(0).normal(size=30)
    plain = bootstrap_interval(lambda drawn: float(drawn.mean()), values, seed=3)
    assert clustered_interval(mean(values), list(range(30)), seed=3) == pytest.approx(plain)


def test_copies_of_an_item_make_nothing_surer() -> None:
    values = np.random.default_rng(0).normal(size=30)
    once = clustered_interval(mean(values), list(range(30)), seed=3)
    copied = clustered_interval(mean(np.repeat(values, 5)), list(np.repeat(np.arange(30), 5)), seed=3)
    assert copied == pytest.approx(once)
    alone = clustered_interval(mean(np.repeat(values, 5)), list(range(150)), seed=3)
    assert np.ptp(alone) < 0.6 * np.ptp(copied), "as if they were independent"


def test_one_group_has_no_interval() -> None:
    assert clustered_interval(mean(np.ones(3)), ["a", "a", "a"], seed=0) is None
    assert mean_of([1, 0, 1], ["a", "a", "a"], 0) == {"value": pytest.approx(2 / 3), "low": None, "high": None, "n": 3}
    assert mean_of([], [], 0) == {"value": None, "low": None, "high": None, "n": 0}
