"""The planner over hand-made turns; no language model is needed for it."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from xad_agent.evidence import Evidence, Ledger, Region
from xad_agent.llm.planner import CHECKER, arguments, names_a_region, next_tool, read_turn, to_say
from xad_agent.llm.router import intent
from xad_agent.prompts import vocabulary
from xad_agent.tools import TOOLS

ALL = set(TOOLS)


def result(evidence: Evidence) -> ToolMessage:
    return ToolMessage(evidence.statement, name=evidence.tool, tool_call_id=evidence.id, artifact=evidence)


def conversation(*tools: str, regions: int = 0) -> list:
    ledger = Ledger()
    found = tuple(
        Region(label=f"region {i + 1}", box=(0, 0, 2, 2), score=1, peak=(0, 0), area_share=0.1) for i in range(regions)
    )
    messages: list = [HumanMessage("Where is it?")]
    for tool in tools:
        entry = ledger.add(tool=tool, statement=f"{tool} says.", regions=found if tool == "locate" else ())
        messages += [AIMessage("", tool_calls=[{"name": tool, "args": {}, "id": "x"}]), result(entry)]
    return messages


@pytest.mark.parametrize(
    ("done", "regions", "expected"),
    [
        ([], 0, "score"),
        (["score"], 0, "locate"),
        (["score", "locate"], 1, "measure"),
        (["score", "locate", "measure"], 1, "repair"),
        (["score", "locate", "measure", "repair"], 1, None),
        (["score", "locate"], 0, None),  # nothing stands out: nothing to measure or repair
    ],
)
def test_plan_is_followed_and_no_tool_is_called_twice(done, regions, expected):
    assert next_tool(intent("where_why"), read_turn(conversation(*done, regions=regions)), ALL) == expected


def test_tools_that_are_not_there_are_passed_over():
    assert next_tool(intent("where_why"), read_turn(conversation()), {"locate"}) == "locate"


def test_a_follow_up_starts_a_turn_and_keeps_the_region_in_focus():
    messages = conversation("score", "locate", regions=3)
    messages.append(AIMessage("", tool_calls=[{"name": "measure", "args": {"region": 2}, "id": "y"}]))
    messages.append(HumanMessage("Why?"))
    turn = read_turn(messages)
    assert (turn.question, turn.evidence, turn.focus, turn.refused) == ("Why?", {}, 2, False)


def test_the_checkers_word_is_not_a_question():
    turn = read_turn([*conversation("score"), AIMessage("{}"), HumanMessage("mend it", name=CHECKER)])
    assert turn.question == "Where is it?" and turn.refused


def test_focus_stays_among_the_regions_there_are():
    turn = read_turn(conversation("score", "locate", regions=1))
    assert arguments("measure", intent("why"), turn) == {"region": 1}
    assert arguments("cannot_tell", intent("name"), turn) == {"topic": "naming"}


def test_where_nothing_stands_out_the_verdict_is_said_instead():
    turn = read_turn(conversation("score", "locate"))
    assert [entry.tool for entry in to_say(intent("what_if"), turn)] == ["score", "locate"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [("And the second one?", True), ("How big is region 3?", True), ("How big is it?", False), ("Why?", False)],
)
def test_whether_a_region_is_singled_out(question, expected):
    assert names_a_region(question) is expected


def test_every_intent_is_whole():
    limits = vocabulary("limits")
    for name, entry in vocabulary("intents")["intents"].items():
        assert set(entry["plan"]) <= ALL and set(entry.get("say", [])) <= set(entry["plan"])
        assert ("cannot_tell" in entry["plan"]) == (entry.get("topic") in limits), name
        assert len(entry["examples"]) >= 7
