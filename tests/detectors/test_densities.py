"""Each density against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.detectors.densities import Above, Apart, Heading, Lasting, Mixture, Nearest, Surplus

NAN = float("nan")
EAST, NORTH = (1.0, 0.0), (0.0, 1.0)


def column(*values: float) -> np.ndarray:
    return np.array(values, float).reshape(-1, 1)


def test_above_is_the_value() -> None:
    np.testing.assert_array_equal(Above(column(5)).rarity(column(1, -2, NAN)), [1, -2, NAN])


def test_apart_counts_in_spans_to_the_far_percentiles() -> None:
    """Of 0, 1 ... 100 the median is 50, and the 1st and 99th percentiles 1 and 99; of 0, 1 ... 200, squared, not so."""
    rarity = Apart(column(*range(101))).rarity(column(50, 99, 1, 148, NAN))
    np.testing.assert_allclose(rarity, [0, 1, 1, 2, NAN])
    skew = Apart(column(*(n**2 for n in range(101)))).rarity(column(2500, 9801, 1, 5000))
    np.testing.assert_allclose(skew, [0, 1, 1, 2500 / 7301])


@pytest.mark.parametrize("normal", [column(), column(NAN, NAN)])
def test_apart_from_nothing_is_not_known(normal: np.ndarray) -> None:
    assert np.isnan(Apart(normal).rarity(column(0, 1))).all()


def test_nearest_is_the_mean_of_three_distances() -> None:
    normal = np.array([[0, 0], [3, 0], [0, 6], [100, 100], [NAN, 0]], float)
    asked = np.array([[0, 0], [3, 4], [NAN, 1]], float)
    expected = [(0 + 3 + 6) / 3, (4 + 5 + np.hypot(3, 2)) / 3, NAN]
    np.testing.assert_allclose(Nearest(normal).rarity(asked), expected)
    np.testing.assert_allclose(Nearest(normal[:1]).rarity(asked[:2]), [0, 5])  # fewer than three normal rows
    assert np.isnan(Nearest(normal[4:]).rarity(asked)).all()


def test_of_many_normal_rows_so_many_are_drawn() -> None:
    normal = np.random.default_rng(0).normal(size=(30_000, 2))
    rarity = Nearest(normal).rarity(np.array([[0.0, 0.0], [9.0, 0.0]]))
    assert rarity[0] < 0.05 and 4 < rarity[1] < 7


def test_lasting_is_known_as_long_as_the_longest_normal_clip_ran() -> None:
    """Nothing stood for more than 3 s in a normal clip of 20 s; of 50 s it is known that they are more than 20."""
    density = Lasting(np.array([[3.0, 20.0], [1.0, 5.0], [NAN, NAN]]))
    np.testing.assert_allclose(
        density.rarity(np.array([[2.0, 9], [12.0, 12], [50.0, 60], [NAN, NAN]])), [2, 12, 20, NAN]
    )
    np.testing.assert_allclose(Lasting(np.zeros((0, 2))).rarity(np.array([[2.0, 9]])), [0])


def test_mixture_is_the_likelihood_under_its_gaussians() -> None:
    """Against scikit-learn's, and far off by hand: the nearest Gaussian's distance, spreads at least 1."""
    random = np.random.default_rng(0)
    normal = np.concatenate([random.normal(0, 0.1, (300, 2)), random.normal(50, 0.1, (300, 2))])
    density = Mixture(normal)
    asked = np.array([[0.0, 0.0], [50.0, 50.0], [50.0, 60.0], [NAN, 0]])
    rarity = density.rarity(asked)
    assert rarity[0] == pytest.approx(rarity[1], abs=0.1) and np.isnan(rarity[3])
    assert rarity[2] - rarity[1] == pytest.approx(50, rel=0.03)  # ten spreads: 10^2 / 2 nats
    deviations = density.deviations(asked)
    np.testing.assert_allclose(deviations[2], [0, 10], atol=0.2)
    assert np.isnan(deviations[3]).all()
    few = Mixture(normal[:1])
    assert np.isnan(few.rarity(asked)).all() and np.isnan(few.deviations(asked)).all()


def test_heading_in_bits() -> None:
    """Of the 64 normal rows at a place 15 head east: -log2(16 / 65) bits; north 49; west none: -log2(1 / 65)."""
    here = [(0.0, 0.0, *EAST)] * 15 + [(0.0, 0.0, *NORTH)] * 49
    there = [(50.0, 50.0, -1.0, 0.0)] * 64  # far away, so that it does not count
    asked = np.array(
        [(0.0, 0.0, *EAST), (0.0, 0.0, *NORTH), (0.0, 0.0, -1.0, 0.0), (50.0, 50.0, -1.0, 0.0), (NAN, 0, 1, 0)]
    )
    bits = Heading(np.array(here + there)).rarity(asked)
    np.testing.assert_allclose(bits, [np.log2(65 / 16), np.log2(65 / 50), np.log2(65), 0, NAN], atol=1e-12)


@pytest.mark.parametrize(("degrees", "bits"), [(44, 0.0), (46, np.log2(65))])
def test_the_same_way_is_within_45_degrees(degrees: float, bits: float) -> None:
    angle = np.radians(degrees)
    normal = np.array([(0.0, 0.0, *EAST)] * 64)
    assert Heading(normal).rarity(np.array([(0, 0, np.cos(angle), np.sin(angle))]))[0] == pytest.approx(bits)


def test_heading_with_few_or_no_normal_rows() -> None:
    asked = np.array([(0.0, 0.0, *EAST), (0.0, 0.0, *NORTH)])
    np.testing.assert_allclose(Heading(asked[:1]).rarity(asked), [0, 1])  # 1 of 1, 0 of 1, one added to both
    assert np.isnan(Heading(asked[:0]).rarity(asked)).all()


def test_surplus_is_what_exceeds_the_usual_of_the_best_name() -> None:
    """Skis are usual at up to 0.5, so 0.6 for them is less of a surprise than 0.3 for a bicycle."""
    surplus = Surplus(np.array([[0.5, 0.1]] * 1000))
    np.testing.assert_allclose(surplus.rarity(np.array([[0.6, 0.3], [0.6, 0.0], [0.0, 0.0]])), [0.2, 0.1, -0.1])
    np.testing.assert_allclose(Surplus(np.zeros((0, 2))).rarity(np.array([[0.6, 0.3]])), [0.6])


@given(st.lists(st.floats(-50, 50), min_size=3, max_size=30), st.floats(0, 40), st.floats(0.1, 40))
def test_farther_from_normal_is_never_less_rare(normal: list[float], off: float, more: float) -> None:
    middle = float(np.median(normal))
    for density in (Apart(column(*normal)), Nearest(column(*normal))):
        for way in (-1, 1):
            beyond = middle + way * (100 + off)
            near, far = density.rarity(column(beyond, beyond + way * more))
            assert near <= far
