"""The one error a user is meant to read, those of a tool or a chat model that broke off, and how these show text."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path


class ToolError(Exception):
    """A tool broke off: a defect of ours, or of a model's own code. The answer goes on with what was measured."""


class ModelError(Exception):
    """A chat model gave no reply, in one line without anything secret. The answer goes on with what was measured."""


class XadError(Exception):
    """Something the user can mend.

    The message is one line that says what went wrong, where, and what to do. The command line prints it without a
    traceback and exits with `exit_code`: 1 when the work failed, 2 when the call was wrong.
    """

    def __init__(self, message: str, *, exit_code: int = 1):
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code


def clean(text: str, limit: int = 80) -> str:
    """`text` on one line without control characters, its middle left out beyond `limit` characters: for display."""
    seen = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    line = " ".join(seen.split())
    return line if len(line) <= limit else f"{line[: limit - 20]}...{line[-17:]}"


def named(text: str, files: Iterable[str | Path]) -> str:
    """A text with the names of files for their paths: where they lie on a server concerns nobody who reads it."""
    for file in files:
        text = text.replace(str(file), Path(file).name)
    return text


def reason(error: Exception) -> str:
    """What an error says, on one short line."""
    return clean(getattr(error, "strerror", None) or str(error) or type(error).__name__, 160)
