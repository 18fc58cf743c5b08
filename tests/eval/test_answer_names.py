"""What answers name: by evidence and the table of synonyms, never by the words of the text."""

import pytest

from xad_agent.answer import Answer, Claim
from xad_agent.eval.answer_names import Names, names_said
from xad_agent.evidence import Evidence


def answer(labels: dict[str, float], kind: str = "what", evidence: str = "observation") -> Answer:
    """An answer whose one claim cites a name."""
    entry = Evidence(id="E1", tool="name", statement="It looks like that.", labels=labels, kind=evidence)
    other = Evidence(id="E2", tool="name", statement="Not cited.", labels={"dent": 1.0})
    claim = Claim(text="It is a scratch, a crack and a dent.", kind=kind, evidence=("E1",))
    return Answer(question="?", verdict="anomalous", text="", claims=(claim,), evidence=(entry, other))


def test_types_of_folders_are_classes_by_the_table_or_by_their_own_name() -> None:
    names = Names.of_types(["scratch_head", "blowhole", "uneven", "thread_side"])
    found = {kind: names.true_of(kind) for kind in ("scratch_head", "blowhole", "uneven", "thread_side")}
    assert found == {"scratch_head": ["scratch"], "blowhole": ["hole"], "uneven": ["uneven"],
                     "thread_side": ["thread side"]}  # fmt: skip


def test_the_surest_name_counts_and_strange_ones_are_listed() -> None:
    names = Names.of_types(["scratch_head", "uneven"])
    said = answer({"Scraped": 0.4, "crack": 0.3, "unicorn": 0.9})
    judged = names.judged(said, ["scratch"])
    assert (judged["names"], judged["unmapped"]) == (["scratch", "crack"], ["unicorn"])
    assert (judged["named"], judged["name_right"], judged["name_hits"]) == (True, True, 1)
    assert not names.judged(said, ["crack"])["name_right"] and names.judged(said, ["crack"])["name_hits"] == 1
    assert names.judged(said, [])["named"] and not names.judged(said, [])["name_right"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer({}), "the text alone names nothing"),
        (answer({"scratch": 1.0}, kind="cannot-tell"), "a limit is no name"),
        (answer({"scratch": 1.0}, evidence="limit"), "nor is evidence of one"),
        (answer({"scratch": 1.0}, evidence="knowledge"), "nor what a file says"),
    ],
)
def test_what_is_no_name(said: Answer, why: str) -> None:
    assert names_said(said) == {}, why
    judged = Names.of_types(["scratch"]).judged(said, ["scratch"])
    assert not judged["named"] and not judged["name_right"]


def test_classes_of_clips_go_by_the_table_of_xman() -> None:
    names = Names.of_classes(["vehicle (cart)", "skateboard"])
    judged = names.judged(answer({"golf cart": 0.7, "two-wheeler": 0.9}), ["vehicle (cart)", "skateboard"])
    assert judged["names"] == ["vehicle (cart)"] and judged["unmapped"] == ["two-wheeler"]
    assert judged["name_right"] and judged["name_hits"] == 1 and len(judged["truth"]) == 2
