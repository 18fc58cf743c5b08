import numpy as np
import pytest

from tests.normal import NormalProfile, case_of, texture, with_square
from xad_agent.tools.score import score


def test_anomalous() -> None:
    case = case_of(with_square((40, 20, 52, 32)))
    evidence = score(case)
    assert evidence.verdict == "anomalous"
    assert evidence.quantity("score").value == case.anomaly_map.score
    assert evidence.quantity("score").p_value == pytest.approx(1 / 49)
    assert evidence.statement.startswith("Anomalous: it scores ")
    assert evidence.statement.endswith("; at most 1 in 49 good pictures scores as high.")
    assert evidence.figure is not None


def test_normal() -> None:
    case = case_of(np.full((96, 96, 3), 128, np.uint8))
    evidence = score(case)
    assert evidence.verdict == "normal"
    limit = case.profile.calibration.threshold()
    assert evidence.statement == (
        f"Normal: it scores 0.0, the limit is {limit:.1f}; 100 % of good pictures score at least as high."
    )


def test_the_threshold_itself_is_still_normal() -> None:
    profile = NormalProfile()
    case = case_of(texture(0), profile)
    worst = max(range(12), key=lambda seed: profile.calibration.scores.tolist().count(seed))
    assert score(case_of(texture(worst), profile)).verdict == "normal"
    assert score(case).verdict == "normal"
