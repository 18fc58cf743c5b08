"""Scaling: pictures too thin for a network are thickened, and nothing in them moves."""

import numpy as np
import pytest

from xad_agent.media.scaling import thicken


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 1), (32, 32)),
        ((1, 8000), (500, 8000)),
        ((640, 20), (640, 40)),
        ((100, 200), (100, 200)),
        ((3, 40), (32, 40)),
    ],
)
def test_no_thinner_than_asked(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    thick = thicken(pixels)
    assert thick.shape == (*expected, 3)
    assert np.array_equal(thick[: shape[0], : shape[1]], pixels)
    assert np.array_equal(thick[-1, -1], pixels[-1, -1])
