"""The metrics against hand-computed cases, sklearn, and a brute-force AUPRO that shares no code with ours."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from xad_agent.errors import XadError
from xad_agent.eval import intervals, metrics


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """As many as in use: here it is intervals that are tested."""


def counted(*pairs):
    pairs = [(np.asarray(values, np.float32), np.asarray(mask, bool)) for values, mask in pairs]
    return metrics.count_pixels(pairs, metrics.defect_levels(pairs))


def brute_force_aupro(pairs, limit):
    """Every threshold, one after the other; then the trapezoid rule on the curve cut at the limit."""
    regions, normal = [], 0
    for index, (_, mask) in enumerate(pairs):
        labels, count = label(mask, structure=np.ones((3, 3)))
        regions += [(index, labels == number) for number in range(1, count + 1)]
        normal += (~mask).sum()
    curve = [(0.0, 0.0)]
    for threshold in sorted({float(v) for values, _ in pairs for v in values.ravel()}, reverse=True):
        rate = sum((values[~mask] >= threshold).sum() for values, mask in pairs) / normal
        curve.append((rate, np.mean([(pairs[i][0][region] >= threshold).mean() for i, region in regions])))
    return area_to(curve, limit)


def area_to(curve, limit):
    """The area under points (x, y) up to a limit, interpolated there, divided by it."""
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 < limit < x1:
            x1, y1 = limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
        if x1 <= limit:
            area += (x1 - x0) * (y0 + y1) / 2
    return area / limit


sides = st.integers(2, 7)


@st.composite
def picture_sets(draw):
    """One to three pictures of different sizes with few distinct values, so that ties are everywhere."""
    pairs = []
    for _ in range(draw(st.integers(1, 3))):
        shape = (draw(sides), draw(sides))
        values = draw(arrays(np.int64, shape, elements=st.integers(0, draw(st.sampled_from([2, 9, 1000])))))
        pairs.append((values.astype(np.float32) / 7, draw(arrays(bool, shape))))
    inside = sum(int(mask.sum()) for _, mask in pairs)
    if inside in (0, sum(mask.size for _, mask in pairs)):
        pairs[0][1].flat[0] = inside == 0
    return pairs


@settings(max_examples=150)
@given(picture_sets(), st.sampled_from([0.05, 0.3, 1.0]))
def test_aupro_equals_brute_force(pairs, limit):
    counts = metrics.count_pixels(pairs, metrics.defect_levels(pairs))
    assert metrics.aupro(counts, limit) == pytest.approx(brute_force_aupro(pairs, limit), abs=1e-12)


@settings(max_examples=150)
@given(picture_sets())
def test_pixel_metrics_equal_sklearn(pairs):
    counts = metrics.count_pixels(pairs, metrics.defect_levels(pairs))
    truth = np.concatenate([mask.ravel() for _, mask in pairs])
    values = np.concatenate([values.ravel() for values, _ in pairs])
    assert metrics.pixel_auroc(counts) == pytest.approx(roc_auc_score(truth, values), abs=1e-12)
    assert metrics.pixel_average_precision(counts) == pytest.approx(average_precision_score(truth, values), abs=1e-12)
    precision, recall, _ = precision_recall_curve(truth, values)
    best, threshold = metrics.pixel_max_f1(counts)
    assert best == pytest.approx(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-30)), abs=1e-12)
    hits = values >= np.float32(threshold)
    assert 2 * (hits & truth).sum() / (hits.sum() + truth.sum()) == pytest.approx(best)


ROW = [[0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]]  # two regions, 9 normal pixels


@pytest.mark.parametrize(
    ("values", "limit", "expected", "why"),
    [
        ([[0, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 9]], 0.3, 1.0, "all defects above all normals"),
        ([[9, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0]], 0.3, 0.0, "all defects below all normals"),
        ([[0, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, -1]], 0.3, 0.5, "the larger region weighs no more than the smaller"),
        ([[0, 9, -1, 0, 0, 0, 0, 0, 0, 0, 0, 9]], 0.3, 0.75, "half of one region and the whole other"),
        ([[5] * 12], 0.3, 0.15, "one tie of everything: the diagonal, cut at 0.3: 0.3^2 / 2 / 0.3"),
        ([[8, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 9]], 1 / 3, 0.5 + 0.5 * 2 / 3, "one normal in nine lies above region 1"),
    ],
)
def test_aupro_by_hand(values, limit, expected, why):
    assert metrics.aupro(counted((values, ROW)), limit) == pytest.approx(expected), why


def test_regions_touching_at_a_corner_are_one():
    assert counted((np.eye(3), np.eye(3))).regions == 1


def test_adding_counts_equals_counting_together():
    random = np.random.default_rng(0)
    pairs = [(random.random((5, 6), np.float32), random.random((5, 6)) > 0.7) for _ in range(4)]
    levels = metrics.defect_levels(pairs)
    parts = metrics.count_pixels(pairs[:1], levels) + metrics.count_pixels(pairs[1:], levels)
    assert metrics.aupro(parts) == metrics.aupro(metrics.count_pixels(pairs, levels))
    with pytest.raises(ValueError, match="different levels"):
        parts + counted(pairs[0])


@pytest.mark.parametrize("mask", [np.zeros((3, 3)), np.ones((3, 3))], ids=["no defect", "nothing normal"])
def test_undefined_pixel_metrics_are_none(mask):
    counts = counted((np.arange(9.0).reshape(3, 3), mask))
    functions = [metrics.pixel_auroc, metrics.aupro, metrics.pixel_average_precision, metrics.pixel_max_f1]
    assert [function(counts) for function in functions] == [None] * 4


@pytest.mark.parametrize(
    ("values", "mask", "says"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2), bool), "one size"),
        (np.full((2, 2), np.nan), np.ones((2, 2), bool), "finite"),
    ],
)
def test_bad_maps_are_refused(values, mask, says):
    with pytest.raises(XadError, match=says):
        metrics.defect_levels([(values, mask)])


def test_image_metrics():
    assert metrics.image_metrics([1, 2, 3, 4], [4, 5])["image_auroc"] == pytest.approx(7.5 / 8)
    assert metrics.image_metrics([1, 2], [3, 4]) == {"image_auroc": 1.0, "image_ap": 1.0, "image_max_f1": 1.0}
    assert set(metrics.image_metrics([], [3, 4]).values()) == {None}


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 1 - 0.025**0.1), (10, 10, 0.025**0.1, 1.0), (2, 41, 0.00596, 0.16530)],
)
def test_proportion_has_the_exact_interval(hits, n, low, high):
    share = intervals.proportion([True] * hits + [False] * (n - hits))
    assert (share["value"], share["hits"], share["n"]) == (hits / n, hits, n)
    assert (share["low"], share["high"]) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_proportion_of_nothing_is_none():
    assert intervals.proportion([]) == {"value": None, "low": None, "high": None, "hits": 0, "n": 0}


def test_bootstrap_is_seeded_and_agrees_with_theory():
    sample = np.random.default_rng(3).normal(size=400)
    low, high = interval = intervals.bootstrap_interval(np.mean, sample, seed=1)
    assert interval == intervals.bootstrap_interval(np.mean, sample, seed=1)
    assert (low, high) == pytest.approx((sample.mean() - 1.96 / 20, sample.mean() + 1.96 / 20), abs=0.02)
    assert intervals.bootstrap_interval(np.mean, [1.0], seed=1) is None


def test_overlap():
    found, true = np.array([[1, 1, 0, 0]], bool), np.array([[0, 1, 1, 0]], bool)
    assert metrics.overlap(found, true) == pytest.approx(1 / 3)
    assert metrics.overlap(np.zeros((2, 2), bool), np.zeros((2, 2), bool)) == 0


def test_coarse_counts_are_close_to_the_exact_metrics():
    """1024 quantile levels serve the intervals only; what they would cost is measured here."""
    random = np.random.default_rng(5)
    pairs = []
    for _ in range(12):
        mask = np.zeros((120, 100), bool)
        mask[10:60, 5:40], mask[80:90, 30:34] = True, True
        pairs.append(((random.normal(size=mask.shape) + 1.5 * mask).astype(np.float32), mask))
    levels = metrics.defect_levels(pairs)
    exact = metrics.count_pixels(pairs, levels)
    coarse = intervals.counts_by_picture(pairs, levels)
    together = sum(coarse[1:], coarse[0])
    assert len(levels) > 3 * len(together.levels)
    for metric in (metrics.pixel_auroc, metrics.aupro):
        assert metric(together) == pytest.approx(metric(exact), abs=1e-4)
        for normal, defective in ((coarse[:3], coarse[3:]), ([], coarse)):
            low, high = intervals.pixel_intervals({"it": metric}, normal, defective, seed=0)["it"]
            assert low < metric(exact) < high < low + 0.05
    assert intervals.pixel_intervals({"it": metrics.aupro}, coarse, coarse[:1], seed=0) == {"it": None}
