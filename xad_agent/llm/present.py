"""Which chat models can be had on this machine without fetching anything."""

import json
from urllib.error import URLError
from urllib.request import urlopen

from xad_agent import weights

_OLLAMA = "http://127.0.0.1:11434/api/tags"
_LOOK_SECONDS = 0.5
_CHAT = ("ForCausalLM", "ForConditionalGeneration")


def present_chat_models() -> list[str]:
    """Specs for `load_chat_model`: the embedded one, what is in the hub client's cache, what Ollama serves here."""
    embedded = ["embedded"] if weights.has("llm") else []
    return [*embedded, *_cached(), *_served_by_ollama()]


def _cached() -> list[str]:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return []
    return sorted(f"hf:{one.repo_id}" for one in repositories if one.repo_type == "model" and _chats(one))


def _chats(repository: object) -> bool:
    """Whether the configuration of one of a repository's revisions names a model that writes."""
    for revision in repository.revisions:  # type: ignore[attr-defined]
        for file in revision.files:
            if file.file_name == "config.json":
                try:
                    named = json.loads(file.file_path.read_text(encoding="utf-8")).get("architectures") or []
                except (OSError, ValueError, AttributeError):
                    continue
                if any(str(name).endswith(_CHAT) for name in named):
                    return True
    return False


def _served_by_ollama() -> list[str]:
    try:
        with urlopen(_OLLAMA, timeout=_LOOK_SECONDS) as reply:
            models = json.load(reply)["models"]
        return sorted(f"ollama:{model['name']}" for model in models)
    except (URLError, OSError, ValueError, KeyError, TypeError):
        return []  # no server of that kind runs here
