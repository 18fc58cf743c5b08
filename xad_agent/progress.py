"""How far slow work is: a bar on stderr for people, or told to a program, which may end it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

T = TypeVar("T")

# Is told the share that is done, 0 to 1, and what is being done; what it raises ends the work.
Told: TypeAlias = Callable[[float, str], None]
Progress: TypeAlias = bool | Told


def followed(items: Iterable[T], total: int, what: str, progress: Progress) -> Iterator[T]:
    """The items one by one, and meanwhile how many of them are done.

    Args:
        items: What is worked through.
        total: How many there are.
        what: What is done with them.
        progress: Whether to show a bar, or who is told.
    """
    if isinstance(progress, bool):
        from tqdm import tqdm

        yield from tqdm(items, desc=what, total=total, disable=not progress)
        return
    for done, item in enumerate(items):
        progress(min(done / total, 1.0), f"{what}, {done + 1} of {total}")
        yield item
    progress(1.0, what)


def tell(progress: Progress, share: float, what: str) -> None:
    """Tell what begins, where somebody is told; a bar has nothing to count in it."""
    if not isinstance(progress, bool):
        progress(share, what)


def part(progress: Progress, start: float, stop: float) -> Progress:
    """The progress of a part of the work, which brings the whole from one share to another."""
    if isinstance(progress, bool):
        return progress
    return lambda share, what: progress(start + share * (stop - start), what)
