import json
import os
from pathlib import Path

import pytest
from transformers import SamConfig, SamModel

from tests.finders import WORDS, write_grounding
from tests.small_clip import small_folder, small_network
from tests.small_sam import SMALL, randomised
from xad_agent.errors import XadError
from xad_agent.eval import perception
from xad_agent.eval.perception import as_text, bench_perception


@pytest.fixture
def specs(tmp_path: Path) -> dict[str, str]:
    randomised(SamModel(SamConfig(**SMALL))).save_pretrained(tmp_path / "segmenter")
    write_grounding(tmp_path / "finder")
    small_folder(tmp_path / "clip", small_network())
    return {kind: str(tmp_path / kind) for kind in ("clip", "segmenter", "finder")}


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All in this process, which is quicker."""
    monkeypatch.setattr(perception, "PHRASES", WORDS[:3])  # all that the tiny tokenizer knows
    monkeypatch.setattr(perception, "_alone", lambda function, *arguments: function(*arguments))
    monkeypatch.setenv("XAD_HOME", str(tmp_path / "home"))


@pytest.mark.usefixtures("together")
def test_every_model_is_timed_beside_its_encoder(specs: dict[str, str], capsys: pytest.CaptureFixture[str]):
    result = bench_perception(specs, repeats=3)
    assert "grounding dino: 100%" in capsys.readouterr().err
    json.dumps(result)
    rows = result["models"]
    assert list(rows) == ["sam", "embedded segmenter", "winclip exact", "winclip fast", "grounding dino"]
    for name, row in rows.items():
        assert "failed" not in row, row
        assert row["load_seconds"] > 0 and not row["random_weights"]
        assert all(spread["n"] == 3 and spread["median"] > 0 for spread in row["seconds"].values())
        assert (row["ratio"] is None) == (name == "embedded segmenter")
    assert list(rows["sam"]["seconds"]) == [
        "embedding",
        "masks for a first box, once embedded",
        "masks for another box",
    ]
    assert rows["winclip exact"]["ratio"]["median"] > 1, "it looks at the picture, and at windows besides"
    assert as_text(result).count("its bare image encoder") == 4


@pytest.mark.usefixtures("together")
def test_what_cannot_be_loaded_is_named_and_the_rest_goes_on(
    specs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    result = bench_perception(specs | {"segmenter": f"vit_b@{tmp_path / 'none.pth'}"}, repeats=1, progress=False)
    assert "there is no file" in result["models"]["sam"]["failed"]
    assert "sam: failed: vit_b@" in as_text(result)
    assert sum("failed" in row for row in result["models"].values()) == 1
    assert "100%" not in capsys.readouterr().err


def test_each_model_has_a_process_of_its_own():
    assert len({os.getpid(), perception._alone(os.getpid), perception._alone(os.getpid)}) == 3


def test_a_process_that_is_ended_is_told():
    with pytest.raises(XadError, match="ended from outside"):
        perception._alone(os._exit, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"specs": {"vlm": "a"}}, "no spec is for 'vlm': there are clip, segmenter and finder"),
        ({"repeats": 0}, "0 repeats with 1 threads"),
        ({"threads": 0}, "10 repeats with 0 threads"),
    ],
)
def test_wrong_use_is_named(arguments: dict, message: str):
    with pytest.raises(XadError, match=message):
        bench_perception(**arguments)
