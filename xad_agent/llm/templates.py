"""The chat template of a tokenizer or processor: a conversation as the text that its model was trained on.

What users, tools and pictures say is data: marks that a tokenizer would read as commands are taken out of it.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from xad_agent.errors import ModelError, XadError, reason
from xad_agent.media.reading import read_picture
from xad_agent.media.scaling import shrink, thicken
from xad_agent.perception.pretrained import command_marks

SIDE = 768  # px, at most, of a picture that a model is shown
_ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
_PROBE = "probe_of_tools"


class ChatTemplate:
    """A chat template with the tokenizer, or the processor of pictures and text, that belongs to it.

    Attributes:
        tokenizer: Of text.
        takes_tools: Whether a conversation with tools, a call and its result comes out with all three in it.

    Raises:
        XadError: There is no template, or it does not take a plain conversation.
    """

    def __init__(self, processor: Any, spec: str):
        self._processor, self._spec = processor, spec
        self._sees = hasattr(processor, "image_processor")
        self.tokenizer = processor.tokenizer if self._sees else processor
        self._marks = command_marks(self.tokenizer)
        plain = _exchange()[:2]
        # Some templates have no such role, and refuse it or leave it out: then the user says it.
        self._system = True
        self._system = "system words" in self._tried(plain)
        try:
            self._text(plain)
        except ModelError as error:
            raise XadError(f"{error}: give a model that is made for chats") from error

    @cached_property
    def takes_tools(self) -> bool:
        """See the class."""
        text = self._tried(_exchange(), [_probe()])
        return all(part in text for part in (_PROBE, "what it does", "its result"))

    def render(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> tuple[str, list[Any]]:
        """The text of a conversation, and the pictures in it as PIL images of at most `SIDE` px.

        Raises:
            ModelError: The template does not take it, or a picture in it is unreadable or given by address.
        """
        pictures = [picture for message in messages for picture in self._pictures(message)]
        return self._text(messages, tools), pictures

    def encode(self, text: str, pictures: Sequence[Any]) -> Any:
        """What a network takes, as tensors; a template has written the marks of its beginning already."""
        first = self.tokenizer.bos_token
        given: dict[str, Any] = {"add_special_tokens": not (first and text.startswith(first))}
        if pictures:
            given["images"] = list(pictures)
        return self._processor(text=[text], return_tensors="pt", **given)

    def without_commands(self, text: str) -> str:
        """The text without what the tokenizer reads as commands."""
        for mark in self._marks:
            text = text.replace(mark, " ")
        return text.strip()

    def _tried(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]] = ()) -> str:
        """The text, "" where the template does not take it."""
        try:
            return self._text(messages, tools)
        except ModelError:
            return ""

    def _text(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]] = ()) -> str:
        try:
            return str(
                self._processor.apply_chat_template(
                    list(self._turns(messages)),
                    tools=list(tools) or None,
                    add_generation_prompt=True,
                    tokenize=False,
                    # Qwen 3's; other tokenizers leave it unread, processors complain of it.
                    **({} if self._sees else {"enable_thinking": False}),
                )
            )
        except Exception as error:  # templates are programs of the model's makers
            raise ModelError(f"the chat template of {self._spec} does not take it ({reason(error)})") from error

    def _turns(self, messages: Sequence[BaseMessage]) -> Iterator[dict[str, Any]]:
        """The conversation as templates take it: one tool call a turn, since Llama's takes no more."""
        results = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
        before = ""
        for message in messages:
            if isinstance(message, SystemMessage) and not self._system:
                before += f"{message.text}\n\n"
            elif isinstance(message, AIMessage) and message.tool_calls:
                for call in message.tool_calls:
                    yield {**self._turn(message), "tool_calls": [_called(call)]}
                    if result := results.get(str(call["id"])):
                        yield {**self._turn(result), "name": call["name"], "tool_call_id": call["id"]}
            elif not isinstance(message, ToolMessage):
                yield self._turn(message, before)
                before = ""

    def _turn(self, message: BaseMessage, before: str = "") -> dict[str, Any]:
        said = message.text if isinstance(message, SystemMessage) else self.without_commands(message.text)
        text = before + said
        content: Any = text
        if self._sees:
            shown = [{"type": "image"} for block in _images(message)]
            content = [*shown, {"type": "text", "text": text}]
        return {"role": _ROLES.get(message.type, "user"), "content": content}

    def _pictures(self, message: BaseMessage) -> Iterator[Any]:
        from PIL import Image

        for block in _images(message):
            if not self._sees:
                raise ModelError(f"{self._spec} takes no pictures")
            try:
                image = Image.open(io.BytesIO(base64.b64decode(block["base64"], validate=True)))
                picture = read_picture(image)
            except Exception as error:  # no base64 (an address, which is never fetched), no picture, too large
                raise ModelError(f"a picture in the conversation cannot be read ({reason(error)})") from error
            yield Image.fromarray(thicken(shrink(picture, SIDE).pixels))


def _images(message: BaseMessage) -> list[dict[str, Any]]:
    blocks: list[Any] = [] if isinstance(message.content, str) else message.content_blocks
    return [block for block in blocks if block["type"] == "image"]


def _called(call: Any) -> dict[str, Any]:
    return {"type": "function", "id": call["id"], "function": {"name": call["name"], "arguments": call["args"]}}


def _exchange() -> list[BaseMessage]:
    """A conversation with all that there can be in one."""
    call = {"name": _PROBE, "args": {}, "id": "c00000000"}
    return [
        SystemMessage("system words"),
        HumanMessage("a question"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("its result", tool_call_id="c00000000", name=_PROBE),
    ]


def _probe() -> dict[str, Any]:
    return convert_to_openai_tool(
        {"name": _PROBE, "description": "what it does", "parameters": {"type": "object", "properties": {}}}
    )
