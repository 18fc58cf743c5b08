"""Plots for reports, as SVG text; lines and words only, nothing is fetched when one is shown."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]
Bar = tuple[float, float | None, float | None]

GOOD, BAD, LIMIT = "#2a7f4f", "#b3261e", "#8a6100"
_COLOURS = ("#2563c9", BAD, GOOD, LIMIT, "#7a3fb5", "#4a5568", "#0f8b8d", "#c2528b")
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xad",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_INCHES = (6.4, 2.8)


def score_histogram(scores: Mapping[str, Sequence[float]], limit: float | None = None, name: str = "score") -> str:
    """How the scores of each group are spread, as shares of the group, with the limit.

    Args:
        scores: Group -> its scores; the first is drawn as good, the second as bad.
        limit: Drawn where given.
        name: Of the axis.
    """

    def draw(axes: "Axes") -> None:
        coloured = zip(scores.items(), (GOOD, BAD, *_COLOURS), strict=False)
        known = [(group, np.asarray(values, float), colour) for (group, values), colour in coloured if len(values)]
        every = [values for _, values, _ in known]
        edges = np.histogram_bin_edges(np.concatenate(every), bins=40) if every else np.linspace(0, 1, 41)
        for group, values, colour in known:
            shares = np.full(len(values), 1 / len(values))
            axes.hist(
                values, edges.tolist(), weights=shares, color=colour, alpha=0.55, label=f"{group} ({len(values)})"
            )
        if limit is not None:
            axes.axvline(limit, color=LIMIT, linestyle="--", label=f"limit {limit:.3g}")
        axes.set(xlabel=name, ylabel="share")

    return _svg(draw)


def curves(lines: Mapping[str, Curve], xlabel: str, ylabel: str) -> str:
    """Curves, one for each name, (x, y)."""

    def draw(axes: "Axes") -> None:
        for (name, (x, y)), colour in zip(lines.items(), _cycled(len(lines)), strict=True):
            axes.plot(x, y, color=colour, label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel)

    return _svg(draw)


def bars(values: Mapping[str, Bar], xlabel: str, marks: Mapping[str, float] | None = None, mark: str = "chance") -> str:
    """One bar for each name, with its interval: (value, low, high), low and high None where there is none.

    Args:
        values: Name -> its bar.
        xlabel: Of the axis.
        marks: Name -> a value that is marked beside its bar.
        mark: What that is.
    """

    def draw(axes: "Axes") -> None:
        names = list(values)
        lengths = [values[name][0] for name in names]
        axes.barh(names, lengths, color=_COLOURS[0], alpha=0.7)
        for place, name in enumerate(names):
            _, low, high = values[name]
            if low is not None and high is not None:
                axes.plot([low, high], [place, place], color="#1c2430", linewidth=1.5)
        marked = [(marks[name], place) for place, name in enumerate(names) if marks and name in marks]
        if marked:
            x, y = zip(*marked, strict=True)
            axes.scatter(x, y, marker="|", s=120, color=LIMIT, label=mark, zorder=3)
        axes.invert_yaxis()
        axes.set(xlabel=xlabel)

    return _svg(draw, height=max(1.2, 0.6 + 0.26 * len(values)), legend=bool(marks))


def timeline(
    scores: Sequence[float] | np.ndarray, truth: np.ndarray | None = None, limit: float | None = None, fps: float = 1.0
) -> str:
    """A clip's score over time, its true events shaded.

    Args:
        scores: Of each frame, (T,).
        truth: Whether each frame is anomalous, bool (T,).
        limit: Drawn where given.
        fps: Frames a second; with 1 the axis counts frames.
    """

    def draw(axes: "Axes") -> None:
        time = np.arange(len(scores)) / fps
        axes.plot(time, scores, color=_COLOURS[0], label="score")
        if truth is not None:
            axes.fill_between(
                time, 0, 1, where=truth, transform=axes.get_xaxis_transform(), color=BAD, alpha=0.18, label="anomalous"
            )
        if limit is not None:
            axes.axhline(limit, color=LIMIT, linestyle="--", label=f"limit {limit:.3g}")
        axes.set(xlabel="frame" if fps == 1 else "seconds", ylabel="score")

    return _svg(draw, height=2.0)


def _cycled(count: int) -> list[str]:
    return [_COLOURS[place % len(_COLOURS)] for place in range(count)]


def _svg(draw: Any, height: float = _INCHES[1], legend: bool = True) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(cast(Any, _STYLE)):
        figure = Figure(figsize=(_INCHES[0], height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        draw(axes)
        if legend and axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
        text = StringIO()
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    whole = text.getvalue()
    return whole[whole.index("<svg") :]
