"""Tool calls in the forms that local models were trained on."""

import pytest

from xad_agent.llm.tool_calls import read_calls

MEASURE = [("measure", {"region": 2})]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('<tool_call>\n{"name": "measure", "arguments": {"region": 2}}\n</tool_call>', MEASURE),  # Hermes, Qwen
        ('<|python_tag|>{"name": "measure", "parameters": {"region": 2}}', MEASURE),  # Llama 3.1
        ('{"name": "measure", "parameters": {"region": 2}}', MEASURE),  # bare
        ('[TOOL_CALLS][{"name": "measure", "arguments": {"region": 2}}]', MEASURE),  # Mistral
        ('```json\n{"name": "measure", "arguments": {"region": 2}}\n```', MEASURE),
        ('{"type": "function", "function": {"name": "measure", "arguments": "{\\"region\\": 2}"}}', MEASURE),  # OpenAI
        ('<function=measure>{"region": 2}</function>', MEASURE),
        (
            '<think>I could {"name": "score", "arguments": {}}.</think>{"name": "measure", "arguments": {"region": 2}}',
            MEASURE,
        ),
        ('{"name": "score", "arguments": {}} {"name": "locate", "arguments": {}}', [("score", {}), ("locate", {})]),
        ('{"name": "measure", "arguments": "no JSON"}', [("measure", {})]),
        ('{"claims": [{"text": "It is normal.", "kind": "verdict", "evidence": ["E1"]}]}', []),  # a draft
        ("It is normal.", []),
        ('{"name": 7, "arguments": {}}', []),
        ('{"name": "measure"', []),  # cut off
        ('[{"name": "measure", "arguments": {"region": 2}}, {"name": "score"}]', MEASURE),
        ("[" * 100_000, []),  # in no time
        ('{"name":[' * 2_000, []),
        ("", []),
    ],
)
def test_calls_are_read_in_every_form(text: str, calls: list) -> None:
    assert read_calls(text) == calls
