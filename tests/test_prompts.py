"""Vocabularies hold words: YAML reads a bare `no` or `on` as a truth value, which then matches nothing."""

from importlib.resources import files
from typing import Any

import pytest

from xad_agent.prompts import vocabulary

FILES = [file.name for file in files("xad_agent.prompts").iterdir()]
NAMES = [name.removesuffix(".yaml") for name in FILES if name.endswith(".yaml")]


def leaves(entry: Any) -> list[Any]:
    if isinstance(entry, dict):
        return [leaf for pair in entry.items() for side in pair for leaf in leaves(side)]
    return [leaf for one in entry for leaf in leaves(one)] if isinstance(entry, list) else [entry]


@pytest.mark.parametrize("name", NAMES)
def test_no_word_was_read_as_a_truth_value(name: str) -> None:
    assert not [leaf for leaf in leaves(vocabulary(name)) if leaf is None or isinstance(leaf, bool)]
