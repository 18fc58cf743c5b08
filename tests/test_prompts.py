"""Prompts and vocabularies: their headers, and that vocabularies hold words."""

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from xad_agent import prompts
from xad_agent.errors import XadError
from xad_agent.prompts import prompt, recorded, vocabulary

FILES = [file.name for file in files("xad_agent.prompts").iterdir()]
NAMES = [name.removesuffix(".yaml") for name in FILES if name.endswith(".yaml")]


def leaves(entry: Any) -> list[Any]:
    if isinstance(entry, dict):
        return [leaf for pair in entry.items() for side in pair for leaf in leaves(side)]
    return [leaf for one in entry for leaf in leaves(one)] if isinstance(entry, list) else [entry]


VARIABLES = {
    "choice.md": ("case",),
    "closed_question.md": ("question", "options"),
    "earlier.md": ("earlier",),
    "judge.md": ("case",),
}


@pytest.mark.parametrize("name", NAMES)
def test_no_word_was_read_as_a_truth_value(name: str) -> None:
    """YAML reads a bare `no` or `on` as one, which then matches nothing."""
    assert not [leaf for leaf in leaves(vocabulary(name)) if leaf is None or isinstance(leaf, bool)]


@pytest.mark.parametrize("file", [name for name in FILES if name.endswith((".md", ".yaml"))])
def test_every_file_declares_its_name_version_and_variables(file: str) -> None:
    read = vocabulary if file.endswith(".yaml") else partial(prompt, **dict.fromkeys(VARIABLES.get(file, ()), "x"))
    used: dict[str, int] = {}
    with recorded(used):
        read(Path(file).stem)
    assert set(used) == {Path(file).stem} and used[Path(file).stem] >= 1


def test_variables_are_filled_in_once() -> None:
    assert prompt("closed_question", question="a {options}?", options="yes, no").startswith("a {options}?\n")


def test_other_variables_than_declared_are_refused() -> None:
    with pytest.raises(XadError, match=r"takes \['options', 'question'\], it was given \['question'\]"):
        prompt("closed_question", question="what?")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("just text", "does not begin with a header"),
        ("---\nname: x\n---\ntext", "does not begin with a header"),
        ("---\nname: x\nversion: 1\nauthor: me\n---\ntext", "does not begin with a header"),
        ("---\nname: y\nversion: 1\n---\ntext", "calls itself 'y'"),
        ("---\nname: x\nversion: 1\n---\n{thing}", r"declares \[\] and uses \['thing'\]"),
        ("---\nname: x\nversion: 1\nvariables: [thing]\n---\ntext", r"declares \['thing'\] and uses \[\]"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.md").write_text(text)
    monkeypatch.setattr(prompts, "files", lambda _: tmp_path)
    prompts._read.cache_clear()
    with pytest.raises(XadError, match=problem):
        prompt("x")
    prompts._read.cache_clear()


def test_nothing_is_recorded_outside() -> None:
    used: dict[str, int] = {}
    with recorded(used):
        pass
    vocabulary("absent")
    assert used == {}
