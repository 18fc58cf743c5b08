"""Pixel metrics of regions: by hand, and against painting every pixel and trying every threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_auc_score

from xad_agent.eval.clip_pixels import paint, pixel_auc, pixel_auc_ucsd, pixel_intervals
from xad_agent.eval.clip_tracks import patch_of

SHAPE = (6, 10)


def masks(*boxes):
    """One mask a frame; None marks nothing."""
    made = np.zeros((len(boxes), *SHAPE), bool)
    for mask, box in zip(made, boxes, strict=True):
        if box:
            mask[box[1] : box[3], box[0] : box[2]] = True
    return made


def table(*rows):
    return np.array([(frame, *box, score) for frame, box, score in rows], float).reshape(-1, 6)


def painted(made, found):
    return paint(map(patch_of, made), found, SHAPE)


def test_pixels_are_counted_by_the_highest_region_that_covers_them():
    one = painted(
        masks((0, 0, 4, 2), None), table((0, (2, 0, 6, 3), 0.5), (0, (3, 0, 4, 6), 0.9), (1, (0, 0, 1, 1), 0.1))
    )
    rows = {score: (normal, true) for score, normal, true in zip(one.scores, one.normal, one.anomalous, strict=True)}
    assert rows == {0.5: (7, 2), 0.9: (4, 2), 0.1: (1, 0), -np.inf: (60 - 8 - 11 + 59, 4)}
    assert one.reached.tolist() == [0.5], "0.9 covers 2 of 8, 0.5 and above 4 of 8"
    assert one.highest.tolist() == [0.1]


def test_a_pixel_is_covered_where_its_centre_is_and_regions_end_at_the_frame():
    one = painted(masks(None), table((0, (0.4, -3, 2.6, 1.2), 1), (0, (20, 0, 30, 6), 2)))
    assert one.normal.tolist() == [3, 0, 57], "columns 0 to 2 of row 0; nothing of the region beyond the frame"
    assert one.highest.tolist() == [1], "a region that covers no pixel raises no alarm"


@pytest.mark.parametrize(
    ("true", "found", "plain", "ucsd", "why"),
    [
        ([(0, 0, 2, 2), None], [(0, (0, 0, 2, 2), 1)], 1, 1, "all of it and nothing else"),
        ([(0, 0, 2, 2), None], [], 0.5, 0.5, "nothing found: all tie"),
        ([(0, 0, 5, 1), None], [(0, (0, 0, 2, 1), 1)], 0.4 + 0.6 / 2, 1, "2 of 5 pixels are 40 %"),
        ([(0, 0, 5, 1), None], [(0, (0, 0, 1, 1), 1)], 0.2 + 0.8 / 2, 0.5, "1 of 5 is not: with the rest, at the end"),
        ([(0, 0, 2, 2), None], [(0, (0, 0, 2, 2), 1), (1, (0, 0, 10, 6), 2)], 1 - 60 / 116, 0, "a false alarm above"),
        ([(0, 0, 2, 2), None], [(0, (0, 0, 2, 2), 1), (1, (0, 0, 1, 1), 1)], 1 - 0.5 / 116, 0.5, "and at equal score"),
        ([None, None], [(0, (0, 0, 2, 2), 1)], None, None, "nothing anomalous"),
        ([(0, 0, 10, 6)], [(0, (0, 0, 2, 2), 1)], None, None, "nothing normal"),
        ([(0, 0, 10, 5)], [(0, (0, 0, 10, 5), 1)], 1, None, "no normal frame"),
    ],
)
def test_by_hand(true, found, plain, ucsd, why):
    one = painted(masks(*true), table(*found))
    assert pixel_auc([one]) == (None if plain is None else pytest.approx(plain)), why
    assert pixel_auc_ucsd([one]) == (None if ucsd is None else pytest.approx(ucsd)), why


@st.composite
def clips(draw):
    """Masks and regions of one to three clips, few distinct scores."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        length = draw(st.integers(1, 4))
        noise = np.random.default_rng(draw(st.integers(0, 999))).random((length, *SHAPE))
        made = noise > draw(st.sampled_from([0.6, 0.95, 1.0]))
        rows = []
        for _ in range(draw(st.integers(0, 8))):
            x, y = draw(st.integers(-2, 9)), draw(st.integers(-2, 5))
            box = (x, y, x + draw(st.integers(1, 6)), y + draw(st.integers(1, 5)))
            rows.append((draw(st.integers(0, length - 1)), box, draw(st.integers(0, 3)) / 4))
        found.append((made, table(*rows)))
    return found


def maps_of(made, found):
    maps = np.full(made.shape, -1.0)
    for frame, x0, y0, x1, y1, score in found:
        area = maps[int(frame), max(0, int(y0)) : max(0, int(y1)), max(0, int(x0)) : max(0, int(x1))]
        np.maximum(area, score, out=area)
    return maps


@settings(max_examples=150)
@given(clips())
def test_equal_to_painting_every_pixel(found):
    ours = [painted(*clip) for clip in found]
    truth = np.concatenate([made.ravel() for made, _ in found])
    values = np.concatenate([maps_of(*clip).ravel() for clip in found])
    assert sum(int(one.normal.sum() + one.anomalous.sum()) for one in ours) == len(truth)
    if truth.all() or not truth.any():
        assert pixel_auc(ours) is None
    else:
        assert pixel_auc(ours) == pytest.approx(roc_auc_score(truth, values))


@settings(max_examples=150)
@given(clips())
def test_ucsds_criterion_equals_trying_every_threshold(found):
    frames = [pair for made, rows in found for pair in zip(made, maps_of(made, rows), strict=True)]
    anomalous = [(mask, values) for mask, values in frames if mask.any()]
    normal = [values for mask, values in frames if not mask.any()]
    ours = pixel_auc_ucsd([painted(*clip) for clip in found])
    if not anomalous or not normal:
        assert ours is None
        return
    curve = [(0.0, 0.0)]
    for threshold in (0.75, 0.5, 0.25, 0, -1):  # at -1 everything is detected
        hits = np.mean([(values[mask] >= threshold).mean() >= 0.4 - 1e-9 for mask, values in anomalous])
        curve.append((np.mean([(values >= threshold).any() for values in normal]), hits))
    assert ours == pytest.approx(auc(*zip(*curve, strict=True)))


@settings(max_examples=60)
@given(clips(), st.floats(0.1, 3))
def test_only_the_order_of_scores_and_of_nothing_else_counts(found, power):
    before = [painted(*clip) for clip in found]
    after = [painted(made, np.column_stack([rows[::-1, :5], rows[::-1, 5] ** power])) for made, rows in found[::-1]]
    assert pixel_auc(before) == pytest.approx(pixel_auc(after))
    assert pixel_auc_ucsd(before) == pytest.approx(pixel_auc_ucsd(after))


def test_intervals_hold_the_metric_and_resample_clips():
    random = np.random.default_rng(0)
    made = masks(*[(int(x), 1, int(x) + 3, 4) if x < 6 else None for x in random.integers(0, 10, 60)])
    rows = [(f, (x, y, x + 3, y + 3), s) for f in range(60) for x, y, s in random.random((4, 3)) * [7, 3, 1]]
    rows += [
        (f, (*np.argwhere(m)[0][::-1], *np.argwhere(m)[-1][::-1] + 1), random.random() + 0.4)
        for f, m in enumerate(made)
        if m.any()
    ]
    whole = table(*rows)
    parts = [
        painted(made[start : start + 6], np.column_stack([part[:, 0] - start, part[:, 1:]]))
        for start in range(0, 60, 6)
        for part in [whole[(whole[:, 0] >= start) & (whole[:, 0] < start + 6)]]
    ]
    assert pixel_auc(parts) == pytest.approx(pixel_auc([painted(made, whole)])), "cutting clips changes nothing"
    ends = pixel_intervals(parts, seed=0)
    for name, value in (("pixel_auc", pixel_auc(parts)), ("pixel_auc_ucsd", pixel_auc_ucsd(parts))):
        low, high = ends[name]
        assert low < value < high and high - low < 0.4, name
    assert ends == pixel_intervals(parts, seed=0) != pixel_intervals(parts, seed=1)
    assert pixel_intervals(parts[:1], seed=0) == {"pixel_auc": None, "pixel_auc_ucsd": None}
