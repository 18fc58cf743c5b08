"""Tool `normal` for pictures."""

import numpy as np
import pytest

from tests.normal import NormalProfile, case_of, examine, picture, texture
from xad_agent.answer import Claim
from xad_agent.case import Case
from xad_agent.check import check
from xad_agent.evidence import Ledger
from xad_agent.tools.normal import normal


def test_how_many_what_they_score_and_some_of_them() -> None:
    case = case_of(texture(3))
    evidence = normal(case)
    assert evidence.quantity("examples").value == 12
    scores = [examine(picture(texture(seed))).score for seed in range(12)] * 4
    assert evidence.quantity("score").normal == pytest.approx(tuple(np.percentile(scores, [5, 95])))
    assert evidence.statement.startswith(
        "Normal is what looks like those shown, examples of 12 that were learned from."
    )
    assert "set for false alarms of 5 %." in evidence.statement
    assert evidence.figure is not None and normal(case) is evidence
    for true, false in (("of 12", "of 13"), ("of 5 %", "of 1 %"), ("the limit is", "the limit is 2 or")):
        claim = Claim(text=evidence.statement.replace(true, false), kind="compare", evidence=("E1",))
        assert true in evidence.statement and check(claim, case.ledger)


def test_one_normal_picture_is_shown_once() -> None:
    one, many = (normal(case_of(texture(3), NormalProfile([texture(n) for n in range(count)]))) for count in (1, 9))
    assert one.figure is not None and many.figure is not None and many.figure.shape[1] > 3 * one.figure.shape[1]


def test_without_a_profile_it_cannot_be_told() -> None:
    assert normal(Case(picture(texture(3)), None, Ledger())).kind == "limit"
