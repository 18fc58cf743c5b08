import json

import pytest

from xad_agent import cli_options
from xad_agent.errors import XadError
from xad_agent.perception import models as module


@pytest.fixture(autouse=True)
def _config(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_config", lambda: tmp_path / "models.yaml")
    monkeypatch.setattr(module, "_loaded", {})
    monkeypatch.setattr(module, "_LOADERS", dict.fromkeys(module.ROLES, lambda spec: spec))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_choice_is_listed_used_and_taken_back(run, tmp_path):
    file = tmp_path / "sam.pth"
    file.write_bytes(b"weights")
    code, out, _ = run("models", "use", "segmenter", f"vit_b@{file}")
    assert (code, out.strip()) == (0, f"segmenter is vit_b@{file}: vit_b@{file}")
    _, out, _ = run("models", "list", "--json")
    rows = json.loads(out)
    assert rows[-1]["spec"] == f"vit_b@{file}" and rows[-1]["status"] == "chosen"
    known = {row["name"]: row for row in rows if "name" in row}
    assert known["sam-vit-b"]["licence"] == "Apache-2.0" and known["sam-vit-b"]["size"] > 300
    assert known["sam-vit-b"]["status"] == "missing"
    file.write_bytes(b"others")
    code, out, _ = run("models", "verify")
    assert code == 1 and "has changed since it was chosen" in out
    assert run("models", "use", "segmenter", "none")[:2] == (0, "segmenter is none\n")


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("use", "segmenter", "vit_b@nowhere.pth"), 1, "there is no file 'nowhere.pth'"),
        (("use", "sam", "vit_b@nowhere.pth"), 2, "no model is used as 'sam'"),
        (("use", "finder", "grounding-dino-tiny"), 1, "run `xad models pull IDEA-Research/grounding-dino-tiny`"),
        (("pull", "no/body"), 1, "HF_HUB_OFFLINE is set"),
        (("pull", "nothing"), 2, "no model is called 'nothing'"),
    ],
)
def test_what_cannot_be_had_is_one_line(run, arguments, code, part):
    exit_code, out, err = run("models", *arguments)
    assert exit_code == code and out == ""
    assert part in err and err.count("\n") == 1


def test_models_of_the_moment_are_named_by_role():
    models = cli_options.models_of(["clip=FOLDER", "segmenter=vit_b@x=y.pth"], "screw", ["bent tip"])
    assert models.specs == {"clip": "FOLDER", "segmenter": "vit_b@x=y.pth"}
    assert (models.thing, models.words) == ("screw", ("bent tip",))
    for wrong in ("clip", "=x", "clip="):
        with pytest.raises(XadError, match="give ROLE=SPEC"):
            cli_options.models_of([wrong])
