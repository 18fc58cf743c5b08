"""The laboratory scenes: what is read and refused, that nothing leaks, and the figures of a small set."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from PIL import Image

from tests.eval.meaning import by_letters
from tests.normal import texture, with_square
from tests.scripted import ScriptedChatModel
from tests.seeing import ScriptedZeroShot
from tests.tiny import tiny_spec
from xad_agent.errors import XadError
from xad_agent.eval.answer_layouts import evaluate_folder
from xad_agent.eval.asking import NoChatModel
from xad_agent.eval.batch import Batch
from xad_agent.eval.scene_answers import evaluate_scenes
from xad_agent.eval.scenes import Check, _learned, _scenes, read_scenes

BOX = [60, 20, 76, 40]


def record(image: str, anomalous: bool = False, **changes) -> dict:
    region = {"text_span": "Abnormal region" if anomalous else "Normal region", "bbox": BOX, "category": "x"}
    return {
        "Image_Id": f"data/image/{image}.jpg",
        "step": "step1",
        "phase": "pre",
        "CheckDev": "camera",
        "Views": "top-down view",
        "Distance": "near",
        "Detection_Content": "Check whether a mold is on the tray.",
        "Anomaly_Label": anomalous,
        "Anomaly_Type": "Missing" if anomalous else None,
        "Anomaly_Label_Description": "No mold is there." if anomalous else "A mold is there.",
        "Grounding": [region],
        **changes,
    }


def write(root: Path, records: object, pictures: bool = True) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "records.json").write_text(records if isinstance(records, str) else json.dumps(records), "utf-8")
    for number, one in enumerate(records if pictures and isinstance(records, list) else ()):
        if isinstance(one, dict) and isinstance(one.get("Image_Id"), str):
            path = root / one["Image_Id"]
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = with_square(tuple(BOX), seed=number) if one.get("Anomaly_Label") else texture(number)
            Image.fromarray(pixels).save(path, quality=95)
    return root


def test_half_of_each_normal_arrangement_is_learned_from(tmp_path: Path) -> None:
    records = [record(f"a{n}") for n in range(5)] + [record(f"b{n}", True) for n in range(3)]
    records += [record("a4", step="step2")]
    found = read_scenes(write(tmp_path, records))
    (learned,) = found.normal.values()
    assert len(learned) == 3, "two of the four that one check looks at, and the fifth, an arrangement of its own"
    assert [check.anomalous for check in found.checks] == [False] * 2 + [True] * 3
    check = found.checks[-1]
    assert (check.name, check.kind) == ("step1 pre: data/image/b2.jpg", "step1 pre, defective")
    assert check.truth(96, 96).sum() == 16 * 20 and check.truth(96, 96)[20, 60]
    assert not found.checks[0].truth(96, 96).any(), "a normal region is no anomaly"


def test_what_is_anomalous_in_one_check_is_not_learned_for_another(tmp_path: Path) -> None:
    records = [record(f"a{n}") for n in range(4)] + [record(f"a{n}", True, step="step2") for n in range(4)]
    found = read_scenes(write(tmp_path, records))
    assert len(found.checks) == 8 and all(not paths for paths in found.normal.values())


def test_a_copy_of_what_is_learned_from_is_not_asked_about(tmp_path: Path) -> None:
    records = [record("a0"), record("b0", True), record("c0", Anomaly_Label_Description="The same, seen again.")]
    root = write(tmp_path, records)
    (root / "data/image/c0.jpg").write_bytes((root / "data/image/a0.jpg").read_bytes())
    (root / "data/image/b0.jpg").write_bytes((root / "data/image/a0.jpg").read_bytes())
    assert read_scenes(root).checks == ()


cell = st.tuples(st.integers(0, 9), st.sampled_from(["s1", "s2"]), st.booleans(), st.sampled_from("xyz"))


@settings(max_examples=60)
@given(st.lists(cell, min_size=1, max_size=40, unique_by=lambda one: one[:2]), st.integers(0, 5))
def test_no_picture_is_learned_from_that_is_ever_anomalous(cells: list[tuple], seed: int) -> None:
    checks = [
        Check(f"{image}", Path(), step, "camera", step, anomalous, "", said, ())
        for image, step, anomalous, said in cells
    ]
    scenes = _scenes(checks)
    learned = _learned(checks, scenes, seed)
    assert learned.isdisjoint(check.image for check in checks if check.anomalous)
    assert learned == _learned(checks[::-1], _scenes(checks[::-1]), seed) or len(set(scenes.values())) > 1
    for scene in set(scenes.values()):
        images = [image for image, of in scenes.items() if of == scene]
        normal = [image for image in images if all(not c.anomalous for c in checks if c.image == image)]
        assert len(learned & set(images)) == (len(normal) + 1) // 2 or not normal


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ("{", "cannot be read as JSON"),
        ({}, "holds no records"),
        ([], "holds no records"),
        (["x"], "record 1: needs Anomaly_Label"),
        ([record("a"), record("b", Anomaly_Label=1)], "record 2: needs Anomaly_Label"),
        ([record("a", Detection_Content="")], "record 1: needs Detection_Content"),
        ([record("a"), record("a")], "two records of step1 pre: data/image/a.jpg"),
        ([record("a", Grounding=[{"text_span": "x", "bbox": [5, 5, 5, 9]}])], "a bbox is x0, y0, x1, y1"),
        ([record("a", Grounding=[{"text_span": "x", "bbox": [1, 2, 3]}])], "a bbox is x0, y0, x1, y1"),
        ([record("a", Grounding=[{"text_span": "x", "bbox": [1, 2, 3, "4"]}])], "a bbox is x0, y0, x1, y1"),
        ([record("a", Grounding={"bbox": BOX})], "a bbox is x0, y0, x1, y1"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, records: object, message: str) -> None:
    with pytest.raises(XadError, match=message) as caught:
        read_scenes(write(tmp_path, records))
    assert "\n" not in str(caught.value)


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    for image in ("a", "../../a"):
        with pytest.raises(XadError, match="there is no picture"):
            read_scenes(write(tmp_path, [record(image)], pictures=False))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four normal pictures of one arrangement, two anomalous ones; and a check with nothing to learn from."""
    records = [record(f"a{n}", Views=f"view {n}") for n in range(4)] + [record(f"b{n}", True) for n in range(2)]
    other = {"step": "step2", "Detection_Content": "Check the rack.", "Anomaly_Label_Description": "The rack is empty."}
    return write(tmp_path_factory.mktemp("scenes"), [*records, record("c0", True, **other)])


def test_a_small_set(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.eval.scene_summary.embed", by_letters)
    monkeypatch.setattr("xad_agent.detectors.zero_shot.zero_shot_detector", lambda *_: ScriptedZeroShot())
    grades = {"correctness": 4, "specificity": 3, "completeness": 2, "fluency": 5}
    judge = ScriptedChatModel(script=[AIMessage(json.dumps(grades)), AIMessage("none")])
    batch = Batch(output=tmp_path / "kept", report=tmp_path / "page.html", progress=False)
    how = {"llm": NoChatModel(), "backbone": tiny_spec(tmp_path), "judge": judge}
    result, as_text = evaluate_folder(scenes, batch, **how)
    assert result["n"] == {"good": 2, "defective": 3, "pictures": 5, "scenes": 3, "learned": 2, "failed": 0}
    verdict = result["verdict"]
    assert verdict["unlearned"] == 1 and verdict["uncertain"]["value"] >= 1 / 5
    right = [item["right"] for item in result["items"]]
    sides = [[item["right"] for item in result["items"] if (item["kind"] == "good") == good] for good in (True, False)]
    assert verdict["accuracy"]["value"] == pytest.approx(np.mean(right))
    assert verdict["balanced"]["value"] == pytest.approx(np.mean([np.mean(side) for side in sides]))
    assert verdict["majority"] == pytest.approx(3 / 5)
    assert result["type"]["cannot_tell"] == 3 and result["type"]["majority"] == 1
    assert result["place"]["area"]["value"] == pytest.approx(320 / 96**2)
    assert result["reference"]["n"] == 5 and 0 <= result["reference"]["nearer"]["value"] <= 1
    assert (result["grades"]["unreadable"], result["grades"]["fluency"]["value"]) == (4, 5)
    text = as_text(result)
    assert "(1 checks have too few normal pictures" in text and "cannot tell" in text
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "best: step1 pre" in page and "worst: step" in page
    heard = len(judge.heard)
    again, _ = evaluate_folder(scenes, batch, **how)
    assert len(judge.heard) == heard and again["verdict"] == verdict, "it goes on from what is kept"
    with pytest.raises(XadError, match="takes no profile"):
        evaluate_scenes(scenes, profile="x")


@pytest.mark.data
def test_the_real_scenes_part_without_a_leak(data: Path) -> None:
    found = read_scenes(data / "sdls")
    asked, learned = {check.path for check in found.checks}, {path for of in found.normal.values() for path in of}
    assert asked.isdisjoint(learned) and len(found.checks) > 750 and sum(c.anomalous for c in found.checks) > 600
    assert {seed: len(read_scenes(data / "sdls", seed).checks) for seed in (0, 0)} == {0: len(found.checks)}
    for one, other in product((0, 1), repeat=2):
        assert (read_scenes(data / "sdls", one).checks == read_scenes(data / "sdls", other).checks) == (one == other)
