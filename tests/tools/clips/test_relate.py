"""The relations of an event's thing: what the statement says, and that the checker bears it out."""

import sys

import numpy as np

from tests.crowd import RIDER, case_of, scene, walkway
from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.detectors.scene_graph import SceneGraph
from xad_agent.perception.relations import Triplet
from xad_agent.tools.clips.relate import relate

WORDS = ["person", "walks", "beside", "rides", "bicycle"]


def encode(sentences: list[str]) -> np.ndarray:
    """Unit vectors of which words a sentence has: those that share words are near."""
    vectors = np.array([[1e-3 + sentence.split().count(word) for word in WORDS] for sentence in sentences], np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def rider_in(monkeypatch, triplets):
    case = case_of(scene(RIDER), walkway())
    normal = [[Triplet("person", "walks")] * 40 + [Triplet("person", "walks beside", "person")] * 2] * 3
    case.reference.scene_graph = SceneGraph.fit(normal, encode)
    monkeypatch.setattr(sys.modules[relate.__module__], "_around", lambda case, event: triplets)
    return case


def test_the_rarest_relation_with_its_counts(monkeypatch):
    case = rider_in(monkeypatch, [Triplet("person", "walks"), Triplet("person", "rides", "bicycle")])
    evidence = relate(case)
    assert evidence.statement.startswith("Person rides bicycle: 0 of 126 normal triplets; nearest: ")
    assert "person walks (120)" in evidence.statement and "person walks beside person (6)" in evidence.statement
    assert "Person walks: 120 of 126 normal triplets" in evidence.statement
    claim = Claim(text=evidence.statement, kind="why", evidence=(evidence.id,))
    assert check(claim, case.ledger) == ()
    for true, false in (("0 of 126", "7 of 126"), ("person walks (120)", "person walks (126)")):
        assert true in claim.text
        assert check(claim.model_copy(update={"text": claim.text.replace(true, false)}), case.ledger)
    assert relate(case) is evidence


def test_no_relation_and_no_event(monkeypatch):
    case = rider_in(monkeypatch, [])
    assert relate(case).statement == "No relation of the thing in event 1 to others is seen."
    assert relate(case, event=9).statement == "There is no event 9: one event stands out."


def test_without_a_normal_relation_there_is_nothing_to_compare_with():
    case = case_of(scene(RIDER), walkway())
    evidence = relate(case)
    assert (evidence.kind, evidence.regions) == ("limit", case.regions)
    assert evidence.statement.startswith("No relation between things was seen in the normal clips")
    assert check(Claim(text=evidence.statement, kind="why", evidence=(evidence.id,)), case.ledger) == ()
    assert relate(case) is evidence
    assert relate(case, event=9).statement == "There is no event 9: one event stands out."
