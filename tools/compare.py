"""Tool `compare`: a region beside the normal places nearest to it, and the picture beside the nearest normal one."""

import numpy as np

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media.figure import side_by_side
from xad_agent.tools.limits import limit, no_region
from xad_agent.wording import numbers, side


def compare(case: Case, region: int = 1) -> Evidence:
    """Show a region beside its normal counterparts, with its distance from normal beside what is usual.

    Where nothing stands out, the whole picture is shown beside the nearest normal one.

    Args:
        case: The picture under question.
        region: Which region, counted from 1.
    """
    arguments = {"region": region}
    known = case.measured("compare", arguments)
    if known is not None:
        return known
    if case.profile is None:
        return limit(case, "compare", arguments, "No normal example is known, so there is nothing to compare it with.")
    found = case.region(region)
    if found is None and case.regions:
        return no_region(case, "compare", arguments)
    statement, quantities = _whole(case) if found is None else _distance(case, found)
    return case.ledger.add(
        tool="compare",
        arguments=arguments,
        statement=statement,
        quantities=quantities,
        regions=(found,) if found else (),
        media=case.picture.sha256,
        figure=_figure(case, found),
    )


def _distance(case: Case, region: Region) -> tuple[str, tuple[Quantity, ...]]:
    assert case.profile is not None
    level = case.profile.calibration.level
    value, usual = numbers(region.score, level)
    statement = (
        f"{region.label.capitalize()} ({region.place[0]}): its distance to the nearest normal place is {value}; "
        f"good pictures mostly stay below {usual}. The nearest normal picture is shown beside it."
    )
    return statement, (Quantity(name="distance", value=region.score, normal=(0.0, level)),)


def _whole(case: Case) -> tuple[str, tuple[Quantity, ...]]:
    assert case.profile is not None
    score, threshold = case.anomaly_map.score, case.profile.calibration.threshold()
    value, limit_ = numbers(score, threshold)
    statement = (
        "No place stands out from the nearest normal picture, which is shown beside it: "
        f"the score is {value}, {side(score, threshold)} the limit {limit_}."
    )
    return statement, (Quantity(name="score", value=score), Quantity(name="threshold", value=threshold))


def _figure(case: Case, region: Region | None) -> np.ndarray:
    """The two pictures, then the region's window beside its closest counterparts."""
    counterparts = case.counterparts
    nearest = next(iter(case.normals.nearest.values()))
    panels = [(case.picture.name, counterparts.picture.pixels), (nearest.name, nearest.pixels)]
    if region is not None:
        number = case.regions.index(region) + 1
        panels.append((region.label, counterparts.window(number).of(counterparts.picture.pixels)))
        panels += [(match.name, match.pixels) for match in counterparts.matches(number)[:2]]
    return side_by_side(panels)
