"""Follow-ups: what they refer to, and which question they repeat; no language model is needed for it."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from xad_agent.eval.planning import read_questions
from xad_agent.evidence import Ledger, Region
from xad_agent.llm import embedded
from xad_agent.llm.embedded import plan
from xad_agent.llm.planner import mentioned_things, read_turn
from xad_agent.llm.references import meant, named_point, named_region, pointed_at, refers_back
from xad_agent.llm.router import intent
from xad_agent.prompts import vocabulary

TIMES = vocabulary("intents")["time_words"]
WHERE, SIZE = "Where is the defect?", "How big is the first region?"


@pytest.mark.parametrize(
    ("question", "focus", "regions", "number"),
    [
        ("How big is the second region?", 1, 3, 2),
        ("and the third?", 1, 3, 3),
        ("Region 2, please", 1, 3, 2),
        ("event 12?", 1, 3, 12),  # there is none: that is for a tool to say
        ("number 3?", 1, 3, 3),
        ("the same for number two, please", 1, 3, 2),
        ("the 2nd one", 1, 3, 2),
        ("And the last one?", 1, 4, 4),
        ("the last one", 1, 0, 1),
        ("the next one", 2, 3, 3),
        ("What about the other one?", 2, 2, 1),
        ("What about the other one?", 1, 2, 2),
        ("What about the other one?", 1, 1, 2),  # there is no other
        ("second place, and why?", 1, 3, 2),
        ("how big is that?", 2, 3, None),
        ("the previous picture", 2, 3, None),
        ("Is it worse than the last picture?", 2, 3, None),
        ("At which second does it start?", 1, 3, None),
        ("the second at which it starts", 1, 3, None),
        ("What is going on at second 5?", 1, 3, None),
        ("On the other hand it looks fine.", 1, 2, None),
        ("Where were the other people?", 1, 2, None),
        ("the first two", 1, 3, None),
        ("", 1, 3, None),
    ],
)
def test_the_region_that_a_question_names(question, focus, regions, number):
    assert named_region(question, focus, regions) == number


@pytest.mark.parametrize(
    ("question", "point"),
    [
        ("What about the place at 120, 80 px?", (120, 80)),
        ("What about the place 12, 8 px?", (12, 8)),  # no region 12
        ("and at (1204,80)?", (1204, 80)),
        ("Why is x=30 y=7 red?", (30, 7)),
        ("x: 30, y: 7", (30, 7)),
        ("And at x 120 px, y 80 px?", (120, 80)),
        ("The place at 120 px across and 80 px down?", (120, 80)),
        ("120 px from the left, 80 px from the top", (120, 80)),
        ("is pixel 5,6 normal", (5, 6)),
        ("the point 0; 0 px", (0, 0)),
        ("Is it larger than 1,024 px?", None),
        ("Is it 21 x 34 px large?", None),
        ("is it longer than 30 px", None),
        ("What is at 0:10?", None),
        ("Regions 1, 2 and 3?", None),
        ("region 1, 2 px wide?", None),
        ("Is it 2.5, 3 px off?", None),
    ],
)
def test_the_point_that_a_question_names(question, point):
    assert named_point(question) == point
    assert point is None or named_region(question) is None


def test_no_question_asked_so_far_names_a_point():
    asked = [text for texts in vocabulary("examples").values() for text in texts]
    asked += [question for one in read_questions() for question in (*one.before, one.question)]
    assert not [question for question in asked if named_point(question)]


@pytest.mark.parametrize(
    ("dialogue", "asks"),
    [
        ([SIZE, "and the third?"], SIZE),
        ([SIZE, "And the second?", "the next one?"], SIZE),
        ([WHERE, SIZE, "What about the other one?"], SIZE),
        ([SIZE, "that one"], SIZE),
        ([SIZE, "And region 3 as well, please?"], SIZE),
        ([SIZE, "And why?"], "And why?"),
        ([SIZE, "why that one"], "why that one"),
        ([SIZE, "Why?", "and the third?"], "Why?"),
        ([WHERE, "how big is that?"], "how big is that?"),
        ([WHERE, "and the previous picture?"], "and the previous picture?"),
        (["What happens at 0:10?", "and at 0:20?"], "What happens at 0:10?"),
        (["And what about 1:30?"], "What happens at that time?"),
        (["Is there a dog?", "And a cat?"], "Is there a cat?"),
        ([WHERE, "what about the dog"], "Is there a dog?"),
        (["and the third?"], "and the third?"),  # nothing before it: for the router to guess
        ([WHERE, "and?"], "and?"),
        ([WHERE, ""], ""),
    ],
)
def test_the_question_that_is_meant(dialogue, asks):
    *before, question = dialogue
    assert meant(question, before, mentioned_things(question), TIMES) == asks


def test_what_is_pointed_at_is_there():
    assert pointed_at("Why is that person suspicious?", "person")
    assert pointed_at("Without this red car?", "car")
    assert not pointed_at("Why is the person suspicious?", "person")
    assert refers_back("How big is it?") and not refers_back("How big?")


INTENTS = {
    SIZE: "how_big",
    WHERE: "where",
    "Why?": "why",
    "And why?": "why",
    "how big is that?": "how_big",
    "How big is the second region?": "how_big",
    "Is there a dog?": "name",
    "Is there a cat?": "name",
    "And without it?": "what_if",
    "Why is the fifth region dark?": "why",
    "Why is there a dog?": "why",
    "What is the second region, and why is it one?": "where_why",
}
OFFERED = [
    {"function": {"name": name}}
    for name in ("score", "locate", "measure", "compare", "repair", "segment", "cannot_tell", "previous")
]
FIND = {"function": {"name": "find", "parameters": {"properties": {"phrases": {"items": {"enum": ["dog", "cat"]}}}}}}


def _region(number: int) -> Region:
    return Region(label=f"region {number}", box=(0, 0, 2, 2), score=1, peak=(0, 0), area_share=0.1)


def talk(dialogue: list[str | tuple[str, str]], regions: int, labels: tuple[str, ...] = ()) -> list[tuple[str, dict]]:
    """What is called for the last question; a question may come with the picture that it is asked about."""
    ledger, messages, calls = Ledger(), [], []
    for item in dialogue:
        question, media = item if isinstance(item, tuple) else (item, "a")
        messages.append(HumanMessage(question))
        calls = []
        while (call := plan(messages, [*OFFERED, FIND])[2]) is not None:
            name, arguments = call
            calls.append(call)
            found = ledger.add(
                tool=name,
                arguments=arguments,
                statement=f"{name} says.",
                regions=tuple(map(_region, range(1, regions + 1))) if name == "locate" else (),
                quantities=[{"name": "score", "value": 0.1}] if name == "find" else (),
                labels=dict.fromkeys(labels, 0.9) if name == "find" else {},
                media=media,
            )
            messages.append(AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": found.id}]))
            messages.append(ToolMessage("", name=name, tool_call_id=found.id, artifact=found))
            assert len(calls) <= 8
        messages.append(AIMessage("answered"))
    return calls


@pytest.fixture(autouse=True)
def _routed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "route", lambda question, clip=False: intent(INTENTS[question], 1.0, clip))


@pytest.mark.parametrize(
    ("dialogue", "regions", "call"),
    [
        ([SIZE, "And the third?"], 3, ("segment", {"region": 3})),
        ([SIZE, "And the second?", "the next one?"], 3, ("segment", {"region": 3})),
        (["How big is the second region?", "And why?"], 3, ("measure", {"region": 2})),
        (["How big is the second region?", "And without it?"], 3, ("repair", {"region": 2})),
        ([WHERE, "And without it?"], 3, ("repair", {})),  # no region was named: all of them
        (["How big is the second region?", "What about the other one?"], 2, ("segment", {"region": 1})),
        (["Why?", "What about the last one?"], 3, ("measure", {"region": 3})),
        ([WHERE, "Why?"], 2, ("measure", {"region": 1})),
        (["How big is the second region?", ("Why?", "another picture")], 2, ("measure", {"region": 1})),
        (["How big is the second region?", ("And this one?", "another picture")], 2, ("segment", {"region": 1})),
        (["Why is the fifth region dark?"], 2, ("measure", {"region": 5})),  # it says that there is none
        (["Why is the fifth region dark?"], 0, ("measure", {"region": 5})),
        (["Is there a dog?", "And a cat?"], 1, ("find", {"phrases": ["cat"]})),
        (["Why is there a dog?"], 1, ("find", {"phrases": ["dog"]})),
    ],
)
def test_a_dialogue_ends_with_the_tool_and_the_region_that_are_meant(dialogue, regions, call):
    calls = [made for made in talk(dialogue, regions) if made[0] not in {"score", "locate"}]
    assert calls[0] == call


def test_what_is_not_there_ends_the_plan_and_what_is_there_does_not():
    assert [name for name, _ in talk(["Why is the fifth region dark?"], 2)] == ["score", "locate", "measure"]
    assert [name for name, _ in talk(["Why is there a dog?"], 1)] == ["score", "find"]
    named = [name for name, _ in talk(["Why is there a dog?"], 1, labels=("dog",))]
    assert named == ["score", "find", "locate", "measure", "repair"]


def test_only_named_regions_are_pointed_at():
    region = _region(2).model_copy(update={"label": "region 1"})
    found = Ledger().add(tool="locate", statement="There.", regions=(region,))
    messages = [HumanMessage(WHERE), ToolMessage("", name="locate", tool_call_id="x", artifact=found)]
    turn = read_turn([*messages, HumanMessage("Why is it?")])
    assert (turn.focus, turn.pointed, turn.region) == (1, False, None)
