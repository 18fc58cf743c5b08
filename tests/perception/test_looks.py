import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from tests.walkway import Thing, scene
from xad_agent.media import read_clip
from xad_agent.media.clip import Clip, Reel
from xad_agent.perception.flow import GAP
from xad_agent.perception.looks import (
    LEAST_FPS,
    greys,
    hindrance,
    look_count,
    look_step,
    looks,
    sample_flows,
    working_shape,
)


def plain(count: int, fps: float = 10, shape: tuple[int, int] = (32, 48)) -> Clip:
    """Every frame as bright as its number."""
    frames = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, *shape))
    return read_clip(np.ascontiguousarray(frames), fps=fps)


@pytest.mark.parametrize(
    ("fps", "step"), [(0.5, 1), (1, 1), (10, 1), (12.5, 1), (25, 2), (29.97, 2), (30, 2), (50, 4), (60, 5), (240, 19)]
)
def test_about_twelve_looks_a_second(fps: float, step: int) -> None:
    assert look_step(fps) == step
    assert fps < 15 or 9 <= fps / step <= 16


@pytest.mark.parametrize(("count", "fps"), [(1, 10), (2, 10), (9, 25), (10, 25), (40, 240)])
@pytest.mark.parametrize("gap", [0, GAP])
def test_every_look_comes_once_in_order(count: int, fps: float, gap: int) -> None:
    clip = plain(count, fps)
    step = look_step(fps)
    seen = list(looks(clip, gap))
    assert [look.number for look in seen] == list(range(look_count(clip)))
    assert [int(look.pixels[0, 0, 0]) for look in seen] == list(range(0, count, step))
    assert [int(look.grey[0, 0]) for look in seen] == list(range(0, count, step))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 9])
def test_every_look_has_the_flow_of_what_moves_in_it(count: int) -> None:
    """The first ones look ahead: their flow has the same sign and size as that of the others."""
    thing = Thing((20, 30), (3, -1))
    clip = read_clip(scene(count, [thing]), fps=10)
    for look in looks(clip):
        x0, y0, x1, y1 = thing.box(look.number).astype(int)
        assert look.flow is not None
        assert np.median(look.flow[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4], axis=(0, 1)) == pytest.approx((3, -1), abs=0.3)
        assert np.median(np.abs(look.flow[90:])) < 0.1


def test_flow_is_of_a_look_not_of_a_frame() -> None:
    thing = Thing((20, 30), (1, 0))
    look = list(looks(read_clip(scene(20, [thing]), fps=25)))[8]
    x0, y0, x1, y1 = thing.box(16).astype(int)
    assert look.flow is not None
    assert np.median(look.flow[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4, 0]) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("gap", [0, GAP])
@pytest.mark.parametrize("count", [1, 6])
def test_no_flow_where_none_is_measured(gap: int, count: int) -> None:
    assert all((look.flow is None) == (gap == 0 or count == 1) for look in looks(plain(count), gap))


@pytest.mark.parametrize("count", [1, 2, 39, 40, 41, 79, 80, 200])
def test_samples_reach_over_the_whole_clip(count: int) -> None:
    """79 frames of which every one was taken up to the fortieth would leave out half of it."""
    samples = [int(grey[0, 0]) for grey in greys(plain(count), 40)]
    assert len(samples) <= 40
    assert len(samples) == count or len(samples) >= 20
    assert samples[0] == 0
    assert count - 1 - samples[-1] < max(np.diff(samples), default=1)


@pytest.mark.parametrize(
    ("clip", "why"),
    [
        (plain(10, fps=1), "fewer than 4 frames a second"),
        (plain(10, fps=LEAST_FPS - 0.1), "fewer than 4 frames a second"),
        (plain(1), "too short"),
        (plain(19, fps=240), "too short"),  # one look
        (plain(10, shape=(8, 8)), "fewer than 16 px"),
        (plain(10, shape=(15, 400)), "fewer than 16 px"),
        (plain(2), None),
        (plain(20, fps=240), None),
        (plain(10, fps=LEAST_FPS), None),
        (plain(10, shape=(16, 16)), None),
    ],
)
def test_why_motion_cannot_be_measured(clip: Clip, why: str | None) -> None:
    found = hindrance(clip.count, clip.fps, (clip.height, clip.width))
    assert found is None if why is None else why in str(found)


@pytest.mark.parametrize(("count", "fps", "flows"), [(2, 10, 1), (3, 10, 2), (20, 240, 1), (100, 25, 6)])
def test_sample_flows(count: int, fps: float, flows: int) -> None:
    assert len(sample_flows(plain(count, fps))) == flows


def test_large_frames_are_measured_small() -> None:
    clip = plain(2, shape=(300, 960))
    assert working_shape(clip) == (150, 480)
    [first, _] = looks(clip)
    assert first.pixels.shape == (300, 960, 3)
    assert first.grey.shape == (150, 480)


class Endless(Reel):
    """Frames made when they are asked for."""

    def read(self, wanted: range) -> Iterator[np.ndarray]:
        for number in wanted:
            yield np.full((48, 64, 3), number % 251, np.uint8)


def test_memory_does_not_grow_with_the_clip() -> None:
    peaks = []
    for count in (30, 200):
        clip = Clip("camera", 64, 48, 10.0, count, "", Endless())
        tracemalloc.start()
        try:
            for _ in looks(clip):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 20 * 48 * 64 * 3 + 50_000
