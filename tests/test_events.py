"""Events: which things, when and in what order, from scores given by hand."""

from dataclasses import replace

import numpy as np
import pytest

from tests.crowd import Walker, sightings
from xad_agent.calibration import Calibration
from xad_agent.detectors.attributes import Strangeness
from xad_agent.events import MAX_EVENTS, clip_score, find_events, place_of, region_of
from xad_agent.evidence import Event
from xad_agent.perception.sightings import Sightings

LIMIT = Calibration([0.2, 1.0], level=1.0, alpha=0.4)


def judged(seen: Sightings, *scores: float) -> Strangeness:
    """Each track has one score."""
    return Strangeness({}, np.array([scores[track - 1] for track in seen.track], np.float32))


def found(seen: Sightings, *scores: float) -> tuple[Event, ...]:
    return find_events(seen, judged(seen, *scores), LIMIT, lambda frame: frame / seen.fps)


def walker(first: int, last: int, feet: float = 70, start: float = 20, **other: float) -> Walker:
    return Walker(feet, start, first=first, last=last, **other)


def test_start_end_and_peak_in_seconds() -> None:
    """Smoothing reaches beyond what is seen; the event does not."""
    seen = sightings([walker(30, 59), walker(0, 119, feet=40)])
    scores = judged(seen, 5.0, 0.1)
    scores.combined[(seen.track == 1) & (seen.frame == 42)] = 6.0
    (event,) = find_events(seen, scores, LIMIT, lambda frame: frame / 10)
    assert (event.label, event.tracks, event.region.frames) == ("event 1", (1,), (30, 59, 42))
    assert (event.start, event.end, event.peak) == (3.0, 6.0, 4.2)
    assert event.score == pytest.approx(float(scores.of_frames(seen).max()))
    assert event.p_value == pytest.approx(1 / 3)
    assert event.region.box == (40, 50, 48, 70)  # where it is in frame 42: 20 + 2 px a frame, 8 x 20 px


def test_times_are_those_at_which_frames_are_shown() -> None:
    seen = sightings([walker(30, 59)])
    (event,) = find_events(seen, judged(seen, 5.0), LIMIT, lambda frame: frame / 5)
    assert (event.start, event.end) == (6.0, 59 / 5 + 0.1)


@pytest.mark.parametrize("score", [0.0, 0.9, 1.0])
def test_nothing_above_the_limit_no_event(score: float) -> None:
    seen = sightings([walker(30, 59)])
    assert found(seen, score) == ()
    assert found(sightings([])) == ()


def test_a_moment_above_the_limit_that_smoothing_levels_is_none() -> None:
    seen = sightings([walker(30, 30)])
    assert found(seen, 1.2) == () and clip_score(seen, judged(seen, 1.2)) < 1


def test_tracks_that_overlap_are_one_thing() -> None:
    seen = sightings([walker(30, 59), walker(32, 59, size=(10, 16)), walker(30, 59, start=120)])
    events = found(seen, 4.0, 3.0, 2.0)
    assert [event.tracks for event in events] == [(1, 2), (3,)]


def test_tracks_that_only_pass_each_other_are_two() -> None:
    """They overlap in a few of the frames they share."""
    seen = sightings([walker(0, 50, start=20, speed=1.0), walker(0, 50, start=120, speed=-1.0)])
    assert len(found(seen, 4.0, 3.0)) == 2


@pytest.mark.parametrize(
    ("first", "start", "things", "reason"),
    [
        (64, 88.0, 1, "half a second later, where it was heading"),
        (64, 120.0, 2, "somewhere else"),
        (75, 110.0, 2, "a second and a half later"),
    ],
)
def test_a_track_that_broke_off_goes_on(first: int, start: float, things: int, reason: str) -> None:
    """It is at x = 78 in frame 59, and moves 2 px a frame."""
    seen = sightings([walker(30, 59), walker(first, 90, start=start)])
    events = found(seen, 4.0, 4.0)
    assert len(events) == things, reason
    assert (events[0].start, events[0].end) == ((3.0, 9.1) if things == 1 else (3.0, 6.0))


def test_three_tracks_become_one_by_the_one_between() -> None:
    seen = sightings([walker(0, 20), walker(45, 65, start=110), walker(22, 43, start=64)])
    (event,) = found(seen, 4.0, 4.0, 4.0)
    assert sorted(event.tracks) == [1, 2, 3]


def test_the_strongest_comes_first_and_no_more_than_twenty() -> None:
    lanes = [walker(0, 50, feet=20 + 4 * lane, start=30 + 40 * (lane % 3), size=(4, 3)) for lane in range(24)]
    events = found(sightings(lanes), *(2 + lane for lane in range(24)))
    assert len(events) == MAX_EVENTS
    assert [event.tracks[0] for event in events] == list(range(24, 4, -1))
    assert [event.label for event in events[:2]] == ["event 1", "event 2"]


def test_a_clip_above_the_limit_has_an_event_even_where_no_thing_alone_is() -> None:
    """A tracker that loses its thing all the time; and things that no track holds."""
    seen = sightings([walker(30 + n, 30 + n, start=20 + 40 * (n % 3)) for n in range(9)])
    assert clip_score(seen, judged(seen, *[1.2] * 9)) > 1
    (event,) = found(seen, *[1.2] * 9)
    assert event.tracks == tuple(range(1, 10)) and 3.0 < event.start < 3.45 < event.end < 3.9
    untracked = replace(sightings([walker(30, 59)]), track=np.zeros(30, int))
    (event,) = found(untracked, 5.0)
    assert (event.start, event.end, event.tracks) == (3.0, 6.0, (0,))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((10.2, 20.7, 30.1, 40.0), (10, 20, 31, 40)),
        ((-5, -5, 8, 9), (0, 0, 8, 9)),
        ((150, 110, 170, 130), (150, 110, 160, 120)),
        ((159.9, 119.9, 300, 300), (159, 119, 160, 120)),
        ((-20, 5, -10, 9), (0, 5, 1, 9)),  # tracked out of the picture
        ((170, 5, 180, 9), (159, 5, 160, 9)),
    ],
)
def test_boxes_stay_inside_the_picture(box: tuple[float, ...], expected: tuple[int, ...]) -> None:
    assert region_of("event 1", np.array(box, np.float32), 1.0, sightings([]), (0, 1, 0)).box == expected


@pytest.mark.parametrize(
    ("x", "y", "place"), [(0, 0, "upper left"), (0.5, 0.5, "centre"), (1, 1, "lower right"), (0.5, 0.9, "bottom")]
)
def test_places_in_words(x: float, y: float, place: str) -> None:
    assert place_of(x, y) == place
