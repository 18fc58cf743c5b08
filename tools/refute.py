"""Tool `refute`: what was tried to disprove the verdict, and how that came out."""

import numpy as np

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity
from xad_agent.media.scaling import resize
from xad_agent.prompts import vocabulary
from xad_agent.refutation import TRIALS, Refutation
from xad_agent.tools.repair import repair
from xad_agent.wording import listed, number, numbers

MAX_NAMED = 3
_LESS = {"rest": "less what all of the picture shares", "elsewhere": "less what is alike elsewhere in it,"}


def refute(case: Case) -> Evidence:
    """Whether a change of the whole picture explains its score; below the limit, what its strongest candidate has.

    A place that stands is also held against the same place on good pictures, and repaired; what the repair comes to is
    for that tool to say.
    """
    known = case.measured("refute", {})
    if known is not None:
        return known
    tried = case.refutation
    if tried is None:
        statement = "Uncertain: no normal example is known, so there is no verdict to be put to the test."
        return case.ledger.add(tool="refute", statement=statement, kind="limit", verdict="uncertain", media=case.media)
    region = case.candidate
    place = difference(case, region.mask(case.picture.height, case.picture.width))
    repaired = repair(case) if case.regions else None
    above = case.anomaly_map.score > tried.limit
    words = [_explained(case, tried) if above else _candidate(case, tried), differs(place)]
    return case.ledger.add(
        tool="refute",
        statement=" ".join(filter(None, words)),
        verdict=tried.verdict,
        quantities=(*_scores(case), *_measured(case, tried), *place, *_after(repaired)),
        regions=case.regions or (region,),
        basis=(repaired.id,) if repaired else (),
        media=case.media,
    )


def _explained(case: Case, tried: Refutation) -> str:
    """Whether there is a cause, and whether what it cannot explain is left in one place."""
    if not tried.causes:
        usual = listed([words["listed"] for words in vocabulary("refutation").values()])
        return f"Nothing harmless explains it: {usual} are as on good pictures."
    causes = " ".join(_cause(case, tried, name) for name in tried.causes[:MAX_NAMED])
    if tried.verdict == "anomalous":
        return f"{causes} That does not explain it: {'; '.join(_beside(tried, name) for name in TRIALS)}."
    if tried.verdict == "uncertain":
        half, most = numbers(tried.figures["whole"], tried.limit)
        changed = f"half of it scores {half} or more, the limit is {most}, so it is too much changed to be judged"
        return f"Uncertain: {changed}. {causes}"
    left = "; ".join(_beside(tried, name) for name in TRIALS if not tried.exceeds(name))
    return f"Normal after all: {left}. {causes} That explains the rest."


def _candidate(case: Case, tried: Refutation) -> str:
    """What comes closest to the limit, and whether it is an exception in its picture."""
    place = ", ".join(case.candidate.place)
    if tried.verdict == "normal":
        usual = next(_beside(tried, name) for name in TRIALS if not tried.exceeds(name))
        return f"The strongest candidate, {place}, is no exception either: {usual}."
    score, most = numbers(case.anomaly_map.score, tried.limit)
    left = "; ".join(_beside(tried, name) for name in TRIALS)
    return f"Uncertain: the strongest candidate, {place}, scores {score}, the limit is {most}; but {left}."


def _beside(tried: Refutation, name: str) -> str:
    value, most = numbers(tried.figures[name], tried.trials[name].threshold())
    return f"{_LESS[name]} it scores {value}, the limit for that is {most}"


def _cause(case: Case, tried: Refutation, name: str) -> str:
    quantity = _look(case, tried, name)
    assert quantity.normal is not None
    value, low, high = numbers(quantity.value, *quantity.normal, unit=quantity.unit)
    return f"The {quantity.name} is {value}, and normally {low} to {high}."


def _look(case: Case, tried: Refutation, name: str) -> Quantity:
    assert case.profile is not None
    words = vocabulary("refutation")[name]
    normal = _normal(case.profile.usual[name])
    return Quantity(name=words["name"], value=tried.figures[name], unit=words["unit"], normal=normal)


def _normal(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, [5, 95])
    return float(low), float(high)


def differs(place: tuple[Quantity, ...]) -> str:
    """What `difference` found, as a sentence; "" where that is nothing."""
    if not place:
        return ""
    return f"There it differs from good pictures {number(place[0].value, 'times')} as much as these from each other."


def _scores(case: Case) -> tuple[Quantity, ...]:
    assert case.profile is not None
    calibration, value = case.profile.calibration, case.anomaly_map.score
    return (
        Quantity(name="score", value=value, p_value=calibration.p_value(value)),
        Quantity(name="threshold", value=calibration.threshold()),
    )


def _measured(case: Case, tried: Refutation) -> tuple[Quantity, ...]:
    """Every trial with its limit, and every look beside that of good pictures."""
    found = []
    for name, trial in tried.trials.items():
        value, normal = tried.figures[name], _normal(trial.scores)
        less = f"less {name}"
        found.append(Quantity(name=f"score {less}", value=value, normal=normal, p_value=trial.p_value(value)))
        found.append(Quantity(name=f"threshold {less}", value=trial.threshold()))
    found.append(Quantity(name="score of half the picture", value=tried.figures["whole"]))
    return (*found, *(_look(case, tried, name) for name in vocabulary("refutation")))


def difference(case: Case, mask: np.ndarray) -> tuple[Quantity, ...]:
    """How far a place (H, W) is from the same place on the nearest good pictures; nothing where these do not align."""
    contrast = case.normals.contrast
    if contrast is None:
        return ()
    inside = resize(contrast, (case.picture.height, case.picture.width))[mask]
    return (Quantity(name="difference from good pictures", value=float(inside.max()), unit="times"),)


def _after(repaired: Evidence | None) -> tuple[Quantity, ...]:
    return (repaired.quantity("score after repair"),) if repaired and repaired.kind != "limit" else ()
