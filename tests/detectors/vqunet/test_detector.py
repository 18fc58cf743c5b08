"""The detector: error maps of any size against a plain computation, box heat, states, and what it refuses."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from tests.detectors.vqunet.clips import MovingSquares, frames_of
from xad_agent.detectors.vqunet import Architecture, VquNet, heat_of_box, training
from xad_agent.detectors.vqunet.network import VquNetwork
from xad_agent.errors import XadError

TINY = Architecture(4)


@pytest.fixture(scope="module")
def detector() -> VquNet:
    clips = [MovingSquares(16, seed, 32, 32) for seed in (0, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(training._RATES, "prediction", 1e-2)  # so few steps of so small a network
        return VquNet.fit(clips, TINY, steps=40, side=32, batch=2, precision="float32", progress=False)


def test_maps_are_squared_errors_of_the_next_frame(detector: VquNet) -> None:
    frames = frames_of(MovingSquares(8, 5, 32, 32))
    found = detector.score(frames)
    assert found.values.shape == (8, 32, 32)
    assert found.values.dtype == np.float32
    assert np.isnan(found.values[:5]).all()
    assert np.isnan(found.scores[:5]).all()
    pixels = np.stack(frames).transpose(0, 3, 1, 2) / 127.5 - 1
    for t in (5, 6, 7):
        seen = torch.tensor(pixels[t - 5 : t].reshape(1, 15, 32, 32), dtype=torch.float32)
        with torch.no_grad():
            said = detector.network(seen).frame[0].double().numpy()
        error = (said - pixels[t]) / 2
        np.testing.assert_allclose(found.values[t], (error**2).mean(0), atol=1e-6)
        assert found.scores[t] == pytest.approx(np.linalg.norm(error) / math.sqrt(3), rel=1e-4)


def test_a_new_object_is_hot_where_it_is(detector: VquNet) -> None:
    frames = frames_of(MovingSquares(8, 0, 32, 32))
    usual = detector.score(frames)
    frames[7] = frames[7].copy()
    frames[7][20:28, 4:12] = 255
    found = detector.score(frames)
    assert found.scores[7] > 1.5 * usual.scores[7]
    y, x = np.unravel_index(found.values[7].argmax(), (32, 32))
    assert 20 <= y < 28
    assert 4 <= x < 12
    there, elsewhere = heat_of_box(found.values[7], (4, 20, 12, 28)), heat_of_box(found.values[7], (14, 14, 32, 32))
    assert there.mean > 3 * elsewhere.mean


@pytest.mark.parametrize(("height", "width"), [(32, 32), (45, 71), (7, 90), (240, 360), (1, 1)])
def test_any_size_gives_maps_of_that_size(detector: VquNet, height: int, width: int) -> None:
    frames = [np.full((height, width, 3), value, np.uint8) for value in range(100, 107)]
    found = detector.score(frames)
    assert found.values.shape == (7, height, width)
    assert np.isfinite(found.values[5:]).all()
    assert (found.values[5:] >= 0).all()


def test_the_score_does_not_depend_on_the_size_of_the_original(detector: VquNet) -> None:
    small = frames_of(MovingSquares(7, 3, 32, 32))
    large = [frame.repeat(4, 0).repeat(4, 1) for frame in small]
    np.testing.assert_allclose(detector.score(large).scores[5:], detector.score(small).scores[5:], rtol=1e-5)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_frames(detector: VquNet, value: int) -> None:
    found = detector.score([np.full((24, 24, 3), value, np.uint8)] * 8)
    assert np.isfinite(found.scores[5:]).all()
    assert np.ptp(found.scores[5:]) == 0


def test_fits_constant_frames() -> None:
    class Grey(MovingSquares):
        def frames(self, start: int, stop: int, step: int):
            return iter([np.full((16, 16, 3), 90, np.uint8)] * (stop - start))

    found = VquNet.fit([Grey(7)], Architecture(2), steps=3, side=16, progress=False)
    assert np.isfinite(found.score([np.full((16, 16, 3), 90, np.uint8)] * 6).scores[5])


def test_short_clips_and_mixed_sizes_are_refused(detector: VquNet) -> None:
    frames = frames_of(MovingSquares(6))
    for count in (0, 1, 5):
        with pytest.raises(XadError, match=f"the clip walk has {count} frames?, VQU-Net needs 6"):
            detector.score(frames[:count], "walk")
    assert len(list(detector.judge(frames))) == 1
    with pytest.raises(XadError, match="2 different sizes"):
        detector.score([*frames, frames[0][:-1]])


def test_frames_are_judged_as_they_come(detector: VquNet) -> None:
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield np.full((16, 16, 3), taken, np.uint8)

    judged = detector.judge(endless())
    next(judged)
    assert taken == 6
    next(judged)
    assert taken == 7


def test_reconstruction_judges_every_frame() -> None:
    one = VquNet.fit([MovingSquares(4)], Architecture(2, "reconstruction"), steps=2, side=16, progress=False)
    found = one.score(frames_of(MovingSquares(3)))
    assert np.isfinite(found.scores).all()
    with pytest.raises(XadError, match="has 0 frames, VQU-Net needs 1"):
        one.score([])


def test_bfloat16_scores_agree_with_float32(detector: VquNet) -> None:
    fast = copy.copy(detector)
    fast.precision = "bfloat16"
    frames = frames_of(MovingSquares(9, 4, 32, 32))
    ours, exact = fast.score(frames), detector.score(frames)
    np.testing.assert_allclose(ours.scores[5:], exact.scores[5:], rtol=0.02)
    np.testing.assert_allclose(ours.values[5:], exact.values[5:], atol=0.02)


@pytest.mark.parametrize(
    ("box", "total", "mean"),
    [
        ((1, 0, 3, 2), 1 + 2 + 5 + 6, 3.5),
        ((0, 0, 4, 3), 66, 5.5),
        ((-5, -5, 1, 1), 0, 0),  # cut at the frame
        ((2.2, 1.5, 2.9, 1.6), 6, 6),  # within one pixel
        ((3, 2, 99, 99), 11, 11),
    ],
)
def test_heat_of_a_box(box: tuple[float, float, float, float], total: float, mean: float) -> None:
    assert heat_of_box(np.arange(12, dtype=np.float32).reshape(3, 4), box) == (total, mean)


@pytest.mark.parametrize("box", [(4, 0, 6, 2), (0, 3, 1, 5), (-3, 0, -1, 2), (0, -3, 2, 0), (2, 2, 2, 2), (3, 1, 1, 2)])
def test_a_box_without_pixels_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(XadError, match="no pixel of the 4 x 3 px frame"):
        heat_of_box(np.zeros((3, 4), np.float32), box)


def test_state_makes_the_same_detector(detector: VquNet, tmp_path: Path) -> None:
    settings, arrays = detector.state()
    save_file(arrays, tmp_path / "vqunet.safetensors")
    again = VquNet.from_state(json.loads(json.dumps(settings)), load_file(tmp_path / "vqunet.safetensors"))
    again.precision = detector.precision
    frames = frames_of(MovingSquares(8, 9))
    np.testing.assert_array_equal(again.score(frames).values, detector.score(frames).values)


def test_a_state_of_something_else_is_refused(detector: VquNet) -> None:
    settings, arrays = detector.state()
    with pytest.raises(KeyError):
        VquNet.from_state({"side": 32}, arrays)
    huge = {**settings, "architecture": {**settings["architecture"], "width": 100_000}}
    for wrong, held in (
        (huge, arrays),
        ({**settings, "architecture": {"depth": 3}}, arrays),
        ({**settings, "architecture": {**settings["architecture"], "task": "guess"}}, arrays),
        ({**settings, "side": 33}, arrays),
        (settings, {name: array for name, array in arrays.items() if name != "head.bias"}),
        (settings, {**arrays, "head.bias": arrays["head.bias"][:2]}),
    ):
        with pytest.raises(ValueError, match="not a state of VQU-Net"):
            VquNet.from_state(wrong, held)


def test_scoring_leaves_the_network_as_it_is(detector: VquNet) -> None:
    before = {name: tensor.clone() for name, tensor in detector.network.state_dict().items()}
    detector.score(frames_of(MovingSquares(8, 2)))
    assert all(torch.equal(before[name], tensor) for name, tensor in detector.network.state_dict().items())
    assert isinstance(detector.network, VquNetwork)
