"""Chat models that cannot call tools: the embedded planner calls them, the model only drafts the answer."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from xad_agent.llm.embedded import EmbeddedChatModel
from xad_agent.llm.local import LocalChatModel, draft_form
from xad_agent.llm.planner import CHECKER, Turn, to_say
from xad_agent.llm.router import Intent
from xad_agent.prompts import prompt

PLANNED = "this chat model calls no tools: the embedded planner chose them"


class PlannedChatModel(EmbeddedChatModel):
    """The embedded planner's tool calls, and another model's draft of what they found.

    The model is given the question, the picture if it can see, and the statements that the question's intent asks for.

    Attributes:
        inner: The model that drafts.
        note: That it is planned for, and what fell back when it was loaded.
    """

    inner: BaseChatModel
    note: str = PLANNED

    @property
    def _llm_type(self) -> str:
        return f"planned {self.inner._llm_type}"

    def _draft(self, intent: Intent, turn: Turn, messages: list[BaseMessage]) -> AIMessage:
        lines = "\n".join(f"{entry.id}: {entry.statement}" for entry in to_say(intent, turn))
        told: list[BaseMessage] = [
            SystemMessage(prompt("draft")),
            HumanMessage(
                [{"type": "text", "text": f"Question: {turn.question}\nEvidence:\n{lines}"}, *_shown(messages)]
            ),
            *_refusal(messages),
        ]
        form: dict[str, Any] = {"response_format": draft_form(told)} if isinstance(self.inner, LocalChatModel) else {}
        return self.inner.invoke(told, **form)


def _shown(messages: list[BaseMessage]) -> list[Any]:
    """The pictures in a conversation."""
    blocks: list[Any] = [block for one in messages if isinstance(one.content, list) for block in one.content]
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == "image"]


def _refusal(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The draft that the checker refused and what it said of it, where the conversation ends so."""
    return messages[-2:] if messages[-1].name == CHECKER else []


def with_planner(model: BaseChatModel) -> BaseChatModel:
    """The model itself or, where it cannot be told of tools, planned for."""
    try:
        model.bind_tools([])
    except NotImplementedError:
        notes = (PLANNED, getattr(model, "note", ""))
        return PlannedChatModel(inner=model, note="; ".join(note for note in notes if note), profile=model.profile)
    return model
