import numpy as np
import pytest

from tests.normal import picture, texture
from xad_agent.perception.foreground import find_foreground, principal_axes


def test_a_rod_on_a_shaded_background_is_found_whole() -> None:
    shade = np.linspace(150, 210, 120)[None, :, None].repeat(100, axis=0).repeat(3, axis=2)
    pixels = shade.astype(np.uint8)
    pixels[40:60, 20:100] = 40
    found = find_foreground(picture(pixels))
    assert found is not None
    truth = np.zeros((100, 120), dtype=bool)
    truth[40:60, 20:100] = True
    assert (found.mask & truth).sum() / (found.mask | truth).sum() > 0.9
    assert found.elongation == pytest.approx(4, rel=0.1)
    assert abs(found.axis[0]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "pixels",
    [
        texture(0),  # texture has no object
        np.full((96, 96, 3), 90, np.uint8),  # nor has an empty picture
        np.full((1, 1, 3), 90, np.uint8),
        np.full((3, 200, 3), 90, np.uint8),
    ],
)
def test_no_object_where_none_stands_out(pixels: np.ndarray) -> None:
    assert find_foreground(picture(pixels)) is None


def test_an_object_that_reaches_the_border_is_not_trusted() -> None:
    pixels = np.full((96, 96, 3), 200, np.uint8)
    pixels[:, :50] = 40
    assert find_foreground(picture(pixels)) is None


def test_principal_axes_of_a_bar() -> None:
    mask = np.zeros((50, 60), dtype=bool)
    mask[20:30, 10:50] = True
    centre, axis, (length, width) = principal_axes(mask)
    assert centre == (29.5, 24.5)
    assert abs(axis[0]) == pytest.approx(1)
    assert length / width == pytest.approx(4)
