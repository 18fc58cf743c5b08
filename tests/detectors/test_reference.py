"""A picture against its own reference: what is found, and what it is lenient about."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from xad_agent.detectors.reference import AgainstReference, reach
from xad_agent.media import read_picture

RANDOM = np.random.default_rng(0)


def board(height=320, width=400):
    """Dark tracks and pads on light ground, grey."""
    pixels = np.full((height, width), 220, np.uint8)
    for y in range(20, height - 20, 40):
        pixels[y : y + 8, 15 : width - 15] = 30
    for y, x in RANDOM.integers(20, min(height, width) - 30, (40, 2)):
        pixels[y : y + 16, x : x + 16] = 30
    return pixels


BOARD = board()


def picture(pixels):
    return read_picture(np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels, name="board.png")


def score(pixels, reference=BOARD):
    return AgainstReference(picture(reference)).score(picture(pixels))


def opened(pixels):
    """A track with a gap of 4 px, at (y, x) = (144, 202)."""
    pixels = pixels.copy()
    pixels[140:148, 190:216] = 30
    pixels[140:148, 200:204] = 220
    return pixels


@pytest.fixture(scope="module")
def reference():
    pixels = BOARD.copy()
    pixels[120:170, 180:226] = 220
    pixels[140:148, 180:226] = 30
    return pixels


def test_the_same_picture_differs_nowhere():
    found = score(BOARD)
    assert (found.score, found.values.shape, found.values.dtype) == (0, BOARD.shape, np.float32)


@pytest.mark.parametrize(
    "defect",
    [opened, lambda p: np.where(np.indices(p.shape)[1] // 3 == 67, np.where(p == 220, 30, p), p)],
    ids=["too little", "too much"],
)
def test_what_is_missing_and_what_is_too_much_is_found(reference, defect):
    found = score(defect(reference), reference)
    _, x = np.unravel_index(found.values.argmax(), found.values.shape)
    assert abs(x - 202) <= 3
    assert found.score > 0.1


def test_the_place_is_where_the_defect_is(reference):
    values = score(opened(reference), reference).values
    y, x = np.unravel_index(values.argmax(), values.shape)
    assert (abs(y - 144) <= 3, abs(x - 202) <= 3) == (True, True)
    away = values.copy()
    grown = reach(*values.shape) + 2
    away[140 - grown : 148 + grown, 200 - grown : 204 + grown] = 0
    assert away.max() < 0.02 * values.max()


def test_it_is_lenient_about_where_and_how_light_it_lies(reference):
    """Warped smoothly by up to 2 px, and darker and flatter: well below what a gap of 4 px gives."""
    y, x = np.indices(reference.shape).astype(float)
    warped = map_coordinates(reference, [y + 2 * np.sin(x / 60), x + 2 * np.cos(y / 50)], order=1, mode="nearest")
    defect = score(opened(reference), reference).score
    assert score(warped, reference).score < 0.35 * defect
    assert score((0.6 * reference + 30).astype(np.uint8), reference).score < 0.02 * defect


def test_a_shifted_and_turned_picture_is_laid_on_its_reference(reference):
    import cv2

    matrix = cv2.getRotationMatrix2D((200, 160), 4, 1.0)
    matrix[:, 2] += (9, -7)
    turned = cv2.warpAffine(opened(reference), matrix, (400, 320), borderValue=220, flags=cv2.INTER_LINEAR)
    values = score(turned, reference).values
    x, y = matrix @ (202, 144, 1)
    inner = np.zeros(values.shape)
    inner[40:-40, 40:-40] = values[40:-40, 40:-40]
    top = np.unravel_index(inner.argmax(), inner.shape)
    assert np.hypot(top[0] - y, top[1] - x) < 8


def test_other_sizes_and_colours():
    large = np.kron(BOARD, np.ones((4, 4), np.uint8))  # 1600 px long: looked at smaller, given back in its size
    assert score(large, BOARD).values.shape == large.shape
    colour = np.dstack([BOARD, BOARD, 255 - BOARD])
    changed = colour.copy()
    changed[60:72, 60:72, 2] = 128  # in the blue alone
    found = score(changed, colour)
    y, x = np.unravel_index(found.values.argmax(), found.values.shape)
    assert (50 < y < 82, 50 < x < 82) == (True, True)


def test_a_flat_reference_and_tiny_pictures_give_finite_values():
    flat = np.full((64, 64), 128, np.uint8)
    assert score(flat, flat).score == 0
    assert np.isfinite(score(BOARD[:64, :64], flat).values).all()
    assert score(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8)).values.shape == (1, 1)


def test_state_holds_the_reference():
    detector = AgainstReference(picture(BOARD))
    settings, arrays = detector.state()
    assert settings == {}
    again = AgainstReference(read_picture(arrays["reference"], name="again"))
    assert np.array_equal(again.score(picture(BOARD[::-1])).values, detector.score(picture(BOARD[::-1])).values)
