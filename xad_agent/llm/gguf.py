"""Language models in a GGUF file as chat models, by llama.cpp: tools by their chat template, drafts by grammar."""

import json
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ToolCallChunk,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata
from pydantic import Field

from xad_agent.errors import ModelError, XadError, reason
from xad_agent.llm.local import LocalChatModel
from xad_agent.machine import usable_cores

CONTEXT_TOKENS = 8192  # enough for eight tools' results; a model's own limit may be less


class GgufChatModel(LocalChatModel):
    """A language model in llama.cpp's format.

    Attributes:
        server: xllamacpp's; it listens on the loopback address too.
    """

    server: Any = Field(repr=False)

    @property
    def _llm_type(self) -> str:
        return "gguf"

    def _reply(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any]],
        schema: dict[str, Any] | None,
        tokens: int,
        until: float,
    ) -> AIMessage:
        request: dict[str, Any] = {
            "messages": convert_to_openai_messages(messages),
            "temperature": 0,
            "max_tokens": tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if schema:  # llama.cpp takes a grammar or tools, not both
            request["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
        elif tools:
            request["tools"] = list(tools)
        pieces: list[Any] = []

        def take(piece: Any) -> bool:
            """Keep a piece; True stops."""
            pieces.append(piece)
            return time.monotonic() > until

        try:
            self.server.handle_chat_completions(request, take)
        except Exception as error:  # llama.cpp's own errors come as several types
            raise ModelError(f"{self.spec} failed ({type(error).__name__}: {reason(error)})") from error
        return _joined(self.spec, pieces, f"c{len(messages)}")


def _joined(spec: str, pieces: Sequence[Any], label: str) -> AIMessage:
    """The message that a streamed reply makes up; its calls are named `label` and their number where they are not."""
    message = AIMessageChunk(content="")
    for piece in pieces:
        record = json.loads(piece) if isinstance(piece, str) else piece
        if problem := record.get("error"):
            raise ModelError(f"{spec} gave no reply: {' '.join(str(problem.get('message', problem)).split())[:200]}")
        message += _chunk(record, label)
    return AIMessage(message.text, tool_calls=message.tool_calls, usage_metadata=message.usage_metadata)


def _chunk(record: dict[str, Any], label: str) -> AIMessageChunk:
    delta = record["choices"][0]["delta"] if record.get("choices") else {}
    calls = [
        ToolCallChunk(
            name=call.get("function", {}).get("name"),
            args=call.get("function", {}).get("arguments"),
            # Only the first piece of a call has a name; ids of pieces would be joined.
            id=f"{label}_{call.get('index', 0)}" if call.get("function", {}).get("name") else None,
            index=call.get("index", 0),
        )
        for call in delta.get("tool_calls") or ()
    ]
    usage = record.get("usage")
    counted = None
    if usage:
        counted = UsageMetadata(
            input_tokens=usage["prompt_tokens"],
            output_tokens=usage["completion_tokens"],
            total_tokens=usage["total_tokens"],
        )
    return AIMessageChunk(content=delta.get("content") or "", tool_call_chunks=calls, usage_metadata=counted)


def load_gguf(name: str) -> GgufChatModel:
    """The chat model in a GGUF file, on all cores that this process may use but one.

    Raises:
        XadError: There is no such file, or it is none that llama.cpp reads.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise XadError(f"there is no file {name!r}: gguf: takes a model file in llama.cpp's format", exit_code=2)
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise XadError(f"{name} is no GGUF file: give a model in llama.cpp's format", exit_code=2)
    server = serve(path, CONTEXT_TOKENS)
    return GgufChatModel(spec=f"gguf:{name}", server=server, calls_tools=_takes_tools(server), profile={})


def serve(path: Path, context: int) -> Any:
    """xllamacpp's server of a model file, one conversation at a time, `context` tokens long at most.

    Raises:
        XadError: llama.cpp cannot load it.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = context
    params.n_parallel = 1
    params.cpuparams.n_threads = threads()
    params.warmup = False
    params.verbosity = -1
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise XadError(f"llama.cpp cannot load {path}: it is damaged, too large, or of a newer format") from error


def threads() -> int:
    """All cores that this process may use but one.

    llama.cpp's threads wait for one another at every layer: with one on each core, any other work on one of them makes
    all wait for it, and a token takes ten times as long or more.
    """
    return max(1, usable_cores() - 1)


def _takes_tools(server: Any) -> bool:
    """What llama.cpp found out about the file's chat template."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{server.listening_address}/props", timeout=10) as reply:
        return bool(json.load(reply).get("chat_template_caps", {}).get("supports_tools"))
