"""The agent's tools over the Model Context Protocol, through the official client."""

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from PIL import Image

from tests.normal import NormalProfile, with_square
from tests.scripted import ScriptedChatModel, call, draft
from xad_agent.agent import Agent
from xad_agent.mcp_server import make_server
from xad_agent.tools import TOOLS, clips


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Image.fromarray(with_square((60, 20, 76, 40))).save(tmp_path / "part.png")
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


def talk(root: Path, *calls: tuple[str, dict]) -> list:
    """The replies to some calls, in one session."""
    said = draft("It is anomalous.", "verdict", "E1")
    agent = Agent(NormalProfile(), llm=ScriptedChatModel(script=[call("score"), said]))

    async def session() -> list:
        async with Client(make_server(agent, root)) as client:
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(session())


def test_every_tool_is_offered_with_its_arguments(root: Path) -> None:
    async def listed() -> dict:
        async with Client(make_server(Agent(NormalProfile(), llm=ScriptedChatModel(script=[])), root)) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    tools = asyncio.run(listed())
    assert set(tools) == {"ask", *TOOLS, *clips.TOOLS}
    assert set(tools["measure"].input_schema["properties"]) == {"media", "region", "event"}
    assert tools["measure"].input_schema["required"] == ["media"]
    assert all(tool.description for tool in tools.values())


def test_a_question_is_answered_and_tools_measure_once(root: Path) -> None:
    answer, score, again = talk(
        root,
        ("ask", {"media": "part.png", "question": "Is it normal?"}),
        ("score", {"media": "part.png"}),
        ("measure", {"media": "part.png", "region": 1}),
    )
    assert answer.structured_content["text"] == "It is anomalous [E1]."
    assert score.structured_content["id"] == "E1" and score.structured_content["verdict"] == "anomalous"
    assert again.structured_content["arguments"] == {"region": 1}


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("score", {"media": "../part.png"}, "is outside"),
        ("score", {"media": "/etc/passwd"}, "is outside"),
        ("score", {"media": "missing.png"}, "no such file"),
        ("score", {"media": "text.png"}, "text.png"),
        ("timeline", {"media": "part.png"}, "does not look at this kind of media"),
        ("measure", {"media": "part.png", "region": 0}, "greater than or equal to 1"),
        ("measure", {"media": "part.png", "region": "all"}, "region"),
        ("ask", {"media": "part.png", "question": ""}, "the question is empty"),
    ],
)
def test_bad_input_is_an_error_of_the_tool(name: str, arguments: dict, problem: str, root: Path) -> None:
    (reply,) = talk(root, (name, arguments))
    assert reply.is_error and problem in reply.content[0].text


@pytest.mark.data
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_official_client_talks_to_the_command(transport: str, data: Path) -> None:
    folder = data / "mvtec_screw" / "screw" / "test" / "good"
    picture = sorted(folder.iterdir())[0].name
    command = [sys.executable, "-m", "xad_agent.cli", "mcp", "--root", str(folder)]

    async def session(server: StdioServerParameters | str) -> str:
        async with Client(server, read_timeout_seconds=120) as client:
            reply = await client.call_tool("ask", {"media": picture, "question": "Is it normal?"})
            return reply.structured_content["verdict"]

    if transport == "stdio":
        assert asyncio.run(session(StdioServerParameters(command=command[0], args=command[1:]))) == "uncertain"
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([*command, "--http", str(port)]) as server:
        try:
            for _ in range(300):
                with socket.socket() as attempt:
                    if attempt.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            assert asyncio.run(session(f"http://127.0.0.1:{port}/mcp")) == "uncertain"
        finally:
            server.terminate()
