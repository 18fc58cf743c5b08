import numpy as np
import pytest

from tests.normal import NormalCalibration, picture, texture
from xad_agent.detectors.base import AnomalyMap
from xad_agent.evidence import Region
from xad_agent.regions import MAX_REGIONS, find_regions

CALIBRATION = NormalCalibration([1.0] * 40, level=0.5)


def _find(values: np.ndarray, calibration: NormalCalibration | None = CALIBRATION) -> list[Region]:
    asked = picture(texture(0, *values.shape))
    found = AnomalyMap(values.astype(np.float32), float(values.max()), "made")
    return find_regions(found, asked, calibration)  # type: ignore[arg-type]


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
