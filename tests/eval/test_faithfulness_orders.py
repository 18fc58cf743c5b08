"""Deletion and insertion on detectors whose every score is known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.errors import XadError
from xad_agent.eval.faithfulness_orders import SHARES, Cells, Deletion, elsewhere

CELLS = Cells((64, 64), (8, 8))
DEFECT = np.zeros((64, 64), dtype=bool)
DEFECT[:8] = True  # the first 8 of 64 cells
PICTURE = np.where(DEFECT, 200, 100).astype(np.uint8)[..., None].repeat(3, axis=2)
NORMAL = np.full_like(PICTURE, 100)


def total(pixels: np.ndarray) -> float:
    """A detector that adds up what is brighter than normal in the middles of cells of 8 px, where no seam reaches."""
    middle = (np.arange(len(pixels)) % 8 // 2 + 1) // 2 == 1
    return float((pixels.astype(float) - 100)[middle][:, middle].sum())


def highest(pixels: np.ndarray) -> float:
    """A detector that looks at the strangest cell only, in its middle, where no seam reaches."""
    return float(pixels[4::8, 4::8].max())


def deletion(score: Callable[[np.ndarray], float] = total, cells: Cells = CELLS) -> Deletion:
    return Deletion(PICTURE, NORMAL, cells, score)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_steps_are_symmetric_and_end_where_all_is_replaced() -> None:
    # Half of 1/128 of 64 cells rounds to none, 127/128 to all.
    assert CELLS.counts.tolist() == [0, 2, 8, 16, 32, 48, 56, 62, 64]
    many = Cells((512, 512), (37, 41)).counts
    np.testing.assert_array_equal(many, many[-1] - many[::-1])
    assert Cells((2, 2), (2, 2)).counts.tolist() == [0, 1, 2, 3, 4]
    assert Cells((8, 8), (1, 1)).counts.tolist() == [0, 1]


@pytest.mark.parametrize(("shape", "grid"), [((64, 64), (8, 8)), ((37, 50), (5, 7)), ((9, 8), (9, 8))])
def test_every_pixel_is_in_one_cell_and_every_cell_has_pixels(shape: tuple[int, int], grid: tuple[int, int]) -> None:
    cells = Cells(shape, grid)
    sizes = np.bincount(cells.numbers.ravel(), minlength=cells.count)
    assert len(sizes) == cells.count
    assert sizes.min() > 0
    assert cells.mask(np.arange(cells.count)).all()
    assert not cells.mask(np.array([], dtype=int)).any()
    assert cells.mask(np.array([cells.count - 1]))[-1, -1]


def test_cells_are_ordered_by_their_means() -> None:
    values = np.repeat(np.arange(8.0), 8)[:, None].repeat(64, axis=1)  # row of cells r has the mean r
    assert (CELLS.order(values, random()) // 8).tolist() == np.repeat(np.arange(7, -1, -1), 8).tolist()


def test_ties_are_drawn() -> None:
    flat = np.ones((64, 64))
    assert sorted(CELLS.order(flat, random())) == list(range(64))
    assert CELLS.order(flat, random(0)).tolist() != CELLS.order(flat, random(1)).tolist()
    assert CELLS.order(flat, random(0)).tolist() == CELLS.order(flat, random(0)).tolist()


def test_the_perfect_order_by_hand() -> None:
    """All of the sum is in the first 8 of 64 cells: the score falls to 0 on a straight line, a triangle 1/8 wide."""
    tried = deletion()
    deleted, inserted = tried.both(CELLS.order(DEFECT, random()))
    np.testing.assert_allclose(deleted, [1, 0.75, 0, 0, 0, 0, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(inserted, [0, 0.25, 1, 1, 1, 1, 1, 1, 1], atol=1e-9)
    assert tried.area(deleted) == pytest.approx(1 / 16, abs=1e-9)
    assert tried.area(inserted) == pytest.approx(1 - 1 / 16, abs=1e-9)


def test_the_reversed_order_is_one_less_it() -> None:
    tried, order = deletion(), CELLS.order(DEFECT, random())
    deleted, inserted = tried.both(order[::-1])
    assert tried.area(deleted) == pytest.approx(1 - 1 / 16, abs=1e-9)
    assert tried.area(inserted) == pytest.approx(1 / 16, abs=1e-9)


def test_a_constant_map_comes_to_a_half() -> None:
    flat, draws = np.ones((64, 64)), random()
    tried = deletion()
    areas = [[tried.area(curve) for curve in tried.both(CELLS.order(flat, draws))] for _ in range(60)]
    np.testing.assert_allclose(np.mean(areas, axis=0), 0.5, atol=0.03)


def test_a_detector_of_the_strangest_place_stays_high_till_the_last_of_it() -> None:
    deleted, inserted = deletion(highest).both(CELLS.order(DEFECT, random()))
    assert deleted.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert inserted.tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 1]


@given(st.permutations(range(16)), st.integers(0, 2**16))
def test_of_a_sum_deletion_and_insertion_are_the_two_parts_of_one(order: list[int], seed: int) -> None:
    cells = Cells((32, 32), (4, 4))
    pixels = random(seed).integers(100, 255, (32, 32, 3)).astype(np.uint8)
    tried = Deletion(pixels, np.full_like(pixels, 100), cells, total)
    deleted, inserted = tried.both(np.array(order))
    np.testing.assert_allclose(deleted + inserted, 1, atol=1e-9)
    assert tried.area(deleted) + tried.area(inserted) == pytest.approx(1)
    assert (np.diff(deleted) <= 1e-9).all()


def test_insertion_is_the_reversed_deletion_read_from_its_end() -> None:
    tried, order = deletion(), random().permutation(64)
    deleted, inserted = tried.both(order)
    back_deleted, back_inserted = tried.both(order[::-1])
    np.testing.assert_array_equal(inserted, back_deleted[::-1])
    np.testing.assert_array_equal(deleted, back_inserted[::-1])


def test_replaced_is_all_normal_in_the_end_and_untouched_at_first() -> None:
    tried = deletion()
    np.testing.assert_array_equal(tried.replaced(np.arange(64)), NORMAL)
    np.testing.assert_array_equal(tried.replaced(np.arange(0)), PICTURE)
    some = tried.replaced(np.arange(4))
    assert (some[:6, :30] == 100).all()
    assert (some[:6, 34:] == 200).all()
    assert set(np.unique(some[4, 30:34])) - {100, 200}, "the seam is feathered"


def test_sampled_at_the_shares() -> None:
    tried = deletion()
    sampled = tried.sampled(tried.curve(CELLS.order(DEFECT, random())))
    assert len(sampled) == len(SHARES)
    assert (sampled[0], sampled[-1]) == (1, 0)
    assert sampled[1] == pytest.approx(0.9375, abs=1e-9)  # 1/128 is a quarter of the way to 2 of 64 cells, at 0.75


def test_nothing_falls_where_the_counterpart_is_as_strange() -> None:
    with pytest.raises(XadError, match="no fall to follow"):
        Deletion(NORMAL, PICTURE, CELLS, total)
    with pytest.raises(XadError, match="wholly replaced by normal content it scores 0, and 0 as it is"):
        Deletion(NORMAL, NORMAL, CELLS, total)


def test_a_score_that_is_no_number_is_an_error() -> None:
    with pytest.raises(XadError, match="scores nan: the detector is at fault"):
        Deletion(PICTURE, NORMAL, CELLS, lambda pixels: float("nan"))


def test_elsewhere_is_the_same_map_in_another_place() -> None:
    values = random().normal(size=(20, 30))
    other = elsewhere(values, random(3))
    assert other.shape == values.shape
    assert (other != values).any()
    np.testing.assert_array_equal(np.sort(other, axis=None), np.sort(values, axis=None))
