"""The overlay: what can be switched in it, and which px of the picture is where."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.normal import case_of, examine, picture, texture, with_square
from xad_agent.case import Case
from xad_agent.detectors.base import AnomalyMap
from xad_agent.evidence import Region, run_lengths
from xad_agent.media.drawing import pointed
from xad_agent.media.overlay import Overlay, overlay, window_around
from xad_agent.media.picture import Picture

SQUARE = (40, 20, 52, 32)


def made(case: Case, **options) -> Overlay:
    return Overlay(case.picture, case.anomaly_map, case.profile.calibration, case.regions, **options)


@pytest.fixture(scope="module")
def case() -> Case:
    return case_of(with_square(SQUARE))


def test_without_opacity_and_outlines_it_is_the_bare_picture(case: Case) -> None:
    shown = made(case, side=96)
    assert (shown.draw(0, outlines=False)[:96, :96] == case.picture.pixels).all()
    assert (shown.draw(0, outlines=True)[:96, :96] != case.picture.pixels).any()


def test_half_the_opacity_is_half_the_colour(case: Case) -> None:
    bare, half, full = (made(case, side=96).draw(share, outlines=False).astype(int) for share in (0, 0.5, 1))
    assert np.abs((bare + full) / 2 - half).max() <= 1
    assert np.abs(full - bare)[26, 46].max() > 60 and np.abs(full[96:] - bare[96:]).max() > 30  # the legend, too


def test_figures_show_it_whole_with_outlines(case: Case) -> None:
    drawn = overlay(case.picture, case.anomaly_map, case.profile.calibration, case.regions)
    assert (drawn == made(case).draw(1.0, outlines=True, boxes=False)).all()


def test_boxes_are_drawn_where_they_are(case: Case) -> None:
    shown = made(case, side=960)
    (region,) = case.regions
    bare, boxed = (shown.draw(0, outlines=False, boxes=boxes).astype(int) for boxes in (False, True))
    changed = np.argwhere((np.abs(boxed - bare) > 0).any(axis=2))
    top, left = changed.min(axis=0)
    assert abs(left - 10 * region.box[0]) <= 2 and region.box[1] * 10 - 20 <= top <= region.box[1] * 10


def test_lines_and_type_grow_with_the_scale(case: Case) -> None:
    small, large = (made(case, side=480, scale=scale) for scale in (1, 2))
    assert large.size == small.size == (480, 480)
    assert large.draw().shape[0] - 480 == 2 * (small.draw().shape[0] - 480)
    bare = small.draw(0, outlines=False)[:480, :480]
    drawn = [(shown.draw(0)[:480, :480] != bare).any(axis=2).sum() for shown in (small, large)]
    assert drawn[1] > 1.5 * drawn[0]


def test_a_window_keeps_the_colours_of_the_whole() -> None:
    """Without a calibration, the scale is the whole map's, whatever part of it is shown."""
    shown = picture(with_square(SQUARE))
    found = examine(shown)
    whole = Overlay(shown, found, None, (), side=96).draw(1)
    part = Overlay(shown, found, None, (), window=(32, 16, 64, 48), side=32).draw(1)
    assert (part[:32, :32] == whole[16:48, 32:64]).all()


def test_regions_outside_the_window_are_left_out() -> None:
    pixels = with_square(SQUARE)
    pixels[70:90, 70:90] = 240
    case = case_of(pixels)
    window = window_around((0, 0, 20, 20), (96, 96), 5)
    shown = made(case, window=window)
    assert window == (0, 0, 25, 25)
    assert (shown.draw(1, boxes=True) == shown.draw(1, outlines=False)).all()


def test_a_region_of_one_pixel_is_outlined_on_a_picture_shown_much_smaller() -> None:
    mask = np.zeros((3000, 2500), dtype=bool)
    mask[1234, 777] = True
    region = Region(label="region 1", box=(777, 1234, 778, 1235), score=1, peak=(777, 1234), area_share=mask.mean(),
                    rle=run_lengths(mask))  # fmt: skip
    large = Picture(np.full((3000, 2500, 3), 90, np.uint8), "large.png", "0")
    shown = Overlay(large, AnomalyMap(np.zeros(mask.shape, np.float32), 0.0, "none"), None, [region], side=300)
    changed = (shown.draw(1)[:300, :250] != 90).any(axis=2)
    assert changed[123, 78] or changed[123, 77]


shapes = st.tuples(st.integers(1, 90), st.integers(1, 90))


@settings(max_examples=150)
@given(shapes, st.integers(1, 200), st.data())
def test_each_drawn_pixel_is_of_one_pixel_of_the_window(shape, side, data) -> None:
    height, width = shape
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    window = x0, y0, data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    shown = Overlay(
        Picture(np.zeros((*shape, 3), np.uint8), "a", "0"),
        AnomalyMap(np.zeros(shape, np.float32), 0.0, "none"), None, (), window, side,
    )  # fmt: skip
    across, down = shown.size
    x, y = data.draw(st.integers(0, across - 1)), data.draw(st.integers(0, down - 1))
    px, py = shown.place(x, y)
    for point, drawn, low, high, size in ((px, x, x0, window[2], across), (py, y, y0, window[3], down)):
        assert low <= point < high
        assert abs((point - low + 0.5) * size / (high - low) - (drawn + 0.5)) <= max(size / (high - low), 1) / 2 + 1e-6
    assert shown.place(across, y) is shown.place(x, down) is shown.place(-1, y) is shown.place(x, -1) is None
    # Where it is drawn larger, each pixel of the picture can be met by a click on the middle of what shows it.
    wx, wy = data.draw(st.integers(x0, window[2] - 1)), data.draw(st.integers(y0, window[3] - 1))
    if across >= window[2] - x0 and down >= window[3] - y0:
        there = int((wx - x0 + 0.5) * across / (window[2] - x0)), int((wy - y0 + 0.5) * down / (window[3] - y0))
        assert shown.place(*there) == (wx, wy)


@settings(max_examples=60)
@given(shapes, st.data())
def test_what_is_clicked_is_what_is_seen(shape, data) -> None:
    """A single white pixel, drawn large: the brightest of what is drawn is where its place is."""
    height, width = shape
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[y, x] = 255
    shown = Overlay(Picture(pixels, "a", "0"), AnomalyMap(np.zeros(shape, np.float32), 0.0, "none"), None, (), side=500)
    drawn = shown.draw(0)[: shown.size[1], : shown.size[0], 0].astype(int)
    rows, columns = np.nonzero(drawn == drawn.max())
    assert shown.place(int(np.median(columns)), int(np.median(rows))) == (x, y)


def test_a_point_is_ringed_and_stays_visible() -> None:
    pixels = texture(0, 40, 60)
    drawn = pointed(pixels, (30, 10), 240)
    assert drawn.shape == (160, 240, 3)
    rows, columns = np.nonzero((drawn == 255).all(axis=2))
    assert abs(columns.mean() - 122) < 2 and abs(rows.mean() - 42) < 2
    assert (drawn[42, 122] < 200).all()
