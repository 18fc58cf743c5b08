"""What others wrote, made fit to be quoted: rules and knowledge are data, and look like nothing else."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from xad_agent.errors import XadError, reason
from xad_agent.evidence import Quantity
from xad_agent.language import numbers, tokens

_QUOTE = re.compile(r'"([^"]*)"')
MAX_BYTES = 4_000_000
# Brackets of citations, links and markup, and the quotation mark that ends a quote.
_LOOKALIKES = str.maketrans({"[": "(", "]": ")", "<": "‹", ">": "›", '"': "'", "“": "'", "”": "'", "`": "'", "*": " "})


def quotable(text: str, longest: int) -> str:
    """A text on one line, at most so many characters, in which nothing is a citation, markup or the end of a quote.

    Example:
        >>> quotable('It is <b>fine</b> [E1]', 40)
        'It is ‹b›fine‹/b› (E1)'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).translate(_LOOKALIKES).split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def unquoted(text: str, among: Iterable[str] | None = None) -> str:
    """A text without its quotes, or without those of them that are `among` some; quotation marks go with them."""
    kept = None if among is None else set(among)
    return _QUOTE.sub(lambda match: " " if kept is None or match[1] in kept else match[0], text)


def quotes(text: str) -> list[str]:
    """What a text quotes."""
    return _QUOTE.findall(text)


def noted(text: str) -> Iterator[Quantity]:
    """The numbers in a text that a statement repeats, so that they can be checked like all others."""
    for number in numbers(tokens(text)):
        yield Quantity(name="noted", value=number.value, unit=number.unit)


def read_text(file: Path, what: str) -> str:
    """A small text file; XadError in one line where it cannot be one.

    Args:
        file: Which.
        what: What it should be, for the error: "rules".
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise XadError(f"{file} has more than {MAX_BYTES:,} bytes: give a text file of {what}", exit_code=2)
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeError as error:
        raise XadError(f"{file} is no text in UTF-8: give a text file of {what}", exit_code=2) from error
    except OSError as error:
        raise XadError(f"cannot read the {what} in {file} ({error.strerror or error}): name a text file") from error
    if "\0" in text:
        raise XadError(f"{file} is no text: give a text file of {what}", exit_code=2)
    if not text.strip():
        raise XadError(f"{file} is empty: give a text file of {what}", exit_code=2)
    return text


def read_statements(file: Path, most: int) -> tuple[str, ...]:
    """The statements of a file, one a line or a YAML list; XadError where there is none, or more than `most`."""
    import yaml

    text = read_text(file, "rules")
    if file.suffix.lower() in {".yaml", ".yml"}:
        try:
            given = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError) as error:
            raise XadError(f"{file} is no YAML ({reason(error)}): give a list of statements", exit_code=2) from error
        if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
            raise XadError(f"{file} is no YAML list of statements: begin each line with a dash", exit_code=2)
        lines = given
    else:
        lines = [line.partition("#")[0] for line in text.splitlines()]
    statements = tuple(line.strip() for line in lines if line.strip())
    if not 0 < len(statements) <= most:
        raise XadError(f"{file} has {len(statements):,} statements: give 1 to {most}, one a line", exit_code=2)
    return statements
