"""The two adversarial suites on the small noise world; `xad eval checker` runs them on real pictures."""

import random

import pytest

from tests.normal import case_of, texture, with_square
from xad_agent.answer import Claim
from xad_agent.eval.checker import as_text, evaluate_checker, falsified, true_claims
from xad_agent.evidence import Ledger
from xad_agent.tools import TOOLS


@pytest.fixture(scope="module")
def ledgers():
    cases = [case_of(with_square((10, 20, 40, 30))), case_of(texture(7))]
    for case in cases:
        for name in ("score", "locate", "measure", "compare", "repair", "cannot_tell"):
            TOOLS[name](case)
    return [case.ledger for case in cases]


def test_true_claims_pass_and_falsified_ones_are_caught(ledgers):
    result = evaluate_checker(ledgers)
    assert result == evaluate_checker(ledgers)
    assert result["true_passed"]["n"] >= 40 and result["falsified_caught"]["n"] >= 300
    assert result["true_passed"]["value"] >= 0.98, result["wrong"]
    assert result["falsified_caught"]["value"] >= 0.99, result["wrong"]
    assert set(result["by_kind"]) >= {"number", "comparison", "verdict", "id", "label", "place", "swapped evidence"}
    assert "falsified claims caught" in as_text(result)


def test_a_falsified_claim_differs_from_the_true_one(ledgers):
    for ledger in ledgers:
        for entry in ledger:
            for claim in true_claims(entry):
                for kind, false in falsified(claim, ledger, random.Random(0)):
                    assert false != claim, kind


def test_numbers_with_commas_are_swapped_and_equal_ones_are_not():
    ledger = Ledger()
    ledger.add(tool="score", statement="It scores 2.")

    def swapped(text):
        claim = Claim(text=text, kind="what", evidence=("E1",))
        return [false.text for kind, false in falsified(claim, ledger, random.Random(0)) if kind == "swapped numbers"]

    assert swapped("It is 1,001, the limit 3.") == ["It is 3 the limit 1,001,."]
    assert swapped("It is 1.0 in 1 case.") == []
