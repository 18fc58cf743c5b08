"""What a thing does over time, against the numbers that the clip's tools give."""

from functools import cache

import numpy as np
import pytest

from tests.crowd import NAMES, RIDER, Walker, case_of, scene, walkway
from xad_agent.clip_case import ClipCase
from xad_agent.clip_curves import ALWAYS, curves
from xad_agent.tools.clips.measure import contrast

normal = cache(walkway)


@cache
def riding() -> ClipCase:
    return case_of(scene(RIDER), normal())


def test_speed_is_what_the_rider_does_in_every_frame_that_he_is_seen_in() -> None:
    (event,) = riding().events
    speed = curves(riding(), event)[0]
    np.testing.assert_allclose(speed.values, 1.5)
    np.testing.assert_allclose(speed.seconds, np.arange(40, 85) / 10)
    assert speed.normal[1] < 0.7 and "body heights a second" in speed.title


def test_curves_agree_with_what_measure_says() -> None:
    (event,) = riding().events
    said = {found.name: found for found in contrast(riding(), event)}
    drawn = {curve.name: curve for curve in curves(riding(), event, said)}
    assert set(drawn) == {*said, "object"}
    for name, found in said.items():
        assert np.nanmedian(drawn[name].values) == pytest.approx(found.value)
        assert drawn[name].normal == (found.low, found.high)


def test_the_name_is_the_one_that_exceeds_normal_most() -> None:
    (event,) = riding().events
    named = next(curve for curve in curves(riding(), event) if curve.name == "object")
    assert 'name "bicycle"' in named.title
    np.testing.assert_allclose(named.values, 0.7)
    assert named.normal == (0.0, pytest.approx(float(normal().usual_names[NAMES.index("bicycle")])))


def test_where_no_name_exceeds_normal_it_is_the_likeliest() -> None:
    runner = Walker(70, 150, speed=-2.5, first=40, last=64, scores=(0.5, 0.0, 0.0))
    case = case_of(scene(runner), normal())
    named = next(curve for curve in curves(case, case.events[0]) if curve.name == "object")
    assert 'name "person"' in named.title


def test_what_cannot_be_measured_is_left_out() -> None:
    unnamed = Walker(70, 150, speed=-2.5, first=40, last=64, scores=(0.0, 0.0, 0.0))
    case = case_of(scene(unnamed), normal())
    names = [curve.name for curve in curves(case, case.events[0], ["pose"])]
    assert names == [name for name in ALWAYS if name != "object"]


def test_of_several_tracks_that_are_one_thing_the_strangest_counts() -> None:
    slow = Walker(70, 150, speed=-1.5, first=40, last=84, size=(14, 20), gait=1.0, scores=(0.4, 0.2, 0.1))
    case = case_of(scene(RIDER, slow), normal())
    event = case.events[0]
    assert len(event.tracks) == 2
    drawn = {curve.name: curve for curve in curves(case, event)}
    assert len(drawn["speed"].seconds) == 45
    np.testing.assert_allclose(drawn["object"].values, 0.7)
