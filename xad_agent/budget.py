"""What a turn may take: time, steps, tokens, memory."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately
from langgraph.runtime import Runtime
from langgraph.types import Command

from xad_agent.background import TurnEnded
from xad_agent.defaults import SECONDS
from xad_agent.errors import XadError
from xad_agent.llm.planner import is_question

_TEMPLATE_SHARE, _TEMPLATE_SECONDS = 1 / 3, 30.0


@dataclass(frozen=True)
class Budget:
    """What one question may take.

    Attributes:
        seconds: Until the answer is there; what a model has not said a while before is left to the template.
        tool_calls: Of the model.
        tokens: Read and written by the model in all its calls.
        memory_mb: Of this process, looked at between steps; None for no limit.

    Raises:
        XadError: One of them is not above 0.
    """

    seconds: float = SECONDS
    tool_calls: int = 8
    tokens: int = 200_000
    memory_mb: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise XadError(f"the limit of {name} is {value}: give one above 0", exit_code=2)

    @property
    def model_seconds(self) -> float:
        """How long the model may work: the rest is for an answer without it."""
        return self.seconds - min(self.seconds * _TEMPLATE_SHARE, _TEMPLATE_SECONDS)


class BudgetCheck(AgentMiddleware):
    """Ends a turn between two steps once it was stopped, or has taken too many tokens or too much memory."""

    def __init__(self, budget: Budget, stopped: Event):
        super().__init__()
        self._budget, self._stopped = budget, stopped

    def before_model(self, state: AgentState, runtime: Runtime) -> None:
        """Raise `TurnEnded` rather than to call the model again."""
        self._check()
        spent = tokens_spent(state["messages"])
        if spent > self._budget.tokens:
            raise TurnEnded(f"the chat model took {spent:,} tokens, the limit is {self._budget.tokens:,}")

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """Raise `TurnEnded` rather than to measure on."""
        self._check()
        return handler(request)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise TurnEnded("it was stopped")
        if self._budget.memory_mb is not None and (used := _memory_mb()) > self._budget.memory_mb:
            raise TurnEnded(f"it took {used:,.0f} MB of memory, the limit is {self._budget.memory_mb:,.0f}")


def tokens_spent(messages: list[Any]) -> int:
    """What the model has read and written since the last question, as it counts itself, else about."""
    asked = max((place for place, one in enumerate(messages) if is_question(one)), default=0)
    said = [(place, one) for place, one in enumerate(messages) if place > asked and isinstance(one, AIMessage)]
    return sum(
        one.usage_metadata["total_tokens"] if one.usage_metadata else count_tokens_approximately(messages[: place + 1])
        for place, one in said
    )


def _memory_mb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6
