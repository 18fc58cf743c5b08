"""`Scanning`: many files of a session, judged one by one beside the page, and what came of each."""

import re
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from xad_agent.answer import Verdict
from xad_agent.app.thumbnails import thumbnail
from xad_agent.errors import XadError, named, reason
from xad_agent.media import is_clip
from xad_agent.profile import Profile
from xad_agent.scan import results, scan

FAILED = "failed"
OUTCOMES = (*get_args(Verdict), FAILED)
_FILES = "files"
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")


@dataclass(frozen=True, eq=False)
class Row:
    """What came of one file.

    Attributes:
        number: Its place among those dropped, counted from 1.
        file: Where it is kept.
        line: What `scan` wrote of it.
        drawing: What was found, drawn in; None where nothing was.
    """

    number: int
    file: Path
    line: Mapping[str, Any]
    drawing: Path | None = None

    @property
    def outcome(self) -> str:
        """Its verdict, or "failed"."""
        return str(self.line.get("verdict", FAILED))

    @property
    def error(self) -> str:
        """Why it could not be judged, without where it is kept, which is nobody's business."""
        return named(str(self.line.get("error", "")), [self.file])

    @property
    def reasons(self) -> list[str]:
        """Sentences, the first reason first; or the error."""
        return _SENTENCE.split(self.error or self.line["reason"])

    @property
    def small(self) -> Path | None:
        """A thumbnail; None where it cannot be read."""
        return None if self.error else thumbnail(self.file)


@dataclass(frozen=True)
class Filter:
    """Which rows are asked for.

    Attributes:
        outcomes: Of `OUTCOMES`.
        by: What `low` and `high` are of.
        low, high: Both included; None where there is no such end. A file that failed is in no range.
    """

    outcomes: Collection[str] = OUTCOMES
    by: Literal["score", "p_value"] = "score"
    low: float | None = None
    high: float | None = None

    def passes(self, row: Row) -> bool:
        """Whether a row is asked for."""
        if row.outcome not in self.outcomes:
            return False
        value = row.line.get(self.by)
        if value is None:
            return self.low is None and self.high is None
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class Scanning:
    """Many files, judged one at a time in a thread of the app's; between two of them others have their turn.

    Args:
        folder: Its own: the files, what `scan` writes; what was kept there before is gone on with.
        pool: Where it is worked on.

    Attributes:
        files: Those dropped, in order.
        running: Whether it is worked on.
        error: Why the last run broke off; "" where it did not.
    """

    def __init__(self, folder: Path, pool: Executor):
        self.folder, self._pool = folder, pool
        self.files = sorted((folder / _FILES).glob("*/*"))
        self._lines = results(folder)
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._run: Iterator[dict[str, Any]] = iter(())
        self.running, self.error = False, ""
        self.total = self.done = 0
        self._began = 0.0

    @property
    def state(self) -> tuple[Any, ...]:
        """Changes whenever there is something new to show."""
        return len(self.files), self.done, self.running, self.stopping, self.error

    @property
    def stopping(self) -> bool:
        """Whether it ends with the file that is worked on."""
        return self.running and self._stopped.is_set()

    @property
    def seconds_left(self) -> float | None:
        """Of this run, judged by its files so far; None before there is one."""
        return (time.monotonic() - self._began) / self.done * (self.total - self.done) if self.done else None

    def rows(self, wanted: Filter = Filter()) -> list[Row]:
        """What came of the files that were judged, in order, as far as it is asked for."""
        judged = (self._row(number, file) for number, file in enumerate(self.files, 1) if str(file) in self._lines)
        return [row for row in judged if wanted.passes(row)]

    def row(self, number: int) -> Row:
        """What came of a file; XadError where it is not judged."""
        if not 1 <= number <= len(self.files) or str(self.files[number - 1]) not in self._lines:
            raise XadError(f"there is no result {number}: choose a row of the table")
        return self._row(number, self.files[number - 1])

    def waiting(self, profiles: Mapping[str, Profile]) -> dict[str, list[Path]]:
        """The files that `profiles` are still to judge, by kind: "picture", "clip".

        Those that failed are not tried again.
        """
        judges = {kind: profile.fingerprint for kind, profile in profiles.items()}
        waiting: dict[str, list[Path]] = {}
        for file in list(self.files):
            kind, line = "clip" if is_clip(file) else "picture", self._lines.get(str(file))
            if line is None or ("error" not in line and line.get("profile") != judges.get(kind, line.get("profile"))):
                waiting.setdefault(kind, []).append(file)
        return waiting

    def add(self, files: Sequence[str | Path]) -> None:
        """Take files; they are copied, since an upload is not ours to keep."""
        with self._lock:
            for file in files:
                kept = self.folder / _FILES / f"{len(self.files):05d}" / Path(file).name
                kept.parent.mkdir(parents=True)
                shutil.copyfile(file, kept)
                self.files.append(kept)

    def start(self, profiles: Mapping[str, Profile]) -> None:
        """Judge what is waiting; what has no profile of its kind goes on waiting.

        Raises:
            XadError: It is worked on already, or nothing can be judged.
        """
        with self._lock:
            if self.running:
                raise XadError("the files are being judged: wait, or stop it")
            waiting = self.waiting(profiles)
            if not waiting:
                raise XadError("all files are judged" if self.files else "there is no file yet: drop some, or a folder")
            runs = [(profiles[kind], files) for kind, files in waiting.items() if kind in profiles]
            if not runs:
                raise XadError(f"no profile says what a normal {min(waiting)} is: choose one in the tab Normal")
            self._run = (
                line for profile, files in runs for line in scan([*map(str, files)], profile, self.folder, False)
            )
            self.total, self.done = sum(len(files) for _, files in runs), 0
            self._stopped.clear()
            self.running, self.error, self._began = True, "", time.monotonic()
            self._pool.submit(self._step)

    def stop(self) -> None:
        """End the run with the file that is worked on; `start` goes on with the others."""
        self._stopped.set()

    def clear(self) -> None:
        """Forget all files and what came of them.

        Raises:
            XadError: It is worked on.
        """
        with self._lock:
            if self.running:
                raise XadError("the files are being judged: stop it first")
            shutil.rmtree(self.folder, ignore_errors=True)
            self.files, self._lines, self.error, self.total, self.done = [], {}, "", 0, 0

    def _step(self) -> None:
        """Judge one file, and come back for the next when those who wait had their turn."""
        try:
            if not self._stopped.is_set() and (line := next(self._run, None)):
                if "error" not in line:
                    thumbnail(Path(line["media"]))  # before anybody looks for it
                self._lines[line["media"]] = line
                self.done += 1
                self._pool.submit(self._step)
                return
        except XadError as error:
            self.error = str(error)
        except Exception as error:  # a defect of ours, or the app ends: this run does, and says so
            self.error = f"unexpected {type(error).__name__} ({reason(error)}): please report it"
        self._run, self.running = iter(()), False

    def _row(self, number: int, file: Path) -> Row:
        line = self._lines[str(file)]
        drawing = self.folder / str(line.get("figure"))
        return Row(number, file, line, drawing if drawing.is_file() else None)
