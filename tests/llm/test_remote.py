"""Chat models behind a network interface, against a real server on this machine that answers as it likes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests import scripted
from tests.normal import NormalProfile, picture, with_square
from xad_agent.agent import Agent
from xad_agent.budget import Budget
from xad_agent.errors import XadError
from xad_agent.llm import load_chat_model, remote

SECRET = "sk-very-secret-0123456789"


class Server(ThreadingHTTPServer):
    """Gives its replies one after the other, then the last one again: (status, body), or an event to wait for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: list[Any] = []
        self.asked: list[dict[str, Any]] = []
        # Shutting it down takes as long as it lets pass between two looks.
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def spec(self) -> str:
        return f"openai:tiny@http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        reply = self.server.replies[min(len(self.server.asked), len(self.server.replies)) - 1]
        if isinstance(reply, threading.Event):
            reply.wait(20)
            reply = (200, message("too late"))
        status, body = reply
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass


def message(text: str, tool: str = "", **arguments: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": text}
    if tool:
        function = {"name": tool, "arguments": json.dumps(arguments)}
        said["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    choice = {"index": 0, "message": said, "finish_reason": "tool_calls" if tool else "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice], "usage": usage}


def draft(text: str, kind: str, *evidence: str) -> dict[str, Any]:
    return message(scripted.draft(text, kind, *evidence).text)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(remote, "_wait", lambda state: 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = Server()
    yield made
    made.shutdown()


def ask(server: Server, *replies: Any, budget: Budget | None = None):
    server.replies = list(replies)
    agent = Agent(NormalProfile(), llm=server.spec, budget=budget)
    return agent.ask("Is it normal?", picture(with_square((60, 20, 76, 40))))


def test_a_server_of_this_machine_needs_no_key_and_is_asked_within_bounds(server: Server) -> None:
    answer = ask(server, (200, message("", "score")), (200, draft("It is anomalous.", "verdict", "E1")))
    assert (answer.source, answer.text) == ("model", "It is anomalous [E1].")
    first = server.asked[0]
    assert first["temperature"] == 0 and (first.get("max_tokens") or first["max_completion_tokens"]) == 2048
    assert {tool["function"]["name"] for tool in first["tools"]} >= {"score", "locate"}


@pytest.mark.parametrize(
    ("replies", "note"),
    [
        ([(401, {"error": {"message": f"bad key {SECRET}"}})], "refused the key (401): check OPENAI_API_KEY"),
        ([(404, {"error": {"message": "no model"}})], "is not there (404)"),
        ([(429, {"error": {"message": "slow down"}})], "is asked too often (429, 3 times): try again later"),
        ([(500, {"error": {"message": "oops"}})], "fails (500, 3 times)"),
        ([(200, b"{broken")], "gave no usable reply"),
        ([(200, b"<html>not json</html>")], "gave no usable reply"),
        ([(200, message(""))], "no claim of the chat model held"),
        ([(200, message("x " * 200_000))], "no claim of the chat model held"),  # endless text
        ([(200, message("", "no_such_tool"))], "no answer within its steps"),
        ([(200, draft("It is anomalous.", "verdict", "E77"))], "no claim of the chat model held"),
        ([(200, message("", "score")), (200, draft("It is normal.", "verdict", "E1"))], "no claim"),  # against evidence
        ([(200, message("", "score")), (200, draft("<script>x</script>", "what", "E1"))], "no claim"),
    ],
)
def test_whatever_a_server_answers_the_evidence_answers(server: Server, replies: list, note: str) -> None:
    answer = ask(server, *replies)
    assert answer.source == "template" and note in answer.note and answer.verdict == "anomalous"
    assert SECRET not in answer.model_dump_json() and "script" not in answer.text


def test_too_many_requests_are_tried_again(server: Server) -> None:
    busy = (429, {"error": {"message": "slow down"}})
    answer = ask(
        server, busy, (200, message("", "score")), (503, {}), (200, draft("It is anomalous.", "verdict", "E1"))
    )
    assert answer.source == "model" and len(server.asked) == 4


def test_a_server_that_never_answers_is_left(server: Server) -> None:
    never = threading.Event()
    answer = ask(server, never, budget=Budget(seconds=3))
    never.set()
    assert answer.source == "template" and "it took more than 2 s" in answer.note and answer.seconds < 5


def test_no_server_at_all_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.shutdown()
    server.server_close()
    agent = Agent(NormalProfile(), llm=server.spec)
    assert "cannot be reached" in agent.ask("Is it?", picture(with_square((60, 20, 76, 40)))).note


def test_keys_show_nowhere(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    model = load_chat_model(server.spec)
    assert SECRET not in repr(model) and SECRET not in str(model)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("openai:gpt-5", "needs a key: set OPENAI_API_KEY in the environment"),
        ("openai:m@https://example.org/v1", "needs a key"),  # only this machine needs none
        ("openai:m@http://user:pass@127.0.0.1/v1", "no key or password in it"),
        ("openai:m@http://127.0.0.1/v1?key=abc", "no key or password in it"),
        ("nobody:model", "unknown chat model 'nobody:model'"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(spec: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(XadError, match=problem) as caught:
        load_chat_model(spec)
    assert "\n" not in str(caught.value) and "pass@" not in str(caught.value) and "abc" not in str(caught.value)
