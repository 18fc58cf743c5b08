"""Drawings for clips: what is marked, and where."""

from functools import cache

import numpy as np
import pytest

from tests.crowd import RIDER, case_of, profile_of, scene, sightings, walk, walkway
from xad_agent.evidence import Event, Region
from xad_agent.media.figure import FIGURE_WIDTH
from xad_agent.media.filmstrip import filmstrip, key_frames, timeline_plot

normal = cache(walkway)


def event(first: int, last: int, peak: int) -> Event:
    region = Region(label="event 1", box=(0, 0, 9, 9), score=1, peak=(4, 4), area_share=0.1, frames=(first, last, peak))
    return Event(label="event 1", start=first, end=last, peak=peak, score=1, tracks=(1,), region=region)


@pytest.mark.parametrize(
    ("first", "last", "peak", "expected"),
    [
        (0, 100, 50, [0, 25, 50, 75, 100]),
        (0, 100, 60, [0, 25, 60, 75, 100]),
        (0, 100, 2, [0, 2, 50, 75, 100]),
        (0, 100, 0, [0, 50, 75, 100]),
        (7, 7, 7, [7]),
        (7, 8, 8, [7, 8]),
    ],
)
def test_first_last_and_peak_are_among_at_most_five(first: int, last: int, peak: int, expected: list[int]) -> None:
    assert key_frames(event(first, last, peak)) == expected


def red(pixels: np.ndarray) -> np.ndarray:
    """Columns of a plot with something red, of the limit or an event."""
    r, g, b = np.moveaxis(pixels.astype(int), 2, 0)
    return np.flatnonzero(((r - g > 20) & (r - b > 10)).any(axis=0))


def test_the_timeline_marks_the_event_and_the_limit() -> None:
    plot = timeline_plot(case_of(scene(RIDER), normal()))
    assert plot.shape[1:] == (FIGURE_WIDTH, 3) and plot.dtype == np.uint8
    shaded = (plot.astype(int)[..., 0] - plot[..., 1] > 15).mean(axis=0) > 0.5  # from 4.0 s to 8.5 s of 11.9 s
    first, last = np.flatnonzero(shaded)[[0, -1]]
    left, right = 60, FIGURE_WIDTH - 10
    assert (first - left) / (right - left) == pytest.approx(4.0 / 11.9, abs=0.03)
    assert (last - left) / (right - left) == pytest.approx(8.5 / 11.9, abs=0.03)
    assert len(red(timeline_plot(case_of(walk(50), normal())))) > FIGURE_WIDTH / 3  # the limit's dashes


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_of_a_frame_or_two_can_be_drawn(frames: int) -> None:
    assert timeline_plot(case_of(sightings([], frames), normal())).shape[1] == FIGURE_WIDTH


def test_without_a_profile_no_limit_is_drawn() -> None:
    case = case_of(walk(50), normal())
    case.profile = None
    case.__dict__["reference"] = profile_of([walk(50)])
    assert not len(red(timeline_plot(case)))


def test_the_filmstrip_outlines_the_thing_in_each_frame() -> None:
    case = case_of(scene(RIDER), normal())
    (found,) = case.events
    strip = filmstrip(case, found)
    case.seen.box[:] = 0  # nothing to outline but a dot in the corner
    plain = filmstrip(case, found)
    assert strip.shape == plain.shape and strip.shape[1] > 4 * strip.shape[0]
    changed = (strip != plain).any(axis=(0, 2)).reshape(-1)
    panels = np.array_split(changed, len(key_frames(found)))
    assert all(panel.any() for panel in panels)
