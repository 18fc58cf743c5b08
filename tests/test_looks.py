"""A picture's look follows its light, its focus, its noise and its compression."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.normal import picture, texture
from xad_agent.looks import look_at

RAMP = np.linspace(-50, 50, 96)[None, :, None]
PLAIN = (texture(0) + RAMP).astype(np.uint8)
LOOK = look_at(picture(PLAIN))


def halves(dark: int, light: int) -> np.ndarray:
    pixels = np.full((40, 40, 3), dark, np.uint8)
    pixels[:, 20:] = light
    return pixels


def test_light_by_hand() -> None:
    look = look_at(picture(halves(51, 204)))
    assert look["brightness"] == pytest.approx(50)  # between the halves, 20 and 80 % of white
    assert look["contrast"] == pytest.approx(60)
    assert look["noise"] == 0


@settings(max_examples=20)
@given(st.floats(0.5, 1.4))
def test_brightness_and_contrast_follow_the_gain(gain: float) -> None:
    look = look_at(picture((gain * PLAIN).clip(0, 255).astype(np.uint8)))
    assert look["brightness"] == pytest.approx(gain * LOOK["brightness"], abs=0.6)
    assert look["contrast"] == pytest.approx(gain * LOOK["contrast"], abs=0.8)


def test_blur_takes_sharpness_and_noise() -> None:
    blurred = look_at(picture(cv2.GaussianBlur(PLAIN, (0, 0), 1.0)))
    assert blurred["sharpness"] < 0.5 * LOOK["sharpness"]
    assert blurred["noise"] < 0.5 * LOOK["noise"]


def test_noise_is_its_deviation() -> None:
    random = np.random.default_rng(0)
    noisy = np.clip(128 + random.normal(0, 10, (256, 256, 1)), 0, 255).astype(np.uint8).repeat(3, axis=2)
    assert 2.55 * look_at(picture(noisy))["noise"] == pytest.approx(10, rel=0.15)


def test_compression_is_blocky_wherever_its_blocks_begin() -> None:
    stored = cv2.imdecode(cv2.imencode(".jpg", PLAIN, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR)
    assert look_at(picture(stored))["blockiness"] > 5 * LOOK["blockiness"]
    assert look_at(picture(np.ascontiguousarray(stored[3:, 5:])))["blockiness"] > 5 * LOOK["blockiness"]


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (300, 2), (8, 8)])
def test_small_and_flat_pictures_have_a_look(shape: tuple[int, int]) -> None:
    assert all(np.isfinite(value) for value in look_at(picture(np.full((*shape, 3), 90, np.uint8))).values())
