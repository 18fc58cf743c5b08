"""Answers held against places, names, references and a judge, on the tiny sets of test_answers."""

import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from tests.eval.clip_sets import write_clip_set
from tests.eval.meaning import by_letters
from tests.eval.test_answers import noise_in, scripted
from tests.normal import NormalProfile
from tests.scripted import ScriptedChatModel
from xad_agent.agent import Agent
from xad_agent.errors import XadError
from xad_agent.eval.answer_names import named_regions
from xad_agent.eval.answer_sets import read_set
from xad_agent.eval.answers import as_text, evaluate_answers
from xad_agent.eval.asking import Agents, Asking, NoChatModel
from xad_agent.eval.batch import Batch
from xad_agent.eval.layout import read_mask
from xad_agent.media import read_picture

SPOT = "A bright square spot, brighter than the grey around it."
GRADES = {"correctness": 4, "specificity": 3, "completeness": 2, "fluency": 5}


def test_iou_is_of_all_named_regions_against_the_mask(tmp_path: Path) -> None:
    noise = noise_in(tmp_path)
    result = asked(noise)
    items = {item["item"]: item["template"]["iou"] for item in result["items"]}
    answer = Agent(NormalProfile(), NoChatModel()).ask(result["question"], noise / "test/spot/0.png")
    height, width = read_picture(noise / "test/spot/0.png").pixels.shape[:2]
    said = set().union(*(_pixels(region.mask(height, width)) for region in named_regions(answer)))
    true = _pixels(read_mask(noise / "ground_truth/spot/0_mask.png"))
    assert items["spot/0.png"] == pytest.approx(len(said & true) / len(said | true)) and items["spot/0.png"] > 0.2
    assert items["spot/1.png"] == 0, "beside its mask"
    assert items["spot/2.png"] == 0, "no region is named"
    mean = result["askers"]["template"]["iou"]
    assert mean["value"] == pytest.approx(items["spot/0.png"] / 3) and mean["low"] == 0


def _pixels(mask) -> set[tuple[int, int]]:
    return {(y, x) for y, row in enumerate(mask.tolist()) for x, marked in enumerate(row) if marked}


def asked(root: Path, batch: Batch | None = None, **asking) -> dict:
    how = {"profile": NormalProfile(), "llm": scripted(AIMessage("")), **asking}
    return evaluate_answers(root, batch or Batch(progress=False), **how)


def test_references_and_a_judge_are_secondary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.eval.answers_summary.embed", by_letters)
    noise, file = noise_in(tmp_path), tmp_path / "references.json"
    file.write_text(json.dumps({"spot": SPOT, "good/0.png": "Even grey noise without any spot."}), "utf-8")
    replies = [json.dumps(GRADES)] * 7 + ["I would say 5."]
    judge = ScriptedChatModel(script=[AIMessage(reply) for reply in replies])
    report = tmp_path / "page.html"
    result = asked(noise, Batch(progress=False, report=report), references=file, judge=judge)
    for one in result["askers"].values():
        assert one["reference"]["n"] == 4, "one good picture has no reference"
        assert one["reference"]["secondary"] and 0 <= one["reference"]["nearer"]["value"] <= 1
        assert one["grades"]["n"] == 4 and one["grades"]["correctness"]["value"] == 4
    assert sum(one["grades"]["unreadable"] for one in result["askers"].values()) == 1
    case = json.loads(judge.heard[0][0].text.rsplit("\n\n", 1)[1])
    assert case["question"] == result["question"] and "[E1]" not in case["answer"]
    text = as_text(result)
    assert "(secondary) judge: correctness, 1 to 5" in text and "(secondary) similarity to its reference" in text
    page = report.read_text("utf-8")
    assert "best: " in page and "worst: " in page and "Truth: spot" in page


def test_what_is_given_in_vain_is_refused(tmp_path: Path) -> None:
    noise = noise_in(tmp_path)
    with pytest.raises(XadError, match="a judge needs references"):
        asked(noise, judge=NoChatModel())
    with pytest.raises(XadError, match="takes no knowledge"):
        asked(noise, knowledge=noise)
    with pytest.raises(XadError, match=r"none\.json: cannot be read as JSON"):
        asked(noise, references=tmp_path / "none.json")


def test_clips_are_labelled_by_their_file(tmp_path: Path) -> None:
    root = write_clip_set(tmp_path / "walk")
    assert [item.labels for item in read_set(root).items] == [None, None] and read_set(root).names is None
    first = sorted((root / "testing/frames/01").iterdir())[4].stem
    (root / "explanations.json").write_text(json.dumps({f"01_{first}": [["object", "bicycle"]]}), "utf-8")
    assert [item.labels for item in read_set(root).items] == [("bicycle",), ()]
    (root / "explanations.json").write_text(json.dumps({"07_004": [["object", "bicycle"]]}), "utf-8")
    with pytest.raises(XadError, match="reads as clip '07', frame 4"):
        read_set(root)


def test_types_that_name_no_defect_are_no_labels(tmp_path: Path) -> None:
    noise = noise_in(tmp_path)
    for folder in ("test", "ground_truth"):
        (noise / folder / "spot").rename(noise / folder / "bad")
    assert read_set(noise).names is None and {item.labels for item in read_set(noise).items} == {None}


def test_an_agent_needs_two_normal_pictures_for_a_profile(tmp_path: Path) -> None:
    noise = noise_in(tmp_path)
    with Batch(progress=False).store({}) as store:
        agents = Agents({"one": [noise / "train/good/00.png"]}, Asking(llm=NoChatModel()), store, Batch())
        assert agents.of("one").profile is None and agents.of("one") is agents.of("one")
