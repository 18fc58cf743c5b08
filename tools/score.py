"""Tool `score`: how anomalous the whole picture is."""

import numpy as np

from xad_agent.answer import Verdict
from xad_agent.calibration import Calibration
from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity
from xad_agent.prompts import vocabulary
from xad_agent.wording import number, numbers


def score(case: Case) -> Evidence:
    """The picture's score beside its limit, with the share of normal pictures that score as high, and the verdict.

    The verdict is the one that is left after what would disprove it was tried; where that is another than the score's
    alone, the statement gives none, and `refute` says why.
    """
    known = case.measured("score", {})
    if known is not None:
        return known
    if case.profile is None or case.refutation is None:
        return _uncalibrated(case)
    calibration, verdict = case.profile.calibration, case.refutation.verdict
    value, limit = case.anomaly_map.score, calibration.threshold()
    decides = verdict == ("anomalous" if value > limit else "normal")
    return case.ledger.add(
        tool="score",
        statement=_statement(value, limit, calibration, verdict if decides else None),
        verdict=verdict,
        quantities=(
            Quantity(name="score", value=value, normal=_normal_range(calibration), p_value=calibration.p_value(value)),
            Quantity(name="threshold", value=limit),
            *([Quantity(name="alpha", value=calibration.alpha)] if decides else []),  # of a verdict by the score alone
            Quantity(name="normal pictures", value=calibration.n),
        ),
        media=case.picture.sha256,
        figure=case.overlay,
    )


def _statement(value: float, limit: float, calibration: Calibration, verdict: Verdict | None) -> str:
    printed, printed_limit = numbers(value, limit)
    p_value = calibration.p_value(value)
    share = f"{number(100 * p_value, '%')} of good pictures score at least as high"
    if p_value * (calibration.n + 1) < 1.5:
        share = f"at most 1 in {calibration.n + 1:,} good pictures scores as high"
    measured = f"it scores {printed}, the limit is {printed_limit}; {share}"
    return f"{verdict.capitalize()}: {measured}." if verdict else f"By itself {measured}."


def _normal_range(calibration: Calibration) -> tuple[float, float]:
    low, high = np.percentile(calibration.scores, [5, 95])
    return float(low), float(high)


def _uncalibrated(case: Case) -> Evidence:
    value, words = case.anomaly_map.score, vocabulary("models")["score"]
    said = words.get(case.anomaly_map.detector, words["other"]).format(score=number(value))
    return case.ledger.add(
        tool="score",
        statement=f"Uncertain: no normal example is known, so there is no limit to judge by. {said}",
        verdict="uncertain",
        quantities=(Quantity(name="score", value=value),),
        media=case.picture.sha256,
        figure=case.overlay,
    )
