"""Tool `find`: whether things are in the picture, by their names, and where."""

from collections.abc import Sequence

import numpy as np

from xad_agent.case import Case
from xad_agent.errors import XadError
from xad_agent.evidence import Evidence, Region
from xad_agent.places import place_words
from xad_agent.prompts import vocabulary
from xad_agent.seeking import Sought, seek
from xad_agent.tools.limits import limit
from xad_agent.tools.sought import Wording, cleaned, drawn, lettered, problem, quantities, statement

_NORMALS = 8
_WORDING = Wording(looked="", normal="good picture", normals="good pictures", unknown="normal picture")


def find(case: Case, phrases: Sequence[str]) -> Evidence:
    """The boxes of what each phrase names, its score beside absent things' and its own on normal pictures.

    Args:
        case: The picture under question.
        phrases: Names of things, at most `MAX_PHRASES` of at most `MAX_CHARACTERS`; a "limit" says so otherwise.
    """
    wanted = cleaned(phrases)
    arguments = {"phrases": wanted}
    known = case.measured("find", arguments)
    if known is not None:
        return known
    finder = case.models.finder
    if (reason := problem(wanted, finder)) is not None:
        return limit(case, "find", arguments, reason)
    normals = case.good(_NORMALS)
    try:
        sought = seek(wanted, case.picture, finder, normals)
    except XadError:  # its tokenizer knows nothing of a word
        return limit(case, "find", arguments, vocabulary("models")["finding"]["unknown"])
    found = [(one, _regions(case, one)) for one in sought]
    regions = tuple(region for _, own in found for region in own)
    return case.ledger.add(
        tool="find",
        arguments=arguments,
        statement=" ".join(statement(one, own, _WORDING) for one, own in found),
        quantities=tuple(quantity for one, own in found for quantity in quantities(one, own, _WORDING)),
        labels={one.phrase: one.score for one in sought if one.found},
        regions=regions,
        media=case.media,
        figure=drawn(case.picture.pixels, regions) if regions else None,
    )


def _regions(case: Case, sought: Sought) -> list[Region]:
    regions = []
    for label, found in lettered(sought):
        x0, y0, x1, y1 = np.array(found.box).round().astype(int).tolist()
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        mask = np.zeros((case.picture.height, case.picture.width), dtype=bool)
        mask[y0:y1, x0:x1] = True
        share = float(mask.mean())
        peak = ((x0 + x1) // 2, (y0 + y1) // 2)
        place = place_words(mask, case.picture)
        regions.append(
            Region(label=label, box=(x0, y0, x1, y1), score=found.score, peak=peak, area_share=share, place=place)
        )
    return regions
