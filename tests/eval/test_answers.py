"""`evaluate_answers` on tiny sets with scripted chat models: counts by hand; what is false is not counted as true."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import AIMessage
from PIL import Image

from tests.crowd import RIDER, film, walkway
from tests.crowd import scene as walking
from tests.eval.clip_sets import write_clip_set
from tests.normal import NormalProfile, texture, with_square
from tests.scripted import ScriptedChatModel, call
from tests.tiny import tiny_spec
from xad_agent.agent import Agent
from xad_agent.clip_profile import ClipProfile
from xad_agent.errors import XadError
from xad_agent.eval.answer_names import named_regions
from xad_agent.eval.answer_sets import read_set
from xad_agent.eval.answers import NoChatModel, as_text, evaluate_answers
from xad_agent.eval.batch import Batch
from xad_agent.profile import Profile

BOX, ELSEWHERE = (60, 20, 76, 40), (5, 60, 20, 80)
TRUE_OR_FALSE, INVENTED = "It is anomalous.", "A worn tool caused it."
LIES = AIMessage(
    json.dumps(
        {"claims": [{"text": text, "kind": "verdict", "evidence": ["E1"]} for text in (TRUE_OR_FALSE, INVENTED)]}
    )
)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def mask(box: tuple[int, int, int, int]) -> np.ndarray:
    marked = np.zeros((96, 96), np.uint8)
    marked[box[1] : box[3], box[0] : box[2]] = 255
    return marked


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    return noise_in(tmp_path)


def noise_in(tmp_path: Path) -> Path:
    """Good: one that passes, one false alarm. Defective: one found, one found beside its mask, one missed."""
    root = tmp_path / "noise"
    for seed in range(12):
        save(root / f"train/good/{seed:02}.png", texture(seed))
    save(root / "test/good/0.png", texture(3))
    save(root / "test/good/1.png", with_square(BOX))
    for name, pixels, marked in (
        ("0", with_square(BOX, seed=50), BOX),
        ("1", with_square(BOX, seed=51), ELSEWHERE),
        ("2", texture(5), BOX),
    ):
        save(root / f"test/spot/{name}.png", pixels)
        save(root / f"ground_truth/spot/{name}_mask.png", mask(marked))
    return root


def scripted(*script: AIMessage, times: int = 5) -> ScriptedChatModel:
    # Copies, since a message that comes again is taken for the one that was there.
    return ScriptedChatModel(script=[message.model_copy() for message in list(script) * times])


def run(root: Path, model: object, question: str | None = None, **batch):
    settings = {"question": question, "batch": Batch(progress=False, **batch)}
    return evaluate_answers(root, profile=NormalProfile(), llm=model, **settings)


def share(found: dict) -> tuple[int, int]:
    return found["hits"], found["n"]


def test_the_template_alone(noise: Path) -> None:
    found = run(noise, scripted(AIMessage("")))["askers"]["template"]
    assert {key: share(found[key]) for key in found if isinstance(found[key], dict) and "hits" in found[key]} == {
        "supported": (21, 21),
        "dropped": (0, 0),
        "by_template": (5, 5),
        "verdict_accuracy": (3, 5),
        "false_alarm_rate": (1, 2),
        "recall": (2, 3),
        "uncertain": (0, 5),
        "pointing": (1, 3),
        "no_region": (1, 3),
        "name_right": (0, 3),
        "no_name": (3, 3),
        "misnamed": (0, 2),
        "names_true": (0, 0),
        "truths_named": (0, 3),
    }
    assert found["claims_per_answer"]["value"] == 21 / 5, "3 of each that passes, 5 of each that does not"
    assert found["claims_per_answer"]["median"] == 5
    assert found["template_reasons"] == {"no chat model was asked": 5}


def test_a_silent_model_is_the_template(noise: Path) -> None:
    result = run(noise, scripted(AIMessage("")))
    model, template = (result["askers"][who] for who in ("model", "template"))
    assert share(model["by_template"]) == (5, 5)
    assert model["template_reasons"] == {"no claim of the chat model held": 5}
    same = set(model) - {"seconds", "template_reasons"}
    assert {key: model[key] for key in same} == {key: template[key] for key in same}
    assert all(result["differences"][key]["value"] == 0 for key in result["differences"] if key != "seconds")


def test_lies_are_dropped_and_counted(noise: Path) -> None:
    model = scripted(call("score"), LIES, LIES)
    result = run(noise, model)
    found = result["askers"]["model"]
    assert share(found["dropped"]) == (3 + 2 * 2, 10), "one of each that is anomalous, both of each that is not"
    assert share(found["by_template"]) == (2, 5)
    assert found["template_reasons"] == {"no claim of the chat model held": 2}
    assert share(found["supported"]) == (5, 5) and not found["unsupported"]
    assert (share(found["pointing"]), share(found["no_region"])) == ((0, 3), (3, 3)), "a score names no place"
    assert result["differences"]["claims_per_answer"]["value"] == pytest.approx(1 - 21 / 5)
    assert result["differences"]["pointing"]["value"] == pytest.approx(-1 / 3)
    assert result["differences"]["recall"] == {"value": 0, "low": 0, "high": 0, "median": 0}
    text = as_text(result)
    assert "70.0 (7 of 10;" in text and "model: by template 2 times: no claim of the chat model held" in text
    assert "NOT SUPPORTED" not in text


def test_every_answer_has_a_chat_of_its_own(noise: Path, tmp_path: Path) -> None:
    model = scripted(call("score"), LIES, LIES)
    run(noise, model, output=tmp_path / "kept")
    assert [len(heard) for heard in model.heard[::3]] == [2] * 5, "the system's words and the question"
    for line in (tmp_path / "kept/items.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        for said in record["answers"].values():
            evidence = said["answer"]["evidence"]
            assert [entry["id"] for entry in evidence] == [f"E{n + 1}" for n in range(len(evidence))]
            assert {entry["media"] for entry in evidence} == {record["media"]}
        assert [entry["tool"] for entry in record["answers"]["model"]["answer"]["evidence"]] == ["score"]


def put(answer: dict, **what) -> None:
    answer["claims"][0] |= what
    answer["text"] = " ".join(f"{c['text'].rstrip('.')} [{', '.join(c['evidence'])}]." for c in answer["claims"])


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A set, and the folder that its answers are kept in."""
    root = noise_in(tmp_path_factory.mktemp("answered"))
    run(root, scripted(AIMessage("")), output=root.parent / "kept")
    return root, root.parent / "kept"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda answer: put(answer, text="It scores 7.5."), "7.5"),
        (lambda answer: put(answer, evidence=["E9"]), "E9, which does not exist"),
        (lambda answer: answer.update(text="All is well."), "the answer's text is not its claims"),
        (lambda answer: answer.update(text="All is well.", claims=[]), "the answer's text is not its claims"),
        (lambda answer: answer["evidence"][0].update(media="0" * 64), "E1 is of other media"),
    ],
)
def test_an_answer_that_is_not_true_is_found_out(answered, tmp_path: Path, spoil, reason: str) -> None:
    """The answers are kept, one is changed, and the evaluation goes on from them: it must not believe them."""
    noise, folder = answered
    kept = {"output": shutil.copytree(folder, tmp_path / "kept")}
    lines = (tmp_path / "kept/items.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    spoil(records[2]["answers"]["template"]["answer"])
    (tmp_path / "kept/items.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n", "utf-8")
    result = run(noise, scripted(AIMessage("")), **kept)
    template = result["askers"]["template"]
    assert template["supported"]["value"] < 1 and template["unsupported"][0]["item"] == "spot/0.png"
    assert reason in " ".join(template["unsupported"][0]["reasons"])
    assert result["askers"]["model"]["supported"]["value"] == 1
    assert "template: NOT SUPPORTED: spot/0.png" in as_text(result)


def test_it_goes_on_where_it_was(noise: Path, tmp_path: Path) -> None:
    first = scripted(call("score"), LIES, LIES)
    before = run(noise, first, output=tmp_path / "kept")
    lines = (tmp_path / "kept/items.jsonl").read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "kept/items.jsonl").write_text("".join(lines[:3]) + lines[3][:40], "utf-8")
    second = scripted(call("score"), LIES, LIES)
    again = run(noise, second, output=tmp_path / "kept")
    assert (len(first.heard), len(second.heard)) == (15, 6)
    assert again["n"] == before["n"] and again["askers"]["model"]["dropped"] == before["askers"]["model"]["dropped"]
    with pytest.raises(XadError, match="question"):
        run(noise, second, output=tmp_path / "kept", question="Is it normal?")


def test_what_cannot_be_read_is_counted(noise: Path) -> None:
    (noise / "test/spot/0.png").write_bytes(b"no picture")
    save(noise / "ground_truth/spot/2_mask.png", np.zeros((96, 96), np.uint8))  # of one where no region is named
    result = run(noise, scripted(AIMessage("")))
    assert result["n"] == {"good": 2, "defective": 1, "failed": 2}
    assert [entry["item"] for entry in result["failed"]] == ["spot/0.png", "spot/2.png"]
    assert share(result["askers"]["model"]["recall"]) == (1, 1)
    assert "failed: spot/2.png: " in as_text(result) and "(2 failed and are in no metric)" in as_text(result)


def test_a_limit_draws_half_of_them_good(noise: Path) -> None:
    items = read_set(noise).items
    chosen = [tuple(item.name for item in Batch(limit=1, seed=seed).chosen(items)) for seed in (0, 0, 1, 2, 3)]
    assert chosen[0] == chosen[1] and len(set(chosen)) > 1
    result = run(noise, scripted(AIMessage("")), limit=1)
    assert result["n"] == {"good": 1, "defective": 1, "failed": 0}
    assert [item["item"] for item in result["items"]] == list(chosen[0])
    assert "1 good and 1 defective pictures (at most 1 of each, seed 0), 0 failed" in as_text(result)


def test_a_region_is_named_by_the_evidence_that_claims_rest_on() -> None:
    pixels = with_square(BOX)
    pixels[70:90, 5:25] = 180
    answer = Agent(NormalProfile(), NoChatModel()).ask("Where?", pixels)
    assert [region.label for region in answer.regions] == ["region 1", "region 2"]
    assert named_regions(answer) == answer.regions
    only = answer.model_copy(update={"claims": answer.claims[:1]})
    assert named_regions(only) == (), "the score names none"
    second = answer.evidence[1].model_copy(update={"regions": answer.regions[1:]})
    other = {"claims": answer.claims[1:2], "evidence": (second,)}
    assert named_regions(answer.model_copy(update=other)) == answer.regions[1:]


def test_clips_are_read_as_eval_clips_reads_them(tmp_path: Path) -> None:
    root = write_clip_set(tmp_path / "walk")
    for path in (root / "testing/masks/02").iterdir():
        Image.fromarray(np.zeros((24, 40), np.uint8)).save(path)
    found = read_set(root)
    assert (found.medium, [path.name for path in found.normal]) == ("clip", ["01", "02"])
    assert [(item.name, item.kind) for item in found.items] == [("01", "defective"), ("02", "good")]
    truth = found.items[0].truth
    assert not truth(3, 24, 40).any() and truth(4, 24, 40)[14:19, 12:18].all()


def test_a_clip_is_pointed_at_in_the_frame_of_its_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = walking(RIDER)
    monkeypatch.setattr(ClipProfile, "watch", lambda self, clip: seen)
    for number, frame in enumerate(film(seen).frames()):
        save(tmp_path / f"testing/frames/01/{number:03}.png", frame)
        save(tmp_path / f"testing/frames/02/{number:03}.png", frame)
        save(tmp_path / f"training/frames/01/{number:03}.png", frame)
        here = np.zeros(frame.shape[:2], np.uint8)
        here[tuple(map(slice, *_rider(seen, number)))] = 255
        save(tmp_path / f"testing/masks/01/{number:03}.png", here)
        save(tmp_path / f"testing/masks/02/{number:03}.png", here * (number != 40))  # the frame of the region's box
    result = evaluate_answers(tmp_path, profile=walkway(), llm=scripted(AIMessage("")), batch=Batch(progress=False))
    assert result["question"] == "What is unusual in this clip, where, and why?"
    assert [item["template"]["pointed"] for item in result["items"]] == [True, False]
    found = result["askers"]["template"]
    assert share(found["recall"]) == (2, 2) and found["false_alarm_rate"]["value"] is None
    assert "none of them is good" in as_text(result)


def _rider(seen, frame: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row and column of the stranger in a frame: nothing where it is not there."""
    at = np.flatnonzero((seen.frame == frame) & (seen.track == 3))
    x0, y0, x1, y1 = np.maximum(seen.box[at[0]], 0).astype(int) if len(at) else (0, 0, 0, 0)
    return (y0, x0), (y1, x1)


def test_the_command_fits_a_profile_and_prints_one_object(noise, run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("xad_agent.agent.load_chat_model", lambda spec: scripted(call("score"), AIMessage("")))
    options = ["--llm", "any", "--limit", "2", "--backbone", tiny_spec(tmp_path), "--alpha", "0.1", "--json"]
    code, out, _ = run("eval", "answers", noise, *options, "--question", "Where is it?")
    result = json.loads(out)
    assert code == 0 and result["question"] == "Where is it?" and result["alpha"] == 0.1
    assert (result["llm"], result["fitted_on"], result["n"]["failed"]) == ("any", 12, 0)
    assert {who: one["supported"]["value"] for who, one in result["askers"].items()} == {"model": 1, "template": 1}


@pytest.mark.data
def test_the_embedded_model_on_real_tiles(data: Path) -> None:
    normal = sorted((data / "magnetic_tile/train/good").iterdir())[:30]
    profile = Profile.fit([str(path) for path in normal], alpha=0.05, progress=False)
    result = evaluate_answers(data / "magnetic_tile", profile=profile, batch=Batch(limit=2, progress=False))
    assert result["n"] == {"good": 2, "defective": 2, "failed": 0}
    for one in result["askers"].values():
        assert one["supported"]["value"] == 1 and one["supported"]["n"] >= 8, one["unsupported"]
    assert result["askers"]["model"]["by_template"]["hits"] == 0, result["askers"]["model"]["template_reasons"]
