import threading
import time

import pytest
import torch
from safetensors.torch import save_file

from xad_agent.errors import XadError
from xad_agent.perception import models as module
from xad_agent.perception.models import Models, choose, chosen, known


@pytest.fixture(autouse=True)
def _config(monkeypatch, tmp_path):
    """A file of choices of the test's own, and no model loaded."""
    monkeypatch.setattr(module, "_config", lambda: tmp_path / "home" / "models.yaml")
    monkeypatch.setattr(module, "_loaded", {})


@pytest.fixture
def loads(monkeypatch):
    """What is loaded, by role and spec, in turn."""
    made = []

    def loader(role):
        def load(spec):
            time.sleep(0.02)
            made.append((role, spec))
            return f"{role} of {spec}"

        return load

    monkeypatch.setattr(module, "_LOADERS", {role: loader(role) for role in module.ROLES})
    return made


@pytest.fixture
def weights_file(tmp_path):
    file = tmp_path / "sam.pth"
    file.write_bytes(b"weights")
    return file


def test_what_is_chosen_stays_chosen(loads, weights_file):
    assert Models().missing == ("clip", "finder", "segmenter", "vlm")
    choose("segmenter", f"vit_b@{weights_file}")
    assert chosen()["segmenter"].spec == f"vit_b@{weights_file}"
    models = Models()
    assert models.specs == {"segmenter": f"vit_b@{weights_file}"}
    assert models.missing == ("clip", "finder", "vlm")
    assert models.segmenter == f"segmenter of vit_b@{weights_file}"
    choose("segmenter", "none")
    assert chosen() == {}


def test_a_spec_of_the_moment_goes_before_what_is_chosen(loads, weights_file):
    choose("segmenter", f"vit_b@{weights_file}")
    assert Models({"segmenter": "vit_h@x"}).specs == {"segmenter": "vit_h@x"}
    assert Models({"segmenter": "none"}).specs == {}
    assert chosen()["segmenter"].spec == f"vit_b@{weights_file}"


def test_a_known_name_stands_for_its_spec():
    assert Models({"segmenter": "sam-vit-b"}).specs == {"segmenter": "facebook/sam-vit-base"}
    assert {entry.role for entry in known()} == set(module.ROLES) - {"prompts"}
    assert all(entry.size > 0 and entry.licence for entry in known())


def test_weights_that_changed_are_not_used(loads, weights_file):
    choose("segmenter", f"vit_b@{weights_file}")
    module._loaded.clear()  # as in the next process
    loads.clear()
    weights_file.write_bytes(b"other weights")
    with pytest.raises(XadError, match="has changed since it was chosen: run `xad models use segmenter"):
        _ = Models().segmenter
    weights_file.unlink()
    with pytest.raises(XadError, match="cannot read"):
        _ = Models().segmenter
    assert loads == []


def test_two_that_want_one_model_load_it_once(loads):
    agents = [Models({"clip": "a"}), Models({"clip": "a"}), Models({"clip": "b"})]
    threads = [threading.Thread(target=lambda one=one: one.clip) for one in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(loads) == [("clip", "a"), ("clip", "b")]
    assert agents[0].clip is agents[1].clip


def test_without_a_choice_the_embedded_ones_find_and_outline(loads):
    models = Models()
    assert models.clip is None and models.vlm is None
    assert (models.finder, models.segmenter) == ("finder of ", "segmenter of ")


def test_a_role_that_is_none_is_refused():
    with pytest.raises(XadError, match="no model is used as 'sam': there are clip, prompts, finder, segmenter, vlm"):
        Models({"sam": "x"})
    with pytest.raises(XadError, match="no model is used as"):
        choose("sam", "x")


@pytest.mark.parametrize(
    "text", ["[1, 2]", "clip: {spec: x}", "clip: x", "nothing: {spec: a, local: a, sha256: {}}", "{"]
)
def test_a_damaged_file_of_choices_is_one_line(text):
    module._config().parent.mkdir(parents=True)
    module._config().write_text(text)
    with pytest.raises(XadError):
        chosen()


def test_what_is_not_there_cannot_be_chosen():
    with pytest.raises(XadError, match="there is no file"):
        choose("segmenter", "vit_b@nowhere.pth")
    assert chosen() == {}


def test_learned_prompts_are_those_of_anomaly_clip(tmp_path):
    file = tmp_path / "prompts.safetensors"
    save_file({"ctx_pos": torch.zeros(1), "ctx_neg": torch.zeros(1)}, file)
    assert Models({"prompts": f"anomaly_clip@{file}"}).prompts == file
    save_file({"weight": torch.zeros(1)}, file)
    module._loaded.clear()
    with pytest.raises(XadError, match="holds no prompts that AnomalyCLIP learned"):
        _ = Models({"prompts": f"anomaly_clip@{file}"}).prompts
    with pytest.raises(XadError, match="given as anomaly_clip@FILE"):
        _ = Models({"prompts": f"clip@{file}"}).prompts
