"""Which option is chosen: by the verdict, the place, a name or the meaning; and none where nothing decides."""

import json

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from tests.scripted import ScriptedChatModel
from xad_agent.answer import Answer, Claim
from xad_agent.eval.choices import choose
from xad_agent.eval.mmad import DETECTION, Question
from xad_agent.evidence import Evidence, Region

SHAPE = (90, 120)
YES_NO = {"A": "Yes.", "B": "No."}
PLACES = {"A": "Top left corner", "B": "Center of the picture", "C": "Bottom right", "D": "All around"}


def question(subtask: str, options: dict[str, str]) -> Question:
    return Question("a/b/c.png#1", "a/b/c.png", subtask, "Which is it?", options, "A")


def answer(verdict: str = "anomalous", cited: bool = True, **fields) -> Answer:
    """An answer with one claim that cites one piece of evidence."""
    entry = Evidence(id="E1", **{"tool": "locate", "statement": "One place stands out.", **fields})
    claims = (Claim(text=entry.statement, kind="what", evidence=("E1",)),) if cited else ()
    return Answer(question="?", verdict=verdict, text="", claims=claims, evidence=(entry,), regions=entry.regions)


def at(x: int, y: int) -> dict:
    return {
        "regions": (Region(label="region 1", box=(x - 3, y - 3, x + 3, y + 3), score=1, peak=(x, y), area_share=0.01),)
    }


def never(texts: list[str]) -> np.ndarray:
    raise AssertionError("no meaning is to be looked at")


def far(texts: list[str]) -> np.ndarray:
    return np.eye(len(texts))


@pytest.mark.parametrize(
    ("verdict", "options", "letter"),
    [
        ("anomalous", YES_NO, "A"),
        ("normal", YES_NO, "B"),
        ("normal", {"A": "No.", "B": "Yes."}, "A"),
        ("uncertain", YES_NO, None),
        ("anomalous", {"A": "It is normal.", "B": "It is defective."}, "B"),
        ("normal", {"A": "It is normal.", "B": "It is not normal."}, "A"),
        ("anomalous", {"A": "Yes, slightly.", "B": "Yes, badly.", "C": "No."}, None),
    ],
)
def test_detection_goes_by_the_verdict(verdict: str, options: dict[str, str], letter: str | None) -> None:
    found = choose(question(DETECTION, options), answer(verdict), SHAPE, never)
    assert found.letter == letter and found.by == ("verdict" if letter else "")


@pytest.mark.parametrize(
    ("x", "y", "options", "letter"),
    [
        (10, 10, PLACES, "A"),
        (60, 45, PLACES, "B"),
        (115, 85, PLACES, "C"),
        (60, 15, {"A": "On the left", "B": "At the top", "C": "On the right"}, "B"),
        (60, 45, {"A": "On the left", "B": "On the right"}, None),  # as near to the one as to the other
        (60, 45, {"A": "Left or right", "B": "Everywhere"}, None),  # no places
    ],
)
def test_localization_goes_by_the_nearest_place(x: int, y: int, options: dict[str, str], letter: str | None) -> None:
    found = choose(question("Defect Localization", options), answer(**at(x, y)), SHAPE, never)
    assert found.letter == letter and found.by == ("place" if letter else "")


def test_a_region_that_no_claim_rests_on_is_no_place() -> None:
    assert (
        choose(question("Defect Localization", PLACES), answer(cited=False, **at(10, 10)), SHAPE, never).letter is None
    )


KINDS = {"A": "Crack", "B": "Scratched surface", "C": "Dent and crack"}


@pytest.mark.parametrize(
    ("labels", "letter"),
    [
        ({"scratch": 0.8}, "B"),
        ({"dent": 0.9, "scratch": 0.3}, "C"),
        ({"crack": 0.9}, None),
        ({}, None),
        ({"hole": 1.0}, None),
    ],
)
def test_classification_goes_by_names(labels: dict[str, float], letter: str | None) -> None:
    found = choose(question("Defect Classification", KINDS), answer(labels=labels, tool="name"), SHAPE, far)
    assert found.letter == letter and found.by == ("name" if letter else "")


def test_a_product_that_knowledge_is_of_is_its_name() -> None:
    known = answer(tool="knowledge", kind="knowledge", arguments={"thing": "screw"}, statement='It describes "screw".')
    options = {"A": "Metal nut", "B": "Screw", "C": "Bottle"}
    assert choose(question("Object Classification", options), known, SHAPE, far).letter == "B"


@pytest.mark.parametrize(
    ("cosines", "letter"),
    [((0.9, 0.1), "A"), ((0.1, 0.5), "B"), ((0.5, 0.46), None), ((0.41, 0.0), None), ((-0.2, -0.9), None)],
)
def test_the_rest_goes_by_meaning_where_one_is_near_and_clearly_nearer(cosines, letter: str | None) -> None:
    def embed(texts: list[str]) -> np.ndarray:
        assert texts == ["It is rougher.", "Rough.", "Smooth."]
        return np.array([(1, 0), *((c, (1 - c * c) ** 0.5) for c in cosines)])

    options = {"A": "Rough.", "B": "Smooth."}
    found = choose(question("Defect Description", options), answer(statement="It is rougher."), SHAPE, embed)
    assert found.letter == letter and found.by == ("meaning" if letter else "")
    limit = answer(statement="It is rougher.", kind="limit")
    assert choose(question("Defect Description", options), limit, SHAPE, embed).letter is None, "a limit says nothing"


@pytest.mark.parametrize(
    ("subtask", "labels", "letter"),
    [
        ("Defect Description", {}, None),  # of some defect, but which one this is nothing says
        ("Defect Description", {"scratch": 0.9}, "A"),
        ("Object Analysis", {}, "A"),
    ],
)
def test_what_a_file_says_decides_where_it_is_about_this(subtask: str, labels: dict, letter: str | None) -> None:
    known = answer(tool="known", kind="knowledge", statement="It is rougher.", labels=labels)
    options = {"A": "Rough.", "B": "Smooth."}

    def embed(texts: list[str]) -> np.ndarray:
        return np.array([(1, 0), (1, 0), (0, 1)])

    assert choose(question(subtask, options), known, SHAPE, embed).letter == letter


OPTIONS = {"A": "A rough surface.", "B": "A smooth surface."}
STATED = "Region 1 has a rough surface."


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ('{"choice": "A", "evidence": ["E1"]}', "A"),
        ('{"choice": "B", "evidence": ["E1"]}', None),  # the checker: no evidence says so
        ('{"choice": "A", "evidence": ["E7"]}', None),
        ('{"choice": "A", "evidence": []}', None),
        ('{"choice": null, "evidence": []}', None),
        ('{"choice": "C", "evidence": ["E1"]}', None),
        ('{"choice": ["A"], "evidence": ["E1"]}', None),
        ("A", None),
        (RuntimeError("quota"), None),
    ],
)
def test_a_chat_model_chooses_under_the_checker(reply: str | Exception, letter: str | None) -> None:
    said = answer(statement=STATED, **at(10, 10))
    model = ScriptedChatModel(script=[AIMessage(reply) if isinstance(reply, str) else reply])
    found = choose(question("Defect Description", OPTIONS), said, SHAPE, far, model)
    assert found.letter == letter and found.by == ("model" if letter else ""), found.why
    case = json.loads(model.heard[0][0].text.rsplit("\n\n", 1)[1])
    assert case["evidence"] == [f"E1: {STATED}"] and case["options"] == OPTIONS


def test_a_chat_model_is_not_asked_what_is_decided() -> None:
    model = ScriptedChatModel(script=[AIMessage("")])
    choose(question("Defect Localization", PLACES), answer(**at(10, 10)), SHAPE, never, model)
    choose(question(DETECTION, YES_NO), answer("uncertain"), SHAPE, never, model)
    assert not model.heard
