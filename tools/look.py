"""Tool `look`: what a vision-language model answers when it is shown a region; an opinion."""

import numpy as np

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity
from xad_agent.media import read_picture
from xad_agent.media.drawing import outlined
from xad_agent.media.figure import side_by_side
from xad_agent.prompts import vocabulary
from xad_agent.tools.limits import limit, no_region
from xad_agent.tools.name import crop, normal_crops
from xad_agent.wording import numbers, with_article


def look(case: Case, region: int = 1, what: str = "") -> Evidence:
    """The model's answer to one closed question, beside its answer of a normal place put in the region's stead.

    It is shown the region, the picture with the region outlined, and the nearest normal place.

    Args:
        case: The picture under question.
        region: Which region, counted from 1.
        what: What it may be ("scratch"), one of prompts/defects.yaml or of the user's words; else any defect is asked
            for.
    """
    may_be = what if what in vocabulary("defects") or what in case.models.words else ""
    arguments = {"region": region, "what": may_be}
    known = case.measured("look", arguments)
    if known is not None:
        return known
    found = case.region(region)
    if found is None:
        return no_region(case, "look", arguments)
    if case.models.vlm is None:
        return limit(case, "look", arguments, vocabulary("models")["look"]["nobody"])
    yes, usual = _asked(case, region, may_be)
    return case.ledger.add(
        tool="look",
        arguments=arguments,
        statement=_statement(found.label, may_be, yes, usual),
        kind="opinion",
        quantities=(Quantity(name="yes", value=yes, normal=None if usual is None else (0.0, usual)),),
        labels={may_be: yes} if may_be and yes > max(usual or 0.0, 0.5) else {},
        regions=(found,),
        media=case.media,
        figure=side_by_side([(found.label, crop(case, region).pixels), *normal_crops(case, region)[:1]]),
    )


def _asked(case: Case, region: int, what: str) -> tuple[float, float | None]:
    """The probability of yes, and of yes with a normal place in the region's stead; None without one."""
    words = vocabulary("models")["look"]
    asked = words["named"].format(what=with_article(what)) if what else words["any"]
    whole, normals = case.counterparts.picture, normal_crops(case, region)
    marked = outlined(whole.pixels, case.counterparts.window(region).box, f"region {region}")
    context = [read_picture(marked, name="whole")]
    context += [read_picture(np.ascontiguousarray(pixels), name=called) for called, pixels in normals[:1]]
    question = f"{words['shown_beside' if normals else 'shown']} {asked}"
    assert case.models.vlm is not None

    def yes(place: np.ndarray) -> float:
        shown = [read_picture(np.ascontiguousarray(place), name="place"), *context]
        return float(case.models.vlm.ask(shown, question, words["options"])[words["options"][0]])  # type: ignore[union-attr]

    return yes(crop(case, region).pixels), yes(normals[-1][1]) if normals else None


def _statement(label: str, what: str, yes: float, usual: float | None) -> str:
    thing = f'a defect of the kind "{what}"' if what else "a defect"
    printed, beside = numbers(yes), ""
    if usual is not None:
        printed = numbers(yes, usual)
        beside = f", and normally {printed[1]}"
    answer = "yes" if yes > max(usual or 0.0, 0.5) else "no clear yes"
    return (
        f"In the opinion of a vision-language model, asked whether {label} shows {thing}, the answer is {answer}: "
        f"its probability of yes is {printed[0]}{beside}."
    )
