"""The loop on clips: the scripted chat model, and the embedded planner with its routes given."""

import json

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from tests.crowd import RIDER, Walker, film, profile_of, scene, sightings, walk, walkway
from tests.scripted import ScriptedChatModel, call
from tests.seeing import SeeingModels
from xad_agent.agent import Agent
from xad_agent.answer import Answer
from xad_agent.clip_profile import ClipProfile
from xad_agent.llm import embedded
from xad_agent.llm.embedded import EmbeddedChatModel
from xad_agent.llm.router import intent
from xad_agent.perception.models import Models
from xad_agent.perception.sightings import Sightings

SECOND = Walker(30, 150, -2.5, first=80, last=100)


@pytest.fixture(scope="module")
def profile() -> ClipProfile:
    return walkway()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Sightings]:
    """What a profile sees in a clip, by the clip's name; put in by the test."""
    known: dict[str, Sightings] = {}
    monkeypatch.setattr(ClipProfile, "watch", lambda self, clip: known[clip.name])
    return known


@pytest.fixture
def leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded model without its weights: the first lead, the first event."""
    monkeypatch.setattr(embedded, "_complete", lambda text, options: json.loads(options.split(" | ")[0]))


def ask(profile: ClipProfile | None, seen: Sightings, model: object, question: str = "What is wrong?") -> Answer:
    return Agent(profile, llm=model).ask(question, film(seen))


def draft(*claims: tuple[str, str, list[str]]) -> AIMessage:
    return AIMessage(json.dumps({"claims": [{"text": t, "kind": k, "evidence": e} for t, k, e in claims]}))


def test_a_scripted_model_on_a_clip(profile: ClipProfile, seen: dict[str, Sightings], tmp_path) -> None:
    seen["scene"] = scene(RIDER)
    model = ScriptedChatModel(
        script=[
            call("score"),
            call("timeline"),
            draft(
                ("It is anomalous.", "verdict", ["E1"]),
                ("Event 1: from 4.0 s to 8.5 s.", "when", ["E2"]),
                ("Event 1: from 4.0 s to 9.5 s.", "when", ["E2"]),
                ("A cyclist did it.", "what", ["E2"]),
            ),
        ]
    )
    answer = ask(profile, seen["scene"], model)
    assert answer.text == "It is anomalous [E1]. Event 1: from 4.0 s to 8.5 s [E2]."
    assert [entry.text for entry in answer.dropped] == ["Event 1: from 4.0 s to 9.5 s.", "A cyclist did it."]
    assert (answer.verdict, answer.source) == ("anomalous", "model")
    (event,) = answer.events
    assert (event.start, event.tracks, answer.regions) == (4.0, (3,), (event.region,))
    assert answer.label_scores["two-wheeler"] > answer.label_scores["person"]
    record = json.loads(json.dumps(answer.to_json()))
    assert record["events"][0]["end"] == 8.5 and record["regions"][0]["frames"] == [40, 84, 40]
    assert answer.figure().width == 1200
    answer.to_html(tmp_path / "report.html")
    assert "Event 1: from 4.0 s to 8.5 s" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("clip", [scene(RIDER), walk(50), sightings([]), scene(RIDER, SECOND), scene(frames=1)])
def test_where_a_model_fails_the_evidence_answers(
    profile: ClipProfile, seen: dict[str, Sightings], clip: Sightings
) -> None:
    seen[clip.name] = clip
    answer = ask(profile, clip, ScriptedChatModel(script=[RuntimeError("off")]))
    assert answer.source == "template" and answer.dropped == ()
    passed = "normal" if clip.frames > 1 else "uncertain"  # in a single frame nothing moves
    assert answer.verdict == ("anomalous" if answer.events else passed)
    assert answer.text.startswith(answer.verdict.capitalize())


def test_without_a_profile_it_is_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = scene(RIDER)
    monkeypatch.setattr(ClipProfile, "fit", classmethod(lambda cls, *_, **__: profile_of([clip])))
    answer = ask(None, clip, ScriptedChatModel(script=[RuntimeError("off")]))
    assert (answer.verdict, answer.threshold, answer.p_value, answer.events) == ("uncertain", None, None, ())
    assert answer.text.startswith("Uncertain: no normal clip is known, so there is no limit to judge by. ")
    assert "normal stretches" not in answer.text and answer.figure().width > 300


QUESTIONS = {
    "where_why": ["Anomalous: it scores", "event 1: from 4.0 s", "a bicycle", "unusual in", "Without the thing"],
    "when": ["One event stands out, event 1: from 4.0 s to 8.5 s, strongest at 4.0 s"],
    "doing": ["looks like riding", "first seen at 4.0 s, right, and last at 8.4 s, left, heading leftwards", "unusual"],
    "name": ["looks like a bicycle"],
    "compare": ["The most similar normal thing kept within 1.5 body heights of event 1"],
    "what_if": ["Without the thing in event 1, the score falls from"],
    "allowed": ["I have no rule", "a bicycle", "No relation between things was seen in the normal clips", "unusual in"],
    "near": [
        "Others, two of them at once, come within 2 body heights of the thing in event 1",
        "No relation between things was seen",
    ],
    "normal": ["Things here normally move at 0.41 to 0.59 body heights a second"],
    "where": ["One place stands out, event 1: right, 14 x 20 px, at 4.0 s"],
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_embedded_plans_on_a_clip(
    profile: ClipProfile, seen: dict[str, Sightings], leads: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    seen["scene"] = scene(RIDER)
    monkeypatch.setattr(embedded, "route", lambda question, clip: intent(name, clip=clip))
    answer = ask(profile, seen["scene"], EmbeddedChatModel())
    assert (answer.source, answer.dropped) == ("model", ())
    at = [answer.text.find(part) for part in QUESTIONS[name]]
    assert -1 not in at and at == sorted(at), answer.text


@pytest.mark.parametrize("name", ["where_why", "name", "doing", "compare", "what_if", "when"])
def test_the_embedded_plans_on_a_normal_clip(
    profile: ClipProfile, seen: dict[str, Sightings], leads: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    seen["walk 50"] = walk(50)
    monkeypatch.setattr(embedded, "route", lambda question, clip: intent(name, clip=clip))
    answer = ask(profile, seen["walk 50"], EmbeddedChatModel())
    assert (answer.verdict, answer.source, answer.dropped) == ("normal", "model", ())
    assert "No event stands out" in answer.text and "bicycle" not in answer.text


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("allowed", "I have no rule"),
        ("near", "Normal: it scores"),
        ("normal", "Things here normally move at 0.41 to 0.59 body heights a second"),
    ],
)
def test_what_needs_no_event_is_answered_for_a_normal_clip(
    profile: ClipProfile,
    seen: dict[str, Sightings],
    leads: None,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    starts: str,
) -> None:
    seen["walk 50"] = walk(50)
    monkeypatch.setattr(embedded, "route", lambda question, clip: intent(name, clip=clip))
    answer = ask(profile, seen["walk 50"], EmbeddedChatModel())
    assert (answer.verdict, answer.source, answer.dropped) == ("normal", "model", ())
    assert answer.text.startswith(starts)


@pytest.mark.parametrize(
    ("question", "name", "says", "not_said"),
    [
        (
            "What happens at 3:00?",
            "where_why",
            "The clip lasts only 12.0 s, so there is nothing to see at 180.0 s [",
            "event",
        ),
        ("What about the dog at 0:10?", "name", "At 10.0 s no event is going on: the score is ", "bicycle"),
        ("What is that at 0:05?", "name", "At 5.0 s event 1 is going on: the score is ", "dog"),
        ("Was it fast at 5 s?", "doing", "At 5.0 s event 1 is going on: the score is ", "No event"),
        ("Why at 0:00?", "why", "At 0 s no event is going on: the score is ", "unusual"),
    ],
)
def test_questions_about_a_time(
    profile: ClipProfile,
    seen: dict[str, Sightings],
    leads: None,
    monkeypatch: pytest.MonkeyPatch,
    question: str,
    name: str,
    says: str,
    not_said: str,
) -> None:
    seen["scene"] = scene(RIDER)
    monkeypatch.setattr(embedded, "route", lambda question, clip: intent(name, clip=clip))
    answer = ask(profile, seen["scene"], EmbeddedChatModel(), question)
    assert answer.text.startswith(says), answer.text
    assert not_said not in answer.text and answer.dropped == ()


@pytest.mark.parametrize(
    ("models", "says", "used"),
    [
        (SeeingModels(), 'No "wheelchair" is found in the four frames looked at', {"finder": "scripted"}),
        (Models({"finder": "none"}), "The object detector does not know what is asked for, so I cannot tell", {}),
    ],
)
def test_what_only_a_finder_of_the_users_own_knows_is_looked_for_by_that(
    profile: ClipProfile,
    seen: dict[str, Sightings],
    leads: None,
    monkeypatch: pytest.MonkeyPatch,
    models: Models,
    says: str,
    used: dict[str, str],
) -> None:
    seen["scene"] = scene(RIDER)
    monkeypatch.setattr(embedded, "route", lambda question, clip: intent("name", clip=clip))
    agent = Agent(profile, llm=EmbeddedChatModel(), models=models)
    answer = agent.ask("Is there a wheelchair?", film(seen["scene"]))
    assert (answer.source, answer.dropped) == ("model", ())
    assert answer.text.startswith(says) and answer.models == {"detector": "attributes", **used}


def test_a_conversation_about_two_clips(profile: ClipProfile, seen: dict[str, Sightings]) -> None:
    seen["scene"], seen["walk 50"] = scene(RIDER), walk(50)
    model = ScriptedChatModel(
        script=[
            call("score"),
            draft(("It is anomalous.", "verdict", ["E1"])),
            call("previous"),
            draft(("It is normal.", "verdict", ["E2"])),
        ]
    )
    chat = Agent(profile, llm=model).chat(film(seen["scene"]))
    assert chat.ask("Is it normal?").verdict == "anomalous"
    answer = chat.ask("And this one?", film(seen["walk 50"]))
    assert (answer.verdict, answer.text) == ("normal", "It is normal [E2].")
    assert [entry.tool for entry in answer.evidence] == ["score", "previous"]  # what is not cited, too


@pytest.mark.parametrize("media", ["missing.mp4", np.zeros((0, 4, 4, 3), np.uint8), np.zeros((3, 4, 4, 2), np.uint8)])
def test_unusable_clips_are_refused_in_one_line(profile: ClipProfile, media: object) -> None:
    from xad_agent.errors import XadError

    with pytest.raises(XadError) as caught:
        Agent(profile, llm=ScriptedChatModel(script=[AIMessage("x")])).ask("What is wrong?", media)
    assert "\n" not in str(caught.value)
