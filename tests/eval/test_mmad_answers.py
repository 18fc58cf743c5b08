"""MMAD's layout from questions of our own to the table: what is made, chosen and scored."""

import json
from pathlib import Path

import pytest

from tests.eval.meaning import by_letters
from tests.eval.test_answers import BOX, noise_in
from tests.tiny import tiny_spec
from xad_agent.errors import XadError
from xad_agent.eval.asking import NoChatModel
from xad_agent.eval.batch import Batch
from xad_agent.eval.mmad import read_mmad
from xad_agent.eval.mmad_answers import as_text, evaluate_mmad
from xad_agent.eval.questions_made import write_questions


@pytest.fixture(autouse=True)
def _no_sentence_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.eval.mmad_answers.embed", by_letters)


def made_in(tmp_path: Path, knowledge: Path | None = None, limit: int | None = None) -> Path:
    write_questions(noise_in(tmp_path), tmp_path / "made", Batch(limit=limit), knowledge)
    return tmp_path / "made"


def test_what_is_right_is_read_off_the_set(tmp_path: Path) -> None:
    found = read_mmad(made_in(tmp_path))
    right = {one.name: (one.subtask, one.options[one.answer]) for one in found.questions}
    assert right["own/noise/test/good/0.png#1"] == ("Anomaly Detection", "No.")
    assert right["own/noise/test/spot/0.png#1"] == ("Anomaly Detection", "Yes.")
    assert right["own/noise/test/spot/0.png#2"] == ("Object Classification", "noise")
    assert BOX == (60, 20, 76, 40), "its middle is 68, 30 of 96 x 96 px"
    assert right["own/noise/test/spot/0.png#3"] == ("Defect Localization", "On the top right of the picture.")
    assert all(len(set(one.options.values())) == len(one.options) for one in found.questions)
    assert len(found.normal["own/noise"]) == 12 and all(path.is_file() for path in found.normal["own/noise"])
    with pytest.raises(XadError, match="cannot be written"):
        made_in(tmp_path)


def test_looks_come_from_knowledge(tmp_path: Path) -> None:
    file = tmp_path / "knowledge.json"
    file.write_text(json.dumps({"noise": {"good": "Grey.", "spot": "A bright spot.", "hole": "A dark hole."}}), "utf-8")
    root = noise_in(tmp_path)
    (root / "test/hole").mkdir()
    (root / "ground_truth/hole").mkdir()
    (root / "test/hole/0.png").write_bytes((root / "test/spot/0.png").read_bytes())
    (root / "ground_truth/hole/0.png").write_bytes((root / "ground_truth/spot/0_mask.png").read_bytes())
    write_questions(root, tmp_path / "made", knowledge=file)
    looks = [one for one in read_mmad(tmp_path / "made").questions if one.subtask == "Defect Description"]
    assert {one.options[one.answer] for one in looks} == {"A bright spot", "A dark hole"} and len(looks) == 4


def test_questions_are_answered_by_what_is_measured(tmp_path: Path) -> None:
    made, report = made_in(tmp_path, limit=1), tmp_path / "page.html"
    batch = Batch(progress=False, report=report)
    result = evaluate_mmad(made, batch, llm=NoChatModel(), backbone=tiny_spec(tmp_path))
    items = {item["item"]: item for item in result["items"]}
    assert result["n"]["questions"] == 2 + 3 and result["learned"] == {"own/noise": 12}
    detected = [item for item in items.values() if item["subtask"] == "Anomaly Detection"]
    assert {item["by"] for item in detected} <= {"verdict", ""}
    named = [item for item in items.values() if item["subtask"] == "Object Classification"]
    assert not any(item["by"] == "name" for item in named), "nothing measured says what product it is"
    (placed,) = (item for item in items.values() if item["subtask"] == "Defect Localization")
    assert placed["by"] == ("place" if placed["chosen"] else "")
    assert result["by"]["verdict"] == sum(item["by"] == "verdict" for item in detected)
    assert result["chosen"]["hits"] == sum(item["chosen"] is not None for item in items.values())
    text = as_text(result)
    assert (
        "Anomaly Detection" in text and "an option was chosen for" in text and "best: own/noise" in report.read_text()
    )
    with pytest.raises(XadError, match="takes no question"):
        evaluate_mmad(made, question="Where?")


def test_knowledge_names_the_product(tmp_path: Path) -> None:
    file = tmp_path / "knowledge.json"
    file.write_text(json.dumps({"noise": {"good": "Grey.", "spot": "A bright spot."}}), "utf-8")
    how = {"llm": NoChatModel(), "backbone": tiny_spec(tmp_path), "knowledge": file}
    with pytest.raises(XadError, match="'other' is not among them"):
        other = tmp_path / "other"
        other.mkdir()
        entry = {"Question": "?", "Options": {"A": "x", "B": "y"}, "Answer": "A", "type": "Object Analysis"}
        (other / "mmad.json").write_text(json.dumps({"own/other/test/good/1.png": {"conversation": [entry]}}), "utf-8")
        evaluate_mmad(other, Batch(progress=False), **how)


def test_a_picture_that_is_missing_is_counted(tmp_path: Path) -> None:
    made = made_in(tmp_path, limit=1)
    given = json.loads((made / "mmad.json").read_text("utf-8"))
    given["own/noise/test/spot/none.png"] = list(given.values())[-1]
    (made / "mmad.json").write_text(json.dumps(given), "utf-8")
    how = {"llm": NoChatModel(), "backbone": tiny_spec(tmp_path)}
    result = evaluate_mmad(made, Batch(progress=False), **how)
    assert result["n"]["failed"] == 3 and all("none.png" in one["item"] for one in result["failed"])
    assert "failed: own/noise/test/spot/none.png#1: " in as_text(result)


def test_the_commands(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = noise_in(tmp_path)
    monkeypatch.setattr("xad_agent.agent.load_chat_model", lambda spec: NoChatModel())
    printed = []
    for line in (
        ["questions", str(noise), "-o", str(tmp_path / "made"), "--limit", "1"],
        ["answers", str(tmp_path / "made"), "--llm", "any", "--backbone", tiny_spec(tmp_path), "--json"],
    ):
        code, out, _ = run("eval", *line)
        assert code == 0
        printed += out.splitlines()
    assert printed[0].endswith("mmad.json") and json.loads(printed[1])["n"]["questions"] == 2 + 3
