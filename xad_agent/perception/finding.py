"""What finds things by their name: `Finder`, and what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from xad_agent.media.picture import Picture


@dataclass(frozen=True)
class Found:
    """A box that a finder gives for a phrase. It finds what it is asked for: a box is no proof that the thing is there.

    Attributes:
        phrase: The phrase asked for, as it was asked.
        box: x0 y0 x1 y1 in px of the original picture, within it.
        score: 0 to 1.
        words: What of the phrase it matched, or its own label of the thing.
    """

    phrase: str
    box: tuple[float, float, float, float]
    score: float
    words: str


class Finder(Protocol):
    """Finds things by phrases, or those of a closed vocabulary.

    Attributes:
        name: Its spec.
        fingerprint: sha256 over its weights.
        vocabulary: The labels it knows, lower case; None where any phrase may be asked for.
    """

    name: str
    fingerprint: str
    vocabulary: frozenset[str] | None

    def find(self, picture: Picture, phrases: Sequence[str], threshold: float) -> list[Found]:
        """The boxes of each phrase that score above `threshold`, strongest first.

        Raises:
            XadError: A phrase is empty, or not of the vocabulary.
        """
        ...
