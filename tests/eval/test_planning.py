"""The questions themselves, how calls are judged, and the planner on them."""

import re

import pytest

from xad_agent.eval.planning import PARTS, Asked, Call, as_text, evaluate_planning, judge, read_questions
from xad_agent.prompts import vocabulary
from xad_agent.tools import TOOLS, clips

INTENTS = {
    *("is it", "where", "what", "why", "when", "how much"),
    *("compare", "what if", "show", "count", "follow-up", "off-topic"),
}


class Tool:
    def __init__(self, name):
        self.name = name


ALL = [Tool(name) for name in TOOLS]
WHY = Asked("why", "picture", (), "Why?", ("measure",), {"region": 2}, ("locate", "measure", "look"))


def test_there_are_enough_questions_of_each_intent_in_two_halves_and_none_twice():
    asked = read_questions()
    assert {one.intent for one in asked} == INTENTS
    assert len(asked) >= 180 and len({(one.media, one.before, one.question) for one in asked}) == len(asked)
    sizes = {part: sum(one.part == part for one in asked) for parts in PARTS.values() for part in parts}
    assert sum(sizes.values()) == len(asked) and min(sizes.values()) > 100
    assert 0.8 < sizes["development"] / sizes["measured"] < 1.25
    for one in asked:
        tools = TOOLS if one.media == "picture" else {**clips.TOOLS, "previous": 0, "cannot_tell": 0}
        assert {*one.first, *one.needs} <= set(tools), one


def test_a_half_is_a_matter_of_the_words_alone():
    ours = {one.question: one.part for one in read_questions() if not one.before}
    # By hand: the last bit of `printf '%s' QUESTION | sha256sum`.
    assert ours["ok?"] == "measured" and ours["Is this one any good"] == "development"


def test_no_measured_question_is_an_example():
    def plain(text: str) -> str:
        return " ".join(re.findall(r"\w+", text.lower()))

    examples = {plain(text) for texts in vocabulary("examples").values() for text in texts}
    measured = {plain(one.question) for one in read_questions() if one.part in {"measured", "last"} and not one.before}
    assert not measured & examples


@pytest.mark.parametrize(
    ("calls", "first", "specific", "skipped", "twice"),
    [
        ([("score", {}), ("locate", {}), ("measure", {"region": 2}), ("look", {})], True, True, (), False),
        ([("measure", {"region": 2}), ("locate", {}), ("look", {})], True, True, (), False),
        ([("score", {}), ("locate", {}), ("measure", {"region": 1}), ("look", {})], True, False, (), False),
        ([("score", {}), ("compare", {}), ("measure", {"region": 2})], True, False, ("locate", "look"), False),
        ([("score", {}), ("locate", {})], True, False, ("measure", "look"), False),  # the groundwork is not enough
        ([("repair", {}), ("measure", {"region": 2})], False, False, ("locate", "look"), False),
        ([("score", {}), ("score", {})], True, False, ("locate", "measure", "look"), True),
        ([], False, False, ("locate", "measure", "look"), False),
    ],
)
def test_calls_are_held_against_what_is_right(calls, first, specific, skipped, twice):
    judged = judge(WHY, [Call(*call) for call in calls], ALL)
    assert (judged.first, judged.specific, judged.skipped, judged.twice) == (first, specific, skipped, twice)
    assert judged.right == (first and specific and not skipped and not twice)


def test_what_is_not_offered_is_not_asked_for():
    calls = [Call("score", {}), Call("locate", {}), Call("measure", {"region": 2})]
    assert judge(WHY, calls, [tool for tool in ALL if tool.name != "look"]).right


def test_where_the_groundwork_answers_its_last_tool_is_the_specific_one():
    where = Asked("where", "picture", (), "Where?", ("locate",), {}, ())
    assert judge(where, [Call("score", {}), Call("locate", {})], ALL).specific
    assert not judge(where, [Call("score", {})], ALL).specific


def test_more_than_eight_calls_are_too_many():
    calls = [Call("measure", {"region": number}) for number in range(9)]
    assert judge(WHY, calls, ALL).too_many and not judge(WHY, calls[1:], ALL).too_many


@pytest.mark.data
def test_the_planner_on_the_measured_half():
    (measured,) = evaluate_planning(["measured"]).values()
    assert measured["first"]["value"] >= 0.95
    assert measured["specific"]["value"] >= 0.85
    assert measured["twice"] == measured["too_many"] == 0
    assert "right first specific tool" in as_text({"measured": measured})
