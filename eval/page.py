"""An evaluation as one self-contained HTML file: its table, plots, best and worst examples, and what it depends on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from xad_agent import __version__
from xad_agent.errors import XadError, reason
from xad_agent.report import data_uri, write_whole

_SIDE, _CELL = 420, 120  # px of a picture in an example, and in a table
DEPENDS = (
    "directory",
    "question",
    "seed",
    "limit",
    "shard",
    "alpha",
    "profile",
    "backbone",
    "detector",
    "llm",
    "revision",
    "versions",
    "weights",
    "machine",
)


@dataclass(frozen=True, eq=False)
class Plot:
    """A plot with its title; `svg` as `eval.plots` makes it."""

    title: str
    svg: str


@dataclass(frozen=True, eq=False)
class Example:
    """One item of a set, shown.

    Attributes:
        title: Which it is, and why it is shown: "worst: missed, scratch/003.png".
        pictures: Each with what it shows, uint8 (H, W, 3) or a PIL image.
        text: What there is to say about it; data, never markup.
    """

    title: str
    pictures: tuple[tuple[str, np.ndarray | Image.Image], ...] = ()
    text: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of cells under a title, texts or files of pictures; the first cell of a row names it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Path, ...], ...]


@dataclass(frozen=True, eq=False)
class Page:
    """What a report shows of one set.

    Attributes:
        title: Of what.
        text: The result as the command prints it.
        result: The result, of which is shown what it depends on.
        plots: How scores are spread, and the like.
        tables: Beside those in `text`.
        examples: The best, then the worst.
    """

    title: str
    text: str
    result: Mapping[str, Any]
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def lines(self) -> tuple[str, list[str]]:
        """The text without its notes, and the notes: the lines in brackets at its end, which would not fit a table."""
        lines = self.text.splitlines()
        notes = [line[1:-1] for line in lines if line.startswith("(") and line.endswith(")")]
        return "\n".join(line for line in lines if not (line.startswith("(") and line.endswith(")"))), notes

    @property
    def depends(self) -> list[tuple[str, str]]:
        """What the result depends on, as rows to read."""
        return [(key, _told(self.result[key])) for key in DEPENDS if key in self.result]


def write_pages(pages: Sequence[Page], path: Path) -> None:
    """Write a report of one or several sets; the file appears whole or not at all.

    Raises:
        XadError: It cannot be written.
    """
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("xad_agent.eval") / "page.html.j2").read_text(encoding="utf-8"))
    text = template.render(pages=pages, picture=_picture, small=partial(_picture, side=_CELL), version=__version__)
    try:
        write_whole(text, path)
    except OSError as error:
        raise XadError(f"{path}: the report cannot be written ({reason(error)}); name another file") from error


def _picture(shown: np.ndarray | Image.Image | Path, side: int = _SIDE) -> str:
    shown = Image.open(shown) if isinstance(shown, Path) else shown
    image = Image.fromarray(shown) if isinstance(shown, np.ndarray) else shown.copy()
    image.thumbnail((side, side))
    return data_uri(image.convert("RGB"), "JPEG")


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(one)}" for key, one in value.items())
    return value if isinstance(value, str) else json.dumps(value)
