"""Every word that goes into a model, and every vocabulary, as data.

A file begins with its header, a YAML document of its own: `name`, `version` (it goes up as the meaning changes)
and the `variables` that its text takes as {variable}. Behind it stands Markdown, or the YAML of a vocabulary.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xad_agent.errors import XadError

_VARIABLE = re.compile(r"\{([a-z_]+)\}")
_HEADER = re.compile(r"---\n(.*?)\n---\n(.*)", re.DOTALL)
_used: ContextVar[dict[str, int] | None] = ContextVar("used_prompts", default=None)


class Header(BaseModel):
    """What a file says of itself."""

    model_config = ConfigDict(extra="forbid")

    name: str
    version: int = Field(ge=1)
    variables: frozenset[str] = frozenset()


def vocabulary(name: str) -> Any:
    """The content of `prompts/NAME.yaml`; treat it as read-only.

    Raises:
        XadError: It is missing or damaged, or its header does not fit.
    """
    header, content = _parsed(name)
    _note(header)
    return content


def prompt(name: str, **variables: str) -> str:
    """The text of `prompts/NAME.md`, with its variables filled in.

    Raises:
        XadError: It is missing, its header does not fit, or other variables are given than it takes.
    """
    header, text = _read(f"{name}.md")
    if set(variables) != header.variables:
        raise XadError(f"prompts/{name}.md takes {sorted(header.variables)}, it was given {sorted(variables)}")
    _note(header)
    return _VARIABLE.sub(lambda match: variables[match[1]], text).strip()


@contextmanager
def recorded(used: dict[str, int]) -> Iterator[None]:
    """Note in `used` the version of what is read meanwhile, by name; in threads with a copy of this context too."""
    token = _used.set(used)
    try:
        yield
    finally:
        _used.reset(token)


def _note(header: Header) -> None:
    used = _used.get()
    if used is not None:
        used[header.name] = header.version


@cache
def _parsed(name: str) -> tuple[Header, Any]:
    header, text = _read(f"{name}.yaml")
    try:
        return header, yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise XadError(f"prompts/{name}.yaml is no YAML ({' '.join(str(error).split())}): mend it") from error


@cache
def _read(file: str) -> tuple[Header, str]:
    """Header and text of a file, checked against one another."""
    try:
        text = (files(__name__) / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise XadError(f"prompts/{file} cannot be read ({error}): install xad-agent again") from error
    parts = _HEADER.fullmatch(text)
    try:
        header = Header.model_validate(yaml.safe_load(parts[1]) if parts else None)
    except (ValidationError, yaml.YAMLError) as error:
        raise XadError(f"prompts/{file} does not begin with a header of name, version and variables") from error
    content = parts[2] if parts else ""
    if header.name != file.rsplit(".", 1)[0]:
        raise XadError(f"prompts/{file} calls itself {header.name!r}")
    if header.variables != set(_VARIABLE.findall(content)):
        raise XadError(
            f"prompts/{file} declares {sorted(header.variables)} and uses {sorted(set(_VARIABLE.findall(content)))}"
        )
    return header, content
