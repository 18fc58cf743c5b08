"""A person is 40 px high here and 16 wide, as tall everywhere."""

import cv2
import numpy as np
import pytest

from tests.walkway import HEIGHT, WIDTH, Thing, scene, texture
from xad_agent.perception.background import Background
from xad_agent.perception.flow import GAP, measure_flow
from xad_agent.perception.movers import MOST, SLOWEST, Motion
from xad_agent.perception.perspective import Perspective

TALL = 40
LEVEL = Perspective(HEIGHT, WIDTH, TALL, 0, 50)
FRAME = 9


def motion(*things: Thing) -> Motion:
    """Of the frame number FRAME of a scene."""
    earlier, later = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in scene(FRAME + 1, things)[[FRAME - GAP, FRAME]])
    return Motion(measure_flow(earlier, later, GAP), Background(texture(0)).foreground(later), LEVEL)


def moved(*blocks: tuple[tuple[int, int, int, int], tuple[float, float]]) -> Motion:
    """Of boxes and their velocities, without any picture."""
    flow, foreground = np.zeros((HEIGHT, WIDTH, 2), np.float32), np.zeros((HEIGHT, WIDTH), dtype=bool)
    for (x0, y0, x1, y1), velocity in blocks:
        flow[y0:y1, x0:x1] = velocity
        foreground[y0:y1, x0:x1] = True
    return Motion(flow, foreground, LEVEL)


@pytest.mark.parametrize(
    ("at", "velocity"),
    [((30, 40), (1, 0)), ((30, 40), (3, 0)), ((100, 40), (-2, 0)), ((60, 10), (0, 2)), ((90, 60), (-2, -2))],
)
def test_speed_direction_and_place_of_a_mover(at: tuple[float, float], velocity: tuple[float, float]) -> None:
    thing = Thing(at, velocity)
    [mover] = motion(thing).movers()
    assert mover.speed == pytest.approx(np.hypot(*velocity) / TALL, rel=0.15)
    assert mover.velocity == pytest.approx(velocity, abs=0.15)
    assert mover.box == pytest.approx(thing.box(FRAME), abs=2)
    assert mover.area == pytest.approx(16 * TALL, rel=0.2)
    assert mover.gait == pytest.approx(1, abs=0.1)


def test_what_stands_is_no_mover() -> None:
    assert motion(Thing((30, 40)), Thing((90, 40))).movers() == []


def test_two_side_by_side_at_different_speeds_are_two() -> None:
    fast, slow = motion(Thing((20, 30), (4, 0)), Thing((80, 34), (1, 0))).movers()
    assert fast.speed == pytest.approx(4 / TALL, rel=0.15)
    assert slow.speed == pytest.approx(1 / TALL, rel=0.15)


def test_a_slower_neighbour_is_not_part_of_the_fast_one() -> None:
    fast = moved(((40, 40, 56, 80), (4, 0)), ((56, 40, 72, 80), (1, 0))).movers()[0]
    assert fast.velocity == (4, 0)
    assert fast.box == (40, 40, 56, 80)


def test_a_large_thing_is_found_once() -> None:
    """A cart is several walkers wide, so the speed map has many equal peaks on it."""
    cart = Thing((10, 30), (3, 0), size=(80, 60))
    [mover] = motion(cart).movers()
    assert mover.box == pytest.approx(cart.box(FRAME), abs=2)


def test_the_fastest_come_first_and_no_more_than_twelve() -> None:
    blocks = [
        ((4 + 22 * n, 4 + 60 * row, 18 + 22 * n, 44 + 60 * row), (1 + n + 7 * row, 0))
        for n in range(7)
        for row in (0, 1)
    ]
    found = moved(*blocks).movers()
    speeds = [mover.speed for mover in found]
    assert len(found) == MOST
    assert speeds == sorted(speeds, reverse=True)
    assert found[0].velocity == (14, 0)


def test_legs_at_another_speed_are_gait() -> None:
    [mover] = motion(Thing((30, 40), (1, 0), legs=(1.8, 0))).movers()
    assert 1.25 < mover.gait < 1.8
    [mover] = moved(((30, 40, 46, 60), (2, 0)), ((30, 60, 46, 80), (3, 0))).movers()
    assert mover.gait == pytest.approx(1.5)


def test_gait_needs_two_halves() -> None:
    assert np.isnan(moved(((30, 40, 46, 80), (2, 0))).of(np.array([30, 79, 46, 99])).gait)


def test_specks_of_noise_do_not_move() -> None:
    random = np.random.default_rng(0)
    flow = random.normal(0, 3, (HEIGHT, WIDTH, 2)).astype(np.float32)
    assert Motion(flow, random.random((HEIGHT, WIDTH)) < 0.05, LEVEL).movers() == []


def test_creeping_slower_than_the_flow_s_error_is_standing() -> None:
    assert moved(((30, 40, 46, 80), (0.9 * SLOWEST * TALL, 0))).movers() == []
    assert len(moved(((30, 40, 46, 80), (1.2 * SLOWEST * TALL, 0))).movers()) == 1


def test_half_in_the_picture_is_found_too() -> None:
    [mover] = moved(((0, 40, 8, 80), (2, 0))).movers()
    assert mover.box == (0, 40, 8, 80)
    assert mover.speed == pytest.approx(2 / TALL, rel=0.15)


def test_how_what_is_in_a_box_moves() -> None:
    seen = moved(((40, 40, 56, 80), (3, -1)), ((100, 40, 116, 80), (0, 0)))
    mover = seen.of(np.array([39.5, 39.5, 56.2, 80.4], np.float32))
    assert mover is not None
    assert mover.velocity == (3, -1)
    assert mover.speed == pytest.approx(np.hypot(3, 1) / TALL, rel=0.15)
    standing = seen.of(np.array([100, 40, 116, 80], np.float32))
    assert standing is not None
    assert (standing.speed, standing.velocity) == (0, (0, 0))
    assert np.isnan(standing.gait)


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 20, 20),  # nothing in it
        (-30, 40, -2, 80),  # outside, on every side
        (WIDTH + 2, 40, WIDTH + 20, 80),
        (40, -50, 56, -3),
        (40, HEIGHT + 1, 56, HEIGHT + 9),
        (50, 50, 50, 50),  # without area
        (60, 60, 45, 45),
    ],
)
def test_a_box_with_nothing_in_it_has_no_motion(box: tuple[int, int, int, int]) -> None:
    assert moved(((0, 40, WIDTH, 80), (3, 0))).of(np.array(box, np.float32)) is None


def grown_on_the_whole_picture(seen: Motion, speed: float) -> np.ndarray:
    """The pixels of the fastest thing, grown without the shortcut."""
    near = cv2.dilate((seen.speeds > 0.6 * speed).astype(np.uint8), np.ones((24, 16), np.uint8)) > 0
    fast = seen._foreground & near & (seen._pixel_speeds > 0.55 * speed * TALL)
    closed = cv2.morphologyEx(fast.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    row, column = np.unravel_index(seen.speeds.argmax(), seen.speeds.shape)
    _, parts = cv2.connectedComponents(closed)
    window = slice(max(row - 20, 0), row + 20), slice(max(column - 9, 0), column + 9)
    shared = np.bincount(parts[window].ravel(), minlength=parts.max() + 1)
    return np.asarray(parts == 1 + shared[1:].argmax())


@pytest.mark.parametrize("seed", range(12))
def test_growing_in_a_part_of_the_picture_changes_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    blobs = cv2.GaussianBlur(random.normal(size=(HEIGHT, WIDTH)).astype(np.float32), (0, 0), 6)
    flow = np.stack([cv2.GaussianBlur(random.normal(size=(HEIGHT, WIDTH)), (0, 0), 5) for _ in range(2)], axis=2)
    seen = Motion((flow * 20).astype(np.float32), blobs > 0.02 * (seed % 3 - 1), LEVEL)
    mover = seen.movers()[0]
    truth = grown_on_the_whole_picture(seen, mover.speed)
    rows, columns = np.nonzero(truth)
    assert mover.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert mover.area == (truth & seen._foreground).sum()
