"""Work in a thread of its own, which is left behind where it hangs: no thread of Python's can be ended from outside."""

import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")

_WORKER = "xad-turn"
_LOOK_SECONDS = 0.1


class TurnEnded(Exception):  # noqa: N818 - no error: the turn is answered from what there is
    """A turn has come to one of its limits, or was stopped; the text says which."""


def within(seconds: float, work: Callable[[], Iterator[T]], stopped: threading.Event) -> Iterator[T]:
    """What an iterator gives, worked out in a thread of its own: one that hangs, in a server or a library, is left.

    Args:
        seconds: For all of it.
        work: Makes the iterator.
        stopped: Ends it from outside; set here too once time is up, so that the thread ends with its next step.

    Raises:
        TurnEnded: Time is up, or it was stopped.
    """
    given: SimpleQueue[tuple[bool, T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            for item in work():
                given.put((True, item, None))
            given.put((False, None, None))
        except BaseException as error:
            given.put((False, None, error))

    threading.Thread(target=copy_context().run, args=(run,), name=_WORKER, daemon=True).start()
    until = time.monotonic() + seconds
    try:
        while True:
            left = until - time.monotonic()
            if stopped.is_set():
                raise TurnEnded("it was stopped")
            if left <= 0:
                raise TurnEnded(f"it took more than {seconds:.3g} s")
            try:
                more, item, error = given.get(timeout=min(left, _LOOK_SECONDS))
            except Empty:
                continue
            if error is not None:
                raise error
            if not more:
                return
            yield item  # type: ignore[misc]
    except BaseException:
        stopped.set()
        raise


def result_within(seconds: float, call: Callable[[], T], stopped: threading.Event) -> T:
    """What a call returns; arguments and errors as for `within`."""
    (result,) = within(seconds, lambda: iter([call()]), stopped)
    return result


def left_behind() -> bool:
    """Whether a thread still works for a turn that has ended: Python would wait for it to the end."""
    return any(thread.name == _WORKER for thread in threading.enumerate())
