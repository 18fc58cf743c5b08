"""Drawings over time: what is marked in them, and which column is which time."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crowd import RIDER, case_of, profile_of, scene, sightings, walk, walkway
from xad_agent.clip_curves import Curve, curves
from xad_agent.media.figure import FIGURE_WIDTH
from xad_agent.media.time_plots import TimeScale, curves_plot, timeline_plot

normal = cache(walkway)


def red(pixels: np.ndarray) -> np.ndarray:
    """Columns of a plot with something red, of the limit or an event."""
    r, g, b = np.moveaxis(pixels.astype(int), 2, 0)
    return np.flatnonzero(((r - g > 20) & (r - b > 10)).any(axis=0))


def shaded(pixels: np.ndarray) -> tuple[int, int]:
    """The first and the last column of the event's shade."""
    columns = np.flatnonzero((pixels.astype(int)[..., 0] - pixels[..., 1] > 15).mean(axis=0) > 0.5)
    return int(columns[0]), int(columns[-1])


@pytest.mark.parametrize("column", [False, True])
def test_the_timeline_marks_the_event_where_its_scale_has_it(column: bool) -> None:
    plot = timeline_plot(case_of(scene(RIDER), normal()), column)
    assert plot.pixels.dtype == np.uint8 and (plot.pixels.shape[1] == FIGURE_WIDTH) is not column
    first, last = shaded(plot.pixels)
    assert plot.scale.time_at(first) == pytest.approx(4.0, abs=0.03)
    assert plot.scale.time_at(last) == pytest.approx(8.5, abs=0.03)


def test_the_limit_is_drawn_where_nothing_stands_out() -> None:
    assert len(red(timeline_plot(case_of(walk(50), normal())).pixels)) > FIGURE_WIDTH / 3  # its dashes


def test_without_a_profile_no_limit_is_drawn() -> None:
    case = case_of(walk(50), normal())
    case.profile = None
    case.__dict__["reference"] = profile_of([walk(50)])
    assert not len(red(timeline_plot(case).pixels))


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_of_a_frame_or_two_can_be_drawn(frames: int) -> None:
    plot = timeline_plot(case_of(sightings([], frames), normal()))
    assert plot.pixels.shape[1] == FIGURE_WIDTH and plot.scale.end == pytest.approx(frames / 10)


@given(st.floats(0, 1), st.floats(-1e6, 1e6))
def test_a_column_is_the_time_at_its_share_of_the_axes(share: float, beside: float) -> None:
    scale = TimeScale(left=96.0, right=1111.7, start=2.0, end=17.9)
    column = scale.left + share * (scale.right - scale.left)
    assert scale.time_at(column) == pytest.approx(2.0 + share * 15.9)
    assert 2.0 <= scale.time_at(beside) <= 17.9
    assert (scale.time_at(0), scale.time_at(1120)) == (2.0, 17.9)


def test_curves_stand_over_the_time_that_their_thing_is_seen() -> None:
    case = case_of(scene(RIDER), normal())
    (event,) = case.events
    plot = curves_plot(curves(case, event), event)
    assert (plot.scale.start, plot.scale.end) == (4.0, 8.5)
    assert 0 < plot.scale.left < plot.scale.right < plot.pixels.shape[1]


def test_each_curve_has_its_normal_range_shaded() -> None:
    case = case_of(scene(RIDER), normal())
    (event,) = case.events
    measured = curves(case, event)

    def blue(drawn: list[Curve]) -> float:
        r, g, b = np.moveaxis(curves_plot(drawn, event).pixels.astype(int), 2, 0)
        return float(((b - r > 30) & (b > g)).mean())

    wide = [replace(curve, normal=(-100.0, 100.0)) for curve in measured]
    assert 0 < blue(measured) < blue(wide)


def test_values_that_are_not_known_leave_no_gap_in_the_drawing() -> None:
    case = case_of(scene(RIDER), normal())
    (event,) = case.events
    speed = curves(case, event)[0]
    values = speed.values.copy()
    values[1::2] = np.nan
    assert np.array_equal(
        curves_plot([replace(speed, values=values)], event).pixels.shape, curves_plot([speed], event).pixels.shape
    )
