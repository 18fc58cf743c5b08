"""Metrics of clips: hand-computed cases, sklearn, a brute force that shares no code with ours, and py-ssvad-metrics."""

import sys
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from xad_agent.errors import XadError
from xad_agent.eval import clip_metrics as metrics

T, N, M = (2, 2, 12, 12), (30, 20, 40, 30), (45, 5, 55, 15)  # one true place, two that touch nothing


def matched(tracks, found, frames):
    """`match` of tracks as lists of (frame, box) and of detections as (frame, box, score)."""
    table = np.array([(frame, *box, score) for frame, box, score in found], float).reshape(-1, 6)
    return metrics.match({str(i): dict(track) for i, track in enumerate(tracks)}, table, frames)


def measure(*clips):
    """RBDC and TBDC of clips given as (frames, tracks as lists of (frame, box), detections)."""
    found_of = [matched(tracks, found, frames) for frames, tracks, found in clips]
    return metrics.rbdc(found_of), metrics.tbdc(found_of)


@pytest.mark.parametrize(
    ("frames", "tracks", "found", "rbdc", "tbdc", "why"),
    [
        (4, [[(0, T), (1, T)]], [(0, T, 0.9), (1, T, 0.8)], 1, 1, "all found, nothing false: level up to 1"),
        (4, [[(0, T), (1, T)]], [], 0, 0, "nothing found"),
        (4, [[(0, T), (1, T)]], [(0, T, 0.9)], 0.5, 1, "half the regions, but 0.1 of the track is enough"),
        (2, [[(0, T)]], [(1, N, 0.9), (0, T, 0.5)], 0.5, 0.5, "found from 0.5 false positives per frame on"),
        (1, [[(0, T)]], [(0, N, 0.9), (0, T, 0.5)], 0, 0, "found at exactly 1 false positive per frame: too late"),
        (2, [[(0, T)]], [(1, N, 0.5), (0, T, 0.5)], 0.75, 0.75, "equal scores come in together: a slope from 0 to 0.5"),
        (
            2,
            [[(0, T), (1, T)]],
            [(0, T, 0.9), *((f, b, 0.5) for f in (0, 1) for b in (N, M)), (1, T, 0.5)],
            0.625,
            1,
            "from (0, 0.5) to (2, 1): cut at 1, where it has reached 0.75",
        ),
        (2, [[(0, T)]], [(0, T, 0.9), (0, (3, 3, 13, 13), 0.8)], 1, 1, "a second detection of a region is not false"),
        (2, [[(0, T)], [(0, (12, 2, 22, 12))]], [(0, (2, 2, 22, 12), 0.9)], 1, 1, "one detection may find two regions"),
        (1, [[(0, (0, 0, 10, 1))]], [(0, (9, 0, 10, 1), 1)], 1, 1, "an IoU of exactly 0.1 finds"),
        (1, [[(0, (0, 0, 11, 1))]], [(0, (10, 0, 11, 1), 1)], 0, 0, "an IoU of 1 / 11 does not"),
        (
            70,
            [[(f, T) for f in range(70)]],
            [(f, T, 1) for f in range(7)],
            0.1,
            1,
            "7 of 70 is 0.1, though 0.1 * 70 > 7",
        ),
        (70, [[(f, T) for f in range(70)]], [(f, T, 1) for f in range(6)], 6 / 70, 0, "6 of 70 is not"),
        (3, [[(0, T)], [(1, T), (2, T)]], [(0, T, 0.9)], 1 / 3, 0.5, "tracks count alike, however long"),
        (2, [[(0, T)]], [(1, T, 0.9)], 0, 0, "the right place in another frame is false"),
        (2, [], [(1, T, 0.9)], None, None, "no true region: not defined"),
    ],
)
def test_criteria_by_hand(frames, tracks, found, rbdc, tbdc, why):
    assert measure((frames, tracks, found)) == (pytest.approx(rbdc), pytest.approx(tbdc)), why


def test_false_positives_are_per_frame_of_all_clips():
    with_anomaly = (2, [[(0, T)]], [(0, N, 0.9), (1, N, 0.9), (0, T, 0.5)])
    assert measure(with_anomaly) == (0, 0)
    assert measure(with_anomaly, (2, [], [])) == (0.5, 0.5)


def pixels(box):
    return set(product(range(box[0], box[2]), range(box[1], box[3])))


def brute_force(clips, share):
    """Every threshold, one after the other, with IoU by counting pixels; then the trapezoid rule up to 1."""
    overlaps = {
        (c, i, j): len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b))
        for c, (_, tracks, found) in enumerate(clips)
        for i, (frame, a) in enumerate(region for track in tracks for region in track)
        for j, (at, b, _) in enumerate(found)
        if at == frame
    }
    frames = sum(length for length, _, _ in clips)
    curve = [(0.0, 0.0)]
    for threshold in sorted({score for _, _, found in clips for _, _, score in found}, reverse=True):
        false, hits = 0, []
        for c, (_, tracks, found) in enumerate(clips):
            regions = [t for t, track in enumerate(tracks) for _ in track]
            shown = [j for j, (_, _, score) in enumerate(found) if score >= threshold]
            false += sum(all(overlaps.get((c, i, j), 0) < 0.1 for i in range(len(regions))) for j in shown)
            seen = [any(overlaps.get((c, i, j), 0) >= 0.1 for j in shown) for i in range(len(regions))]
            if share is None:
                hits += seen
            else:
                own = [[s for s, r in zip(seen, regions, strict=True) if r == t] for t in range(len(tracks))]
                hits += [sum(track) / len(track) >= share for track in own]
        curve.append((false / frames, sum(hits) / len(hits)))
    curve.append((max(curve[-1][0], 1.0) + 1, curve[-1][1]))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 < 1 < x1:
            x1, y1 = 1, y0 + (y1 - y0) * (1 - x0) / (x1 - x0)
        area += max(min(x1, 1) - x0, 0) * (y0 + y1) / 2
    return area


@st.composite
def boxes(draw):
    x, y = draw(st.integers(0, 8)), draw(st.integers(0, 8))
    return (x, y, x + draw(st.integers(1, 6)), y + draw(st.integers(1, 6)))


@st.composite
def clip_sets(draw):
    """One to three short clips, at least one true region in the first, few distinct scores."""
    clips = []
    for number in range(draw(st.integers(1, 3))):
        length = draw(st.integers(1, 4))
        frame = st.integers(0, length - 1)
        track = st.dictionaries(frame, boxes(), min_size=1).map(lambda found: list(found.items()))
        tracks = draw(st.lists(track, min_size=number == 0, max_size=3))
        scores = st.integers(0, draw(st.sampled_from([2, 50]))).map(lambda score: score / 4)
        clips.append((length, tracks, draw(st.lists(st.tuples(frame, boxes(), scores), max_size=14))))
    return clips


@settings(max_examples=80)
@given(clip_sets())
def test_criteria_equal_brute_force(clips):
    assert measure(*clips) == (
        pytest.approx(brute_force(clips, None), abs=1e-12),
        pytest.approx(brute_force(clips, 0.1), abs=1e-12),
    )


@settings(max_examples=60)
@given(clip_sets(), st.data())
def test_criteria_have_the_properties_they_should(clips, data):
    before = measure(*clips)
    assert measure(*clips[::-1]) == (pytest.approx(before[0]), pytest.approx(before[1])), "the order of clips"
    squared = [(n, tracks, [(f, b, s**2 - 3) for f, b, s in found]) for n, tracks, found in clips]
    assert measure(*squared) == before, "scores count by their order only"
    perfect = [(n, tracks, [(f, b, 1) for track in tracks for f, b in track]) for n, tracks, _ in clips]
    assert measure(*perfect) == (1, 1)
    length, tracks, found = clips[0]
    false = (data.draw(st.integers(0, length - 1)), (90, 90, 95, 95), data.draw(st.integers(-1, 60)) / 4)
    after = measure((length, tracks, [*found, false]), *clips[1:])
    assert after[0] <= before[0] + 1e-12 and after[1] <= before[1] + 1e-12, "a false detection more"


def scene():
    """One true box a frame in two tracks; six places that never touch, so that boxes are regions of a map too."""
    truth, found = [[], []], []
    for frame in range(30):
        if frame % 15 < 10:
            truth[frame // 15].append((frame, (2 + frame % 15, 2, 12 + frame % 15 // 2, 14)))
        for place in range(6):
            if (frame * 5 + place * 3) % 4:
                x, y, wide = 22 * (place % 3) + frame % 5, 20 * (place // 3) + frame % 3, 6 + (frame * place) % 9
                found.append((frame, (x, y, x + wide, y + 13), ((frame * 7 + place * 13) % 19) * 0.05 + 0.025))
    return truth, found


def test_counts_agree_with_py_ssvad_metrics():
    """What py-ssvad-metrics 1.0.0 counts at these thresholds: regions found, false detections, tracks found.

    Its counts are kept, so that every run of the tests compares with them: from `_get_cur_calcs` with pydantic 1.10.27
    and NumPy 1.23.5. They are right where boxes do not touch, each frame has one track, and the threshold is above 0.
    tests/peers runs the package itself.
    """
    tracks, found = scene()
    counted = matched(tracks, found, 30)
    counts = {
        threshold: tuple(int((part >= threshold).sum()) for part in (counted.regions, counted.false, counted.tracks))
        for threshold in (0.9, 0.7, 0.5, 0.3, 0.1, 0.01)
    }
    assert counts == {
        0.9: (0, 6, 0),
        0.7: (1, 37, 1),
        0.5: (3, 61, 2),
        0.3: (4, 91, 2),
        0.1: (6, 116, 2),
        0.01: (7, 127, 2),
    }


@pytest.mark.parametrize(
    ("clip", "theirs", "right", "why"),
    [
        (
            (4, [[(0, T), (1, T)]], [(0, T, 0.9), (1, T, 0.9)]),
            (0.0, 0.0),
            (1, 1),
            "at thresholds <= 0 it takes the whole picture as one region, which is false: a point (1, 0) that no "
            "detection made; and it sorts points of equal rate by an unstable sort, so their order is lost",
        ),
        (
            (2, [[(0, T)]], [(1, N, 0.9), (0, T, 0.5)]),
            (0.25, 0.25),
            (0.5, 0.5),
            "from (0.5, 1) its curve falls to that point (1, 0) instead of staying level",
        ),
        (
            (2, [[(0, T), (1, T)]], [(0, T, 0.9), *((f, b, 0.5) for f in (0, 1) for b in (N, M)), (1, T, 0.5)]),
            (0.25, 0.5),
            (0.625, 1),
            "the point (2, 1) beyond 1 false positive per frame is dropped instead of interpolated",
        ),
        (
            (1, [[(0, T)]], [(0, N, 0.9), (0, T, 0.5)]),
            (0.5, 0.5),
            (0, 0),
            "of several points at rate 1 it takes whichever the sort puts first",
        ),
        (
            (2, [[(0, T)]], [(0, T, 0.905), (1, N, 0.901)]),
            (0.5, 0.5),
            (1, 1),
            "its 103 thresholds are 0.01 apart: of scores between two of them it knows no order",
        ),
    ],
)
def test_areas_of_py_ssvad_metrics_are_not_right(clip, theirs, right, why):
    """Its `region_roc_auc` and `track_roc_auc`, measured like the counts above, beside what the definition gives."""
    assert (brute_force([clip], None), brute_force([clip], 0.1)) == pytest.approx(right)
    assert measure(clip) == pytest.approx(right), why
    assert theirs != right


def test_frame_auc_micro_is_sklearns_and_none_for_one_class():
    random = np.random.default_rng(0)
    labels = [random.random(n) > 0.6 for n in (30, 50)]
    scores = [random.integers(0, 9, n).astype(np.float32) for n in (30, 50)]
    together = roc_auc_score(np.concatenate(labels), np.concatenate(scores))
    assert metrics.frame_auc_micro(labels, scores) == pytest.approx(together, abs=1e-12)
    assert metrics.frame_auc_micro([np.ones(3, bool)], [np.arange(3.0)]) is None


def test_frame_auc_macro_is_that_of_the_fields_code():
    """UBnormal and AI-VAD add a normal 0 and an anomalous 1 or largest number to positive scores below 1."""
    random = np.random.default_rng(1)
    labels = [random.random(n) > 0.5 for n in (30, 50)] + [np.ones(7, bool), np.zeros(5, bool)]
    scores = [random.uniform(0.1, 0.9, len(truth)) for truth in labels]
    for largest in (1, sys.float_info.max):
        theirs = [
            roc_auc_score(np.concatenate([[0], truth, [1]]), np.concatenate([[0], values, [largest]]))
            for truth, values in zip(labels, scores, strict=True)
        ]
        assert metrics.clip_aucs(labels, scores) == pytest.approx(theirs)
        assert metrics.frame_auc_macro(labels, scores) == pytest.approx(np.mean(theirs))
    assert metrics.clip_aucs(labels, scores)[2:].tolist() == [1, 1]
    shifted = [values * 1e-6 - 400 for values in scores]
    assert metrics.frame_auc_macro(labels, shifted) == pytest.approx(np.mean(theirs)), "in any unit"


def test_normalising_is_per_clip():
    assert metrics.normalised(np.array([2.0, 4.0, 3.0])).tolist() == [0, 1, 0.5]
    assert metrics.normalised(np.full(3, 7.0)).tolist() == [0, 0, 0]
    labels = [np.array([0, 1], bool), np.array([0, 1], bool)]
    scores = [np.array([1.0, 2.0]), np.array([11.0, 12.0])]
    assert metrics.frame_auc_micro(labels, scores) == pytest.approx(0.75)
    assert metrics.frame_auc_micro(labels, [metrics.normalised(one) for one in scores]) == 1


def test_intervals_resample_clips():
    random = np.random.default_rng(2)
    labels = [np.arange(40) >= cut for cut in random.integers(5, 35, 12)]
    scores = [random.normal(size=40) + 1.2 * truth for truth in labels]
    whole = metrics.frame_auc_micro(labels, scores)
    assert metrics._micro_of(labels, scores)(np.arange(12)) == pytest.approx(whole, abs=1e-12)
    drawn = np.array([3, 3, 7, 0])
    again = metrics.frame_auc_micro([labels[i] for i in drawn], [scores[i] for i in drawn])
    assert metrics._micro_of(labels, scores)(drawn) == pytest.approx(again, abs=1e-12)
    ends = metrics.frame_auc_intervals(labels, scores, seed=0)
    assert ends == metrics.frame_auc_intervals(labels, scores, seed=0)
    assert ends["micro"][0] < whole < ends["micro"][1]
    assert ends["macro"][0] < metrics.frame_auc_macro(labels, scores) < ends["macro"][1]
    assert metrics.frame_auc_intervals(labels[:1], scores[:1], seed=0) == {"micro": None, "macro": None}
    same = metrics.frame_auc_intervals([np.ones(4, bool), np.zeros(4, bool)], [np.ones(4), np.zeros(4)], seed=0)
    assert same["micro"] == [1, 1], "resamples of one class only are left out"


def test_detection_intervals_resample_clips():
    tracks, found = scene()
    clips = [matched([track], found, 30) for track in tracks] + [matched([], found[:9], 30)]
    drawn = np.array([0, 2, 2, 0])
    value = metrics._criterion_of(clips, [clip.regions for clip in clips])(drawn)
    assert value == pytest.approx(metrics.rbdc([clips[i] for i in drawn]))
    ends = metrics.detection_intervals(clips, seed=0)
    assert ends["rbdc"][0] <= metrics.rbdc(clips) <= ends["rbdc"][1]
    assert metrics.detection_intervals(clips[2:] * 2, seed=0) == {"rbdc": None, "tbdc": None}


@pytest.mark.parametrize(
    "detection",
    [(2, T, 1), (-1, T, 1), (0.5, T, 1), (0, (3, 0, 3, 9), 1), (0, (0, 9, 3, 2), 1), (0, T, np.nan), (0, T, np.inf)],
)
def test_unusable_detections_are_named(detection):
    with pytest.raises(XadError, match=r"a detection in frame .* the clip has frames 0 to 1"):
        matched([[(0, T)]], [(0, T, 1), detection], 2)
