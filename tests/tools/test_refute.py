import numpy as np

from tests.normal import case_of, texture, with_square
from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.tools.refute import refute
from xad_agent.tools.score import score


def test_a_defect_stands() -> None:
    case = case_of(with_square((40, 20, 52, 32)))
    evidence = refute(case)
    assert evidence.verdict == "anomalous"
    assert refute(case) is evidence


def test_a_darker_picture_is_no_defect_and_its_score_no_verdict() -> None:
    case = case_of((0.8 * texture(99)).astype(np.uint8))
    bare, evidence = score(case), refute(case)
    assert bare.verdict == "anomalous"
    assert evidence.verdict in {"normal", "uncertain"}, "uncertain where noise peaks at the rim"
    assert "overall brightness" in evidence.statement
    assert check(Claim(text=bare.statement, kind="verdict", evidence=(bare.id,)), case.ledger)


def test_before_normal_the_candidate_is_named() -> None:
    evidence = refute(case_of(np.full((96, 96, 3), 128, np.uint8)))
    assert evidence.verdict == "normal"
    assert evidence.statement.startswith("The strongest candidate left, ")
