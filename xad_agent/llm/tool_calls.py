"""Tool calls in the text of a local model's reply, in whichever of the common forms it was trained on.

They differ in what stands around the call, and agree that it is a JSON object of a name and arguments:
Hermes and Qwen `<tool_call>{"name", "arguments"}</tool_call>`, Llama 3 `<|python_tag|>{"name", "parameters"}` or bare,
Mistral `[TOOL_CALLS][{"name", "arguments"}]`, fenced Markdown, OpenAI's `{"type": "function", "function": {...}}`;
Llama 3's own form `<function=name>{...}</function>` has the name outside.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_NAMED = re.compile(r"<function=([\w.-]+)>\s*(?=\{)")
_OPENING = re.compile(r"\[\s*\{|\{")  # a mere "[" is no call, and a row of them would be tried one by one
_DECODER = json.JSONDecoder()

Call = tuple[str, dict[str, Any]]


def read_calls(text: str) -> list[Call]:
    """The tool calls in a reply, in order, as name and arguments; arguments that are no JSON object are left out.

    Example:
        >>> read_calls('Let me see. <tool_call>{"name": "measure", "arguments": {"region": 2}}</tool_call>')
        [('measure', {'region': 2})]
    """
    text = _THOUGHT.sub("", text)
    named = [
        (match[1], value) for match in _NAMED.finditer(text) if isinstance(value := _value(text, match.end())[0], dict)
    ]
    return named or [call for value in _values(text) for call in calls_in(value)]


def calls_in(value: Any) -> list[Call]:
    """The calls that a parsed JSON value is: an object, or a list of them."""
    if isinstance(value, list):
        return [call for entry in value for call in calls_in(entry)]
    if not isinstance(value, dict):
        return []
    function = value.get("function", value)
    if not isinstance(function, dict):
        return []
    name = function.get("name")
    given = function.get("arguments", function.get("parameters"))
    return [(name, _arguments(given))] if isinstance(name, str) and isinstance(given, dict | str) else []


def _arguments(given: Any) -> dict[str, Any]:
    """Arguments as a dict; some write the object as a string."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return {}
    return given if isinstance(given, dict) else {}


def _values(text: str) -> Iterator[Any]:
    """The outermost JSON objects and lists in a text."""
    at = 0
    while match := _OPENING.search(text, at):
        value, end = _value(text, match.start())
        if end is not None:
            yield value
        at = end or match.end()


def _value(text: str, at: int) -> tuple[Any, int | None]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, None
