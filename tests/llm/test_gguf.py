"""SmolLM2, a real language model: by its file, and over a real OpenAI-compatible server on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from tests.normal import NormalProfile, picture, with_square
from xad_agent import weights
from xad_agent.agent import Agent
from xad_agent.llm import load_chat_model, local, remote
from xad_agent.llm.gguf import serve
from xad_agent.llm.local import draft_form
from xad_agent.prompts import prompt

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def file() -> Path:
    return weights.path("smollm2-135m")


@pytest.fixture(scope="module")
def address(file: Path) -> Iterator[str]:
    server = serve(file, 4096)
    yield server.listening_address


@pytest.fixture(autouse=True)
def _short_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small a model goes on to the end of what it may write."""
    for module in (local, remote):
        monkeypatch.setattr(module, "REPLY_TOKENS", 200)


def test_a_gguf_file_writes_a_draft_under_a_grammar(file: Path) -> None:
    model = load_chat_model(f"gguf:{file}")
    inner = getattr(model, "inner", model)
    told = [SystemMessage(prompt("draft")), HumanMessage("Question: Is it normal?\nEvidence:\nE1: It scores 0.9.")]
    said = inner.invoke(told, response_format=draft_form(told))
    assert "".join(said.text.split()).startswith('{"claims":[{"text":"')
    assert said.usage_metadata["output_tokens"] > 0


@pytest.mark.parametrize("how", ["gguf", "openai"])
def test_the_agent_answers_with_it(how: str, file: Path, address: str) -> None:
    spec = f"gguf:{file}" if how == "gguf" else f"openai:smollm2@{address}/v1"
    answer = Agent(NormalProfile(), llm=spec).ask("Is it normal?", picture(with_square((60, 20, 76, 40))))
    assert answer.verdict == "anomalous" and answer.claims
    held = {entry.id for entry in answer.evidence}
    assert all(set(claim.evidence) <= held for claim in answer.claims)
