"""RBDC, TBDC and UCSD's pixel criterion against py-ssvad-metrics 1.0.0 (GPL-3; used here only to be compared with).

It agrees where it is right: where boxes do not touch (it paints them and takes what is connected for one region), a
frame has one true track, scores lie on its grid of thresholds 0.01 apart, and above threshold 0. Where it is not, the
tests below say why, and trying every threshold by hand says what is right.

It needs pydantic 1, which pydantic 2 brings along as `pydantic.v1`, and the name `np.bool`, which NumPy 1.24 to 1.26 do
not have.
"""

import sys
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from xad_agent.eval.clip_layout import read_clip_set
from xad_agent.eval.clip_metrics import match, rbdc, tbdc
from xad_agent.eval.clip_pixels import paint, pixel_auc_ucsd
from xad_agent.eval.clip_tracks import Patch, patch_of

pytestmark = pytest.mark.peers
SHAPE = (48, 72)
T, N, M = (2, 2, 12, 12), (30, 20, 40, 30), (45, 5, 55, 15)


@pytest.fixture(scope="module")
def peer() -> Iterator[Any]:
    """The package's module of criteria."""
    import pydantic.v1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "bool", np.bool_, raising=False)
        patch.setitem(sys.modules, "pydantic", pydantic.v1)
        yield pytest.importorskip("ssvad_metrics.criteria", reason="NOT RUN: needs py-ssvad-metrics (`make peers`)")


def annotation(length: int, regions: list[tuple[int, tuple, float, int]], shape: tuple[int, int]) -> Any:
    """Regions (frame, box, score, track) as the package takes them; what it reads of them, and nothing else."""
    frames = [
        SimpleNamespace(
            frame_id=frame + 1,
            pixel_level_scores_map=None,
            frame_level_score=None,
            anomaly_track_id=next((track for at, _, _, track in regions if at == frame), -1),
            anomalous_regions=[
                SimpleNamespace(bounding_box=[int(c) for c in box], score=score)
                for at, box, score, _ in regions
                if at == frame
            ],
        )
        for frame in range(length)
    ]
    return SimpleNamespace(
        is_gt=None,
        is_anomalous_regions_available=True,
        is_anomaly_track_id_available=True,
        frame_height=shape[0],
        frame_width=shape[1],
        frames=frames,
    )


def both(length: int, tracks: list, found: list, shape: tuple[int, int] = SHAPE) -> tuple[Any, Any]:
    """A clip as the package takes it: predicted, true. Tracks are lists of (frame, box)."""
    true = [(frame, box, 1.0, number) for number, track in enumerate(tracks) for frame, box in track]
    return annotation(length, [(*one, -1) for one in found], shape), annotation(length, true, shape)


def ours(length: int, tracks: list, found: list) -> Any:
    rows = np.array([(frame, *box, score) for frame, box, score in found], float).reshape(-1, 6)
    return match({str(number): dict(track) for number, track in enumerate(tracks)}, rows, length)


def counted(peer: Any, clip: tuple, threshold: float, shape: tuple[int, int] = SHAPE) -> tuple[float, float, float]:
    """What the package counts at a threshold: regions found, false detections, tracks found."""
    found, _, false, _, _, tracks = peer._get_cur_calcs(*both(*clip, shape), threshold, 0.1, 0.1, True, True)
    return found, false, tracks


def areas(peer: Any, clips: list[tuple]) -> tuple[float, float]:
    accumulator = peer.CurrentCriteriaAccumulator()
    for clip in clips:
        accumulator.update(*both(*clip))
    result = accumulator.summarize()
    return result["region_roc_auc"], result["track_roc_auc"]


def scene(seed: int, length: int = 24, busy: float = 0.5) -> tuple[int, list, list]:
    """One true box a frame in two tracks; six places that never touch; scores between the grid's thresholds."""
    random = np.random.default_rng(seed)
    tracks: list = [[], []]
    found = []
    for frame in range(length):
        if frame % 12 < 8:
            tracks[frame // 12].append((frame, (2 + frame % 12, 2, 12 + frame % 12, 14)))
        for place in range(6):
            if random.random() < busy:
                x, y = 22 * (place % 3) + random.integers(5), 24 * (place // 3) + random.integers(3)
                wide, high = random.integers(6, 15, 2)
                found.append((frame, (x, y, x + wide, y + high), round(random.integers(1, 99) / 100 + 0.005, 3)))
    return length, tracks, found


@pytest.mark.parametrize("seed", range(4))
def test_counts_agree_at_every_threshold_above_0(peer, seed):
    clip = scene(seed)
    counts = ours(*clip)
    for threshold in peer.ANOMALY_SCORE_THRESHOLDS:
        if threshold > 0.001:
            expected = tuple(int((part >= threshold).sum()) for part in (counts.regions, counts.false, counts.tracks))
            assert counted(peer, clip, threshold) == expected, threshold


def curve(clip_set: list[tuple], peer: Any, which: int) -> list[tuple[float, float]]:
    """Its own counts as a curve of rates, from no detection to all of them; `which` is regions (0) or tracks (2)."""
    total = sum(len(tracks) if which else sum(map(len, tracks)) for _, tracks, _ in clip_set)
    frames = sum(length for length, _, _ in clip_set)
    points = []
    for threshold in peer.ANOMALY_SCORE_THRESHOLDS:
        if threshold > 0.001:
            rows = [counted(peer, clip, threshold) for clip in clip_set]
            points.append((sum(row[1] for row in rows) / frames, sum(row[which] for row in rows) / total))
    return points


def area(points: list[tuple[float, float]]) -> float:
    """By the trapezoid rule up to 1 false positive per frame, interpolated there, level beyond the last point."""
    points = [(0.0, 0.0), *points, (max(points[-1][0], 1) + 1, points[-1][1])]
    total = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 < 1 < x1:
            x1, y1 = 1, y0 + (y1 - y0) / (x1 - x0) * (1 - x0)
        total += max(min(x1, 1) - x0, 0) * (y0 + y1) / 2
    return total


@pytest.mark.parametrize("busy", [0.15, 0.8])
def test_areas_are_those_of_its_own_counts_cut_by_interpolation(peer, busy):
    """Busy: more than one false positive per frame. One score a threshold at most, so that its grid loses nothing."""
    clips = [scene(seed, busy=busy) for seed in (1, 2)]
    matches = [ours(*clip) for clip in clips]
    # Ours has a point for each score, its grid one for each 0.01: of equal scores there they come in together.
    rounded = [ours(n, tracks, [(f, b, np.floor(s * 100) / 100) for f, b, s in found]) for n, tracks, found in clips]
    assert rbdc(rounded) == pytest.approx(area(curve(clips, peer, 0)), abs=1e-9)
    assert tbdc(rounded) == pytest.approx(area(curve(clips, peer, 2)), abs=1e-9)
    assert rbdc(matches) == pytest.approx(rbdc(rounded), abs=0.02)


@pytest.mark.parametrize(
    ("clip", "theirs", "right", "why"),
    [
        (
            (2, [[(0, T)]], [(1, N, 0.9), (0, T, 0.5)]),
            (0.25, 0.25),
            (0.5, 0.5),
            "at thresholds <= 0 it takes the whole picture for one region, which is false: from (0.5, 1) its curve "
            "falls to a point (1, 0) that no detection made, instead of staying level",
        ),
        (
            (2, [[(0, T), (1, T)]], [(0, T, 0.9), *((f, b, 0.5) for f in (0, 1) for b in (N, M)), (1, T, 0.5)]),
            (0.25, 0.5),
            (0.625, 1.0),
            "the point (2, 1) beyond 1 false positive per frame is dropped instead of interpolated",
        ),
        (
            (2, [[(0, T)]], [(0, T, 0.905), (1, N, 0.901)]),
            (0.5, 0.5),
            (1.0, 1.0),
            "its 103 thresholds are 0.01 apart: of scores between two of them it knows no order",
        ),
    ],
)
def test_areas_that_are_not_right(peer, clip, theirs, right, why):
    """By hand: points (false positives per frame, share found), from the strongest detection on, cut at 1."""
    assert areas(peer, [clip]) == pytest.approx(theirs), "what the package says"
    counts = ours(*clip)
    assert (rbdc([counts]), tbdc([counts])) == pytest.approx(right), why
    points = []
    for threshold in sorted({score for _, _, score in clip[2]}, reverse=True):
        points.append(
            [
                ((counts.false >= threshold).sum() / clip[0], (part >= threshold).mean())
                for part in (counts.regions, counts.tracks)
            ]
        )
    assert tuple(area(list(one)) for one in zip(*points, strict=True)) == pytest.approx(right)


@pytest.mark.parametrize("seed", range(4))
def test_ucsds_pixel_criterion_agrees(peer, seed):
    """Its frame at thresholds <= 0 is wholly detected, as ours comes last: here that is right."""
    length, tracks, found = scene(seed)
    predicted, true = both(length, tracks, [(f, b, round(np.floor(s * 100) / 100 + 0.005, 3)) for f, b, s in found])
    accumulator = peer.TraditionalCriteriaAccumulator()
    accumulator.update(predicted, true)
    patches: list[Patch | None] = [None] * length
    for track in tracks:
        for frame, (x0, y0, x1, y1) in track:
            patches[frame] = Patch(x0, y0, np.ones((y1 - y0, x1 - x0), bool))
    rows = np.array([(f, *b, np.floor(s * 100) / 100) for f, b, s in found], float)
    ours_ = pixel_auc_ucsd([paint(patches, rows, SHAPE)])
    assert ours_ == pytest.approx(accumulator.summarize()["pixel_roc_auc"], abs=1e-9)


@pytest.mark.data
def test_counts_agree_on_masks_of_ped2(peer, data):
    """True regions of a real clip, and its own regions moved and thinned out as what is found."""
    clip = read_clip_set(data / "ucsd_ped2").testing[3]
    height, width = clip.mask(0).shape
    random = np.random.default_rng(0)
    (track,) = [dict(one) for one in clip.tracks.values()][:1]
    true = [(frame, tuple(map(int, box))) for frame, box in track.items()]
    found = []
    for frame, (x0, y0, x1, y1) in true:
        dx, dy = random.integers(-12, 13, 2)
        box = (max(0, x0 + dx), max(0, y0 + dy), min(width, x1 + dx), min(height, y1 + dy))
        found.append((frame, box, round(random.integers(1, 99) / 100 + 0.005, 3)))
    case = (clip.frames, [true], found)
    counts = ours(*case)
    for threshold in (0.9, 0.6, 0.3, 0.05):
        expected = tuple(int((part >= threshold).sum()) for part in (counts.regions, counts.false, counts.tracks))
        assert counted(peer, case, threshold, (height, width)) == expected
    assert counted(peer, case, 0.05, (height, width))[0] > 50 and patch_of(clip.mask(true[0][0])) is not None
