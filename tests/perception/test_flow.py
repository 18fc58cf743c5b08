import numpy as np
import pytest

from tests.walkway import texture
from xad_agent.perception.flow import measure_flow

LEVEL = texture(0, 140, 180).astype(np.uint8)


def shifted(x: int, y: int) -> np.ndarray:
    """What `LEVEL` shows after its content has moved by x and y px."""
    return LEVEL[10 - y : 130 - y, 10 - x : 170 - x]


@pytest.mark.parametrize(("x", "y"), [(3, 0), (-3, 0), (0, 6), (0, -6), (8, -4)])
def test_a_known_shift_is_found_with_its_sign(x: int, y: int) -> None:
    flow = measure_flow(shifted(0, 0), shifted(x, y), 3)
    assert flow.shape == (120, 160, 2)
    assert flow.dtype == np.float32
    error = np.linalg.norm(np.median(flow, axis=(0, 1)) - (x / 3, y / 3))
    assert error < 0.1 * np.hypot(x, y) / 3


def test_looking_ahead_gives_the_same_motion() -> None:
    """Of the first frames there is only what comes after them: the number of frames between is negative."""
    ahead = measure_flow(shifted(6, 3), shifted(0, 0), -3)
    assert np.median(ahead, axis=(0, 1)) == pytest.approx((2, 1), abs=0.1)


@pytest.mark.parametrize("value", [0, 130, 255])
def test_where_nothing_can_be_seen_nothing_moves(value: int) -> None:
    flat = np.full((64, 64), value, np.uint8)
    assert not measure_flow(flat, flat, 3).any()


def test_a_frozen_picture_does_not_move() -> None:
    assert np.abs(measure_flow(LEVEL, LEVEL, 3)).max() < 0.05


@pytest.mark.parametrize("shape", [(16, 16), (16, 160), (120, 16), (17, 23)])
def test_small_pictures_give_finite_flow(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    assert np.isfinite(measure_flow(noise[0], noise[1], 1)).all()
