"""A conversation in the app, without its page."""

import threading
from pathlib import Path

import pytest

from tests.app.stand_ins import answered, part, sessions
from tests.scripted import call, draft
from xad_agent.app.session import NOTHING_SHOWN
from xad_agent.chat import Chat
from xad_agent.clip_case import ClipCase
from xad_agent.errors import XadError


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    everybody = sessions(tmp_path / "chats", monkeypatch)
    yield everybody.new()
    everybody.close()


def test_a_question_about_a_file_is_answered_and_all_of_it_is_kept(session, tmp_path: Path) -> None:
    exchange = answered(session, "Is it normal?", part(tmp_path))
    assert exchange.answer.verdict == "anomalous" and exchange.answer.text == "It is anomalous [E1]."
    assert [step.kind for step in exchange.steps] == ["tool", "evidence"]
    kept = {file.name for file in exchange.folder.iterdir()}
    assert kept >= {"exchange.json", "answer.png", "report.html", "E1.png", "nearest.png"}
    assert exchange.figure(exchange.find("E1")).is_file() and exchange.nearest == "good 0.png"


def test_a_file_without_a_question_is_asked_where_and_why(session, tmp_path: Path) -> None:
    assert answered(session, "", part(tmp_path)).question == "Where is the defect, and why is it one?"


def test_of_several_files_each_is_asked_about_in_turn(session, tmp_path: Path) -> None:
    answered(session, "Is it normal?", part(tmp_path, name="a.png"), part(tmp_path, name="b.png"))
    assert [exchange.shown.name for exchange in session.exchanges] == ["a.png", "b.png"]
    assert session.shown.name == "b.png" and all(exchange.new for exchange in session.exchanges)


def test_a_follow_up_is_about_what_was_shown_last(session, tmp_path: Path) -> None:
    answered(session, "Is it normal?", part(tmp_path, name="a.png"))
    answered(session, "Is it normal?", part(tmp_path, name="b.png", flawed=False))
    assert answered(session, "And now?").shown.name == "b.png"
    assert [file.name for file in session.media] == ["a.png", "b.png"]


def test_two_files_of_one_name_are_kept_apart(session, tmp_path: Path) -> None:
    first = answered(session, "Is it normal?", part(tmp_path)).shown
    second = answered(session, "Is it normal?", part(tmp_path, flawed=False)).shown
    assert first != second and first.name == second.name and first.read_bytes() != second.read_bytes()


def test_nothing_shown_and_nothing_asked_are_told(session, tmp_path: Path) -> None:
    with pytest.raises(XadError, match=NOTHING_SHOWN):
        session.ask("Is it normal?")
    answered(session, "Is it normal?", part(tmp_path))
    with pytest.raises(XadError, match="the question is empty"):
        session.ask("  ")


def test_what_is_no_picture_ends_its_own_exchange_only(session, tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    assert answered(session, "Is it normal?", text).error.startswith("text.png is not a picture")
    assert answered(session, "Is it normal?", part(tmp_path)).answer is not None


def test_a_defect_of_ours_is_told_in_a_line(session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("xad_agent.app.session.Session.chat", broken)
    assert answered(session, "Is it normal?", part(tmp_path)).error.startswith("unexpected ZeroDivisionError (by zero)")


def test_one_question_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    everybody = sessions(tmp_path / "chats", monkeypatch)
    session = everybody.new()
    original = type(session).chat
    monkeypatch.setattr(type(session), "chat", lambda self: go_on.wait(30) and original(self))
    (begun,) = session.ask("Is it normal?", [part(tmp_path)])
    assert session.busy and not begun.over
    with pytest.raises(XadError, match="still worked on"):
        session.ask("And now?")
    go_on.set()
    begun.exported.wait(30)
    assert not session.busy and begun.answer
    everybody.close()


def test_another_way_of_judging_is_another_chat_and_the_first_is_gone_on_with(session, tmp_path: Path) -> None:
    answered(session, "Is it normal?", part(tmp_path))
    first = session.chat()
    profile = session.settings.profiles.pop("picture")
    assert session.chat() is not first and session.case().profile is None and not len(session.chat().ledger)
    session.settings.profiles["picture"] = profile
    assert session.chat().name == first.name and session.chat().ledger["E1"].tool == "score"


def test_what_rests_is_measured_again_and_its_evidence_has_its_figures(session, tmp_path: Path) -> None:
    first = answered(session, "Is it normal?", part(tmp_path))
    before = session.case()
    session.rest()
    again = session.case()
    assert again is not before and again.anomaly_map.score == before.anomaly_map.score
    assert (again.ledger["E1"].figure == before.ledger["E1"].figure).all()
    second = answered(session, "And now?")
    assert second.figure(second.find("E1")).read_bytes() == first.figure(first.find("E1")).read_bytes()


def test_what_is_turned_back_to_has_its_figures(session, tmp_path: Path) -> None:
    first = answered(session, "Is it normal?", part(tmp_path, name="a.png"))
    answered(session, "Is it normal?", part(tmp_path, name="b.png", flawed=False))
    assert session.chat().ledger["E1"].figure is None
    session.turn_to(first.shown)
    assert session.chat().ledger["E1"].figure is not None


def test_stop_ends_what_answers_though_it_is_judged_otherwise_by_now(
    session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, stream = threading.Event(), threading.Event(), Chat.stream
    stopped: list[Chat] = []

    def slow(chat: Chat, question: str):
        began.set()
        assert go_on.wait(30)
        yield from stream(chat, question)

    monkeypatch.setattr(Chat, "stream", slow)
    monkeypatch.setattr(Chat, "stop", lambda chat: stopped.append(chat))
    (begun,) = session.ask("Is it normal?", [part(tmp_path)])
    assert began.wait(30)
    answers = session.chat()
    session.settings.profiles["picture"] = session.profile.at(0.9)
    assert session.chat() is not answers
    session.stop()
    go_on.set()
    assert begun.exported.wait(30) and stopped == [answers]


def test_stop_ends_those_that_wait_too(session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began, go_on, stream = threading.Event(), threading.Event(), Chat.stream

    def slow(chat: Chat, question: str):
        began.set()
        assert go_on.wait(30)
        yield from stream(chat, question)

    monkeypatch.setattr(Chat, "stream", slow)
    first, second = session.ask("Is it normal?", [part(tmp_path, name="a.png"), part(tmp_path, name="b.png")])
    assert began.wait(30)
    session.stop()
    go_on.set()
    assert second.exported.wait(30) and not session.busy
    assert first.answer is not None and "stopped before this was looked at" in second.error
    assert answered(session, "And now?").answer is not None


def test_a_clip_is_judged_by_a_profile_of_clips_alone(session, tmp_path: Path) -> None:
    from tests.filming import film

    session.show(film(tmp_path / "clip.mp4"))
    assert session.kind == "clip" and session.profile is None
    assert isinstance(session.case(), ClipCase)


def test_a_key_is_not_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = sessions(tmp_path / "chats", monkeypatch)
    session = everybody.new()
    session.use("openai:gpt-5", "sk-very-secret", {}, "screw")
    answered(session, "Is it normal?", part(tmp_path))
    assert session.exchanges[-1].answer.llm == "openai:gpt-5" and "sk-very" not in repr(session.settings)
    everybody.close()
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"sk-very" in file.read_bytes()]


def test_what_was_dropped_is_kept_with_its_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lie = draft("It scores 99.", "verdict", "E1")
    everybody = sessions(tmp_path / "chats", monkeypatch, [call("score"), lie, lie])
    exchange = answered(everybody.new(), "Is it normal?", part(tmp_path))
    assert exchange.answer.dropped and exchange.answer.dropped[0].reasons and exchange.answer.source == "template"
    everybody.close()
