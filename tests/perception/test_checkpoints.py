from pathlib import Path

import pytest
import torch

from xad_agent.errors import XadError
from xad_agent.perception.checkpoints import find_checkpoint, fingerprint, in_cache


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that has some folders, each with the files named; as the hub's client, it gives only what is asked for."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    has = {
        "owner/safe": ["model.safetensors", "config.json"],
        "owner/old": ["weights.pt"],
        "owner/two": ["a.pt", "b.pt"],
    }
    asked: list[list[str]] = []

    def snapshot_download(name, allow_patterns=(), local_files_only=False):
        if name not in has:
            raise LocalEntryNotFoundError("nothing here")
        asked.append(list(allow_patterns))
        folder = tmp_path / name.replace("/", "--")
        folder.mkdir(exist_ok=True)
        for file in has[name]:
            if any(Path(file).match(pattern) for pattern in allow_patterns):
                (folder / file).write_bytes(b"")
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_a_folder_says_itself_what_it_is(tmp_path):
    found = find_checkpoint(str(tmp_path))
    assert (found.path, found.architecture) == (tmp_path, "")


def test_a_file_comes_with_its_architecture(tmp_path):
    file = tmp_path / "gewichte ä.safetensors"
    file.write_bytes(b"x")
    found = find_checkpoint(f"vit_b@{file}")
    assert (found.path, found.architecture) == (file, "vit_b")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("vit_b@nowhere.pth", "there is no file 'nowhere.pth'"),
        ("vit_b@/nowhere/at/all", "there is no file"),
        ("./nowhere", "there is no folder"),
        ("/nowhere", "there is no folder"),
        ("nowhere", "there is no folder"),
        ("a/b/c", "there is no folder"),
        ("", "there is no folder"),
    ],
)
def test_what_is_not_there_is_one_line(spec, reason):
    with pytest.raises(XadError, match=reason) as raised:
        find_checkpoint(spec)
    assert "\n" not in str(raised.value)


def test_a_file_without_architecture_is_asked_for_it(tmp_path):
    file = tmp_path / "a.pth"
    file.write_bytes(b"x")
    with pytest.raises(XadError, match="say what it is of"):
        find_checkpoint(str(file))


def test_pickles_are_fetched_only_where_there_is_nothing_else(hub):
    assert find_checkpoint("owner/safe").path.name == "owner--safe"
    assert len(hub) == 1 and "*.pt" not in hub[0]
    assert find_checkpoint("vit_t@owner/old").path.name == "weights.pt"
    assert "*.pt" in hub[-1]


def test_one_of_several_files_is_not_guessed(hub):
    with pytest.raises(XadError, match="has 2 weights files"):
        find_checkpoint("vit_t@owner/two")


def test_a_name_that_cannot_be_fetched_comes_with_the_command(hub, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    with pytest.raises(XadError, match="run `xad models pull no/body`"):
        find_checkpoint("no/body")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(XadError, match="HF_HUB_OFFLINE is set"):
        find_checkpoint("no/body")


def test_the_real_client_refuses_what_is_no_name(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(XadError, match="is no hub's name"):
        find_checkpoint("a b/c")
    assert not in_cache("a b/c")


def test_a_fingerprint_is_of_names_shapes_and_values():
    torch.manual_seed(0)
    one, other = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)
    other.load_state_dict(one.state_dict())
    assert fingerprint(one) == fingerprint(other) == fingerprint(torch.nn.Sequential(one)[0])
    assert fingerprint(one) != fingerprint(torch.nn.Sequential(one))
    assert fingerprint(one.bfloat16()) != fingerprint(other)
