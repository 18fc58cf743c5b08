"""Average precision on resampled clips, against sklearn and against a bootstrap that really resamples frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from xad_agent.eval.xman_precision import Resampled, precision_of, undefined


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 6))
def test_weights_of_clips_are_weights_of_their_frames(seed, clips, levels):
    random = np.random.default_rng(seed)
    clip = np.concatenate([np.arange(clips), random.integers(0, clips, 30)])
    truth, scores = random.random(len(clip)) > 0.6, random.integers(0, levels, len(clip)).astype(float)
    times = random.integers(0, 3, clips).astype(float)
    drawn = np.repeat(np.arange(len(clip)), times[clip].astype(int))
    found = precision_of(truth, scores, clip)(times)
    if undefined(truth[drawn]):
        assert np.isnan(found)
    else:
        assert found == pytest.approx(average_precision_score(truth[drawn], scores[drawn])), "frames repeated"


def test_the_interval_is_that_of_a_slow_bootstrap(monkeypatch):
    monkeypatch.setattr("xad_agent.eval.intervals.RESAMPLES", 60)
    random = np.random.default_rng(1)
    clips = np.repeat(np.arange(5), 12)
    columns = {name: (random.random(60) > share, random.random(60)) for name, share in (("a", 0.5), ("b", 0.9))}

    draw = np.random.default_rng(7)
    slow = []
    for _ in range(60):
        frames = np.concatenate([np.flatnonzero(clips == clip) for clip in draw.integers(5, size=5)])
        parts = {name: (truth[frames], scores[frames]) for name, (truth, scores) in columns.items()}
        slow.append({n: average_precision_score(*part) for n, part in parts.items() if not undefined(part[0])})
    resampled = Resampled(columns, clips, seed=7)
    for names in (["a"], ["b"], ["a", "b"]):
        means = [np.mean([one[n] for n in names if n in one]) for one in slow if any(n in one for n in names)]
        assert resampled.interval(*names) == pytest.approx(list(np.quantile(means, [0.025, 0.975])))
    assert resampled.interval(*columns) == Resampled(columns, clips, seed=7).interval(*columns), "the seed decides"


def test_no_interval_of_one_clip_or_of_no_class():
    column = np.array([True, False]), np.array([1.0, 0])
    assert Resampled({"a": column}, np.zeros(2, int), 0).interval("a") is None
    assert Resampled({"a": column}, np.arange(2), 0).interval() is None


def test_why_a_class_has_no_precision():
    assert undefined(np.zeros(3, bool)) == "no frame has it"
    assert undefined(np.ones(3, bool)) == "every frame has it"
    assert undefined(np.array([True, False])) is None
