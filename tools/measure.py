"""Tool `measure`: what differs at a region, compared with the matching place of normal pictures."""

import numpy as np

from xad_agent.attributes import contrast_with, elongation, is_unusual, measure_patch
from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media.figure import side_by_side
from xad_agent.prompts import vocabulary
from xad_agent.tools.limits import no_region
from xad_agent.wording import count, listed, number

MAX_NAMED = 3
_MIN_MATCHES = 5


def measure(case: Case, region: int = 1) -> Evidence:
    """Brightness, contrast, texture, edges, colour, size and shape of a region beside what is normal there.

    Args:
        case: The picture under question.
        region: Which region, counted from 1.
    """
    arguments = {"region": region}
    known = case.measured("measure", arguments)
    if known is not None:
        return known
    found = case.region(region)
    if found is None:
        return no_region(case, "measure", arguments)
    contrast, shape = _contrast(case, region), _shape(case, found)
    return case.ledger.add(
        tool="measure",
        arguments=arguments,
        statement=f"{_difference(case, found, contrast)} {_shape_words(shape)}",
        quantities=(*contrast, *shape, _compared(case, region)),
        regions=(found,),
        media=case.picture.sha256,
        figure=_figure(case, region),
    )


def _contrast(case: Case, number_: int) -> list[Quantity]:
    """The attributes against those of the counterparts; empty where these are too few to call anything normal."""
    window, matches = case.counterparts.window(number_), case.counterparts.matches(number_)
    if len(matches) < _MIN_MATCHES:
        return []
    patch = measure_patch(window.of(case.counterparts.picture.pixels), window.mask, window.ring)
    return contrast_with(patch, [measure_patch(match.pixels, window.mask, window.ring) for match in matches])


def _difference(case: Case, region: Region, contrast: list[Quantity]) -> str:
    where = f"{region.label} ({region.place[0]})"
    if not contrast:
        return f"{where.capitalize()} has too few counterparts to compare with."
    unusual = sorted(filter(is_unusual, contrast), key=lambda quantity: -abs(quantity.value))
    sigmas = [_sigma_words(quantity) for quantity in unusual if quantity.unit == "sigma"][:MAX_NAMED]
    turned = [_turn_words(quantity) for quantity in unusual if quantity.unit == "degrees"]
    words = ([f"is {listed(sigmas)}"] if sigmas else []) + turned
    if not words:
        words = ["is unusual in its structure only; no simple attribute is out of range"]
    return f"{_against(case, region)}, {where} {', and '.join(words)}."


def _against(case: Case, region: Region) -> str:
    matches = case.counterparts.matches(case.regions.index(region) + 1)
    if case.profile is None:
        return f"Against {count(len(matches), 'other place')} of the same picture"
    same = "the same place" if matches[0].aligned else "the most similar places"
    return f"Against {same} on {count(len({match.exemplar for match in matches}), 'good picture')}"


def _sigma_words(quantity: Quantity) -> str:
    word = vocabulary("attributes")[quantity.name]["more" if quantity.value > 0 else "less"][0]
    return f"{word} ({number(quantity.value, 'sigma')})"


def _turn_words(quantity: Quantity) -> str:
    assert quantity.normal is not None
    off = vocabulary("attributes")[quantity.name]["more"][0]
    up_to = number(quantity.normal[1], "degrees")
    return f"has edges that run {number(quantity.value, 'degrees')} {off}, normally {up_to} at most"


def _compared(case: Case, number_: int) -> Quantity:
    matches = case.counterparts.matches(number_)
    if case.profile is None:
        return Quantity(name="other places", value=len(matches))
    return Quantity(name="good pictures", value=len({match.exemplar for match in matches}))


def _shape(case: Case, region: Region) -> tuple[Quantity, ...]:
    x0, y0, x1, y1 = region.box
    mask = region.mask(case.picture.height, case.picture.width)
    return (
        Quantity(name="elongation", value=elongation(mask), unit="times"),
        Quantity(name="width", value=x1 - x0, unit="px"),
        Quantity(name="height", value=y1 - y0, unit="px"),
        Quantity(name="area share", value=100 * region.area_share, unit="%"),
    )


def _shape_words(shape: tuple[Quantity, ...]) -> str:
    long = shape[0].value
    word = next(word for word, least in vocabulary("shapes").items() if long >= least)
    return f"Its shape is {word}: {number(long, 'times')} as long as wide."


def _figure(case: Case, number_: int) -> np.ndarray:
    """The place beside its closest counterparts."""
    window = case.counterparts.window(number_)
    panels = [(f"region {number_}", window.of(case.counterparts.picture.pixels))]
    panels += [(match.name, match.pixels) for match in case.counterparts.matches(number_)[:3]]
    return side_by_side(panels)
