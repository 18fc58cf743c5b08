"""What an answer leaves to take along, and the chat that its link opens, without a browser or a language model."""

import json
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from tests.app.stand_ins import on_a_page
from tests.normal import NormalProfile, with_square
from tests.scripted import ScriptedChatModel, call
from xad_agent.app.export_view import ExportView
from xad_agent.app.session import Session
from xad_agent.app.sessions import IN_MEMORY, Sessions
from xad_agent.errors import XadError

QUESTIONS = ("Where is the defect?", "Is it a scratch?")


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    monkeypatch.setattr("xad_agent.app.session.load_chat_model", lambda *_: ScriptedChatModel(script=[call("score")]))
    return Sessions(tmp_path / "chats", profiles={"picture": NormalProfile()})


@pytest.fixture
def asked(sessions: Sessions, tmp_path: Path) -> Session:
    """A session with two answers."""
    Image.fromarray(with_square((40, 10, 52, 22))).save(tmp_path / "part.png")
    session = sessions.new()
    for question, files in zip(QUESTIONS, ([tmp_path / "part.png"], []), strict=True):
        (exchange,) = session.ask(question, files)
        assert exchange.exported.wait(60) and exchange.answer, exchange.error
    return session


def refreshed(sessions: Sessions, key: str) -> tuple[gr.Dropdown, gr.Button, list[gr.DownloadButton]]:
    with on_a_page():
        which, film, *files = ExportView(sessions, gr.Textbox()).refresh(key)
    return which, film, files


def test_the_last_answer_is_shown_and_every_one_can_be_chosen(sessions: Sessions, asked: Session) -> None:
    which, film, (picture, report, answer, clip) = refreshed(sessions, asked.key)
    assert which.choices == [("1: Where is the defect?", 0), ("2: Is it a scratch?", 1)] and which.value == 1
    assert not film.visible and not clip.visible
    assert picture.visible and report.visible and answer.visible
    written = asked.exchanges[1].folder
    assert json.loads((written / "answer.json").read_text(encoding="utf-8"))["question"] == QUESTIONS[1]
    assert QUESTIONS[1] in (written / "report.html").read_text(encoding="utf-8")
    assert Image.open(written / "answer.png").width > 100


def test_before_there_is_an_answer_there_is_nothing_to_take(sessions: Sessions) -> None:
    which, film, files = refreshed(sessions, sessions.new().key)
    assert which.choices == [] and not film["visible"] and not any(file["visible"] for file in files)


def test_a_chat_opens_again_after_it_was_put_away(sessions: Sessions, asked: Session) -> None:
    for _ in range(IN_MEMORY + 1):
        sessions.new()
    again = sessions.find(asked.key)
    assert again is not asked and [one.question for one in again.exchanges] == list(QUESTIONS)
    assert again.exchanges[0].answer == asked.exchanges[0].answer
    assert refreshed(sessions, asked.key)[0].value == 1


def test_a_chat_opens_again_after_the_app_was_ended_in_the_middle_of_an_answer(
    sessions: Sessions, asked: Session
) -> None:
    (asked.folder / "exchanges" / "0002").mkdir()
    sessions.close()
    later = Sessions(sessions.folder, profiles={"picture": NormalProfile()}, lasting=True)
    again = later.find(asked.key)
    assert [one.question for one in again.exchanges] == list(QUESTIONS)
    (exchange,) = again.ask("And where is it?")
    assert exchange.exported.wait(60) and exchange.answer, exchange.error
    assert [value for _, value in refreshed(later, asked.key)[0].choices] == [0, 1, 2]


def test_a_guessed_link_opens_nothing(sessions: Sessions) -> None:
    for key in ("nobody-has-this-key-12", "../chats", "a" * 22):
        with pytest.raises(XadError, match="not kept here"):
            sessions.find(key)
