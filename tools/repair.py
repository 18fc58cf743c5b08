"""Tool `repair`: the counterfactual, what the score would be if the anomalous places were normal."""

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity
from xad_agent.media.figure import side_by_side
from xad_agent.tools.limits import limit, no_region
from xad_agent.wording import count, numbers


def repair(case: Case, region: int | None = None) -> Evidence:
    """Replace a region by matched content of normal pictures and score the picture again.

    Args:
        case: The picture under question.
        region: Which region, counted from 1; None for all of them together.
    """
    arguments = {"region": region}
    known = case.measured("repair", arguments)
    if known is not None:
        return known
    if case.profile is None:
        statement = "No normal example is known, so there is nothing to repair it with."
        return limit(case, "repair", arguments, statement)
    chosen = range(1, len(case.regions) + 1) if region is None else [region]
    if not case.regions or case.region(chosen[0]) is None:
        return no_region(case, "repair", arguments)
    threshold = case.profile.calibration.threshold()
    made = case.repaired(chosen)
    if made is None:
        statement = "No normal picture has a place that would fit there, so it cannot be repaired."
        return limit(case, "repair", arguments, statement)
    before = case.anomaly_map.score
    return case.ledger.add(
        tool="repair",
        arguments=arguments,
        statement=_statement(case, list(chosen), before, made.score, threshold),
        quantities=(
            Quantity(name="score", value=before, p_value=case.profile.calibration.p_value(before)),
            Quantity(name="score after repair", value=made.score, p_value=case.profile.calibration.p_value(made.score)),
            Quantity(name="threshold", value=threshold),
            Quantity(name="tries", value=made.tries),
        ),
        regions=tuple(case.regions[number - 1] for number in chosen),
        media=case.picture.sha256,
        figure=side_by_side([(case.picture.name, case.picture.pixels), ("repaired", made.picture.pixels)]),
    )


def _statement(case: Case, chosen: list[int], before: float, after: float, threshold: float) -> str:
    was, now, limit_ = numbers(before, after, threshold)
    every = len(chosen) == len(case.regions)
    what = f"region {chosen[0]}" if len(chosen) == 1 else f"the {count(len(chosen), 'region')}"
    replaced = f"With {what} replaced by normal content, the score"
    if after >= before:
        return f"{replaced} does not fall, so the reason lies elsewhere."
    if after <= threshold:
        rest = "nothing else in the picture is out of the ordinary" if every else "that place alone decides the verdict"
        return f"{replaced} falls from {was} to {now}, below the limit {limit_}, so {rest}."
    rest = "the rest of the picture is unusual too" if every else "that place is not the only reason"
    return f"{replaced} falls from {was} only to {now}, still above the limit {limit_}, so {rest}."
