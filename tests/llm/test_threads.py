"""How many threads llama.cpp gets: never one on each core."""

import os

import pytest

from xad_agent.llm import gguf


@pytest.mark.parametrize(("cores", "told"), [(1, 1), (2, 1), (8, 7)])
def test_one_core_is_left_to_others(monkeypatch: pytest.MonkeyPatch, cores: int, told: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert gguf.threads() == told
