"""What came of a batch as files to take along: CSV, JSON lines, and a page to read; names of files are data in each."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xad_agent import __version__
from xad_agent.app.scanning import OUTCOMES, Row
from xad_agent.eval.page import Page, Table, write_pages
from xad_agent.profile import Profile

_COLUMNS = ("file", "verdict", "score", "limit", "p-value", "regions", "reason", "error")
_NOTE = "(The p-value is the share of normal pictures or clips that score at least as high.)"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet take a text for a formula


def counted(rows: Sequence[Row]) -> str:
    """How many there are of each outcome: "3 anomalous, 5 normal, 0 uncertain, 1 failed"."""
    return ", ".join(f"{sum(row.outcome == outcome for row in rows)} {outcome}" for outcome in OUTCOMES)


def export(rows: Sequence[Row], of: int, profiles: Mapping[str, Profile], folder: Path) -> list[Path]:
    """Write rows as CSV, JSON lines and a page.

    Args:
        rows: What to export.
        of: How many there are in all.
        profiles: What they may have been judged by, by kind.
        folder: Where to; files of an earlier export are replaced.

    Returns:
        The files.

    Raises:
        OSError: They cannot be written; for the page, XadError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"batch.{kind}" for kind in ("csv", "jsonl", "html")]
    _write_csv(rows, paths[0])
    paths[1].write_text("".join(json.dumps(_line(row)) + "\n" for row in rows), encoding="utf-8")
    write_pages([_page(rows, of, profiles)], paths[2])
    return paths


def _write_csv(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # with the mark that spreadsheets know UTF-8 by
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for row in rows:
            line = row.line
            numbers = [line.get(name, "") for name in ("score", "threshold", "p_value")]
            texts = [_text(text) for text in (line.get("reason", ""), row.error)]
            writer.writerow([_text(row.file.name), row.outcome, *numbers, len(line.get("regions", ())), *texts])


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(row: Row) -> dict[str, Any]:
    """What `scan` wrote, without where it lies."""
    line = {key: value for key, value in row.line.items() if key != "figure"} | {"media": row.file.name}
    return line | {"error": row.error} if row.error else line


def _page(rows: Sequence[Row], of: int, profiles: Mapping[str, Profile]) -> Page:
    names = {profile.fingerprint: profile.name for profile in profiles.values()}
    used = dict.fromkeys(row.line["profile"] for row in rows if "profile" in row.line)
    result = {"profile": ", ".join(names.get(one, one[:12]) for one in used), "versions": {"xad-agent": __version__}}
    columns = ("file", "", "verdict", "score", "limit", "p-value", "reasons")
    return Page(
        f"{len(rows)} of {of} files that were judged",
        f"{counted(rows)}\n{_NOTE}",
        result,
        tables=(Table("Files", columns, tuple(map(_cells, rows))),),
    )


def _cells(row: Row) -> tuple[str | Path, ...]:
    numbers = [row.line.get(name) for name in ("score", "threshold", "p_value")]
    told = ["" if number is None else f"{number:.4g}" for number in numbers]
    return row.file.name, row.small or "", row.outcome, *told, " ".join(row.reasons)
