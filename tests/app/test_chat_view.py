"""What the conversation shows."""

from pathlib import Path

import pytest

from tests.app.stand_ins import answered, part, sessions
from xad_agent.app.chat_view import messages


def test_a_question_its_picture_and_the_marks_of_its_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = sessions(tmp_path / "chats", monkeypatch)
    session = everybody.new()
    answered(session, "Is it normal?", part(tmp_path))
    shown, asked, answer = messages(session)
    assert shown["content"]["alt_text"] == "part.png" and "Is it normal?" in asked["content"]
    assert 'href="#evidence-0-E1"' in answer["content"] and "anomalous" in answer["content"]
    assert "Measured: score" in answer["content"]
    everybody.close()


def test_text_from_elsewhere_is_shown_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = sessions(tmp_path / "chats", monkeypatch)
    session = everybody.new()
    hostile = tmp_path / "<img src=x onerror=alert(1)>.png"
    hostile.write_text("no picture")
    answered(session, "<script>alert(1)</script> **bold**\n\n# title", hostile)
    html = "".join(message["content"] for message in messages(session))
    assert "<script>" not in html and "<img src=x" not in html and "&lt;script&gt;" in html
    assert "\n\n" not in html, "Markdown would read on after an empty line"
    everybody.close()
