"""Attributes of sightings worked out by hand, and how strange they are to clips that were left out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from tests.crowd import TALL, Walker, scene, sightings, walk
from xad_agent.detectors import attributes as module
from xad_agent.detectors.attributes import (
    ATTRIBUTES,
    AttributeDetector,
    Strangeness,
    acceleration,
    dwell,
    gait,
    heading,
    place,
    shape,
    size,
    track_rows,
)
from xad_agent.perception.sightings import Sightings

WIDE = Walker(70, 150, speed=-1.5, first=40, last=84, size=(30, TALL))


def judged(values: list[float]) -> Strangeness:
    return Strangeness({"speed": np.zeros(len(values), np.float32)}, np.array(values, np.float32))


def test_acceleration_is_the_change_of_velocity_over_a_second() -> None:
    """20 px a second until frame 9, 60 from then on; a body is 20 px tall: 2 body heights a second, over 1 s."""
    seen = sightings([Walker(70, 20, last=19)], frames=20)
    velocity = np.where(np.arange(20)[:, None] < 10, [20.0, 0.0], [60.0, 0.0])
    values = acceleration(replace(seen, velocity=velocity))[:, 0]
    assert np.isnan(values[:5]).all() and np.isnan(values[15:]).all()  # half a second is missing before or after
    np.testing.assert_allclose(values[5:15], 2.0)
    assert np.isnan(acceleration(sightings([Walker(70, 20, last=3)]))).all()  # too short
    assert np.isnan(acceleration(replace(seen, track=0 * seen.track))).all()  # no track


def test_dwell_counts_from_when_it_came_within_half_a_body_height() -> None:
    """At 0.5 body heights a second it is 1 s within half a body height; standing, always; beside it the clip."""
    slow = dwell(sightings([Walker(70, 20, speed=0.5)]))[:, 0]
    np.testing.assert_allclose(dwell(sightings([Walker(70, 20, speed=0.5)]))[:, 1], np.arange(120) / 10)
    np.testing.assert_allclose(slow[[0, 5, 10, 60, 119]], [0, 0.5, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(dwell(sightings([Walker(70, 20, speed=0.0)]))[-1], [11.9, 11.9])
    assert np.isnan(dwell(sightings([Walker(70, 20)], steady=False))).all()


def test_gait_size_and_shape_are_of_what_is_seen_whole() -> None:
    seen = sightings([Walker(70, 80, last=0), Walker(70, 1, last=0), Walker(70, 80, 0.1, last=0)], frames=1)
    np.testing.assert_allclose(gait(seen)[:, 0], [1.4, np.nan, np.nan], rtol=1e-6)  # cut by the edge; hardly moving
    np.testing.assert_allclose(size(seen)[:, 0], [1, np.nan, 1])
    np.testing.assert_allclose(shape(seen)[:, 0], [0.4, np.nan, 0.4])


def test_place_and_heading() -> None:
    seen = sightings([Walker(70, 80, -1.0, last=0), Walker(70, 80, 0.1, last=0)], frames=1)
    np.testing.assert_allclose(place(seen), [[4, 3.5]] * 2)
    np.testing.assert_allclose(heading(seen), [[4, 3.5, -1, 0], [4, 3.5, np.nan, np.nan]])
    assert np.isnan(place(replace(seen, steady=False))).all()


def test_tracks_in_the_order_of_time_without_what_no_track_holds() -> None:
    seen = replace(sightings([Walker(70, 80, last=2)], frames=3), track=np.array([2, 0, 2]))
    assert [rows.tolist() for rows in track_rows(seen)] == [[0, 2]]
    assert track_rows(sightings([])) == []


def test_half_is_what_its_track_mostly_is() -> None:
    rarity = np.array([0.0, 4.0, np.nan, 8.0, np.nan, 1.0])
    together = module._with_tracks(rarity, [np.array([0, 1, 2, 3]), np.array([4])], window=3)
    # the medians of (0, 4), (0, 4), (4, 8) and 8; where a row has no value it is its track's; the last is on no track
    np.testing.assert_allclose(together, [1, 3, 6, 8, np.nan, 1])


def test_frames_have_the_strangest_thing_smoothed_and_what_is_between_looks() -> None:
    """Against SciPy directly; at 30 frames a second every other frame is looked at, so 0.3 s are 4.5 looks."""
    seen = sightings([Walker(70, 20, last=0), Walker(40, 20, last=0)], frames=60, fps=30.0, step=2)
    seen = replace(seen, frame=np.array([20, 20]))
    scores = judged([3.0, 5.0]).of_frames(seen)
    looks = np.zeros(30)
    looks[10] = 5.0
    smooth = gaussian_filter1d(looks, 4.5)
    np.testing.assert_allclose(scores[::2], smooth, atol=1e-6)
    np.testing.assert_allclose(scores[1:-1:2], (smooth[:-1] + smooth[1:]) / 2, atol=1e-6)
    assert scores.dtype == np.float32 and len(scores) == 60 and scores[-1] == scores[-2]
    only = judged([3.0, 5.0]).of_frames(seen, rows=np.array([True, False]))
    np.testing.assert_allclose(only, scores * 3 / 5, rtol=1e-5)


@pytest.mark.parametrize("frames", [1, 2])
def test_nothing_seen_in_hardly_any_frames(frames: int) -> None:
    np.testing.assert_array_equal(judged([]).of_frames(sightings([], frames)), np.zeros(frames))


def test_a_clip_is_judged_without_its_own_sightings() -> None:
    """A cyclist in one normal clip alone is strange to the others, however many sightings of it there are."""
    normal = [*(walk(seed) for seed in range(4)), scene(WIDE)]
    _, held_out = AttributeDetector.fit(normal)
    rider = held_out[4].attributes["shape"][normal[4].track == 3]
    others = module._densities([{a.name: a.rows(seen) for a in ATTRIBUTES} for seen in normal[:4]])["shape"]
    own = module._densities([{a.name: a.rows(seen) for a in ATTRIBUTES} for seen in normal])["shape"]
    rows = shape(normal[4])[normal[4].track == 3]
    assert np.nanmedian(others.rarity(rows)) > 3 * np.nanmedian(own.rarity(rows))
    usual = AttributeDetector.fit(normal)[0].usual["shape"]
    expected = (np.nanmedian(others.rarity(rows)) - usual.middle) / (usual.far - usual.middle)
    assert np.median(rider) == pytest.approx(expected, rel=0.05)


def test_a_clip_alone_is_judged_by_itself() -> None:
    detector, held_out = AttributeDetector.fit([walk(0)])
    np.testing.assert_allclose(held_out[0].combined, detector.judge(walk(0)).combined)


def test_each_attribute_is_kept_apart() -> None:
    detector, _ = AttributeDetector.fit([walk(seed) for seed in range(6)])
    seen = scene(Walker(70, 150, speed=-1.5, first=40, last=84), WIDE)
    strange = detector.judge(seen).attributes
    fast, wide = seen.track == 3, seen.track == 4
    assert np.median(strange["speed"][fast]) > 2 and np.median(strange["shape"][fast]) < 1
    assert np.median(strange["shape"][wide]) > 2
    assert all(values.dtype == np.float32 and np.isfinite(values).all() for values in strange.values())
    assert np.median(detector.values("speed", seen)[fast]) == 1.5


def blind(seen: Sightings) -> Sightings:
    """As seen by a moving camera."""
    nan = np.float32(np.nan)
    return replace(seen, steady=False, speed=seen.speed * nan, velocity=seen.velocity * nan, gait=seen.gait * nan)


@pytest.mark.parametrize(
    "normal",
    [[sightings([])], [sightings([], frames=1)] * 3, [blind(walk(0)), blind(walk(1))], [sightings([]), walk(0)]],
    ids=["nothing", "one frame", "moving camera", "one clip with people"],
)
@pytest.mark.parametrize("asked", [walk(9), blind(walk(9)), sightings([]), scene(WIDE, frames=2)])
def test_whatever_is_missing_the_numbers_stay_finite(normal: list[Sightings], asked: Sightings) -> None:
    detector, held_out = AttributeDetector.fit(normal)
    for judgement, seen in [*zip(held_out, normal, strict=True), (detector.judge(asked), asked)]:
        assert np.isfinite(judgement.combined).all() and len(judgement.combined) == len(seen)
    assert np.isfinite([list(usual) for usual in detector.usual.values()]).all()


def test_what_nothing_normal_is_known_of_has_no_value_to_compare() -> None:
    detector, _ = AttributeDetector.fit([sightings([])])
    assert np.isnan(detector.values("gait", walk(0))).all() and np.isnan(detector.values("place", walk(0))).all()
    moving, _ = AttributeDetector.fit(
        [walk(0), sightings([])]
    )  # each is judged by the other, which has none or needs none
    assert moving.usual["gait"].highest > 1


def test_one_thing_left_standing_is_strange_by_that_alone() -> None:
    """Nobody stands for more than a moment in the normal clips, so that what stands for 12 s goes beyond them all."""
    detector, judged = AttributeDetector.fit([walk(seed) for seed in range(10)])
    seen = scene(Walker(70, 80, speed=0.0, gait=float("nan")))
    standing = detector.judge(seen)
    rows = seen.track == 3
    assert standing.attributes["dwell"][rows].max() > 4 and standing.attributes["speed"][rows].max() < 0
    assert standing.combined[rows].max() > 1.2 > max(one.combined.max() for one in judged)
