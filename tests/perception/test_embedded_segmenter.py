from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from xad_agent.errors import XadError
from xad_agent.media import read_picture
from xad_agent.perception.embedded_segmenter import EmbeddedSegmenter, _difference, _likeliest


def disc(side: int = 120, radius: int = 15, contrast: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Pixels with a darker disc on noise, and the disc's mask."""
    y, x = np.mgrid[:side, :side]
    mask = (x - 50) ** 2 + (y - 70) ** 2 <= radius**2
    noise = np.random.default_rng(0).normal(150, 8, (side, side))
    grey = np.clip(noise - contrast * mask, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2), mask


def iou(mask: np.ndarray, other: np.ndarray) -> float:
    return float((mask & other).sum() / (mask | other).sum())


@pytest.mark.parametrize("contrast", [-60, 25, 60])
def test_a_disc_is_cut_out_of_its_box(contrast: int):
    pixels, mask = disc(contrast=contrast)
    (found,) = EmbeddedSegmenter().segment(read_picture(pixels), (35, 55, 66, 86))
    assert found.score is None
    assert iou(found.pixels, mask) > 0.85, "the box alone has 0.74"


def test_the_shape_follows_the_thing_not_the_box():
    pixels, _ = disc(contrast=0)
    y, x = np.mgrid[:120, :120]
    bar = (np.abs(x - y) < 8) & (x + y > 80) & (x + y < 160)
    pixels[bar] = 30
    rows, columns = np.nonzero(bar)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    (found,) = EmbeddedSegmenter().segment(read_picture(pixels), box)
    assert bar[box[1] : box[3], box[0] : box[2]].mean() < 0.5
    assert iou(found.pixels, bar) > 0.6


def test_points_give_masks_of_several_sizes_that_hold_them():
    pixels, mask = disc()
    found = EmbeddedSegmenter().segment(read_picture(pixels), points=[(50, 70)])
    assert len(found) > 1
    assert all(one.pixels[70, 50] for one in found)
    assert max(iou(one.pixels, mask) for one in found) > 0.7


def test_of_a_box_with_a_point_only_the_part_there_is_kept():
    pixels, _ = disc(contrast=0)
    pixels[40:60, 30:40] = pixels[40:60, 80:90] = 20
    whole = EmbeddedSegmenter().segment(read_picture(pixels), (28, 30, 92, 70))[0].pixels
    part = EmbeddedSegmenter().segment(read_picture(pixels), (28, 30, 92, 70), [(36, 50)])[0].pixels
    assert whole[50, 83] and whole[50, 36]
    assert part[50, 36] and not part[50, 83]


@settings(max_examples=30)
@given(st.data())
def test_any_picture_and_box_give_a_mask_within_the_box(data: st.DataObject):
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    x0, y0 = data.draw(st.floats(-5, width - 0.5)), data.draw(st.floats(-5, height - 0.5))
    box = (x0, y0, max(x0, 0) + data.draw(st.floats(0.1, 50)), max(y0, 0) + data.draw(st.floats(0.1, 50)))
    pixels = np.random.default_rng(data.draw(st.integers(0, 9))).integers(0, 256, (height, width, 3), dtype=np.uint8)
    (found,) = EmbeddedSegmenter().segment(read_picture(pixels), box)
    assert found.pixels.shape == (height, width)
    assert found.pixels.any()
    rows, columns = np.nonzero(found.pixels)
    assert columns.min() >= int(max(x0, 0)) and rows.min() >= int(max(y0, 0))
    assert columns.max() < np.ceil(box[2]) and rows.max() < np.ceil(box[3])


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1)])
def test_points_in_thin_pictures(shape: tuple[int, int]):
    found = EmbeddedSegmenter().segment(read_picture(np.zeros((*shape, 3), np.uint8)), points=[(0, 0)])
    assert all(one.pixels.shape == shape and one.pixels.any() for one in found)


def test_a_large_picture_is_mapped_back():
    pixels, mask = disc()
    large = np.kron(pixels, np.ones((50, 50, 1), np.uint8))
    (found,) = EmbeddedSegmenter().segment(read_picture(large), (35 * 50, 55 * 50, 66 * 50, 86 * 50))
    assert found.pixels.shape == (6000, 6000)
    assert iou(found.pixels[25::50, 25::50], mask) > 0.85


def test_neither_box_nor_points_are_refused():
    with pytest.raises(XadError, match="give a box or points"):
        EmbeddedSegmenter().segment(read_picture(disc()[0]))


def test_differences_are_the_distances_that_scipy_gives():
    random = np.random.default_rng(0)
    patches, known = random.normal(size=(20, 75)).astype(np.float32), random.normal(size=(30, 75)).astype(np.float32)
    expected = np.sort(cdist(patches, known), axis=1)[:, 3] / 5
    np.testing.assert_allclose(_difference(patches, known), expected, rtol=1e-4)
    np.testing.assert_allclose(
        _difference(patches, known[:2]), np.sort(cdist(patches, known[:2]), axis=1)[:, 1] / 5, rtol=1e-4
    )


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=8))
def test_no_other_set_of_pixels_has_a_greater_expected_iou(probabilities: list[float]):
    values = np.array(probabilities)
    limit, expected = _likeliest(values)

    def of(chosen: np.ndarray) -> float:
        return float(chosen.sum() / (len(chosen) + values.sum() - chosen.sum()))

    sets = [np.array(s) for n in range(1, len(values) + 1) for s in combinations(values, n)]
    assert expected == pytest.approx(max(map(of, sets)))
    assert of(values[values >= limit]) == pytest.approx(expected)
