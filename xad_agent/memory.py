"""`Memory`: chats that survive a restart, in one SQLite file: what was said, measured and shown, never pixels."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver

from xad_agent.errors import XadError, reason
from xad_agent.evidence import Evidence

VERSION = 1
_APPLICATION = 0x584144  # "XAD", in the file's header: a database of another program is left alone
_BUSY_SECONDS = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS xad_chats (name TEXT PRIMARY KEY, thread INTEGER NOT NULL, settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS xad_media (chat TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL,
    source TEXT NOT NULL, PRIMARY KEY (chat, number));
CREATE TABLE IF NOT EXISTS xad_evidence (chat TEXT NOT NULL, number INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (chat, number));
"""


@dataclass(frozen=True)
class Kept:
    """What is known of a chat.

    Attributes:
        thread: How often it began anew, after a model broke off in the middle.
        settings: What its evidence depends on besides the media: the profile and the models.
        media: sha256 and path ("" where it came from no file) of what was shown, in order.
        evidence: In order; without figures.
    """

    thread: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    media: tuple[tuple[str, str], ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Memory:
    """Chats by name.

    Args:
        path: A SQLite file, made where there is none; None keeps chats as long as this object lives.

    Attributes:
        saver: Keeps the messages: LangGraph's.

    Raises:
        XadError: It cannot be opened, is damaged, in use, of another program or of another version.
    """

    def __init__(self, path: str | Path | None = None):
        self._name = str(path or "")
        with self._errors():
            self._connection = sqlite3.connect(path or ":memory:", timeout=_BUSY_SECONDS, check_same_thread=False)
            self._check_version()
            self.saver = SqliteSaver(self._connection)
            self.saver.setup()
            self._connection.executescript(_TABLES)

    def chats(self) -> list[str]:
        """Their names."""
        return [name for (name,) in self._read("SELECT name FROM xad_chats ORDER BY rowid")]

    def load(self, chat: str) -> Kept | None:
        """What is known of a chat; None where there is none of that name."""
        found = self._read("SELECT thread, settings FROM xad_chats WHERE name = ?", chat)
        if not found:
            return None
        media = self._read("SELECT sha256, source FROM xad_media WHERE chat = ? ORDER BY number", chat)
        records = self._read("SELECT record FROM xad_evidence WHERE chat = ? ORDER BY number", chat)
        with self._errors():
            evidence = tuple(Evidence.model_validate_json(record) for (record,) in records)
            return Kept(int(found[0][0]), json.loads(found[0][1]), tuple(media), evidence)

    def begin(self, chat: str, settings: dict[str, Any]) -> None:
        """A new chat."""
        self._write("INSERT INTO xad_chats VALUES (?, 0, ?)", [(chat, json.dumps(settings))])

    def begin_anew(self, chat: str, thread: int) -> None:
        """What was said is not gone on from; what was measured stays."""
        self._write("UPDATE xad_chats SET thread = ? WHERE name = ?", [(thread, chat)])

    def show(self, chat: str, sha256: str, source: str) -> None:
        """A picture or clip is turned to."""
        number = "(SELECT COUNT(*) FROM xad_media WHERE chat = ?)"
        self._write(f"INSERT INTO xad_media VALUES (?, {number}, ?, ?)", [(chat, chat, sha256, source)])

    def keep(self, chat: str, evidence: Iterable[Evidence]) -> None:
        """Evidence of a chat; what is kept already stays as it is."""
        ((last,),) = self._read("SELECT COALESCE(MAX(number), 0) FROM xad_evidence WHERE chat = ?", chat)
        numbered = ((int(entry.id[1:]), entry) for entry in evidence)
        rows = [(chat, number, entry.model_dump_json()) for number, entry in numbered if number > last]
        self._write("INSERT OR IGNORE INTO xad_evidence VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _check_version(self) -> None:
        version, application = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
        )
        if not self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            self._connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._connection.execute(f"PRAGMA user_version = {VERSION}")
        elif application != _APPLICATION:
            raise XadError(f"{self._name} is a database of another program: name another file", exit_code=2)
        elif version != VERSION:
            raise XadError(
                f"{self._name} has version {version}, this xad-agent reads version {VERSION}: name a new file"
            )

    def _read(self, query: str, *values: Any) -> list[Any]:
        with self._errors(), self.saver.lock:
            return self._connection.execute(query, values).fetchall()

    def _write(self, query: str, rows: list[tuple[Any, ...]]) -> None:
        with self._errors(), self.saver.lock, self._connection:
            self._connection.executemany(query, rows)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError) as error:
            raise memory_error(error, self._name) from error


def memory_error(error: Exception, name: str = "") -> XadError:
    """What a failure of the database means, in a line."""
    where = f"the chats in {name}" if name else "the chat's memory"
    if "locked" in str(error) or "busy" in str(error):
        return XadError(f"{where} cannot be used: another program writes there; end it, or name another file")
    return XadError(f"{where} cannot be used ({reason(error)}): the file is damaged or no place to write; name another")
