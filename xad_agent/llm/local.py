"""What chat models have in common whose weights are on this machine: how a reply is had, and its form."""

import re
import time
from abc import abstractmethod
from collections.abc import Sequence
from threading import Lock
from typing import Any, get_args

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from xad_agent.answer import ClaimKind
from xad_agent.draft import parse_draft

REPLY_TOKENS = 2048
CALL_TOKENS = 512  # of a reply that may call a tool, until it must be a draft
REPLY_SECONDS = 80.0  # for both; below what the agent gives a model, so that what was written still counts
# Together about half of REPLY_TOKENS, so that a draft ends by itself.
_MAX_CLAIMS, _MAX_CHARACTERS, _MAX_CITED = 8, 300, 4
_EVIDENCE = re.compile(r"^(E\d+): ", re.MULTILINE)


class LocalChatModel(BaseChatModel):
    """A chat model on this machine; greedy, so deterministic.

    With tools bound its reply is tool calls or a draft. It may write freely first; what is neither is written again
    under the grammar of a draft. `response_format` (OpenAI's, of type json_schema) asks for that grammar at once.

    Attributes:
        spec: What it was loaded as.
        calls_tools: Whether its chat template tells it of tools.
        note: What fell back when it was loaded, in one line; "" when nothing did.
    """

    spec: str
    calls_tools: bool = True
    note: str = ""
    _lock: Any = PrivateAttr(default_factory=Lock)

    @abstractmethod
    def _reply(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any]],
        schema: dict[str, Any] | None,
        tokens: int,
        until: float,
    ) -> AIMessage:
        """One reply of at most that many tokens, given up at `until` of `time.monotonic`; by a JSON schema or free.

        Raises:
            ModelError: The conversation does not fit into the model, or it failed.
        """

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Tell the model which tools there are; whether to call one is its own choice.

        Raises:
            NotImplementedError: Its chat template cannot tell it of tools.
        """
        if not self.calls_tools:
            raise NotImplementedError(f"{self.spec} has no tool calls in its chat template")
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        tools = kwargs.get("tools") or ()
        form = kwargs.get("response_format")
        until = time.monotonic() + REPLY_SECONDS
        with self._lock:
            if form:
                message = self._reply(messages, (), form["json_schema"]["schema"], REPLY_TOKENS, until)
            else:
                message = self._reply(messages, tools, None, CALL_TOKENS if tools else REPLY_TOKENS, until)
            if tools and not message.tool_calls and not parse_draft(message.text):
                message = self._reply(messages, tools, draft_schema(messages), REPLY_TOKENS, until)
        return ChatResult(generations=[ChatGeneration(message=message)])


def draft_form(messages: Sequence[BaseMessage]) -> dict[str, Any]:
    """The `response_format` that asks for a draft about the evidence in a conversation."""
    return {"type": "json_schema", "json_schema": {"name": "draft", "schema": draft_schema(messages)}}


def draft_schema(messages: Sequence[BaseMessage]) -> dict[str, Any]:
    """The JSON schema of a draft that can cite only the evidence which the messages hold, as lines "E1: ..."."""
    told = [message.text for message in messages if not isinstance(message, AIMessage)]
    ids = sorted({found for text in told for found in _EVIDENCE.findall(text)}, key=lambda found: int(found[1:]))
    cited = {"enum": ids} if ids else {"type": "string", "pattern": "^E[1-9][0-9]?$"}
    claim = {
        "text": {"type": "string", "minLength": 1, "maxLength": _MAX_CHARACTERS},
        "kind": {"enum": list(get_args(ClaimKind))},
        "evidence": {"type": "array", "items": cited, "minItems": 1, "maxItems": _MAX_CITED},
    }
    return _object({"claims": {"type": "array", "items": _object(claim), "minItems": 1, "maxItems": _MAX_CLAIMS}})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
