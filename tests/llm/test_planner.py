"""The planner over hand-made turns; no language model is needed for it."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from xad_agent.evidence import Evidence, Ledger, Region
from xad_agent.llm import embedded
from xad_agent.llm.embedded import plan
from xad_agent.llm.planner import (
    CHECKER,
    arguments,
    asked_things,
    is_clip,
    named_thing,
    named_time,
    next_tool,
    read_turn,
    to_say,
)
from xad_agent.llm.router import intent
from xad_agent.prompts import vocabulary
from xad_agent.tools import TOOLS, clips

SAID = {"rules", "known"}  # offered where the user gave rules, or a knowledge file
ALL = set(TOOLS) - SAID
FOR_CLIPS = {*clips.TOOLS, "previous", "cannot_tell"}


def result(evidence: Evidence) -> ToolMessage:
    return ToolMessage(evidence.statement, name=evidence.tool, tool_call_id=evidence.id, artifact=evidence)


def conversation(*tools: str, regions: int = 0, question: str = "Where is it?", then: int = 0) -> list:
    """What was called in a turn; `then` is the number of the event that `moment` finds."""
    ledger = Ledger()
    found = tuple(
        Region(label=f"region {i + 1}", box=(0, 0, 2, 2), score=1, peak=(0, 0), area_share=0.1) for i in range(regions)
    )
    messages: list = [HumanMessage(question)]
    for tool in tools:
        of = {"locate": found, "timeline": found, "moment": found[then - 1 : then] if then else ()}.get(tool, ())
        entry = ledger.add(tool=tool, statement=f"{tool} says.", regions=of)
        messages += [AIMessage("", tool_calls=[{"name": tool, "args": {}, "id": "x"}]), result(entry)]
    return messages


@pytest.mark.parametrize(
    ("done", "regions", "expected"),
    [
        ([], 0, "score"),
        (["score"], 0, "refute"),
        (["score", "refute"], 0, "locate"),
        (["score", "refute", "locate"], 1, "measure"),
        (["score", "refute", "locate", "measure"], 1, "zero_shot"),
        (["score", "refute", "locate", "measure", "zero_shot", "name", "look"], 1, "repair"),
        (["score", "refute", "locate", "measure", "zero_shot", "name", "look", "repair"], 1, None),  # eight at most
        (["score", "refute", "locate"], 0, "zero_shot"),
        (["score", "refute", "locate", "zero_shot"], 0, None),  # nothing stands out: nothing to measure or repair
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
    ("done", "events", "expected"),
    [
        ([], 0, "score"),
        (["score"], 0, "timeline"),
        (["score", "timeline"], 2, "name"),
        (["score", "timeline", "name", "measure"], 2, "heat"),
        (["score", "timeline", "name", "measure", "heat"], 2, "relate"),
        (["score", "timeline", "name", "measure", "heat", "relate"], 2, "locate"),
        (["score", "timeline", "name", "measure", "heat", "relate", "locate"], 2, "repair"),
        (["score", "timeline"], 0, None),  # nothing stands out: nothing to name, measure or repair
    ],
)
def test_plan_for_a_clip(done, events, expected):
    turn = read_turn(conversation(*done, regions=events))
    assert next_tool(intent("where_why", clip=True), turn, FOR_CLIPS) == expected


@pytest.mark.parametrize(("in_region", "tools"), [(0, ["place"]), (2, ["place", "measure"])])
def test_a_point_is_measured_and_the_region_it_is_in(in_region, tools):
    asked = "What about the place at 120, 80 px?"
    offered = [{"function": {"name": name}} for name in ("score", "locate", "place", "measure", "repair")]
    messages = conversation("score", "locate", regions=3, question=asked)
    assert plan(messages, offered)[2] == ("place", {"x": 120, "y": 80})
    (region,) = conversation("locate", regions=in_region)[-1].artifact.regions[-1:] or (None,)
    found = Ledger().add(tool="place", statement="There.", regions=(region,) if region else ())
    messages += [AIMessage("", tool_calls=[{"name": "place", "args": {}, "id": "p"}]), result(found)]
    place, _, call = plan(messages, offered)
    assert call == (("measure", {"region": 2}) if in_region else None)
    messages += conversation("measure")[1:] if in_region else []
    assert [entry.tool for entry in to_say(place, read_turn(messages))] == tools


def test_a_point_means_nothing_for_a_clip(monkeypatch):
    monkeypatch.setattr(embedded, "route", lambda question, clip=False: intent("why", clip=clip))
    offered = [{"function": {"name": name}} for name in FOR_CLIPS - {"find"}]
    assert plan([HumanMessage("Why at 120, 80 px?")], offered)[0].name == "why"


def test_where_a_tool_is_not_offered_the_answer_is_whole_without_it():
    offered = FOR_CLIPS - {"heat"}
    why = intent("why", clip=True).among(offered)
    done = ("score", "timeline", "name", "measure", "relate", "repair")
    assert next_tool(why, read_turn(conversation(*done[:4], regions=1)), offered) == "relate"
    turn = read_turn(conversation(*done, regions=1))
    assert [entry.tool for entry in to_say(why, turn)] == ["score", "name", "measure", "relate", "repair"]


def test_a_follow_up_about_a_clip_keeps_the_event_in_focus():
    messages = conversation("score", "timeline", regions=3)
    messages.append(AIMessage("", tool_calls=[{"name": "track", "args": {"event": 3}, "id": "y"}]))
    messages += conversation("score", "timeline", regions=3, question="Why?")
    turn = read_turn(messages)
    assert arguments("measure", intent("why", clip=True), turn) == {"event": 3}
    assert arguments("name", intent("why", clip=True), turn) == {}


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        ("What happens at 3:00?", 180),
        ("What about the dog at 0:10?", 10),
        ("What is going on at 1:02:03.5?", 3723.5),
        ("Who is there at 12 s?", 12),
        ("Why did it stop after 7.5 seconds?", 7.5),
        ("What is it doing at 2 min 5 s?", 125),
        ("And around 2 minutes?", 120),
        ("And in second 12?", 12),
        ("What happens in minute 2?", 120),
        ("Was it unusual 5 seconds in?", 5),
        ("1 min 5 s into the clip, what is there?", 65),
        ("And 2 minutes into it?", 120),
        ("Did it last 5 seconds in all?", None),
        ("When does it happen?", None),
        ("Did it last 10 seconds?", None),
        ("Is the second one a bicycle?", None),
        ("Is the picture 16:9?", None),
        ("Is event 3 at the left?", None),
    ],
)
def test_times_that_questions_name(question, seconds):
    assert named_time(question) == seconds


def test_evidence_that_a_checkpoint_kept_is_still_evidence():
    messages = conversation("score", "timeline", regions=2)
    for message in messages:
        if isinstance(message, ToolMessage):
            message.artifact = message.artifact.model_dump()
    turn = read_turn(messages)
    assert list(turn.evidence) == ["score", "timeline"] and turn.regions == 2


def test_a_time_comes_first_and_what_is_there_then_is_the_event():
    question, why = "Why did you stop at 0:10?", intent("why", clip=True)
    asked = read_turn(conversation("score", "timeline", regions=3, question=question))
    assert next_tool(why, asked, FOR_CLIPS) == "moment"
    assert arguments("moment", why, asked) == {"at": 10}
    turn = read_turn(conversation("score", "timeline", "moment", regions=3, question=question, then=2))
    assert next_tool(why, turn, FOR_CLIPS) == "name"
    assert [arguments(tool, why, turn) for tool in ("name", "measure", "repair")] == [{"event": 2}] * 3
    full = read_turn(
        conversation("score", "timeline", "moment", "name", "measure", regions=3, question=question, then=2)
    )
    assert [entry.tool for entry in to_say(why, full)] == ["moment", "name", "measure"]


def test_where_nothing_is_then_only_that_is_said():
    why = intent("why", clip=True)
    turn = read_turn(conversation("score", "timeline", "moment", regions=3, question="Why at 3:00?"))
    assert next_tool(why, turn, FOR_CLIPS) is None
    assert [entry.tool for entry in to_say(why, turn)] == ["moment"]


def test_a_time_means_nothing_for_a_picture_and_off_the_topic():
    turn = read_turn(conversation("score", question="What is the weather like at 0:10?"))
    assert next_tool(intent("why"), turn, ALL) == "refute"
    assert next_tool(intent("off_topic", clip=True), turn, FOR_CLIPS) == "cannot_tell"
    assert is_clip(FOR_CLIPS) and not is_clip(ALL)


def test_every_intent_is_whole():
    limits = vocabulary("limits")
    for name, entry in vocabulary("intents")["intents"].items():
        assert set(entry["plan"]) <= ALL | SAID and set(entry.get("say", [])) <= set(entry["plan"])
        clip = entry.get("clip", {"plan": []})
        assert set(clip["plan"]) <= FOR_CLIPS | SAID and set(clip.get("say", [])) <= set(clip["plan"])
        assert ("cannot_tell" in entry["plan"]) == (entry.get("topic") in limits), name
        assert name == "place" or len(vocabulary("examples")[name]) >= 7


@pytest.mark.parametrize(
    ("question", "thing"),
    [
        ("Is there a dog?", "dog"),
        ("Are there any buses?", "bus"),
        ("What about the sports ball and the dog?", "sports ball"),
        ("Is it a scratch?", None),
        ("Does the carpet look normal?", None),
    ],
)
def test_a_thing_that_a_question_names(question, thing):
    assert named_thing(question) == thing


def test_a_named_thing_is_looked_for_and_said_first():
    turn = read_turn([HumanMessage("Is there a dog?"), *conversation("score", "timeline", "name", regions=1)[1:]])
    asked = intent("name", clip=True)
    assert next_tool(asked, turn, FOR_CLIPS) == "look_for"
    assert arguments("look_for", asked, turn) == {"what": "dog"}
    seen = result(Ledger().add(tool="look_for", statement="A dog is seen.", labels={"dog": 0.9}))
    done = conversation("score", "timeline", "name", regions=1)[1:]
    full = read_turn([HumanMessage("Is there a dog?"), *done, seen])
    assert [entry.tool for entry in to_say(asked, full)] == ["look_for", "name"]
    absent = result(Ledger().add(tool="look_for", statement="No dog is seen."))
    full = read_turn([HumanMessage("Is there a dog?"), *done, absent])
    assert [entry.tool for entry in to_say(asked, full)] == ["look_for", "score"]


@pytest.mark.parametrize(
    ("question", "looked_for", "found"),
    [
        ("Is there a wheelchair?", None, ["wheelchair"]),
        ("Is there a dog?", "dog", []),
        ("Are there any buses or wheelchairs?", "bus", ["wheelchairs"]),
        ("Do you see a red bicycle?", "bicycle", ["red bicycle"]),
        ("Is it a scratch?", None, []),
    ],
)
def test_in_a_clip_find_looks_for_what_look_for_does_not_know(question, looked_for, found):
    asked, done = intent("name", clip=True), ["score", "timeline", "name"]
    if looked_for:
        turn = read_turn(conversation(*done, regions=1, question=question))
        assert next_tool(asked, turn, FOR_CLIPS) == "look_for"
        assert arguments("look_for", asked, turn) == {"what": looked_for}
        done.append("look_for")
    turn = read_turn(conversation(*done, regions=1, question=question))
    assert next_tool(asked, turn, FOR_CLIPS) == ("find" if found else None)
    assert arguments("find", asked, turn) == {"phrases": found}
    without = next_tool(asked, turn, FOR_CLIPS - {"find"})
    assert without == ("look_for" if found and not looked_for else None)  # then that says that it does not know it
    both = read_turn(conversation(*done, "find", regions=1, question=question))
    said = [entry.tool for entry in to_say(asked, both)]
    assert said == [*done[3:], "find", "score" if found or looked_for else "name"]  # neither is there


def test_what_one_of_two_things_is_not_the_other_may_be():
    asked, question = intent("name", clip=True), "Are there any buses or wheelchairs?"
    seen = result(Ledger().add(tool="find", statement="A wheelchair is found.", labels={"wheelchairs": 0.9}))
    full = read_turn([*conversation("score", "timeline", "look_for", "name", regions=1, question=question), seen])
    assert [entry.tool for entry in to_say(asked, full)][:2] == ["look_for", "find"]


def test_in_a_clip_a_finder_with_a_vocabulary_is_asked_for_what_it_knows():
    turn = read_turn(conversation("score", "timeline", question="Is there a forklift, a pallet or a dog?"))
    assert next_tool(intent("name", clip=True), turn, FOR_CLIPS - {"look_for"}, ["pallet", "dog"]) == "find"
    assert arguments("find", intent("name", clip=True), turn, ["pallet", "dog"]) == {"phrases": ["pallet"]}
    assert next_tool(intent("name", clip=True), turn, FOR_CLIPS - {"look_for"}, ["dog"]) is None


def test_what_the_question_does_not_name_is_not_looked_for():
    turn = read_turn(conversation("score", "timeline", "name", regions=1, question="What is that?"))
    assert next_tool(intent("name", clip=True), turn, FOR_CLIPS) is None


@pytest.mark.parametrize(
    ("name", "question", "done", "said"),
    [
        ("allowed", "Is that allowed?", ["cannot_tell"], ["cannot_tell", "score", "timeline"]),
        ("allowed", "May dogs be here?", ["cannot_tell", "look_for"], ["cannot_tell", "look_for"]),
        ("near", "Who was near?", [], ["score", "timeline"]),
        ("doing", "What was it doing?", [], ["score", "timeline"]),
        ("why", "Why?", [], ["score", "timeline"]),
    ],
)
def test_where_there_is_no_event_the_verdict_takes_the_place_of_what_is_missing(name, question, done, said):
    turn = read_turn(conversation("score", "timeline", *done, question=question))
    assert next_tool(intent(name, clip=True), turn, FOR_CLIPS) is None
    assert [entry.tool for entry in to_say(intent(name, clip=True), turn)] == said


@pytest.mark.parametrize(("name", "event"), [("doing", {"event": 2}), ("allowed", {"event": 2}), ("where_why", {})])
def test_a_question_about_one_event_names_that_one_alone(name, event):
    messages = conversation("score", regions=3)
    messages.append(AIMessage("", tool_calls=[{"name": "measure", "args": {"event": 2}, "id": "y"}]))
    turn = read_turn([*messages, *conversation("score", "timeline", regions=3)])
    assert arguments("name", intent(name, clip=True), turn) == event
    assert arguments("nearby", intent(name, clip=True), turn) == {"event": 2}


def test_what_is_normal_needs_no_event():
    turn = read_turn(conversation(question="What is normal here at 0:10?"))
    for clip, tools in ((True, FOR_CLIPS), (False, ALL)):
        assert next_tool(intent("normal", clip=clip), turn, tools) == "normal"


@pytest.mark.parametrize(
    ("question", "anything", "known"),
    [
        ("Is there a red bicycle in the picture?", ["red bicycle"], ["bicycle"]),
        ("Do you see a knife or a dog?", ["knife", "dog"], ["knife", "dog"]),
        ("Is there a hot dog?", ["hot dog"], ["hot dog"]),
        ("Is there a dog? Is there a cat?", ["dog", "cat"], ["dog", "cat"]),
        ("Can you find any cracked screws on the left?", ["cracked screws"], []),
        ("Is a dog there?", ["dog"], ["dog"]),
        ("Is it a scratch?", [], []),
        ("Are there any other defects?", [], []),
        ("Is there anything wrong with it?", [], []),
        ("Do you see it?", [], []),
    ],
)
def test_what_a_question_asks_to_be_looked_for(question, anything, known):
    assert asked_things(question, None) == anything
    assert asked_things(question, list(vocabulary("coco"))) == known


def test_a_thing_that_was_found_or_not_needs_no_name():
    turn = read_turn(conversation("score", "locate", "find", regions=1, question="Is there a dog?"))
    assert next_tool(intent("name"), turn, ALL) is None
    assert arguments("find", intent("name"), turn) == {"phrases": ["dog"]}
    scratch = read_turn(conversation("score", "locate", "find", regions=1, question="Is there a scratch?"))
    assert next_tool(intent("name"), scratch, ALL) == "name"
    assert arguments("look", intent("name"), scratch) == {"region": 1, "what": "scratch"}


def test_what_is_missing_is_said_once_in_a_conversation():
    first = conversation("score", "refute", "locate", "measure", "zero_shot", "name", "repair", regions=1)
    offered = ALL - {"look"}
    assert next_tool(intent("why"), read_turn(first), offered) == "missing"
    second = [*first, *conversation("missing"), *first]
    assert next_tool(intent("why"), read_turn(second), offered) is None


def test_a_name_is_not_said_to_be_unknown_where_one_was_measured():
    ledger = Ledger()
    named = ledger.add(tool="name", statement="It looks like a dent.", labels={"dent": 0.5})
    limit = Ledger().add(tool="name", statement="No model.", kind="limit")
    before = conversation("score", "locate", "measure", regions=1, question="What kind of defect is it?")
    assert next_tool(intent("name"), read_turn([*before, result(named)]), ALL - {"look"}) == "missing"
    assert next_tool(intent("name"), read_turn([*before, result(limit)]), ALL - {"look"}) == "cannot_tell"
    assert arguments("look", intent("name"), read_turn([*before, result(named)])) == {"region": 1, "what": "dent"}


def test_no_more_than_eight_tools_are_called_for_a_question():
    done = ["score", "refute", "find", "locate", "measure", "zero_shot", "name"]
    question = "Where and why is the dog?"
    found = result(Ledger().add(tool="find", statement="A dog is found.", labels={"dog": 0.9}))
    messages = [*conversation(*done, regions=1, question=question), found]
    assert next_tool(intent("where_why"), read_turn(messages), ALL) == "look"
    messages += conversation("look")[1:]
    assert next_tool(intent("where_why"), read_turn(messages), ALL) is None
