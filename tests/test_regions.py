import numpy as np
import pytest

from tests.normal import picture, texture
from xad_agent.calibration import Calibration
from xad_agent.detectors.base import AnomalyMap
from xad_agent.evidence import Region
from xad_agent.regions import MAX_REGIONS, by_salience, find_candidate, find_regions

CALIBRATION = Calibration([1.0] * 40, level=0.5, alpha=0.05)


def _find(values: np.ndarray, calibration: Calibration | None = CALIBRATION) -> list[Region]:
    asked = picture(texture(0, *values.shape))
    found = AnomalyMap(values.astype(np.float32), float(values.max()), "made")
    return find_regions(found, asked, calibration)


def _map(*blocks: tuple[int, int, int, int, float]) -> np.ndarray:
    values = np.zeros((100, 120))
    for x0, y0, x1, y1, value in blocks:
        values[y0:y1, x0:x1] = value
    return values


def test_a_block_is_one_region_with_its_box_mask_peak_and_share() -> None:
    values = _map((30, 20, 50, 30, 2.0))
    values[24, 41] = 3.0
    values[20:30, 30:50][values[20:30, 30:50] == 2.0] = 1.9
    (region,) = _find(values)
    assert region.label == "region 1"
    assert region.box == (30, 20, 50, 30)
    assert region.peak == (41, 24)
    assert region.score == pytest.approx(3.0)
    assert region.area_share == pytest.approx(200 / 12000)
    assert np.array_equal(region.mask(100, 120), values > 0)


def test_strongest_first_and_no_more_than_the_most() -> None:
    values = _map(*((18 * n + 4, 20, 18 * n + 12, 30, 2.0 + n) for n in range(6)))
    regions = _find(values)
    assert len(regions) == MAX_REGIONS
    assert [region.score for region in regions] == pytest.approx([7.0, 6.0, 5.0, 4.0, 3.0])


def test_neighbouring_pieces_are_one_and_specks_are_none() -> None:
    values = _map((30, 20, 40, 30, 2.0), (41, 20, 50, 30, 2.0), (90, 80, 91, 81, 2.0))
    (region,) = _find(values)
    assert region.box == (30, 20, 50, 30)


def test_a_speck_counts_where_there_is_nothing_else() -> None:
    assert len(_find(_map((90, 80, 91, 81, 2.0)))) == 1


def test_a_normal_picture_has_no_region_even_with_pixels_above_the_level() -> None:
    assert _find(_map((30, 20, 50, 30, 0.9))) == []


def test_a_piece_that_would_not_make_a_picture_anomalous_is_left_out() -> None:
    regions = _find(_map((30, 20, 50, 30, 2.0), (80, 60, 90, 70, 0.9)))
    assert [region.box for region in regions] == [(30, 20, 50, 30)]


def test_a_smooth_hill_is_cut_at_half_its_height() -> None:
    y, x = np.mgrid[0:100, 0:120]
    hill = 3.0 * np.exp(-((x - 60) ** 2 + (y - 50) ** 2) / 200)
    (region,) = _find(hill)
    assert np.array_equal(region.mask(100, 120), hill.astype(np.float32) > 0.5 + 0.5 * (3.0 - 0.5))


def test_a_high_part_does_not_hide_a_lower_one_it_hangs_together_with() -> None:
    values = _map((30, 20, 60, 30, 0.9), (30, 20, 40, 30, 9.0), (50, 20, 60, 30, 2.0))
    (region,) = _find(values)
    assert np.array_equal(region.mask(100, 120), values > 1.0)


def test_without_calibration_outliers_of_the_picture_itself() -> None:
    values = np.random.default_rng(0).uniform(0.9, 1.1, (100, 120))
    values[20:30, 30:50] = 5.0
    regions = _find(values, None)
    assert regions[0].box == (30, 20, 50, 30)
    assert _find(np.ones((100, 120)), None) == []


def test_one_pixel() -> None:
    (region,) = _find(np.array([[2.0]]))
    assert region.box == (0, 0, 1, 1)
    assert _find(np.array([[0.2]])) == []


def _made(values: np.ndarray) -> AnomalyMap:
    return AnomalyMap(values.astype(np.float32), float(values.max()), "made")


def test_of_regions_about_as_strange_the_one_that_differs_from_normal_comes_first() -> None:
    values = _map((10, 20, 20, 30, 2.0), (80, 60, 90, 70, 1.9))
    contrast = np.zeros(values.shape, np.float32)
    contrast[60:70, 80:90] = 5
    regions = by_salience(_find(values), _made(values), contrast)
    assert [(region.label, region.box[0]) for region in regions] == [("region 1", 80), ("region 2", 10)]
    values[values == 1.9] = 1.2
    assert by_salience(_find(values), _made(values), contrast)[0].box[0] == 10


def test_the_peak_moves_to_where_the_picture_differs_most_near_by() -> None:
    values = _map((30, 20, 40, 30, 2.0))
    contrast = np.zeros(values.shape, np.float32)
    contrast[24, 42] = 4  # just beside the region
    contrast[90, 100] = 9  # far away
    (region,) = by_salience(_find(values), _made(values), contrast)
    assert region.peak == (42, 24)


def test_without_contrast_regions_stay_as_they_are() -> None:
    values = _map((10, 20, 20, 30, 2.0), (80, 60, 90, 70, 1.9))
    assert by_salience(_find(values), _made(values), None) == tuple(_find(values))


def test_contrast_may_be_of_a_smaller_picture() -> None:
    values = _map((30, 20, 40, 30, 2.0))
    contrast = np.zeros((50, 60), np.float32)
    contrast[12, 20] = 4
    (region,) = by_salience(_find(values), _made(values), contrast)
    assert region.peak == (41, 25)


def test_the_candidate_of_a_picture_that_passes() -> None:
    values = _map((30, 20, 50, 30, 0.4), (80, 60, 90, 70, 0.3)) + 0.1
    candidate = find_candidate(_made(values), picture(texture(0, *values.shape)), None)
    assert candidate.box == (30, 20, 50, 30)
    assert candidate.score == pytest.approx(0.5)
    flat = find_candidate(_made(np.full((8, 8), 0.2)), picture(texture(0, 8, 8)), None)
    assert flat.box == (0, 0, 8, 8)
