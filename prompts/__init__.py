"""Every word that goes into a model, and every vocabulary, as data."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def vocabulary(name: str) -> Any:
    """The parsed `prompts/NAME.yaml`; treat it as read-only."""
    return yaml.safe_load((files(__name__) / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def prompt(name: str) -> str:
    """The text of `prompts/NAME.md`."""
    return (files(__name__) / f"{name}.md").read_text(encoding="utf-8").strip()
