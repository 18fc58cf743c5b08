"""What hangs is left, what fails is passed on, what comes is given in order."""

import threading
import time
from collections.abc import Iterator

import pytest

from xad_agent.background import TurnEnded, left_behind, within


def test_items_come_in_order_while_they_are_made() -> None:
    made: list[int] = []

    def work() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    assert list(within(5, work, threading.Event())) == [0, 1, 2] == made


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def work() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    given = []
    with pytest.raises(ValueError, match="broken"):
        for item in within(5, work, threading.Event()):
            given.append(item)
    assert given == [1]


@pytest.mark.parametrize("stop", [False, True])
def test_what_hangs_is_left(stop: bool) -> None:
    release, stopped = threading.Event(), threading.Event()

    def work() -> Iterator[int]:
        yield 1
        release.wait(20)

    if stop:
        threading.Timer(0.2, stopped.set).start()
    start, given = time.monotonic(), []
    with pytest.raises(TurnEnded, match="it was stopped" if stop else "it took more than 0.5 s"):
        for item in within(20 if stop else 0.5, work, stopped):
            given.append(item)
    assert given == [1] and time.monotonic() - start < 5 and stopped.is_set() and left_behind()
    release.set()
    for thread in threading.enumerate():
        if thread.name == "xad-turn":
            thread.join(5)
    assert not left_behind()


def test_closing_it_tells_the_work_to_end() -> None:
    stopped = threading.Event()
    steps = within(5, lambda: iter([1, 2, 3]), stopped)
    assert next(steps) == 1
    steps.close()
    assert stopped.is_set()
