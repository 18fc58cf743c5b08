"""`xad eval xman` on anybody's answers, from files to result and report."""

import json

import pytest

from tests.eval.clip_sets import FRAMES, write_clip_set
from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch
from xad_agent.eval.diff import compare_runs
from xad_agent.eval.sampling import Shard
from xad_agent.eval.xman import as_text, evaluate_answers
from xad_agent.media import read_clip

QUIET = Batch(progress=False)
TEXTS = {"01": "a golf cart", "02": "zilch"}


@pytest.fixture
def files(tmp_path):
    """Labels, clips, answers frame by frame."""
    root = write_clip_set(tmp_path / "walk")
    true = {f"01_{frame:03}": [["object", "vehicle (cart)"]] for frame in range(4, 12)}
    (tmp_path / "labels.json").write_text(json.dumps(true | {"02_003": [["action", "run / jog"]]}))
    rows = [{"clip": clip, "frame": n, "text": text} for clip, text in TEXTS.items() for n in range(FRAMES)]
    return tmp_path / "labels.json", root / "testing/frames", written(tmp_path, *rows)


def written(folder, *rows):
    path = folder / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_files_from_end_to_end(files):
    result = evaluate_answers(*files, batch=QUIET)
    assert result["per_class_ap"] == {"run / jog": pytest.approx(1 / 24), "vehicle (cart)": pytest.approx(8 / 12)}
    assert (result["unmapped"], result["labels"]) == ({"zilch": 12}, str(files[0]))
    assert [(item["item"], item["frames"], item["map"]) for item in result["items"]] == [
        ("01", 12, pytest.approx(8 / 12)),
        ("02", 12, pytest.approx(1 / 12)),
    ]
    assert (result["task"], result["category"], result["failed"]) == ("xman", "walk", [])
    assert "true regions" not in as_text(result)


def test_events_give_what_the_same_frames_give(files, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(
        json.dumps({"clip": "01", "events": [{"start": 0, "end": 11, "text": TEXTS["01"]}]})
        + '\n{"clip": "02", "events": []}'
    )
    by_frames, by_events = evaluate_answers(*files, batch=QUIET), evaluate_answers(*files[:2], path, batch=QUIET)
    assert by_frames["per_class_ap"] == by_events["per_class_ap"]
    assert any("cover 12 of 24 frames; the others count as answered normal" in note for note in by_events["notes"])


def test_an_answer_of_ask_is_known_by_its_clip(files, tmp_path):
    sha = read_clip(files[1] / "01").sha256
    answer = {
        "question": "why?",
        "verdict": "anomalous",
        "text": "It is a cart.",
        "label_scores": {"car": 2.5, "person": 1},
        "events": [{"label": "event 1", "start": 0.4, "end": 1.2}],
        "regions": [{"label": "event 1", "frames": [4, 11, 6]}],
        "evidence": [{"id": "E1", "media": sha}],
    }
    result = evaluate_answers(*files[:2], written(tmp_path, answer), batch=QUIET)
    assert result["per_class_ap"]["vehicle (cart)"] == 1
    assert any("no line is of 02: counted as answered normal" in note for note in result["notes"])


def test_frames_counted_from_1_in_labels_and_answers(files, tmp_path):
    labels, clips, _ = files
    labels.write_text(json.dumps({f"Test001_{n + 1}": [["object", "vehicle (cart)"]] for n in range(4, 12)}))
    answers = written(tmp_path, {"clip": "Test001", "start": 5, "end": 12, "text": "a cart"})
    with pytest.raises(XadError, match="say --first 1"):
        evaluate_answers(labels, clips, answers, batch=QUIET)
    result = evaluate_answers(labels, clips, answers, first=1, batch=QUIET)
    assert result["per_class_ap"] == {"vehicle (cart)": 1}
    assert result["notes"][0] == "clips of the labels were known by their numbers: Test001 as 01"


def test_parts_are_gathered_and_other_answers_refused(files, tmp_path):
    output = tmp_path / "out"
    for number in (1, 2):
        part = evaluate_answers(*files, batch=Batch(output, shard=Shard(number, 2), progress=False))
        assert part["n"]["clips"] == 1
    whole = evaluate_answers(*files, batch=Batch(output, progress=False))
    assert whole["map"] == evaluate_answers(*files, batch=QUIET)["map"]
    files[2].write_text(files[2].read_text().replace("golf", "small"))
    with pytest.raises(XadError, match=r"holds results of other settings .*answers_sha256"):
        evaluate_answers(*files, batch=Batch(output, progress=False))
    with pytest.raises(XadError, match=r"holds results of other settings .*seed 0, now 1"):
        evaluate_answers(*files, batch=Batch(output, seed=1, progress=False))


def test_two_files_of_answers_can_be_compared(files, tmp_path):
    better = tmp_path / "better.jsonl"
    better.write_text(json.dumps({"clip": "01", "start": 4, "end": 11, "text": "a cart"}))
    for name, answers in (("a", files[2]), ("b", better)):
        evaluate_answers(*files[:2], answers, batch=Batch(tmp_path / name, progress=False))
    row = compare_runs(tmp_path / "a", tmp_path / "b")["sets"]["xman walk"]["outcomes"]["map"]
    assert (row["n"], row["raised"], row["verdict"]) == (2, 1, "noise"), "one clip of two is no proof"


def test_a_report_of_answers(files, tmp_path):
    report = tmp_path / "report.html"
    evaluate_answers(*files, batch=Batch(report=report, progress=False))
    text = report.read_text()
    assert "best class: vehicle (cart)" in text and "worst class: run / jog" in text
    assert "said: vehicle (cart) 1" in text and "said: nothing" in text and "true: normal" in text


def test_a_report_where_no_class_is_defined(files, tmp_path):
    labels, clips, answers = files
    labels.write_text(json.dumps({"01_004": []}))
    report = tmp_path / "report.html"
    result = evaluate_answers(labels, clips, answers, batch=Batch(report=report, progress=False))
    assert result["map"] is None and result["classes"] == {}
    assert "1 labelled frames have an empty list and count as normal" in report.read_text()
