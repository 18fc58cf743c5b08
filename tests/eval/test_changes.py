"""Harmless changes: what they do to pixels, and how what belongs to a shifted picture is moved back."""

import numpy as np
import pytest

from tests.normal import texture
from xad_agent.eval.changes import SLIGHT, noisy


@pytest.mark.parametrize("name", SLIGHT)
def test_a_change_is_slight_and_always_the_same(name: str) -> None:
    pixels = texture(0, 40, 30)
    made = SLIGHT[name].make(pixels)
    assert made.shape == pixels.shape
    assert made.dtype == np.uint8
    assert (made != pixels).any()
    np.testing.assert_array_equal(made, SLIGHT[name].make(pixels))
    assert np.abs(made.astype(int) - pixels).mean() < 30


@pytest.mark.parametrize("name", ["shifted 1 px", "shifted 2 px"])
def test_what_was_shifted_lies_on_the_original_again(name: str) -> None:
    pixels, change = texture(0, 40, 30), SLIGHT[name]
    np.testing.assert_array_equal(change.back(change.make(pixels)), change.same(pixels))
    assert change.same(pixels).shape == (40 - change.px, 30 - change.px, 3)


def test_unshifted_pictures_are_compared_whole() -> None:
    pixels, change = texture(0, 40, 30), SLIGHT["JPEG 90"]
    np.testing.assert_array_equal(change.back(pixels), change.same(pixels))


def test_noise_has_its_deviation_and_stays_in_range() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    assert (noisy(grey, 2.0).astype(float) - 128).std() == pytest.approx(2, rel=0.05)
    assert noisy(np.full((9, 9, 3), 255, np.uint8), 9.0).max() == 255
