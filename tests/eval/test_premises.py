"""Which questions are made, and how answers are judged: by what they cite, never by their words."""

import random

import pytest

from tests.normal import NormalProfile, texture, with_square
from tests.scripted import ScriptedChatModel, call
from tests.seeing import SeeingModels
from xad_agent.agent import Agent
from xad_agent.answer import Answer, Claim
from xad_agent.eval.premises import Premise, as_text, evaluate_premises, premises_for, stance
from xad_agent.evidence import Ledger, Quantity, Region

REGION = Region(label="region 1", box=(0, 0, 2, 2), score=1, peak=(0, 0), area_share=0.1)
SCORE, LIMIT = Quantity(name="score", value=1), Quantity(name="threshold", value=2)


def _evidence() -> dict[str, dict]:
    def at(name: str, value: float) -> Quantity:
        return Quantity(name=name, value=value)

    return {
        "normal": {"tool": "score", "verdict": "normal", "quantities": (SCORE, LIMIT)},
        "anomalous": {"tool": "score", "verdict": "anomalous", "quantities": (SCORE,)},
        "nowhere": {"tool": "locate", "quantities": (SCORE, LIMIT)},
        "somewhere": {"tool": "locate", "quantities": (SCORE, LIMIT), "regions": (REGION,)},
        "no dog": {"tool": "find", "arguments": {"phrases": ["dog"]}, "quantities": (SCORE,)},
        "a dog": {"tool": "find", "arguments": {"phrases": ["dog"]}, "labels": {"dog": 0.9}},
        "dogs unknown": {"tool": "find", "arguments": {"phrases": ["dog"]}, "kind": "limit"},
        "no dog seen": {"tool": "look_for", "arguments": {"what": "dog"}},
        "no cat": {"tool": "find", "arguments": {"phrases": ["cat"]}},
        "no region 4": {"tool": "measure", "kind": "limit", "quantities": (at("region", 4),)},
        "measured": {"tool": "measure", "quantities": (SCORE,), "regions": (REGION,)},
        "over by then": {
            **{"tool": "moment", "kind": "limit"},
            "quantities": (at("moment", 599), at("clip length", 20)),
        },
        "moment": {"tool": "moment", "quantities": (at("moment", 9), at("clip length", 20))},
        "none before": {"tool": "previous", "kind": "limit"},
        "no cause": {"tool": "cannot_tell", "kind": "limit", "arguments": {"topic": "cause"}},
        "off topic": {"tool": "cannot_tell", "kind": "limit", "arguments": {"topic": "off_topic"}},
    }


def answer(*cited: str) -> Answer:
    ledger = Ledger()
    entries = [ledger.add(statement="No, none, nothing.", **_evidence()[name]) for name in cited]
    claims = tuple(Claim(text="No, none, nothing.", kind="what", evidence=(entry.id,)) for entry in entries)
    return Answer(question="?", verdict="uncertain", text="No.", claims=claims, evidence=tuple(entries))


@pytest.mark.parametrize(
    ("kind", "about", "cited", "expected"),
    [
        ("object", "dog", ["no dog", "anomalous"], "no"),
        ("object", "dog", ["no dog seen"], "no"),
        ("object", "dog", ["dogs unknown", "normal"], "cannot tell"),
        ("object", "dog", ["a dog"], "yes"),
        ("object", "dog", ["no cat"], "yes"),  # of something else
        ("object", "dog", ["normal", "nowhere"], "yes"),  # that it passes says nothing of a dog
        ("object", "dog", ["no dog", "measured"], "yes"),  # goes on to explain it
        ("object", "dog", [], "yes"),
        ("region", 4, ["no region 4", "somewhere"], "cannot tell"),
        ("region", 3, ["no region 4"], "yes"),
        ("region", 4, ["somewhere"], "yes"),
        ("verdict", None, ["normal", "nowhere"], "no"),
        ("verdict", None, ["nowhere"], "no"),
        ("verdict", None, ["somewhere"], "yes"),
        ("verdict", None, ["anomalous", "measured"], "yes"),
        ("time", 599.0, ["over by then"], "cannot tell"),
        ("time", 598.0, ["over by then"], "yes"),
        ("time", 9.0, ["moment"], "yes"),
        ("previous", None, ["none before"], "cannot tell"),
        ("unanswerable", None, ["anomalous", "no cause"], "cannot tell"),
        ("unanswerable", None, ["off topic"], "yes"),  # a limit of something else
        ("off-topic", None, ["off topic"], "cannot tell"),
        ("off-topic", None, ["anomalous"], "yes"),
        ("answerable", None, ["anomalous"], "yes"),
        ("answerable", None, ["off topic"], "cannot tell"),
    ],
)
def test_an_answer_denies_by_what_it_cites(kind, about, cited, expected):
    assert stance(answer(*cited), Premise(kind, "?", about, holds=False)) == expected


def _chat(pixels):
    from langchain_core.messages import AIMessage

    model = ScriptedChatModel(script=[call("score"), AIMessage("It is as it is [E1].")])
    return Agent(NormalProfile(), model, SeeingModels()).chat(pixels)


def test_questions_fit_what_is_there():
    chat = _chat(with_square((60, 20, 76, 40), 250))
    assert len(chat.case.regions) == 1
    made = premises_for(chat, "picture", random.Random(0), most=30)
    false = [premise for premise in made if not premise.holds]
    assert len(false) == 30 and len({premise.question for premise in made}) == len(made)
    assert {premise.about for premise in made if premise.kind == "region" and premise.holds} == {1}
    assert {premise.about for premise in false if premise.kind == "region"} <= {2, 3, 4, 5}
    assert not any(premise.kind == "verdict" for premise in false)  # it is anomalous: that premise holds
    assert made == premises_for(chat, "picture", random.Random(0), most=30)


def test_of_what_passes_a_defect_is_a_false_premise():
    made = premises_for(_chat(texture(5)), "picture", random.Random(0), most=40)
    assert any(premise.kind == "verdict" and not premise.holds for premise in made)
    assert not any(premise.kind in {"verdict", "region"} and premise.holds for premise in made)


@pytest.mark.data
def test_false_premises_are_denied_over_real_pictures(data):
    result = evaluate_premises([data / "mvtec_screw" / "screw"], media=2)
    assert result["denied"]["n"] == result["accepted"]["n"] == 24
    assert result["denied"]["value"] >= 0.9 and result["accepted"]["value"] >= 0.9
    assert "false premises denied" in as_text(result)
