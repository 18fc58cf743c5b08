"""Everybody who uses the app, kept apart, found again by their links."""

from pathlib import Path

import pytest

from tests.app.stand_ins import answered, part, sessions
from xad_agent.app import sessions as module
from xad_agent.errors import XadError


def test_each_has_a_key_a_folder_and_settings_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = sessions(tmp_path, monkeypatch)
    one, other = everybody.new(), everybody.new()
    one.normal.use("picture", "")
    one.use("openai:gpt-5", "sk-secret", {}, "")
    assert one.key != other.key and one.folder != other.folder
    assert other.settings.profiles and other.settings.key == ""
    third = everybody.new(like=one)
    assert third.settings.key == "sk-secret" and not third.settings.profiles
    everybody.close()


def test_a_link_finds_a_chat_after_it_was_put_away_and_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 2)
    everybody = sessions(tmp_path / "chats", monkeypatch)
    first = everybody.new()
    told = answered(first, "Is it normal?", part(tmp_path)).answer.text
    for _ in range(3):
        everybody.new()
    again = everybody.find(first.key)
    assert again is not first and again.exchanges[0].answer.text == told and again.shown == first.shown
    assert answered(again, "And now?").answer is not None
    everybody.close()
    after = sessions(tmp_path / "chats", monkeypatch)
    assert [exchange.question for exchange in after.find(first.key).exchanges] == ["Is it normal?", "And now?"]
    after.close()


def test_what_is_measured_is_kept_for_those_who_came_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEASURED", 1)
    everybody = sessions(tmp_path / "chats", monkeypatch)
    first, other = everybody.new(), everybody.new()
    answered(first, "Is it normal?", part(tmp_path))
    case = everybody.find(first.key).case()
    assert everybody.find(first.key).case() is case
    everybody.find(other.key)
    assert everybody.find(first.key) is first and first.case() is not case
    everybody.close()


@pytest.mark.parametrize("key", ["nobody", "../../etc", "a" * 22, "a/b" + "c" * 19])
def test_a_key_that_nobody_has_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    everybody = sessions(tmp_path, monkeypatch)
    with pytest.raises(XadError, match="not kept here"):
        everybody.find(key)
    everybody.close()


def test_a_question_that_the_end_of_the_app_broke_off_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = sessions(tmp_path / "chats", monkeypatch)
    session = everybody.new()
    answered(session, "Is it normal?", part(tmp_path))
    monkeypatch.setattr(session, "_work", lambda exchanges: None)
    session.ask("And now?")
    everybody.close()
    after = sessions(tmp_path / "chats", monkeypatch)
    kept = after.find(session.key)
    assert kept.exchanges[1].question == "And now?" and "ended before this was answered" in kept.exchanges[1].error
    assert not kept.busy and answered(kept, "And now?").answer is not None
    after.close()


def test_a_page_without_a_key_yet_is_told_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = sessions(tmp_path, monkeypatch)
    with pytest.raises(XadError, match="still being set up"):
        everybody.find("")
    everybody.close()
