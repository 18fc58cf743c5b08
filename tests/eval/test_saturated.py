"""AU-sPRO by hand, against a slow implementation after MVTec's evaluation code, and against PRO."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label

from tests.eval.test_metrics import area_to
from xad_agent.eval.layouts.loco import Saturation
from xad_agent.eval.metrics import aupro, count_pixels, defect_levels
from xad_agent.eval.saturated import FPR_LIMITS, Defect, au_spro, count_saturated


def union(values, defects):
    return np.logical_or.reduce([np.zeros(values.shape, bool), *(defect.mask for defect in defects)])


def counted(pictures):
    maps = [(values.astype(np.float32), union(values, defects), defects) for values, defects in pictures]
    return count_saturated(maps, defect_levels((values, mask) for values, mask, _ in maps))


def slow(pictures, limit):
    """Each threshold by itself: overlap of every defect and false positives, then trapezoids up to the limit."""
    masks = [union(values, defects) for values, defects in pictures]
    normal = sum((~mask).sum() for mask in masks)
    curve = [(0.0, 0.0)]
    for threshold in sorted({float(v) for values, _ in pictures for v in values.ravel()}, reverse=True):
        marked = [values >= threshold for values, _ in pictures]
        rate = sum((m & ~mask).sum() for m, mask in zip(marked, masks, strict=True)) / normal
        shares = [
            min((m & defect.mask).sum() / defect.saturation, 1.0)
            for m, (_, defects) in zip(marked, pictures, strict=True)
            for defect in defects
        ]
        curve.append((rate, np.mean(shares)))
    return area_to(curve, limit)


def test_by_hand():
    """Half of a defect of four pixels is enough, and is above all that is normal: as good as the whole of it."""
    values = np.array([[9, 8, 0, 0], [5, 4, 3, 2]])
    mask = np.array([[1, 1, 1, 1], [0, 0, 0, 0]], bool)
    whole, half = Defect("x", mask, 4), Defect("x", mask, 2)
    assert au_spro(counted([(values, [half])])) == {f"{limit:g}": 1.0 for limit in FPR_LIMITS}
    # half is found at no false positive, the rest only where all is marked
    assert au_spro(counted([(values, [whole])]))["1"] == pytest.approx(0.5)
    # a second defect, in another picture, that is under everything: the mean of 1 and 0
    under = (np.array([[0, 1], [1, 1]]), [Defect("y", np.array([[1, 0], [0, 0]], bool), 1)])
    assert au_spro(counted([(values, [half]), under]))["0.3"] == pytest.approx(0.5)


def test_ties_with_normal_pixels_rise_on_a_straight_line():
    """Defect and half of the normal pixels at one value: a triangle up to 0.5, then 1."""
    values, mask = np.array([[1, 1, 0]]), np.array([[1, 0, 0]], bool)
    areas = au_spro(counted([(values, [Defect("x", mask, 1)])]))
    assert areas["1"] == pytest.approx(0.75)
    assert areas["0.3"] == pytest.approx(0.3)  # the mean height of the line up to 0.3 is 0.6 / 2


def test_no_defect_is_not_defined():
    assert set(au_spro(counted([(np.zeros((2, 2)), [])])).values()) == {None}


@pytest.mark.parametrize(
    ("threshold", "relative", "defect", "area"),
    [
        (0.5, True, 7, 3),  # rounded down, as MVTec's code does
        (0.1, True, 5, 1),  # never 0
        (1.0, True, 9, 9),
        (20, False, 50, 20),
        (20, False, 8, 8),  # at most the defect's area
    ],
)
def test_saturation_areas(threshold, relative, defect, area):
    assert Saturation("x", threshold, relative).area(defect) == area


@st.composite
def picture_sets(draw):
    """Pictures with up to three defects each, which may share pixels, and few distinct values."""
    pictures = []
    for number in range(draw(st.integers(1, 3))):
        shape = (draw(st.integers(2, 5)), draw(st.integers(2, 5)))
        values = draw(arrays(np.int64, shape, elements=st.integers(0, draw(st.sampled_from([2, 9, 500])))))
        masks = draw(st.lists(arrays(bool, shape), min_size=number == 0, max_size=3))
        for mask in masks:
            mask.flat[0], mask.flat[-1] = True, False  # something of each kind
        defects = [Defect("x", mask, draw(st.integers(1, int(mask.sum())))) for mask in masks]
        pictures.append((values / 7, defects))
    return pictures


@settings(max_examples=150)
@given(picture_sets(), st.sampled_from(FPR_LIMITS))
def test_as_the_slow_one(pictures, limit):
    pictures = [(values.astype(np.float32), defects) for values, defects in pictures]
    assert au_spro(counted(pictures))[f"{limit:g}"] == pytest.approx(slow(pictures, limit), abs=1e-9)


@settings(max_examples=100)
@given(arrays(np.int64, (6, 7), elements=st.integers(0, 12)), arrays(bool, (6, 7)), st.sampled_from(FPR_LIMITS))
def test_with_the_whole_area_it_is_pro(values, mask, limit):
    mask.flat[0], mask.flat[-1] = True, False
    values = values.astype(np.float32)
    labels, count = label(mask, structure=np.ones((3, 3)))
    defects = [Defect("x", labels == n, int((labels == n).sum())) for n in range(1, count + 1)]
    pro = aupro(count_pixels([(values, mask)], defect_levels([(values, mask)])), limit)
    assert au_spro(counted([(values, defects)]))[f"{limit:g}"] == pytest.approx(pro, abs=1e-12)
