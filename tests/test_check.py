"""The claim checker against hand-made evidence: each row says why it must hold or fail."""

import pytest

from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.evidence import Ledger, Quantity, Region


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.add(
        tool="score",
        statement="Anomalous: it scores 7.9, above the limit of 4.2. At most 1 in 321 good pictures scores as high.",
        verdict="anomalous",
        quantities=(
            Quantity(name="score", value=7.912, normal=(2.1, 4.0), p_value=1 / 321),
            Quantity(name="threshold", value=4.203),
            Quantity(name="alpha", value=0.01),
        ),
        media="a",
    )
    first = Region(
        label="region 1",
        box=(10, 20, 31, 54),
        score=7.912,
        peak=(20, 30),
        area_share=0.003,
        place=("upper left", "at the rim"),
    )
    second = Region(
        label="region 2", box=(90, 80, 99, 99), score=5.0, peak=(95, 90), area_share=0.001, place=("lower right",)
    )
    ledger.add(
        tool="locate",
        statement="Two places stand out. Region 1 is at the upper left, at the rim: 21 x 34 px, 0.3 % of the picture. "
        "Region 2 is at the lower right: 9 x 19 px, 0.1 % of the picture.",
        regions=(first, second),
        media="a",
    )
    ledger.add(
        tool="measure",
        statement="Region 1 is darker than normal there (-3.1 sigma) and has more contrast (+2.4 sigma).",
        quantities=(
            Quantity(name="brightness", value=-3.12, unit="sigma", normal=(-1.6, 1.7), p_value=0.04),
            Quantity(name="contrast", value=2.41, unit="sigma", normal=(-1.5, 1.5), p_value=0.04),
        ),
        regions=(first,),
        media="a",
    )
    ledger.add(
        tool="repair",
        statement="With region 1 replaced by normal content the score falls from 7.9 to 3.1, below the limit of 4.2.",
        quantities=(
            Quantity(name="score", value=7.912),
            Quantity(name="score after repair", value=3.08),
            Quantity(name="threshold", value=4.203),
        ),
        regions=(first,),
        media="a",
    )
    ledger.add(
        tool="cannot_tell",
        statement="No model that names defects is loaded, so I cannot say what it is called.",
        kind="limit",
        media="a",
    )
    return ledger


def reasons(ledger: Ledger, text: str, *ids: str, kind: str = "what") -> tuple[str, ...]:
    return check(Claim(text=text, kind=kind, evidence=ids), ledger)


HOLDS = [
    ("Anomalous: it scores 7.9, above the limit of 4.2.", ["E1"]),
    ("The score is 7.91.", ["E1"]),  # finer precision than printed, still the measured value
    ("The score is 8.", ["E1"]),  # coarser
    ("It is anomalous.", ["E1"]),
    ("It is not normal.", ["E1"]),
    ("The part is defective, because it scores 7.9 and the limit is 4.2.", ["E1"]),
    ("The score of 7.9 exceeds the threshold.", ["E1"]),  # the limit itself is looked up
    ("Fewer than 1 in 320 good pictures score as high.", ["E1"]),  # 1 in 321 is fewer
    ("Two regions stand out.", ["E2"]),
    ("Region 1 is at the top left and covers 0.3 % of the picture.", ["E2"]),  # top is upper
    ("Region 2 is at the lower right.", ["E2"]),
    ("It is darker by 3.1 sigma.", ["E3"]),  # the word carries the sign
    ("The brightness is outside the normal range.", ["E3"]),
    ("The score falls from 7.9 to 3.1.", ["E4"]),
    ("The score drops to 3.1, below the threshold of 4.2.", ["E4"]),
    ("I cannot say what it is called.", ["E5"]),
    ("Anomalous: it scores 7.9 [E1].", ["E1"]),  # citations in the text are no numbers
]

FAILS = [
    ("", ["E1"], "says nothing"),
    ("It is anomalous.", [], "cites no evidence"),
    ("It is anomalous.", ["E9"], "E9"),
    ("It scores 8.9, above the limit of 4.2.", ["E1"], "8.9"),
    ("It scores 4.2, the limit is 7.9.", ["E1"], "4.2"),  # the right numbers, the wrong way round
    ("It scores 7.9, below the limit of 4.2.", ["E1"], "not below"),
    ("The score of 7.9 is less than the threshold.", ["E1"], "not below"),
    ("It is normal.", ["E1"], "normal"),
    ("It is not anomalous.", ["E1"], "normal"),
    ("Normal: it scores 7.9.", ["E1"], "normal"),
    ("Fewer than 1 in 1000 good pictures score as high.", ["E1"], "1"),
    ("Three regions stand out.", ["E2"], "three"),
    ("Region 1 is at the lower left.", ["E2"], "lower"),
    ("Region 1 is at the lower right.", ["E2"], "lower"),  # that is region 2
    ("Region 1 covers 0.1 % of the picture.", ["E2"], "0.1"),  # that is region 2
    ("Region 3 stands out.", ["E2"], "3"),
    ("It is brighter by 3.1 sigma.", ["E3"], "brighter"),
    ("It is darker (+3.1 sigma).", ["E3"], "3.1"),
    ("It is darker by 3.1 %.", ["E3"], "3.1"),  # the unit is part of the claim
    ("The brightness is normal.", ["E3"], "brightness"),
    ("The score rises from 7.9 to 3.1.", ["E4"], "rises"),
    ("The score falls from 3.1 to 7.9.", ["E4"], "falls"),
    ("It is darker by 3.1 sigma.", ["E4"], "darker"),  # swapped evidence
    ("It is a scratch.", ["E3"], "scratch"),
    ("It was caused by a worn tool.", ["E1"], "caused"),
    ("There is a bicycle at the upper left.", ["E2"], "bicycle"),
    ("I can say what it is called.", ["E5"], "denial"),
    ("C'est une anomalie.", ["E1"], "anomalie"),
    ("<script>alert(1)</script>", ["E1"], "script"),
    ("It is anomalous. " * 60, ["E1"], "longer"),
]


@pytest.mark.parametrize(("text", "ids"), HOLDS)
def test_true_claim_holds(ledger, text, ids):
    assert reasons(ledger, text, *ids) == ()


@pytest.mark.parametrize(("text", "ids", "part"), FAILS)
def test_false_claim_fails_and_says_why(ledger, text, ids, part):
    found = reasons(ledger, text, *ids)
    assert found and part in " ".join(found)


def test_statements_bear_themselves(ledger):
    for entry in ledger:
        assert reasons(ledger, entry.statement, entry.id) == ()


def test_verdict_is_recomputed_from_the_numbers_not_read_off():
    lying = Ledger()
    lying.add(
        tool="score",
        statement="Normal: it scores 7.9.",
        verdict="normal",
        quantities=(
            Quantity(name="score", value=7.9, p_value=0.003),
            Quantity(name="threshold", value=4.2),
            Quantity(name="alpha", value=0.01),
        ),
    )
    assert reasons(lying, "It is normal.", "E1")


def test_verdict_kind_needs_evidence_of_a_verdict(ledger):
    assert reasons(ledger, "Region 1 stands out.", "E2", kind="verdict")
