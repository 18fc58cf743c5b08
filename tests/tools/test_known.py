"""Tool `known`: a knowledge file is quoted, cited, and bears nothing by itself."""

from tests.normal import case_of, with_square
from xad_agent.check import check
from xad_agent.draft import statement_claims
from xad_agent.evidence import Quantity
from xad_agent.knowledge import Knowledge, Passage, add_knowledge
from xad_agent.tools.known import known

KNOWLEDGE = Knowledge(
    thing="screw",
    passages=(
        Passage(kind="good", text="The shaft is smooth"),
        Passage(kind="scratch neck", text="The neck shows a bright scratch"),
    ),
)


def asked_case():
    case = case_of(with_square((40, 20, 52, 32)))
    add_knowledge(case.ledger, KNOWLEDGE)
    return case


def test_without_a_file_it_says_so_once() -> None:
    case = case_of(with_square((40, 20, 52, 32)))
    evidence = known(case, "scratch")
    assert (evidence.kind, evidence.verdict) == ("limit", None)
    assert known(case, "scratch neck") is evidence


def test_a_region_without_a_name_is_none_of_the_kinds(monkeypatch) -> None:
    monkeypatch.setattr(Knowledge, "nearest", lambda self, text: self.passages[1])
    case = asked_case()
    evidence = known(case, "a scratch")
    assert (evidence.kind, evidence.verdict) == ("knowledge", None)
    assert 'Of "scratch neck" the knowledge file says: "The neck shows a bright scratch"' in evidence.statement
    assert "region 1" in evidence.statement and "cannot tell" in evidence.statement
    assert evidence.basis == (case.ledger["E1"].id,)
    assert known(case, "a scratch") is evidence
    (claim,) = statement_claims([evidence])
    assert check(claim, case.ledger) == ()


def test_a_named_region_is_told_the_nearest_passage(monkeypatch) -> None:
    monkeypatch.setattr(Knowledge, "nearest", lambda self, text: self.passages[1])
    case = asked_case()
    named = case.ledger.add(
        tool="name",
        statement="Region 1 is called scratch (0.80).",
        quantities=(Quantity(name="name score", value=0.8),),
        labels={"scratch": 0.8},
        regions=case.regions[:1],
        media=case.media,
    )
    evidence = known(case)
    assert "Region 1 is called scratch (0.8)" in evidence.statement and "scratch neck" in evidence.statement
    assert named.id in evidence.basis
    (claim,) = statement_claims([evidence])
    assert check(claim, case.ledger) == ()
