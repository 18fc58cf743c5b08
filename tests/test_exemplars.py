"""Which normal things are kept, and which of them is shown beside a strange one."""

from dataclasses import replace

import numpy as np

from tests.crowd import RIDER, TALL, Walker, film, profile_of, scene, sightings, walk
from xad_agent.exemplars import MOST, REACH, Exemplar, choose, nearest, strip, views


def test_those_kept_cover_the_others() -> None:
    normal = [walk(seed) for seed in range(4)]
    usual = profile_of(normal).detector.usual
    chosen = choose(normal, usual, seed=0)
    assert len(chosen) == len(set(chosen)) == MOST and chosen == choose(normal, usual, seed=0)
    feet = [np.stack([s.box[:, [0, 2]].mean(axis=1), s.box[:, 3]], axis=1) / TALL for s in normal]
    kept = np.array([feet[clip][row] for clip, row in chosen])
    for places in feet:
        assert np.linalg.norm(places[:, None] - kept, axis=2).min(axis=1).max() < REACH


def test_few_things_are_all_kept_and_what_is_on_no_track_is_not() -> None:
    seen = sightings([Walker(70, 20, last=9), Walker(70, 120, last=9)], frames=10)
    seen = replace(seen, track=np.where(seen.track == 2, 0, seen.track))
    usual = profile_of([seen]).detector.usual
    assert choose([seen], usual, seed=0) == [(0, int(row)) for row in np.flatnonzero(seen.track == 1)]
    assert choose([sightings([])], usual, seed=0) == []


def test_of_those_at_the_place_the_most_similar_and_else_the_nearest() -> None:
    fast, slow = Walker(70, 80, 1.0, last=0), Walker(70, 84, 0.4, last=0)
    far = Walker(70, 20, -1.5, last=0)
    normal = [sightings([fast, slow, far], frames=1)]
    usual = profile_of(normal).detector.usual
    shown = strip(film(normal[0]), normal[0], 0)
    kept = [Exemplar(0, row, shown) for row in range(3)]
    asked = scene(RIDER)
    rows = np.flatnonzero((asked.track == 3) & (np.abs(asked.box[:, 0] - 73) < 2))
    like = nearest(kept, normal, usual, asked, rows)
    assert like is not None and like.exemplar.row == 1 and like.away <= REACH  # of -1.5 and 1.0 or 0.4: the slow one
    alone = nearest(kept[2:], normal, usual, asked, rows)
    assert alone is not None and alone.exemplar.row == 2 and alone.away > REACH and alone.motion < 1e-6
    assert nearest([], normal, usual, asked, rows) is None


def test_looks_count_where_they_are_known() -> None:
    """Of two that move alike, the one that looks alike; the difference is told in units of what normal ones reach."""
    normal = [sightings([Walker(70, 80, last=0), Walker(70, 82, last=0)], frames=1)]
    normal = [replace(normal[0], appearance=np.array([[0.0, 1.0], [4.0, 1.0]], np.float16))]
    usual = profile_of([walk(0)]).detector.usual
    usual = usual | {"appearance": usual["appearance"]._replace(far=2.0)}
    kept = [Exemplar(0, row, strip(film(normal[0]), normal[0], row)) for row in range(2)]
    asked = sightings([Walker(70, 80, last=0)], frames=1)
    asked = replace(asked, appearance=np.array([[5.0, 1.0]], np.float16))
    like = nearest(kept, normal, usual, asked, np.array([0]))
    assert like is not None and (like.exemplar.row, like.looks) == (1, 0.5)


def test_views_are_spread_over_all_clips_as_if_they_were_one() -> None:
    clips = [film(walk(0, 4)), film(walk(1, 12))]
    assert [view.name for view in views(clips)] == [
        *(f"walk 0 frame {frame}" for frame in (1, 3)),
        *(f"walk 1 frame {frame}" for frame in (1, 3, 5, 7, 9, 11)),
    ]
    np.testing.assert_array_equal(views(clips)[2].pixels, clips[1].frame(1).pixels)
    assert [view.name for view in views([film(walk(2, 1)), film(walk(3, 2))])] == [
        "walk 2 frame 0",
        "walk 3 frame 0",
        "walk 3 frame 1",
    ]


def test_a_strip_shows_three_moments() -> None:
    seen = sightings([Walker(70, 40, speed=2.0)], frames=40)
    shown = strip(film(seen), seen, 20)
    assert shown.pixels.shape[0] > 60 and shown.pixels.shape[1] > 3 * 60
    assert shown.name == "walk, 2.0 s"
    at_the_start = strip(film(seen), seen, 0)
    assert at_the_start.pixels.shape[0] == shown.pixels.shape[0]
