"""What a chat model gets to read: long conversations in short, and pictures where it can see."""

import base64
import io
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from xad_agent.case import Case
from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Ledger
from xad_agent.llm.planner import CHECKER, is_question
from xad_agent.media.figure import in_a_row
from xad_agent.prompts import prompt

MAX_CHARACTERS = 24_000  # of what was said and measured; about 6,000 tokens
_WHOLE_TURNS = 2
_SIDE = 768  # px of the longer side of what is shown
_FRAMES = 4


def question_of(text: str, case: Case | ClipCase) -> HumanMessage:
    """A question about a picture or clip, which it holds by reference."""
    return HumanMessage(text, additional_kwargs={"media": case.media})


class Context(AgentMiddleware):
    """Fits the conversation to the model at each call; what is kept of it stays whole.

    Args:
        ledger: What was measured.
        case: What the question is about.
        seeing: Whether the model takes pictures.
    """

    def __init__(self, ledger: Ledger, case: Case | ClipCase, seeing: bool):
        super().__init__()
        self._ledger, self._case, self._seeing = ledger, case, seeing

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model with that."""
        messages = in_short(request.messages, self._ledger)
        return handler(request.override(messages=self._with_picture(messages) if self._seeing else messages))

    def _with_picture(self, messages: Sequence[Any]) -> list[Any]:
        """With what is asked about in the first question about it, and in no other."""
        for place, message in enumerate(messages):
            if isinstance(message, HumanMessage) and message.additional_kwargs.get("media") == self._case.media:
                content = [{"type": "text", "text": message.text}, self._picture]
                return [*messages[:place], message.model_copy(update={"content": content}), *messages[place + 1 :]]
        return list(messages)

    @cached_property
    def _picture(self) -> dict[str, Any]:
        return picture_block(self._case)


def in_short(messages: Sequence[Any], ledger: Ledger) -> list[Any]:
    """The messages or, where they are too long, the questions and the evidence of all but the last turns in one.

    Nothing in it is a model's: questions are the user's, statements are the ledger's, each under its id.
    """
    asked = [place for place, one in enumerate(messages) if is_question(one)]
    if sum(map(_length, messages)) <= MAX_CHARACTERS or len(asked) <= _WHOLE_TURNS:
        return list(messages)
    start = asked[-_WHOLE_TURNS]
    earlier = "\n".join(_lines(messages[:start], ledger))
    return [HumanMessage(prompt("earlier", earlier=earlier), name=CHECKER), *messages[start:]]


def _lines(messages: Sequence[BaseMessage], ledger: Ledger) -> list[str]:
    lines: list[str] = []
    for message in messages:
        if is_question(message):
            lines.append(f"Question: {message.text}")
        elif isinstance(message, ToolMessage) and (found := message.text.split(":", 1)[0]) in ledger:
            line = f"{found}: {ledger[found].statement}"
            lines += [] if line in lines else [line]
    return lines


def _length(message: BaseMessage) -> int:
    called = sum(len(str(call)) for call in message.tool_calls) if isinstance(message, AIMessage) else 0
    return len(message.text) + called


def picture_block(case: Case | ClipCase) -> dict[str, Any]:
    """What is asked about as a content block: a JPEG of at most 768 px, of a clip four of its frames in a row."""
    from PIL import Image

    if isinstance(case, ClipCase):
        places = [round((case.clip.count - 1) * part / (_FRAMES - 1)) for part in range(_FRAMES)]
        pixels = in_a_row([case.clip.frame(place).pixels for place in places], _SIDE // _FRAMES)
    else:
        pixels = case.picture.pixels
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"type": "image", "base64": data, "mime_type": "image/jpeg"}
