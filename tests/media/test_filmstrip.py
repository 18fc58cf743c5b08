"""Drawings for clips: what is marked, and where."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.crowd import RIDER, case_of, scene, walk, walkway
from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Region
from xad_agent.media.figure import fitted
from xad_agent.media.filmstrip import annotated, filmstrip, key_frames, key_pictures

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


def test_key_pictures_come_with_their_times() -> None:
    case = case_of(scene(RIDER), normal())
    (found,) = case.events
    assert [seconds for seconds, _ in key_pictures(case, found)] == [frame / 10 for frame in key_frames(found)]


def changed_in(case: ClipCase, frame: int, box: np.ndarray) -> float:
    """How much of the outline of a box (4,) differs from the bare frame, in grey levels."""
    drawn = list(annotated(case, 480))[frame].astype(int)
    bare = fitted(case.clip.frame(frame).pixels, 480).astype(int)
    x0, y0, _, y1 = np.rint(box * 3).astype(int)
    return float(np.abs(drawn - bare)[y0 : y1 + 1, x0].mean())


def test_the_annotated_clip_outlines_the_event_strongly_and_everything_else_faintly() -> None:
    case = case_of(scene(RIDER), normal())
    (found,) = case.events
    frame, (rider,) = 60, found.tracks
    here = {int(case.seen.track[row]): case.seen.box[row] for row in np.flatnonzero(case.seen.frame == frame)}
    strong = changed_in(case, frame, here.pop(rider))
    assert len(here) == 2
    for box in here.values():
        assert 0 < changed_in(case, frame, box) < strong


def test_between_two_looks_a_track_is_drawn_between_its_boxes() -> None:
    seen = walk(50)
    kept = seen.only(seen.frame % 2 == 0)
    case = case_of(replace(kept, step=2), normal())
    case.__dict__["events"] = ()
    between = seen.box[(seen.frame == 31) & (seen.track == 1)][0]
    assert changed_in(case, 31, between) > 0


def test_a_track_that_is_lost_for_long_is_not_drawn_meanwhile() -> None:
    seen = walk(50)
    case = case_of(seen.only((seen.frame < 20) | (seen.frame > 60)), normal())
    case.__dict__["events"] = ()
    drawn = list(annotated(case, 480))
    assert np.array_equal(drawn[40], fitted(case.clip.frame(40).pixels, 480))
    assert not np.array_equal(drawn[10], fitted(case.clip.frame(10).pixels, 480))
