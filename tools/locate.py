"""Tool `locate`: where the picture is anomalous."""

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.wording import count, number, numbers


def locate(case: Case) -> Evidence:
    """The regions that stand out, with place and size; where there is none, what comes closest to the limit."""
    calibration = case.profile.calibration if case.profile else None
    quantities = [Quantity(name="score", value=case.anomaly_map.score)]
    if calibration is not None:
        quantities.append(Quantity(name="threshold", value=calibration.threshold()))
    return case.measured("locate", {}) or case.ledger.add(
        tool="locate",
        statement=_statement(case.regions) if case.regions else _nowhere(case),
        quantities=tuple(quantities),
        regions=case.regions,
        media=case.picture.sha256,
        figure=case.overlay,
    )


def _statement(regions: tuple[Region, ...]) -> str:
    if len(regions) == 1:
        return f"One place stands out, {regions[0].label}: {describe(regions[0])}."
    places = " ".join(f"{region.label.capitalize()}: {describe(region)}." for region in regions)
    return f"{count(len(regions), 'place').capitalize()} stand out, the strongest first. {places}"


def describe(region: Region) -> str:
    """The place and size of a region: "upper left, at the rim, 21 x 34 px, 0.3 % of the picture"."""
    x0, y0, x1, y1 = region.box
    return f"{', '.join(region.place)}, {x1 - x0} x {y1 - y0} px, {number(100 * region.area_share, '%')} of the picture"


def _nowhere(case: Case) -> str:
    value = case.anomaly_map.score
    if case.profile is None:
        return "No place stands out from the rest of the picture."
    threshold = case.profile.calibration.threshold()
    printed, limit = numbers(value, threshold)
    place = ", ".join(case.candidate.place)
    if value > threshold:
        return f"No place stands out from the rest of the picture. The strangest place: {place}."
    return f"No place stands out: the score is {printed}, below the limit {limit}. The place nearest to it: {place}."
