"""What is dear to compute and cheap to keep, on disk: arrays by what they were made from."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.checkpoint import write_whole
from xad_agent.weights import home


def cached(kind: str, key: Mapping[str, Any], make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays made from `key`: from `home()/cache/KIND` where they are there and intact, else made and kept.

    Args:
        kind: The folder's name ("text").
        key: Everything that the arrays depend on, as JSON can hold it: fingerprints, prompts, settings.
        make: Makes them. A disk that is full or cannot be written to costs only the next call's time.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = _file(kind, key)
    if file.is_file():
        with suppress(OSError, SafetensorError):
            return load_file(file)
    arrays = make()
    with suppress(Exception):  # safetensors gives the system's errors types of its own
        write_whole(file, arrays, {})
    return arrays


def _file(kind: str, key: Mapping[str, Any]) -> Path:
    text = json.dumps(key, sort_keys=True, ensure_ascii=False)
    return home() / "cache" / kind / f"{hashlib.sha256(text.encode()).hexdigest()}.safetensors"
