import warnings
from itertools import pairwise

import cv2
import numpy as np
import pytest

from tests.walkway import Thing, scene, texture
from xad_agent.perception.background import Background, is_steady
from xad_agent.perception.flow import measure_flow

GROUND = texture(0, level=100, spread=20)


def camera(gain: float = 1, offset: float = 0, seed: int = 1) -> np.ndarray:
    """The ground as a noisy camera sees it."""
    noise = np.random.default_rng(seed).normal(0, 2, GROUND.shape)
    return np.clip(gain * GROUND + offset + noise, 0, 255).astype(np.uint8)


def test_the_median_leaves_out_who_walks_by() -> None:
    clip = scene(30, [Thing((5, 40), (4, 0))])
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip]
    learned = Background.learn(greys)
    assert learned.image.dtype == np.float32
    assert np.abs(learned.image - texture(0)).max() < 4


@pytest.mark.parametrize(("gain", "offset"), [(1, 0), (0.6, 0), (1.3, 0), (1, 40), (1, -40), (0.7, 50), (1.2, -30)])
def test_the_camera_s_exposure_is_no_foreground(gain: float, offset: float) -> None:
    assert not Background(GROUND).foreground(camera(gain, offset)).any()


@pytest.mark.parametrize(("gain", "offset"), [(1, 0), (0.7, 20)])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_what_is_new_is_foreground(gain: float, offset: float, share: float) -> None:
    frame = camera(gain, offset)
    width = round(share * frame.shape[1])
    frame[:, 20 : 20 + width] = 235
    truth = np.zeros(frame.shape, dtype=bool)
    truth[:, 20 : 20 + width] = True
    found = Background(GROUND).foreground(frame)
    assert (found & truth).sum() / (found | truth).sum() > 0.75
    assert found[truth].mean() > 0.95


def test_the_difference_is_in_grey_levels() -> None:
    frame = camera()
    frame[50:60, 50:60] = 200
    difference = Background(GROUND).difference(frame)
    assert difference[52:58, 52:58] == pytest.approx(200 - GROUND[52:58, 52:58], abs=3)


@pytest.mark.parametrize("lamp", [200, 90, 20])
def test_one_lamp_in_the_night(lamp: int) -> None:
    """What is left is flat once the lamp is left out: its contrast says nothing of gain."""
    known = np.full((64, 64), 20, np.float32)
    known[:8, :8] = 200
    frame = np.full((64, 64), 25, np.uint8)
    frame[:8, :8] = lamp
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not Background(known).foreground(frame)[16:, 16:].any()


@pytest.mark.parametrize(
    ("frame", "matches"),
    [
        (camera(), True),
        (camera(0.7, 20), True),
        (texture(9, level=100, spread=20).astype(np.uint8), False),  # another view
        (texture(9, level=100, spread=6).astype(np.uint8), False),  # with little contrast
        (np.zeros(GROUND.shape, np.uint8), False),  # none at all
        (np.full(GROUND.shape, 100, np.uint8), False),
        (camera(0.1, 5), False),  # night
        (255 - camera(), False),
        (camera()[:100], False),  # another size
        (camera()[::-1], False),  # upside down
    ],
)
def test_which_frames_show_a_background(frame: np.ndarray, matches: bool) -> None:
    assert Background(GROUND).matches(frame) is matches


def test_a_flat_background_matches_a_flat_frame() -> None:
    flat = Background(np.full((40, 40), 90, np.float32))
    assert flat.matches(np.full((40, 40), 100, np.uint8))
    assert not flat.foreground(np.full((40, 40), 100, np.uint8)).any()


def flows(pan: int, things: list[Thing] | None = None) -> list[np.ndarray]:
    wide = scene(6, things or [], width=220)
    seen = [cv2.cvtColor(f[:, n * pan : n * pan + 160], cv2.COLOR_RGB2GRAY) for n, f in enumerate(wide)]
    return [measure_flow(a, b, 1) for a, b in pairwise(seen)]


def test_a_panning_camera_is_not_steady() -> None:
    assert not is_steady(flows(2))


def test_walkers_do_not_make_a_camera_move() -> None:
    crowd = [Thing((10 + 30 * n, 20 + 10 * n), (2, 0)) for n in range(4)]
    assert is_steady(flows(0, crowd))


def test_one_jolt_in_five_is_forgiven() -> None:
    still, moving = flows(0), flows(2)
    assert is_steady([*still[:4], moving[0]])
    assert not is_steady([*still[:3], *moving[:2]])
