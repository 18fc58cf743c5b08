"""What VQU-Net's errors mean: which frames are held out, how large errors are there, and that it is kept."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from tests.crowd import FRAMES, TALL, Standstill, Walker, film, foreseeing, sightings, walk
from xad_agent import foresight as module
from xad_agent.detectors.vqunet import Architecture, VquNet
from xad_agent.detectors.vqunet.network import VquNetwork
from xad_agent.errors import XadError
from xad_agent.foresight import Foresight, Held, errors, frame_scores, heat_of_things, split
from xad_agent.media import Clip, read_clip


def clip(frames: int, name: str = "clip") -> Clip:
    return read_clip(np.zeros((frames, 16, 16, 3), np.uint8), fps=10, name=name)


@pytest.mark.parametrize(
    ("counts", "trained", "held"),
    [
        ([20], [(0, 16)], [(0, 16, 20)]),
        ([9, 7], [(0, 8), (1, 6)], [(0, 8, 9), (1, 6, 7)]),
        ([30] * 4, [(n, 24) for n in range(4)], [(n, 24, 30) for n in range(4)]),
        ([6, 7, 8, 9, 10], [(0, 6), (1, 7), (2, 8), (3, 9)], [(4, 0, 10)]),
        ([20] * 11, [(n, 20) for n in (0, 1, 2, 3, 5, 6, 7, 8, 10)], [(4, 0, 20), (9, 0, 20)]),
    ],
)
def test_a_fifth_is_held_out(
    counts: list[int], trained: list[tuple[int, int]], held: list[tuple[int, int, int]]
) -> None:
    clips = [clip(count) for count in counts]
    training, rest = split(clips)
    assert [(clips.index(part.clip), part.count) for part in training] == trained
    assert [tuple(part) for part in rest] == held


def test_of_very_much_only_some_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CLIPS", 2)
    monkeypatch.setattr(module, "_MOST_FRAMES", 30)
    training, held = split([clip(20)] * 20)
    assert held == [Held(4, 0, 15), Held(9, 0, 15)] and len(training) == 18
    assert split([clip(1000)])[1] == [Held(0, 800, 830)]


@pytest.mark.parametrize(("counts", "needed"), [([20, 6], 7), ([20, 20, 20, 20, 5], 6), ([1], 7)])
def test_too_short_a_clip_is_named(counts: list[int], needed: int) -> None:
    clips = [clip(count, f"clip {number}") for number, count in enumerate(counts)]
    last = len(counts) - 1
    with pytest.raises(XadError, match=rf"the clip clip {last} has {counts[last]} frames?, VQU-Net needs {needed}: "):
        split(clips)


def test_the_last_frames_of_a_clip_are_not_trained_on() -> None:
    frames = np.arange(20, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3) + np.zeros((1, 8, 8, 1), np.uint8)
    (part,), _ = split([read_clip(frames, fps=10, name="clip")])
    assert [int(frame[0, 0, 0]) for frame in part.frames(0, 20, 1)] == list(range(16))
    assert [int(frame[0, 0, 0]) for frame in part.frames(2, 9, 3)] == [2, 5, 8]


@pytest.mark.parametrize(
    ("start", "stop", "numbers"),
    [(0, None, range(5, 12)), (3, 8, range(5, 8)), (7, 10, range(7, 10)), (11, 12, [11]), (0, 5, []), (12, None, [])],
)
def test_errors_of_some_frames_are_those_of_all(start: int, stop: int | None, numbers: range | list[int]) -> None:
    shown = film(walk(0, 12))
    network = Standstill()
    every = dict(errors(network, shown))
    found = dict(errors(network, shown, start, stop))
    assert list(found) == list(numbers)
    for number, error in found.items():
        np.testing.assert_array_equal(error.values, every[number].values)
        assert error.score == every[number].score


def test_heat_is_a_mean_and_a_sum_over_a_persons_box() -> None:
    seen = sightings([Walker(60, 50, 0, last=0), Walker(60, 3, 0, last=0), Walker(40, -30, 0, last=0)])
    values = np.full(seen.shape, 0.5, np.float32)
    heat = heat_of_things(values, seen, np.arange(3))
    person = 0.45 * TALL**2
    assert heat[0] == pytest.approx([0.5, 0.5 * 8 * TALL / person])
    assert heat[1] == pytest.approx([0.5, 0.5 * 7 * TALL / person]), "the part outside the picture is cut off"
    assert heat[2] == pytest.approx([0.5, 0.5 * 1 * TALL / person]), "it has left: the pixels at the edge"
    values[:, 54:] = 0
    assert heat_of_things(values, seen, np.arange(1))[0] == pytest.approx([0.5, 0.5 * 8 * TALL / person])
    values[:60, 46:50] = 0
    assert heat_of_things(values, seen, np.arange(1))[0] == pytest.approx([0.25, 0.25 * 8 * TALL / person])
    assert heat_of_things(values, seen, np.arange(0)).shape == (0, 2)


def test_limits_are_those_of_the_held_out_clips() -> None:
    foresight = foreseeing(alpha=0.25).vqunet
    assert foresight is not None
    means, maxima = [], []
    for seed in (4, 9):
        seen, frames = walk(seed), [frame / 255 for frame in film(walk(seed)).frames()]
        changes = np.array([((after - before) ** 2).mean(axis=2) for before, after in pairwise(frames)][4:])
        scores = gaussian_filter1d(np.sqrt(changes.sum(axis=(1, 2))), 0.3 * seen.fps)
        maxima += [part.max() for part in np.array_split(scores, 2)]
        for frame, (x0, y0, x1, y1) in zip(seen.frame, seen.box, strict=True):
            if frame >= 5:
                inside = changes[frame - 5][int(max(y0, 0)) : int(np.ceil(y1)), int(max(x0, 0)) : int(np.ceil(x1))]
                means.append(inside.mean())
    np.testing.assert_allclose(foresight.calibration.scores, np.sort(maxima), rtol=1e-5)
    np.testing.assert_allclose(foresight.heat["mean"].scores, np.sort(means), rtol=1e-5)
    assert foresight.heat["mean"].threshold() == pytest.approx(np.quantile(means, 0.75), rel=0.02)
    assert (foresight.trained, foresight.held) == (8 * FRAMES, 2 * (FRAMES - 5))
    assert foresight.summary().startswith(
        "VQU-Net was trained on 960 frames; what its errors mean is known from 230 others, 4 stretches, its limit is "
    )


def test_what_is_held_out_does_not_touch_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = partial(VquNet.fit, architecture=Architecture(2), side=16, precision="float32")
    monkeypatch.setattr(VquNet, "fit", lambda clips, **other: fit(clips, **other))
    normal = [walk(seed, 12) for seed in range(5)]
    fitted = []
    for last in (walk(4, 12), walk(99, 12)):
        seen = [*normal[:4], last]
        fitted.append(Foresight.fit([film(one) for one in seen], seen, 0.1, 2, progress=False))
    for one, other in zip(*(foresight.network.state()[1].values() for foresight in fitted), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (fitted[0].calibration.scores != fitted[1].calibration.scores).all()


def test_where_nothing_was_seen_there_is_no_heat() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VquNet, "fit", lambda *_, **__: Standstill())
        empty = sightings([], 20)
        foresight = Foresight.fit([film(empty)], [empty], 0.1, 1, progress=False)
    assert foresight.heat == {} and foresight.calibration.threshold() == 0 and foresight.held == 4


@pytest.mark.parametrize("frames", [1, 5])
def test_a_clip_that_is_too_short_scores_nothing(frames: int) -> None:
    np.testing.assert_array_equal(frame_scores(Standstill(), film(walk(0, frames))), np.zeros(frames))


def test_the_first_frames_score_as_the_sixth() -> None:
    network = VquNet(VquNetwork(Architecture(2)), 16, "float32")
    shown = film(walk(0, 9))
    scores = frame_scores(network, shown)
    expected = network.score(shown.frames()).scores
    np.testing.assert_allclose(scores[5:], expected[5:], rtol=1e-6)
    np.testing.assert_array_equal(scores[:5], scores[5])


@pytest.mark.parametrize("things", [True, False])
def test_it_is_kept_whole(things: bool) -> None:
    before = foreseeing(5).vqunet
    assert before is not None
    network = VquNet(VquNetwork(Architecture(2), seed=3), 16, "float32")
    before = Foresight(network, before.calibration, before.heat if things else {}, before.trained, before.held)
    after = Foresight.from_state(*before.state(), 0.1)
    assert after.summary() == before.summary()
    assert {name: one.threshold() for name, one in after.heat.items()} == {
        name: one.threshold() for name, one in before.heat.items()
    }
    for name, array in before.state()[1].items():
        np.testing.assert_array_equal(after.state()[1][name], array)
    settings, arrays = before.state()
    del arrays["scores"]
    with pytest.raises(KeyError):
        Foresight.from_state(settings, arrays, 0.1)
