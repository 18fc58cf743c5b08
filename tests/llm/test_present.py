"""Which chat models are here."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from xad_agent.llm import present


def _cache(folder: Path, **architectures: list[str]) -> SimpleNamespace:
    repositories = []
    for name, named in architectures.items():
        file = folder / name
        file.write_text(json.dumps({"architectures": named}))
        revision = SimpleNamespace(files=[SimpleNamespace(file_name="config.json", file_path=file)])
        repositories.append(SimpleNamespace(repo_id=f"owner/{name}", repo_type="model", revisions=[revision]))
    return SimpleNamespace(repos=repositories)


def test_what_is_in_the_cache_and_writes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = _cache(tmp_path, writer=["LlamaForCausalLM"], seer=["Idefics3ForConditionalGeneration"], clip=["CLIPModel"])
    monkeypatch.setattr("huggingface_hub.scan_cache_dir", lambda: cache)
    monkeypatch.setattr(present, "_OLLAMA", "http://127.0.0.1:9/api/tags")
    monkeypatch.setattr("xad_agent.weights.has", lambda role: role == "llm")
    assert present.present_chat_models() == ["embedded", "hf:owner/seer", "hf:owner/writer"]


def test_without_any_model_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.scan_cache_dir", lambda: SimpleNamespace(repos=[]))
    monkeypatch.setattr(present, "_OLLAMA", "http://127.0.0.1:9/api/tags")
    monkeypatch.setattr("xad_agent.weights.has", lambda role: False)
    assert present.present_chat_models() == []
