"""Chats on disk: what is kept, and what is said of a file that cannot be used."""

import sqlite3
from pathlib import Path

import pytest

from xad_agent.errors import XadError
from xad_agent.evidence import Ledger, Quantity
from xad_agent.memory import VERSION, Memory


def ledger() -> Ledger:
    kept = Ledger()
    kept.add(
        tool="score", arguments={"region": None}, statement="It scores 2.", quantities=(Quantity(name="a", value=2),)
    )
    kept.add(tool="locate", statement="One place.", media="abc")
    return kept


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "chats.db")
    memory.begin("one", {"profile": "p", "models": {"clip": "c"}})
    memory.show("one", "abc", "/parts/naïve 部品.png")
    memory.show("one", "def", "")
    memory.keep("one", ledger())
    memory.keep("one", ledger())  # nothing twice
    memory.begin_anew("one", 2)
    memory.close()
    kept = Memory(tmp_path / "chats.db").load("one")
    assert kept is not None and kept.thread == 2 and kept.settings == {"profile": "p", "models": {"clip": "c"}}
    assert kept.media == (("abc", "/parts/naïve 部品.png"), ("def", ""))
    assert kept.evidence == tuple(ledger())


def test_chats_know_nothing_of_each_other() -> None:
    memory = Memory()
    memory.begin("one", {})
    memory.begin("two", {})
    memory.keep("one", ledger())
    assert memory.chats() == ["one", "two"] and memory.load("two").evidence == () and memory.load("three") is None


def damaged(path: Path) -> None:
    Memory(path).close()
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)


def of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE invoices (number INTEGER)")


def of_another_version(path: Path) -> None:
    Memory(path).close()
    with sqlite3.connect(path) as old:
        old.execute(f"PRAGMA user_version = {VERSION + 1}")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (
            lambda path: path.write_text("no database at all, but long enough to be looked at" * 20),
            "file is not a database",
        ),
        (damaged, "the file is damaged"),
        (of_another_program, "is a database of another program: name another file"),
        (of_another_version, f"has version {VERSION + 1}, this xad-agent reads version {VERSION}: name a new file"),
        (lambda path: path.mkdir(), "unable to open database file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(spoil, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    spoil(path)
    with pytest.raises(XadError, match=problem) as caught:
        Memory(path).load("chat")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_in_use_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.memory._BUSY_SECONDS", 0.1)
    memory = Memory(tmp_path / "chats.db")
    other = sqlite3.connect(tmp_path / "chats.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(XadError, match="another program writes there; end it, or name another file"):
        memory.begin("one", {})
    other.execute("ROLLBACK")
    memory.begin("one", {})
    assert memory.chats() == ["one"]


def test_evidence_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "chats.db")
    memory.begin("one", {})
    memory.keep("one", ledger())
    with sqlite3.connect(tmp_path / "chats.db") as other:
        other.execute("""UPDATE xad_evidence SET record = '{"id": "E1", "statement": 7}' WHERE number = 1""")
    with pytest.raises(XadError, match="the file is damaged"):
        memory.load("one")
