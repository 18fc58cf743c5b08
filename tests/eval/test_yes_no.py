"""Yes or no: what is asked, who says what, and the rates by hand."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import AIMessage
from PIL import Image

from tests.eval.clip_sets import write_clip_set
from tests.eval.test_answers import noise_in
from tests.normal import NormalProfile
from tests.scripted import ScriptedChatModel
from xad_agent.answer import Answer, Claim
from xad_agent.errors import XadError
from xad_agent.eval.answer_layouts import evaluate_folder
from xad_agent.eval.answer_names import Names
from xad_agent.eval.answer_sets import read_set
from xad_agent.eval.batch import Batch
from xad_agent.eval.yes_no import POOLS, as_text, evaluate_yes_no, negatives, questions_of, rates, said
from xad_agent.evidence import Evidence

THERE = {"1": frozenset("a"), "2": frozenset("ab"), "3": frozenset("c"), "4": frozenset("c"), "5": frozenset("ac")}


def test_negatives_are_as_many_and_not_there() -> None:
    for item, own in THERE.items():
        for pool in POOLS:
            drawn = negatives(THERE, item, "abcd", pool, random.Random(1))
            assert len(drawn) == len(own) and own.isdisjoint(drawn)
    assert negatives(THERE, "1", "abcd", "popular", random.Random(0)) == ["c"], "three times; b once"
    assert negatives(THERE, "3", "abcd", "adversarial", random.Random(0)) == ["a"], "once with c; b never"
    assert negatives({"1": frozenset("ab")}, "1", "ab", "random", random.Random(0)) == [], "all are there"


def test_questions_about_clips_by_their_labels(tmp_path: Path) -> None:
    root = write_clip_set(tmp_path / "walk")
    frames = sorted((root / "testing/frames/01").iterdir())
    labels = {f"01_{frames[4].stem}": [["object", "bicycle"]], f"02_{frames[4].stem}": [["object", "vehicle (cart)"]]}
    (root / "explanations.json").write_text(json.dumps(labels), "utf-8")
    asked = questions_of(read_set(root))
    found = {(one.item.name, one.text, one.yes, one.pools) for one in asked}
    both = {
        ("01", "Is there anything anomalous?", True, ("defect",)),
        ("02", "Is there anything anomalous?", True, ("defect",)),
    }
    assert found == both | {
        ("01", "Is there a bicycle?", True, POOLS),
        ("01", "Is there a cart?", False, POOLS),
        ("02", "Is there a cart?", True, POOLS),
        ("02", "Is there a bicycle?", False, POOLS),
    }
    (root / "explanations.json").unlink()
    assert all(not one.about for one in questions_of(read_set(root)))


def answer(verdict: str = "anomalous", **fields) -> Answer:
    entry = Evidence(id="E1", **{"tool": "look_for", "statement": "So it is.", **fields})
    claim = Claim(text=entry.statement, kind="what", evidence=("E1",))
    return Answer(question="?", verdict=verdict, text="", claims=(claim,), evidence=(entry,))


NAMES = Names.of_classes(["bicycle", "vehicle (cart)"])


@pytest.mark.parametrize(
    ("given", "about", "told"),
    [
        (answer("anomalous"), "", "yes"),
        (answer("normal"), "", "no"),
        (answer("uncertain"), "", "cannot tell"),
        (answer(labels={"bicycle": 0.6}, arguments={"what": "bicycle"}), "bicycle", "yes"),
        (answer(labels={"bike": 0.6}, tool="name"), "bicycle", "yes"),
        (answer(arguments={"what": "bicycle"}), "bicycle", "no"),
        (answer(tool="find", arguments={"phrases": ["car"]}), "vehicle (cart)", "no"),
        (answer(arguments={"what": "bicycle"}), "vehicle (cart)", "cannot tell"),
        (answer(arguments={"what": "bicycle"}, kind="limit"), "bicycle", "cannot tell"),
        (answer(labels={"skateboard": 0.9}, tool="name"), "bicycle", "cannot tell"),
    ],
)
def test_answers_are_judged_by_their_evidence(given: Answer, about: str, told: str) -> None:
    assert said(given, about, NAMES) == told


def test_rates_by_hand() -> None:
    told = [("yes", True), ("yes", True), ("no", True), ("cannot tell", True), ("yes", False), ("no", False)]
    rows = [{"said": one, "yes": yes, "right": one == ("yes" if yes else "no"), "about": n % 3}
            for n, (one, yes) in enumerate(told)]  # fmt: skip
    found = rates(rows, seed=0)
    assert found["accuracy"]["value"] == 0.5 and found["yes_ratio"]["value"] == 0.5
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), 0.5)
    assert found["f1"]["value"] == pytest.approx(2 * 2 / (4 + 3))
    assert found["cannot_tell"]["value"] == pytest.approx(1 / 6) and found["yes_share"] == pytest.approx(4 / 6)
    assert found["f1"]["low"] <= found["f1"]["value"] <= found["f1"]["high"]
    always = rates([{**row, "said": "yes", "right": row["yes"]} for row in rows], seed=0)
    assert always["yes_ratio"]["value"] == 1 and always["accuracy"]["value"] == always["yes_share"]


def test_a_set_is_asked(tmp_path: Path) -> None:
    noise, report = noise_in(tmp_path), tmp_path / "page.html"
    batch = Batch(progress=False, report=report)
    model = ScriptedChatModel(script=[AIMessage("")])
    result = evaluate_yes_no(noise, batch, profile=NormalProfile(), llm=model)
    # Of two good ones one passes, of three defective ones two are found.
    found = result["pools"]["defect"]
    assert (found["accuracy"]["value"], found["yes_ratio"]["value"]) == (0.6, 0.6)
    assert found["f1"]["value"] == pytest.approx(2 / 3) and set(result["pools"]) == {"defect"}
    assert "wrong: spot/2.png: Is there a defect? said no" in as_text(result)
    assert "worst: " in report.read_text("utf-8")


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    noise = noise_in(tmp_path)
    with pytest.raises(XadError, match="--yes-no takes no question"):
        evaluate_folder(noise, Batch(), True, question="Is it?", profile=NormalProfile())
    (tmp_path / "mmad.json").write_text("{}", "utf-8")
    with pytest.raises(XadError, match="--yes-no is for pictures or clips"):
        evaluate_folder(tmp_path, Batch(), True)


def test_masks_of_another_size_fail_before_anything_is_asked(tmp_path: Path) -> None:
    noise = noise_in(tmp_path)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(noise / "ground_truth/spot/0_mask.png")
    with pytest.raises(XadError, match="the mask is 9 x 9 px"):
        evaluate_yes_no(noise, Batch(progress=False), profile=NormalProfile())
