"""What a picture would be if all of it were normal, and places to repair that nothing is wrong with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.normal import NormalProfile, case_of, texture, with_square
from xad_agent.eval.faithfulness_normal import moved, repaired_elsewhere, repaired_score, wholly_normal
from xad_agent.evidence import Region, run_lengths

SQUARE = (40, 40, 52, 52)


def test_the_whole_picture_becomes_an_aligned_normal_one() -> None:
    normal = texture(99)
    profile = NormalProfile([normal] * 3)
    made = wholly_normal(case_of(with_square(SQUARE, seed=99), profile), profile)
    assert made is not None
    assert made.picture.pixels.shape == normal.shape
    assert np.abs(made.picture.pixels.astype(int) - normal).mean() < 1.5
    assert (made.sources, made.tries) == (("good 0.png",), 1)
    assert made.score == profile.examine(made.picture).score <= profile.calibration.threshold()


def test_where_a_laid_normal_picture_does_not_reach_the_picture_stays() -> None:
    scene = texture(99, 130, 130)
    asked = scene[20:116, 20:116].copy()
    asked[40:52, 40:52] = 220
    profile = NormalProfile([scene[30:126, 26:122]] * 3)
    profile.calibration = NormalProfile().calibration
    case = case_of(asked, profile)
    assert len(case.normals.laid) == 3
    made = wholly_normal(case, profile)
    assert made is not None
    difference = np.abs(made.picture.pixels.astype(int) - asked).max(axis=2)
    assert not difference[:10].any()
    assert not difference[:, :6].any()
    assert np.abs(made.picture.pixels[40:52, 40:52].astype(int) - scene[60:72, 60:72]).mean() < 2
    assert made.score <= profile.calibration.threshold()


def test_of_textures_it_is_a_normal_picture_as_it_is() -> None:
    profile = NormalProfile()
    case = case_of(with_square(SQUARE), profile)
    made = wholly_normal(case, profile)
    assert made is not None
    assert made.score < profile.calibration.threshold() < case.anomaly_map.score
    assert made.picture.pixels.max() < 200


def test_a_darker_picture_is_replaced_by_as_dark_a_one() -> None:
    profile = NormalProfile()
    dark = (0.8 * with_square(SQUARE)).astype(np.uint8)
    made = wholly_normal(case_of(dark, profile), profile)
    assert made is not None
    assert made.picture.pixels.mean() == pytest.approx(np.median(dark), abs=3)


def test_smaller_normal_pictures_fill_a_larger_one() -> None:
    profile = NormalProfile([texture(seed, 50, 40) for seed in range(3)])
    made = wholly_normal(case_of(with_square(SQUARE), profile), profile)
    assert made is not None
    assert made.picture.pixels.shape == (96, 96, 3)


def region(mask: np.ndarray) -> Region:
    y, x = np.nonzero(mask)
    box = (int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1)
    return Region(
        label="region 1", box=box, score=1, peak=(int(x[0]), int(y[0])), area_share=0.1, rle=run_lengths(mask)
    )


@given(st.integers(0, 2**16))
def test_places_elsewhere_are_as_large_and_clear_of_the_regions(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = np.zeros((2, 30, 40), dtype=bool)
    first[2:8, 3:9] = random.random((6, 6)) < 0.6
    second[20:23, 30:38] = True
    first[4, 4] = True
    places = moved([region(first), region(second)], first | second, random)
    assert places is not None
    masks = [place.mask(30, 40) for place in places]
    assert [mask.sum() for mask in masks] == [first.sum(), second.sum()]
    assert not ((masks[0] | masks[1]) & (first | second)).any()
    assert not (masks[0] & masks[1]).any()
    for place, mask in zip(places, masks, strict=True):
        assert mask[place.peak[1], place.peak[0]]
        assert region(mask).box == place.box


def test_there_may_be_no_room() -> None:
    half = np.zeros((10, 10), dtype=bool)
    half[:6] = True
    assert moved([region(half)], half, np.random.default_rng(0)) is None


def test_repairing_other_places_leaves_the_defect() -> None:
    profile = NormalProfile()
    case = case_of(with_square(SQUARE), profile)
    threshold = profile.calibration.threshold()
    repaired = repaired_score(case.counterparts, case, profile)
    other = repaired_elsewhere(case, profile, np.random.default_rng(0))
    assert repaired is not None
    assert other is not None
    assert repaired <= threshold < other
