import logging

import numpy as np
import pytest

from xad_agent.perception.tracks import Tracker


def walker(frame: int, x: float = 0, speed: float = 2, y: float = 50) -> list[float]:
    left = x + speed * frame
    return [left, y, left + 16, y + 40]


def test_two_keep_their_numbers_as_they_pass_each_other() -> None:
    tracker = Tracker(10)
    for frame in range(40):
        boxes = np.array([walker(frame), walker(frame, x=80, speed=-2, y=62)])
        order = [1, 0] if frame % 2 else [0, 1]
        numbers = tracker.update(boxes[order])
        assert list(numbers[order]) == [1, 2], frame


@pytest.mark.parametrize("fps", [10, 25])
def test_a_gap_shorter_than_a_second_is_bridged(fps: int) -> None:
    tracker = Tracker(fps)
    seen = [frame for frame in range(4 * fps) if not 2 * fps <= frame < 2 * fps + fps // 2]
    numbers = [
        tracker.update(np.array([walker(f, speed=20 / fps)] if f in seen else []).reshape(-1, 4))
        for f in range(4 * fps)
    ]
    assert {int(n) for found in numbers for n in found} == {1}


@pytest.mark.parametrize("fps", [10, 25])
def test_what_comes_back_after_more_than_a_second_is_another(fps: int) -> None:
    tracker = Tracker(fps)
    for frame in range(2 * fps):
        assert tracker.update(np.array([walker(0)])) == [1], frame
    for _ in range(fps + 2):
        assert len(tracker.update(np.zeros((0, 4)))) == 0
    assert tracker.update(np.array([walker(0)])) == [2]


def test_what_appears_elsewhere_is_another() -> None:
    tracker = Tracker(10)
    for frame in range(10):
        tracker.update(np.array([walker(frame)]))
    assert tracker.update(np.array([walker(0, x=200)])) == [2]


def test_numbers_start_anew_with_each_clip() -> None:
    for _ in range(2):
        assert list(Tracker(10).update(np.array([walker(0), walker(0, x=100)]))) == [1, 2]


def test_every_box_gets_a_number_of_its_own() -> None:
    random = np.random.default_rng(0)
    tracker = Tracker(12.5)
    for _ in range(20):
        corner = random.uniform(0, 300, (30, 2))
        numbers = tracker.update(np.concatenate([corner, corner + random.uniform(1, 60, (30, 2))], axis=1))
        assert numbers.dtype == int
        assert len(set(numbers)) == 30
        assert (numbers > 0).all()


@pytest.mark.parametrize("fps", [0.2, 1, 240])
def test_any_frame_rate(fps: float) -> None:
    tracker = Tracker(fps)
    assert [int(tracker.update(np.array([walker(0)]))[0]) for _ in range(5)] == [1] * 5


def test_a_box_without_area_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    tracker = Tracker(10)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert (tracker.update(np.array([[5.0, 5, 5, 9], walker(0)])) > 0).all()
    assert not caplog.records
