"""One answer as one self-contained HTML file: nothing is fetched when it is opened."""

import base64
import html
import os
import tempfile
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from xad_agent import __version__
from xad_agent.answer import Answer
from xad_agent.evidence import Quantity
from xad_agent.media.drawing import PNG_LEVEL

if TYPE_CHECKING:
    from xad_agent.calibration import Calibration
    from xad_agent.case import Case
    from xad_agent.clip_case import ClipCase

MAX_SIDE = 1600  # px of a picture in the report


def write_report(answer: Answer, case: "Case | ClipCase", path: Path) -> None:
    """Write the report of an answer; the file appears whole or not at all.

    Args:
        answer: What to report.
        case: The media and profile it is about.
        path: Where to; an existing file is replaced.

    Raises:
        OSError: The file cannot be written.
    """
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("xad_agent") / "report.html.j2").read_text(encoding="utf-8"))
    text = template.render(
        answer=answer,
        case=case,
        calibration=case.profile.calibration if case.profile else None,
        histogram=histogram(case.profile.calibration, answer.score) if case.profile else "",
        figure=data_uri(answer.figure()),
        data_uri=data_uri,
        range_plot=range_plot,
        version=__version__,
    )
    write_whole(text, path)


def write_whole(text: str, path: Path) -> None:
    """Write a text file that appears whole or not at all; OSError where it cannot be written."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=path.suffix)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def data_uri(picture: "Image.Image | np.ndarray", kind: str = "PNG") -> str:
    """A picture inside the file; as PNG, since JPEG would blur the drawn lines, where size does not count for more."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture.copy()
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = BytesIO()
    image.save(buffer, format=kind, compress_level=PNG_LEVEL)  # which kinds without levels ignore
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()


def range_plot(quantity: Quantity, width: int = 160) -> str:
    """An SVG strip: the normal range as a bar, the value as a mark; "" where no range is known."""
    if quantity.normal is None:
        return ""
    low, high = quantity.normal
    edge = 0.15 * ((max(high, quantity.value) - min(low, quantity.value)) or 1.0)
    first, span = min(low, quantity.value) - edge, max(high, quantity.value) - min(low, quantity.value) + 2 * edge

    def x(value: float) -> float:
        return width * (value - first) / span

    colour = "ok" if low <= quantity.value <= high else "off"
    label = html.escape(f"{quantity.name}: {quantity.value:.3g}, normal {low:.3g} to {high:.3g} {quantity.unit}")
    return (
        f'<svg class="range" width="{width}" height="16" role="img" aria-label="{label}">'
        f'<line x1="0" x2="{width}" y1="8" y2="8"/>'
        f'<rect x="{x(low):.1f}" y="4" width="{max(x(high) - x(low), 1):.1f}" height="8"/>'
        f'<circle class="{colour}" cx="{x(quantity.value):.1f}" cy="8" r="4.5"/></svg>'
    )


def histogram(calibration: "Calibration", score: float | None = None, width: int = 520, height: int = 120) -> str:
    """An SVG histogram of a calibration's scores, with the limit and, where there is one, the score asked about."""
    scores, limit = calibration.scores, calibration.threshold()
    shown = [*scores, limit] if score is None else [*scores, limit, score]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    counts, edges = np.histogram(scores, bins=30, range=(low, low + span))
    bars = "".join(
        f'<rect x="{width * (left - low) / span:.1f}" y="{height - height * 0.9 * n / counts.max():.1f}" '
        f'width="{width / 30 - 1:.1f}" height="{height * 0.9 * n / counts.max():.1f}"/>'
        for left, n in zip(edges[:-1], counts, strict=True)
    )

    def mark(value: float, kind: str) -> str:
        x = width * (value - low) / span
        return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>'

    label, marks = f"{len(scores)} normal scores; limit {limit:.3g}", mark(limit, "limit")
    if score is not None:
        label, marks = f"{label}; this one {score:.3g}", marks + mark(score, "score")
    return (
        f'<svg class="histogram" viewBox="-4 0 {width + 8} {height}" role="img" aria-label="{label}">'
        f"{bars}{marks}</svg>"
    )
