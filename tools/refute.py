"""Tool `refute`: what was tried to disprove the verdict, and how that came out."""

import numpy as np

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media.scaling import resize
from xad_agent.prompts import vocabulary
from xad_agent.refutation import TRIALS, Refutation
from xad_agent.tools.limits import limit
from xad_agent.tools.repair import repair
from xad_agent.wording import listed, number, numbers

MAX_NAMED = 3


def refute(case: Case) -> Evidence:
    """Whether a change of the whole picture explains its score; below the limit, what its strongest candidate has.

    A place that stands is also held against the same place on good pictures, and repaired.
    """
    known = case.measured("refute", {})
    if known is not None:
        return known
    tried = case.refutation
    if tried is None:
        return limit(case, "refute", {}, "No normal example is known, so no verdict can be put to the test.")
    region = case.candidate
    place = _place(case, region)
    repaired = repair(case) if case.regions else None
    above = case.anomaly_map.score > tried.limit
    words = [
        _outcome(case, tried, region),
        _looks(case, tried) if above else "",
        _differs(place),
        _repaired(repaired),
    ]
    return case.ledger.add(
        tool="refute",
        statement=" ".join(filter(None, words)),
        verdict=tried.verdict,
        quantities=(*_scores(case), *_measured(case, tried), *place, *_after(repaired)),
        regions=case.regions or (region,),
        basis=(repaired.id,) if repaired else (),
        media=case.media,
    )


def _outcome(case: Case, tried: Refutation, region: Region) -> str:
    """What is left of the score in one place."""
    shared, alike = (_beside_limit(tried, name) for name in TRIALS)
    left = f"less what all of the picture shares it scores {shared}"
    alone = f"less what is alike elsewhere in it, it scores {alike}"
    above = case.anomaly_map.score > tried.limit
    if tried.verdict == "anomalous":
        return f"Nothing harmless explains it: {left}; {alone}."
    if above and tried.verdict == "uncertain":
        half, most = numbers(tried.figures["whole"], tried.limit)
        return f"Uncertain: half of it scores {half} or more, the limit is {most}, so it is too much changed to be judged."
    if above:
        return f"Normal after all: {left}; {alone}."
    score, most = numbers(case.anomaly_map.score, tried.limit)
    candidate = f"the strongest candidate, {', '.join(region.place)}, scores {score}, the limit is {most}"
    if tried.verdict == "uncertain":
        return f"Uncertain: {candidate}, but {left}; {alone}."
    return f"Normal still: {candidate}; {left}."


def _beside_limit(tried: Refutation, name: str) -> str:
    value, most = numbers(tried.figures[name], tried.trials[name].threshold())
    return f"{value}, the limit for that is {most}"


def _looks(case: Case, tried: Refutation) -> str:
    """The looks that no good picture has, or that all are as usual."""
    beyond = [name for name in vocabulary("refutation") if _is_beyond(case, tried, name)]
    if not beyond:
        usual = [words["listed"] for words in vocabulary("refutation").values()]
        return f"{listed(usual).capitalize()} are as on good pictures."
    parts = []
    for name in beyond[:MAX_NAMED]:
        quantity = _look(case, tried, name)
        assert quantity.normal is not None
        value, low, high = numbers(quantity.value, *quantity.normal, unit=quantity.unit)
        parts.append(f"The {quantity.name} is {value}, and normally {low} to {high}.")
    return " ".join(parts)


def _is_beyond(case: Case, tried: Refutation, name: str) -> bool:
    assert case.profile is not None
    usual = case.profile.usual[name]
    return not usual[0] <= tried.figures[name] <= usual[-1]


def _look(case: Case, tried: Refutation, name: str) -> Quantity:
    assert case.profile is not None
    words = vocabulary("refutation")[name]
    low, high = np.percentile(case.profile.usual[name], [5, 95])
    return Quantity(name=words["name"], value=tried.figures[name], unit=words["unit"], normal=(float(low), float(high)))


def _differs(place: tuple[Quantity, ...]) -> str:
    if not place:
        return ""
    return f"There it differs from good pictures {number(place[0].value, 'times')} as much as these from each other."


def _repaired(repaired: Evidence | None) -> str:
    if repaired is None or repaired.kind == "limit":
        return ""
    after = repaired.quantity("score after repair").value
    before, now = numbers(repaired.quantity("score").value, after)
    falls = f"falls from {before} to {now}" if after < repaired.quantity("score").value else "does not fall"
    return f"With normal content in its place the score {falls}."


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
    for name, words in zip(TRIALS, ("less what is shared", "less what is alike"), strict=True):
        value, trial = tried.figures[name], tried.trials[name]
        low, high = np.percentile(trial.scores, [5, 95])
        normal = (float(low), float(high))
        found.append(Quantity(name=f"score {words}", value=value, normal=normal, p_value=trial.p_value(value)))
        found.append(Quantity(name=f"threshold {words}", value=trial.threshold()))
    found.append(Quantity(name="score of half the picture", value=tried.figures["whole"]))
    return (*found, *(_look(case, tried, name) for name in vocabulary("refutation")))


def _place(case: Case, region: Region) -> tuple[Quantity, ...]:
    """How far the place is from the same place on the nearest good pictures; nothing where these do not align."""
    contrast = case.normals.contrast
    if contrast is None:
        return ()
    inside = resize(contrast, (case.picture.height, case.picture.width))[region.mask(*case.picture.pixels.shape[:2])]
    return (Quantity(name="difference from good pictures", value=float(inside.max()), unit="times"),)


def _after(repaired: Evidence | None) -> tuple[Quantity, ...]:
    return (repaired.quantity("score after repair"),) if repaired and repaired.kind != "limit" else ()
