"""What tool `find` has in common for pictures and clips: which phrases it takes, and what it says of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xad_agent.evidence import Quantity, Region
from xad_agent.media.drawing import outlined
from xad_agent.perception.finding import Finder, Found
from xad_agent.prompts import vocabulary
from xad_agent.seeking import Sought
from xad_agent.wording import count, number, numbers, shown_by

MAX_PHRASES = 5
MAX_CHARACTERS = 60
_LETTERS = "ABCDE"  # of the boxes that are told of a phrase


@dataclass(frozen=True)
class Wording:
    """How a medium is spoken of.

    Attributes:
        looked: Where was looked, as it follows "No dog is found"; "" for all of it.
        normal: One of the normal ones.
        normals: What their number is called; "normal frames" would be a bound of what is normal to the checker.
        unknown: What is not known where none is.
    """

    looked: str
    normal: str
    normals: str
    unknown: str


def cleaned(phrases: Sequence[str]) -> list[str]:
    """Phrases as their words, each once; what people put around words, and what is no word, has no meaning."""
    return list(dict.fromkeys(words for phrase in phrases if (words := _words(phrase))))


def problem(wanted: Sequence[str], finder: Finder) -> str | None:
    """Why cleaned phrases cannot be looked for; None where they can."""
    said = vocabulary("models")["finding"]
    if not wanted:
        return str(said["nothing"])
    if len(wanted) > MAX_PHRASES or max(map(len, wanted)) > MAX_CHARACTERS:
        return str(said["too_much"])
    known = finder.vocabulary
    return None if known is None or known.issuperset(wanted) else str(said["unknown"])


def lettered(sought: Sought) -> list[tuple[str, Found]]:
    """The strongest boxes of a phrase with their labels: "dog A", "dog B"."""
    return [(f"{sought.phrase} {letter}", found) for letter, found in zip(_LETTERS, sought.found, strict=False)]


def drawn(pixels: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
    """A picture with what was found in it."""
    for region in regions:
        pixels = outlined(pixels, region.box, region.label)
    return pixels


def statement(sought: Sought, regions: Sequence[Region], wording: Wording, at: float | None = None) -> str:
    """What became of a phrase, in a sentence.

    Args:
        sought: What became of it.
        regions: Of its boxes, the strongest first.
        wording: For what was looked at.
        at: Of a clip, when it scores so, seconds from the start.
    """
    score, absent = numbers(sought.score, sought.absent)
    reaches = f"is {score}" if at is None else f"is highest at {number(at, 's')} with {score}"
    # Each phrase has a score of its own name, so that the checker can tell them apart.
    measured = f"the {sought.phrase} score {reaches}, and things that are not there reach {absent}"
    if not sought.found:
        return f'No "{sought.phrase}" is found{wording.looked}: {measured}.'
    x0, y0, x1, y1 = regions[0].box
    others = f", and at {count(len(regions) - 1, 'other place')}" if len(regions) > 1 else ""
    where = f"{', '.join(regions[0].place)}, {x1 - x0} x {y1 - y0} px{others}"
    # What good pictures show as much may well be called wrongly there and here.
    thing = f'"{sought.phrase.capitalize()}"' if sought.unusual else f'What looks like "{sought.phrase}"'
    return f"{thing} is found ({where}): {measured}, {_beside_normal(sought, wording)}."


def quantities(sought: Sought, regions: Sequence[Region], wording: Wording) -> tuple[Quantity, ...]:
    """The numbers of what `statement` says of a phrase, but for the time."""
    usual = None if sought.usual is None else (0.0, sought.usual)
    return (
        Quantity(name=f"{sought.phrase} score", value=sought.score, normal=usual),
        Quantity(name="absent score", value=sought.absent),
        Quantity(name=wording.normals, value=sought.normals),
        Quantity(name="other places", value=max(len(regions) - 1, 0)),
    )


def _words(phrase: str) -> str:
    return " ".join("".join(c if c.isalnum() or c in " -'" else " " for c in str(phrase)).lower().split())


def _beside_normal(sought: Sought, wording: Wording) -> str:
    if sought.usual is None:
        return f"but no {wording.unknown} is known, so whether it belongs there cannot be told"
    usual = numbers(sought.score, sought.usual)[1]
    finding = "it is unusual" if sought.unusual else "it is nothing unusual"
    return f"and normally it is {usual} at most, so {finding}, {shown_by(sought.normals, wording.normal)}"
