"""Files: those that people made, read strictly, and those of our own beside these modules."""

import json
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from xad_agent.errors import XadError, reason


def read_json(path: Path, layout: str) -> Any:
    """The content of a file.

    Args:
        path: The file.
        layout: How it must look, for the error.

    Raises:
        XadError: It cannot be read, is no JSON, or holds a key twice in one object, of which one would be lost.
    """
    try:
        return json.loads(path.read_text("utf-8"), object_pairs_hook=no_key_twice)
    except (OSError, ValueError, RecursionError) as error:
        raise XadError(f"{path}: cannot be read as JSON ({reason(error)}); give {layout}") from error


@cache
def packaged(name: str) -> Any:
    """What is in a YAML file beside these modules, as "outcomes" is."""
    import yaml

    return yaml.safe_load((files("xad_agent.eval") / f"{name}.yaml").read_text("utf-8"))


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A hook for `json.loads`; ValueError where an object holds a key twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def content(path: Path) -> str:
    """sha256 of a file.

    Raises:
        XadError: It cannot be read.
    """
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise XadError(f"{path}: cannot be read ({reason(error)})") from error
