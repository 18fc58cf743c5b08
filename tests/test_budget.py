"""A turn ends at its limits, and is answered all the same."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata

from tests.normal import NormalProfile, picture, texture
from tests.scripted import ScriptedChatModel, call
from xad_agent.agent import Agent
from xad_agent.budget import Budget, tokens_spent
from xad_agent.errors import XadError


def spending(tokens: int, message: AIMessage) -> AIMessage:
    usage = UsageMetadata(input_tokens=tokens - 1, output_tokens=1, total_tokens=tokens)
    return message.model_copy(update={"usage_metadata": usage})


@pytest.mark.parametrize(
    ("budget", "note"),
    [
        (Budget(tokens=150), "the chat model was left: the chat model took 200 tokens, the limit is 150"),
        (Budget(memory_mb=1), "MB of memory, the limit is 1"),
    ],
)
def test_too_much_ends_the_turn(budget: Budget, note: str) -> None:
    model = ScriptedChatModel(script=[spending(100, call("score")), spending(100, call("locate")), AIMessage("x")])
    answer = Agent(NormalProfile(), llm=model, budget=budget).ask("Is it normal?", picture(texture(3)))
    assert answer.source == "template" and note in answer.note and answer.verdict == "normal"
    assert len(model.heard) <= 2


def test_what_does_not_count_itself_is_counted_about() -> None:
    asked = HumanMessage("word " * 400)
    said = AIMessage("word " * 40)
    assert 400 < tokens_spent([asked, said]) < 800
    assert tokens_spent([asked, said, HumanMessage("x"), spending(7, said)]) == 7  # of this turn alone


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"seconds": float("nan")}, {"tokens": -1}, {"memory_mb": 0}])
def test_a_budget_of_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(XadError, match="give one above 0"):
        Budget(**wrong)


def test_the_template_has_a_share_of_the_time() -> None:
    assert Budget(seconds=3).model_seconds == 2 and Budget(seconds=600).model_seconds == 570
