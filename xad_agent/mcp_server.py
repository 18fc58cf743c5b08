"""`xad mcp`: the agent and its tools as a server of the Model Context Protocol, by the official SDK."""

import inspect
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from xad_agent.agent import Agent
from xad_agent.chat import Chat
from xad_agent.errors import XadError
from xad_agent.prompts import vocabulary
from xad_agent.tools import arguments_of, tools_for

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

_KEPT = 8  # pictures and clips whose evidence stays in memory


class Desk:
    """The chats of a server, one for each picture or clip, so that nothing is measured twice.

    Args:
        agent: Who answers.
        root: Media are read from below this folder only.
    """

    def __init__(self, agent: Agent, root: Path):
        self._agent, self._root = agent, root.resolve()
        self._chats: OrderedDict[Path, Chat] = OrderedDict()
        self._lock = Lock()

    def chat(self, media: str) -> Chat:
        """The chat about a picture or clip, given by its path.

        Raises:
            XadError: It is outside the root, or cannot be read.
        """
        path = (self._root / media).resolve()
        if not path.is_relative_to(self._root):
            raise XadError(f"{media} is outside {self._root}: give the path of a picture or clip below it", exit_code=2)
        with self._lock:
            if path not in self._chats:
                self._chats[path] = self._agent.chat(path)
            self._chats.move_to_end(path)
            if len(self._chats) > _KEPT:
                self._chats.popitem(last=False)
            return self._chats[path]


def make_server(agent: Agent, root: Path) -> "MCPServer":
    """The server: `ask`, and each tool with the path of the media as its first argument."""
    from mcp.server.mcpserver import MCPServer

    words, desk = vocabulary("serving"), Desk(agent, root)
    server = MCPServer("xad-agent", instructions=words["instructions"])

    def ask(media: str, question: str) -> dict[str, Any]:
        return desk.chat(media).ask(question).to_json()

    server.add_tool(_plain(ask), description=words["ask"])
    descriptions = vocabulary("tools")["clip_tools"] | vocabulary("tools")["tools"]
    for name, parameters in arguments_of().items():
        server.add_tool(_tool(desk, name, parameters), name=name, description=descriptions[name])
    return server


def _tool(desk: Desk, name: str, parameters: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """A function of the media's path and a tool's arguments, those that only some media have being optional."""

    def call(media: str, **arguments: Any) -> dict[str, Any]:
        case = desk.chat(media).case
        tool = tools_for(case).get(name)
        if tool is None:
            raise XadError(f"{name} does not look at this kind of media, or the model that it needs is not set up")
        given = {key: value for key, value in arguments.items() if value is not None}
        return tool(case, **given).model_dump(mode="json")

    keyword, types = inspect.Parameter.KEYWORD_ONLY, {"media": str, **parameters}
    made = [
        inspect.Parameter(key, keyword, annotation=kind, **({} if key == "media" else {"default": None}))
        for key, kind in types.items()
    ]
    call.__signature__ = inspect.Signature(made, return_annotation=dict[str, Any])  # type: ignore[attr-defined]
    call.__annotations__ = {**types, "return": dict[str, Any]}
    return _plain(call)


def _plain(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The function, whose errors are one line: the protocol hands on what an exception says."""
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(function)
    def call(**arguments: Any) -> dict[str, Any]:
        try:
            return function(**arguments)
        except (XadError, ValidationError, TypeError) as error:
            raise ToolError(" ".join(str(error).split())) from error

    return call
