import numpy as np
import pytest

from tests.normal import texture
from xad_agent.attributes import contrast_with, elongation, is_unusual, measure_patch
from xad_agent.evidence import Quantity

MASK = np.zeros((96, 96), dtype=bool)
MASK[36:60, 36:60] = True
RING = ~MASK


def _contrast(pixels: np.ndarray) -> dict[str, Quantity]:
    normals = [measure_patch(texture(seed), MASK, RING) for seed in range(12)]
    return {q.name: q for q in contrast_with(measure_patch(pixels, MASK, RING), normals)}


def _filled(value: int | tuple[int, int, int]) -> np.ndarray:
    pixels = texture(50)
    pixels[MASK] = value
    return pixels


def test_a_bright_square_is_brighter_and_smoother() -> None:
    found = _contrast(_filled(200))
    assert found["brightness"].value > 10
    assert is_unusual(found["brightness"])
    assert found["brightness"].p_value == pytest.approx(1 / 13)
    assert found["contrast"].value < -2
    assert _contrast(_filled(60))["brightness"].value < -10


def test_the_light_of_the_whole_picture_does_not_matter() -> None:
    lighter = np.clip(texture(50).astype(int) + 40, 0, 255).astype(np.uint8)
    assert not is_unusual(_contrast(lighter)["brightness"])


def test_a_normal_patch_is_not_unusual() -> None:
    assert not [q.name for q in _contrast(texture(51)).values() if is_unusual(q) and abs(q.value) > 3]


def test_colour_is_measured_where_there_is_some() -> None:
    assert "redness" not in _contrast(_filled(200))
    red = _contrast(_filled((200, 90, 90)))
    assert red["redness"].value > 10
    assert red["saturation"].value > 10
    assert _contrast(_filled((90, 90, 200)))["yellowness"].value < -10


@pytest.mark.parametrize("angle", [0, 45, 90])
def test_edges_run_along_the_stripes(angle: int) -> None:
    y, x = np.mgrid[0:96, 0:96]
    across = {0: y, 45: (x - y) / np.sqrt(2), 90: x}[angle]
    stripes = (128 + 60 * np.sin(across / 2)).astype(np.uint8)[..., None].repeat(3, axis=2)
    found = measure_patch(stripes, MASK, RING).orientation
    assert found == pytest.approx(angle % 180, abs=1) or found == pytest.approx(angle + 180, abs=1)


def test_turned_stripes_are_off_by_the_angle() -> None:
    y, x = np.mgrid[0:96, 0:96]

    def striped(across: np.ndarray, seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(0, 3, (96, 96))
        return (128 + 60 * np.sin(across / 2) + noise).astype(np.uint8)[..., None].repeat(3, axis=2)

    normals = [measure_patch(striped(x, seed), MASK, RING) for seed in range(6)]
    found = contrast_with(measure_patch(striped(y, 9), MASK, RING), normals)[-1]
    assert (found.name, found.unit) == ("edge orientation", "degrees")
    assert found.value == pytest.approx(90, abs=2)
    assert is_unusual(found)


@pytest.mark.parametrize(("height", "width", "expected"), [(10, 40, 4), (12, 12, 1), (1, 1, 1), (30, 5, 6)])
def test_elongation_of_a_bar(height: int, width: int, expected: float) -> None:
    mask = np.zeros((64, 64), dtype=bool)
    mask[4 : 4 + height, 7 : 7 + width] = True
    assert elongation(mask) == pytest.approx(expected)


def test_identical_normals_do_not_blow_up_what_cannot_be_seen() -> None:
    same = [measure_patch(texture(0), MASK, RING)] * 5
    nearly = texture(0)
    nearly[40, 40] += 1
    assert not any(is_unusual(q) for q in contrast_with(measure_patch(nearly, MASK, RING), same))


def test_one_pixel() -> None:
    one = np.ones((1, 1), dtype=bool)
    assert measure_patch(np.full((1, 1, 3), 7, np.uint8), one, ~one).orientation is None
