"""Tool `previous` over two clips: what it says is not about pictures."""

from tests.crowd import RIDER, case_of, film, scene, walk, walkway
from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Ledger
from xad_agent.tools.clips import score
from xad_agent.tools.previous import previous


def then(first: ClipCase) -> ClipCase:
    """A normal clip in the same conversation."""
    case = ClipCase(film(walk(50)), walkway(), first.ledger)
    case.__dict__["seen"] = walk(50)
    return case


def test_the_clip_before() -> None:
    first = case_of(scene(RIDER))
    before, second = score(first).quantity("score").value, then(first)
    evidence = previous(second)
    assert [evidence.quantity(name).value for name in ("score before", "score")] == [before, second.score]
    assert evidence.statement.startswith("The one before scored ") and evidence.statement.endswith("which is less.")
    assert "picture" not in evidence.statement
    assert check(Claim(text=evidence.statement, kind="compare", evidence=(evidence.id,)), first.ledger) == ()


def test_nothing_before() -> None:
    evidence = previous(ClipCase(film(walk(50)), walkway(), Ledger()))
    assert evidence.kind == "limit" and "picture" not in evidence.statement
