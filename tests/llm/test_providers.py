"""Anthropic's and Ollama's protocols, and servers that take no tools, against a server on this machine."""

import json
from typing import Any

import pytest

from tests import scripted
from tests.llm.test_remote import Server, draft, message
from tests.normal import NormalProfile, picture, with_square
from xad_agent.agent import Agent
from xad_agent.llm import embedded, remote
from xad_agent.llm.planned import PLANNED
from xad_agent.llm.router import intent

SAID = "It is anomalous."


def anthropic(*blocks: dict[str, Any]) -> dict[str, Any]:
    reason = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "tiny",
        "content": list(blocks),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }


def ollama(text: str, *calls: str) -> bytes:
    tool_calls = [{"function": {"name": name, "arguments": {}}} for name in calls]
    said = {"role": "assistant", "content": text, **({"tool_calls": tool_calls} if calls else {})}
    line = {"model": "tiny", "created_at": "2026-01-01T00:00:00Z", "message": said, "done": True, "done_reason": "stop"}
    return json.dumps(line).encode() + b"\n"


DRAFT = scripted.draft(SAID, "verdict", "E1").text
SPEAKING = {
    "anthropic": (
        (200, anthropic({"type": "tool_use", "id": "toolu_1", "name": "score", "input": {}})),
        (200, anthropic({"type": "text", "text": DRAFT})),
    ),
    "ollama": ((200, ollama("", "score")), (200, ollama(DRAFT))),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote, "_wait", lambda state: 0.01)
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    made = Server()
    yield made
    made.shutdown()


def ask(server: Server, provider: str, *replies: Any):
    pytest.importorskip(f"langchain_{provider}", reason=f"NOT RUN: needs langchain-{provider}")
    server.replies = list(replies)
    path = "/v1" if provider == "openai" else ""
    agent = Agent(NormalProfile(), llm=f"{provider}:tiny@http://127.0.0.1:{server.server_port}{path}")
    return agent.ask("Is it normal?", picture(with_square((60, 20, 76, 40))))


@pytest.mark.parametrize("provider", SPEAKING)
def test_a_model_calls_tools_and_drafts(server: Server, provider: str) -> None:
    answer = ask(server, provider, *SPEAKING[provider])
    assert (answer.source, answer.text, answer.note) == ("model", "It is anomalous [E1].", "")
    assert "score" in json.dumps(server.asked[0]["tools"])
    assert "tool_result" in json.dumps(server.asked[1]) or '"role": "tool"' in json.dumps(server.asked[1])


@pytest.mark.parametrize("provider", SPEAKING)
@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "refused the key"),
        (404, "is not there"),
        (429, "is asked too often (429, 3 times)"),
        (500, "fails (500, 3 times)"),
    ],
)
def test_what_a_provider_refuses_is_one_line(server: Server, provider: str, status: int, says: str) -> None:
    answer = ask(server, provider, (status, {"error": {"type": "x", "message": "no"}}))
    assert answer.source == "template" and says in answer.note, answer.note
    assert answer.verdict == "anomalous" and "\n" not in answer.note


@pytest.mark.parametrize(
    ("provider", "status", "refusal"),
    [
        ("ollama", 400, {"error": "registry/library/tiny does not support tools"}),
        ("openai", 500, {"error": {"message": "tools param requires --jinja flag"}}),
        ("openai", 400, {"error": {"message": '"auto" tool choice requires --enable-auto-tool-choice to be set'}}),
        ("openai", 400, {"error": {"message": "`tools` is not supported in this model."}}),
    ],
)
def test_a_model_that_takes_no_tools_is_planned_for(
    server: Server, provider: str, status: int, refusal: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "route", lambda question, clip: intent("is_it", clip=clip))
    drafted = ollama(DRAFT) if provider == "ollama" else draft(SAID, "verdict", "E1")
    answer = ask(server, provider, (status, refusal), (200, drafted))
    assert (answer.source, answer.text, answer.note) == ("model", "It is anomalous [E1].", PLANNED)
    assert len(server.asked) == 2 and not server.asked[1].get("tools")


def test_another_bad_request_is_not_taken_for_that(server: Server) -> None:
    answer = ask(server, "openai", (400, {"error": {"message": "the tool call id is unknown"}}), (200, message("x")))
    assert answer.source == "template" and "gave no usable reply" in answer.note and len(server.asked) == 1
