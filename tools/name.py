"""Tool `name`: what a region is called, by CLIP, beside what it says of the same place on normal pictures."""

from dataclasses import dataclass

import numpy as np

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media import Picture, read_picture
from xad_agent.media.figure import side_by_side
from xad_agent.prompts import vocabulary
from xad_agent.tools.limits import limit, no_region
from xad_agent.wording import numbers, shown_by

_SHOWN = 3
_MIN_SHARE = 2.0  # times what every name would get if none fitted better


@dataclass(frozen=True)
class Fit:
    """The name that fits a place best.

    Attributes:
        name: The name.
        score: CLIP's probability of it among all names, 0 to 1.
        usual: The highest that normal places get for it; None where there are none.
        names: How many names there are.
        normals: How many normal places there are.
    """

    name: str
    score: float
    usual: float | None
    names: int
    normals: int

    @property
    def clear(self) -> bool:
        """Whether it fits clearly better than chance, and better than it fits any normal place."""
        return self.score > max(self.usual or 0.0, _MIN_SHARE / self.names)


def name(case: Case, region: int = 1) -> Evidence:
    """The name of a defect, or of the user's own words, that fits a region best and better than normal places.

    Args:
        case: The picture under question.
        region: Which region, counted from 1.
    """
    arguments = {"region": region}
    known = case.measured("name", arguments)
    if known is not None:
        return known
    found = case.region(region)
    if found is None:
        return no_region(case, "name", arguments)
    if case.models.clip is None:
        return limit(case, "name", arguments, vocabulary("limits")["naming"])
    fit = _fit(case, region)
    return case.ledger.add(
        tool="name",
        arguments=arguments,
        statement=_statement(found, fit),
        quantities=_quantities(fit),
        labels={fit.name: fit.score} if fit.clear else {},
        regions=(found,),
        media=case.media,
        figure=side_by_side([(found.label, crop(case, region).pixels), *normal_crops(case, region)[:_SHOWN]]),
    )


def crop(case: Case, region: int) -> Picture:
    """A region with its surroundings."""
    window = case.counterparts.window(region)
    return read_picture(np.ascontiguousarray(window.of(case.counterparts.picture.pixels)), name=f"region {region}")


def normal_crops(case: Case, region: int) -> list[tuple[str, np.ndarray]]:
    """The same place, or the most similar ones, on normal pictures with their names; none without a profile."""
    if case.profile is None:
        return []
    return [(match.name, match.pixels) for match in case.counterparts.matches(region)]


def _fit(case: Case, region: int) -> Fit:
    assert case.models.clip is not None
    names = list(dict.fromkeys([*case.models.words, *vocabulary("defects")]))
    normals = [read_picture(np.ascontiguousarray(pixels), name=called) for called, pixels in normal_crops(case, region)]
    scores = case.models.clip.label_scores([crop(case, region), *normals], names)
    usual = scores[1:].max(axis=0) if normals else np.zeros(len(names))
    best = int((scores[0] - usual).argmax())
    return Fit(names[best], float(scores[0, best]), float(usual[best]) if normals else None, len(names), len(normals))


def _statement(region: Region, fit: Fit) -> str:
    where = f"{region.label} ({region.place[0]})"
    measured = f"among {fit.names} names, CLIP gives it {numbers(fit.score)[0]}"
    if fit.usual is not None:
        score, usual = numbers(fit.score, fit.usual)
        measured = (
            f"among {fit.names} names, CLIP gives it {score}, and normally {usual} at most, "
            f"{shown_by(fit.normals, 'counterpart')}"
        )
    if fit.clear:
        return f'{where.capitalize()} looks like "{fit.name}": {measured}.'
    return f'What {where} is called cannot be told: "{fit.name}" fits best, but {measured}.'


def _quantities(fit: Fit) -> tuple[Quantity, ...]:
    return (
        Quantity(name="name score", value=fit.score, normal=None if fit.usual is None else (0.0, fit.usual)),
        Quantity(name="names", value=fit.names),
        Quantity(name="counterparts", value=fit.normals),
    )
