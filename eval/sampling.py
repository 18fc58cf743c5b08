"""Which items of a set are gone through."""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from xad_agent.errors import XadError


class Kinded(Protocol):
    """What is drawn and scored one by one: it has a name of its own, and is of a kind."""

    @property
    def name(self) -> str:
        """What results call it."""
        ...

    @property
    def kind(self) -> str:
        """What a limit is the limit of."""
        ...


SampleT = TypeVar("SampleT", bound=Kinded)


class Shard(NamedTuple):
    """One of several parts of a set, counted from 1; every `of`-th item belongs to it."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """ "2/4" as a shard; XadError where it is not of that form.

        Example:
            >>> Shard.parse("2/4")
            Shard(number=2, of=4)
        """
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        shard = cls(*map(int, found.groups())) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.of:
            raise XadError(f"shard {text!r}: give I/N, as 2/4 for the second of four", exit_code=2)
        return shard


def check_limit(limit: int | None) -> None:
    """XadError for a limit, of items of each kind, below 1."""
    if limit is not None and limit < 1:
        raise XadError(f"limit {limit}: take 1 or more of each type, or no limit", exit_code=2)


def drawn(samples: Sequence[SampleT], limit: int | None, seed: int) -> list[SampleT]:
    """At most `limit` samples of each kind, drawn with `seed`, in their order; all without a limit."""
    if limit is None:
        return list(samples)
    random = np.random.default_rng(seed)
    ranks = random.permutation(len(samples))
    chosen: list[int] = []
    for kind in dict.fromkeys(sample.kind for sample in samples):
        places = [place for place, sample in enumerate(samples) if sample.kind == kind]
        chosen += sorted(places, key=lambda place: ranks[place])[:limit]
    return [samples[place] for place in sorted(chosen)]
