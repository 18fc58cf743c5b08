"""The embedded chat model: MiniLM routes the question, the intent's plan calls tools, SmolLM2 connects what they say.

SmolLM2-135M (Allal et al. 2025) is too small to choose tools or to phrase facts (design section 6), so it never writes
a sentence of its own: under a grammar it picks how a statement leads to the next.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from xad_agent.draft import statement_claims
from xad_agent.evidence import Evidence
from xad_agent.llm.planner import Turn, arguments, is_clip, next_tool, on_topic, read_turn, to_say
from xad_agent.llm.router import Intent, route
from xad_agent.llm.router import intent as intent_named
from xad_agent.prompts import vocabulary

CONTEXT_TOKENS = 4096


class EmbeddedChatModel(BaseChatModel):
    """A chat model that runs on a laptop's CPU without a network; deterministic.

    It needs bound tools named as in `xad_agent.tools`, and reads evidence from the artifacts of their messages.
    """

    @property
    def _llm_type(self) -> str:
        return "embedded"

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Tell the model which tools there are; `tool_choice` is ignored, the plan decides."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        intent, turn, call = plan(messages, kwargs.get("tools", ()))
        if call is None:
            message = self._draft(intent, turn, messages)
        else:
            name, filled = call
            message = AIMessage("", tool_calls=[{"name": name, "args": filled, "id": f"call_{len(messages)}"}])
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _draft(self, intent: Intent, turn: Turn, messages: list[BaseMessage]) -> AIMessage:
        """The answer once nothing is left to call; `messages` is the conversation it ends."""
        claims = connect(to_say(intent, turn), plain=turn.refused)
        return AIMessage(json.dumps({"claims": claims}, ensure_ascii=False))


def plan(
    messages: list[BaseMessage], offered: Sequence[dict[str, Any]]
) -> tuple[Intent, Turn, tuple[str, dict[str, Any]] | None]:
    """What the question under way asks for, what has been done for it, and the tool to call next with its arguments.

    Args:
        messages: The conversation.
        offered: The tools there are, in OpenAI's form.

    Returns:
        The call is None when the answer can be drafted.
    """
    turn = read_turn(messages)
    tools = {tool["function"]["name"] for tool in offered}
    known = _known(offered)
    intent = _intent(turn, tools).among(tools)
    name = next_tool(intent, turn, tools, known)
    return intent, turn, None if name is None else (name, arguments(name, intent, turn, known))


def _intent(turn: Turn, tools: set[str]) -> Intent:
    if turn.point and "place" in tools:
        return intent_named("place")
    intent = route(turn.asked, is_clip(tools))
    if intent.name == "off_topic" and (better := on_topic(turn)):
        return intent_named(better, clip=is_clip(tools))
    return intent


def _known(tools: Sequence[dict[str, Any]]) -> Sequence[str] | None:
    """What the tool `find` says that it can look for; None where that is anything."""
    for tool in tools:
        if tool["function"]["name"] == "find":
            items = tool["function"]["parameters"]["properties"]["phrases"]["items"]
            return items.get("enum")
    return None


def connect(evidence: list[Evidence], plain: bool) -> list[dict[str, Any]]:
    """The statements of `evidence` as the claims of a draft, JSON-able.

    Args:
        evidence: What to say, in order.
        plain: Say the statements as they stand, without a lead. Leads refer to the verdict: where it is not said, there
            are none anyway.
    """
    plain = plain or all(entry.tool != "score" for entry in evidence)
    said = ""
    claims = []
    for claim, entry in zip(statement_claims(evidence), evidence, strict=True):
        text = claim.text if plain or not said or entry.kind == "limit" else lead_in(said, entry)
        said = f"{said} {text}".strip()
        claims.append({**claim.model_dump(mode="json"), "text": text})
    return claims


def lead_in(said: str, entry: Evidence) -> str:
    """The statement of `entry` with the lead that SmolLM2 finds likeliest after `said`."""
    leads: list[str] = vocabulary("leads").get(entry.tool, [""])
    options = [f"{lead} {_uncapitalised(entry.statement)}" if lead else entry.statement for lead in leads]
    if len(options) == 1:
        return options[0]
    openings = _distinct_openings(options)
    chosen = _complete(said + " ", " | ".join(json.dumps(opening) for opening in openings))
    return options[openings.index(chosen)] if chosen in openings else entry.statement


def _distinct_openings(options: list[str]) -> list[str]:
    """As few words of each option as tell them apart: every further token costs the model a pass."""
    words = [option.split() for option in options]
    most = max(map(len, words))
    cuts = ([" ".join(some[:n]) for some in words] for n in range(1, most + 1))
    return next((cut for cut in cuts if len(set(cut)) == len(options)), options)


def _uncapitalised(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:] if sentence[1:2].islower() or sentence[1:2] == " " else sentence


def _complete(text: str, options: str) -> str:
    """The likeliest of `options` (GBNF alternatives) after `text`; "" when the model gives none."""
    reply = _server().handle_completions(
        {"prompt": text[-4000:], "n_predict": 24, "temperature": 0, "grammar": f"root ::= {options}"}
    )
    record = reply if isinstance(reply, dict) else json.loads(reply)
    choices = record.get("choices") or [{"text": record.get("content", "")}]
    return str(choices[0]["text"])


@cache
def _server() -> Any:
    from xad_agent import weights
    from xad_agent.llm.gguf import serve

    return serve(weights.path("smollm2-135m"), CONTEXT_TOKENS)
