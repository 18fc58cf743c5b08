"""Tool `find`: whether things are in the picture, by their names, and where."""

from collections.abc import Sequence

import numpy as np

from xad_agent.case import Case
from xad_agent.errors import XadError
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media.figure import outlined
from xad_agent.places import place_words
from xad_agent.prompts import vocabulary
from xad_agent.seeking import Sought, seek
from xad_agent.tools.limits import limit
from xad_agent.wording import count, numbers, shown_by

MAX_PHRASES = 5
MAX_BOXES = 5
MAX_CHARACTERS = 60
_NORMALS = 8


def find(case: Case, phrases: Sequence[str]) -> Evidence:
    """The boxes of what each phrase names, its score beside absent things' and its own on normal pictures.

    Args:
        case: The picture under question.
        phrases: Names of things, at most `MAX_PHRASES` of at most `MAX_CHARACTERS`; a "limit" says so otherwise.
    """
    wanted = list(dict.fromkeys(cleaned for phrase in phrases if (cleaned := _cleaned(phrase))))
    arguments = {"phrases": wanted}
    known = case.measured("find", arguments)
    if known is not None:
        return known
    finder = case.models.finder
    if (problem := _problem(wanted, finder.vocabulary)) is not None:
        return limit(case, "find", arguments, problem)
    try:
        sought = seek(wanted, case.picture, finder, case.good(_NORMALS))
    except XadError:  # its tokenizer knows nothing of a word
        return limit(case, "find", arguments, vocabulary("models")["finding"]["unknown"])
    regions = tuple(region for one in sought for region in _regions(case, one))
    return case.ledger.add(
        tool="find",
        arguments=arguments,
        statement=" ".join(_statement(one, regions) for one in sought),
        quantities=tuple(quantity for one in sought for quantity in _quantities(one)),
        labels={one.phrase: one.score for one in sought if one.found},
        regions=regions,
        media=case.media,
        figure=_figure(case, regions) if regions else None,
    )


def _cleaned(phrase: str) -> str:
    """A phrase as its words; what people put around them, and what is no word, has no meaning to a finder."""
    words = "".join(c if c.isalnum() or c in " -'" else " " for c in str(phrase)).lower().split()
    return " ".join(words)


def _problem(wanted: list[str], known: frozenset[str] | None) -> str | None:
    words = vocabulary("models")["finding"]
    if not wanted:
        return str(words["nothing"])
    if len(wanted) > MAX_PHRASES or max(map(len, wanted)) > MAX_CHARACTERS:
        return str(words["too_much"])
    return None if known is None or known.issuperset(wanted) else str(words["unknown"])


def _regions(case: Case, sought: Sought) -> list[Region]:
    regions = []
    for letter, found in zip("ABCDEFGH", sought.found[:MAX_BOXES], strict=False):
        x0, y0, x1, y1 = np.array(found.box).round().astype(int).tolist()
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        mask = np.zeros((case.picture.height, case.picture.width), dtype=bool)
        mask[y0:y1, x0:x1] = True
        share = float(mask.mean())
        label, place = f"{sought.phrase} {letter}", place_words(mask, case.picture)
        peak = ((x0 + x1) // 2, (y0 + y1) // 2)
        regions.append(
            Region(label=label, box=(x0, y0, x1, y1), score=found.score, peak=peak, area_share=share, place=place)
        )
    return regions


def _figure(case: Case, regions: Sequence[Region]) -> np.ndarray:
    pixels = case.picture.pixels
    for region in regions:
        pixels = outlined(pixels, region.box, region.label)
    return pixels


def _statement(sought: Sought, regions: Sequence[Region]) -> str:
    score, absent = numbers(sought.score, sought.absent)
    # Each phrase has a score of its own name, so that the checker can tell them apart.
    measured = f"the {sought.phrase} score is {score}, and things that are not there reach {absent}"
    if not sought.found:
        return f'No "{sought.phrase}" is found: {measured}.'
    first = next(region for region in regions if region.label == f"{sought.phrase} A")
    x0, y0, x1, y1 = first.box
    more = len(sought.found[:MAX_BOXES]) - 1
    others = f", and at {count(more, 'other place')}" if more else ""
    where = f"{', '.join(first.place)}, {x1 - x0} x {y1 - y0} px{others}"
    # What good pictures show as much may well be called wrongly there and here.
    thing = f'"{sought.phrase.capitalize()}"' if sought.unusual else f'What looks like "{sought.phrase}"'
    return f"{thing} is found ({where}): {measured}, {_beside_normal(sought)}."


def _beside_normal(sought: Sought) -> str:
    if sought.usual is None:
        return "but no normal picture is known, so whether it belongs there cannot be told"
    usual = numbers(sought.score, sought.usual)[1]
    finding = "it is unusual" if sought.unusual else "it is nothing unusual"
    return f"and normally it is {usual} at most, so {finding}, {shown_by(sought.normals, 'good picture')}"


def _quantities(sought: Sought) -> tuple[Quantity, ...]:
    normal = None if sought.usual is None else (0.0, sought.usual)
    return (
        Quantity(name=f"{sought.phrase} score", value=sought.score, normal=normal),
        Quantity(name="absent score", value=sought.absent),
        Quantity(name="good pictures", value=sought.normals),
        Quantity(name="other places", value=max(len(sought.found[:MAX_BOXES]) - 1, 0)),
    )
