"""Drawings over time: the score of a clip, and what the thing in an event does beside what is normal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xad_agent.media.figure import FIGURE_WIDTH
from xad_agent.prompts import vocabulary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from xad_agent.clip_case import ClipCase
    from xad_agent.clip_curves import Curve
    from xad_agent.evidence import Event

_RED, _BLUE, _GREY, _INK = "#be1e2d", "#0072b2", "#6e727a", "#1c1e22"
_SHADE = 0.12
# Inches and px an inch: in a page's column a drawing has few inches, so that what is written is large.
_FIGURE, _COLUMN = (FIGURE_WIDTH / 100, 2.4, 100), (5.0, 1.9, 224)
_CURVE_HEIGHT, _ROOM = 0.9, 0.6  # inches: of a curve, and of what stands above and below all


@dataclass(frozen=True)
class TimeScale:
    """Which column of a drawing is which time.

    Attributes:
        left, right: Columns of the axes' ends, px.
        start, end: The times there, seconds from the start of the clip.
    """

    left: float
    right: float
    start: float
    end: float

    def time_at(self, column: float) -> float:
        """The time that a column shows, seconds; beside the axes that of the nearer end.

        Example:
            >>> TimeScale(left=20, right=120, start=0, end=5).time_at(40)
            1.0
        """
        share = min(max((column - self.left) / (self.right - self.left), 0.0), 1.0)
        return self.start + share * (self.end - self.start)


class TimePlot(NamedTuple):
    """A drawing over time, RGB uint8, and its scale."""

    pixels: np.ndarray
    scale: TimeScale


def timeline_plot(case: "ClipCase", column: bool = False) -> TimePlot:
    """The score of each frame over time, with the limit and the events.

    Args:
        case: The clip.
        column: Whether it is for a page's column; else it is `FIGURE_WIDTH` px wide.
    """
    words = vocabulary("figure")
    figure = _figure(*(_COLUMN if column else _FIGURE))
    axes = figure.add_subplot()
    seconds = np.array([case.clip.time(frame) for frame in range(len(case.frame_scores))])
    axes.plot(seconds, case.frame_scores, color=_INK, linewidth=1.2, marker="." if len(seconds) == 1 else "")
    if case.profile is not None:
        limit = case.profile.calibration.threshold()
        axes.axhline(limit, color=_RED, linestyle="--", linewidth=1)
        axes.text(0.995 * case.clip.duration, limit, words["limit"], color=_RED, ha="right", va="bottom", fontsize=8)
    for event in case.events:
        axes.axvspan(event.start, event.end, color=_RED, alpha=_SHADE)
        axes.text(event.peak, event.score, event.label, color=_RED, ha="center", va="bottom", fontsize=9)
    axes.set_ylim(bottom=min(0.0, float(case.frame_scores.min())))
    axes.margins(y=0.15)
    axes.set_ylabel(words["score"], fontsize=8)
    return _drawn(figure, [axes], 0, case.clip.duration)


def curves_plot(curves: Sequence["Curve"], event: "Event") -> TimePlot:
    """Each curve over time with its normal range shaded, for a page's column.

    Args:
        curves: Of the thing in an event; at least one.
        event: The event, whose ends are marked.
    """
    words = vocabulary("figure")
    width, _, resolution = _COLUMN
    figure = _figure(width, _CURVE_HEIGHT * len(curves) + _ROOM, resolution)
    every = list(figure.subplots(len(curves), sharex=True, squeeze=False)[:, 0])
    for axes, curve in zip(every, curves, strict=True):
        _draw_curve(axes, curve, event)
    band, edge = every[0].patches[0], every[0].lines[-1]
    figure.legend(
        [band, edge], [words["normal"], event.label], loc="outside lower left", ncols=2, fontsize=8, frameon=False
    )
    seconds = np.concatenate([curve.seconds for curve in curves])
    return _drawn(figure, every, min(event.start, seconds.min()), max(event.end, seconds.max()))


def _draw_curve(axes: "Axes", curve: "Curve", event: "Event") -> None:
    low, high = curve.normal
    axes.axhspan(low, high, color=_BLUE, alpha=2 * _SHADE, linewidth=0)
    known = ~np.isnan(curve.values)
    axes.plot(curve.seconds[known], curve.values[known], color=_INK, linewidth=1.2, marker=".", markersize=3)
    axes.set_title(curve.title, fontsize=9, loc="left", pad=3, color=_INK)
    axes.margins(y=0.12)
    for end in (event.start, event.end):
        axes.axvline(end, color=_RED, linestyle=":", linewidth=1.5)


def _figure(width: float, height: float, resolution: int) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=resolution, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _drawn(figure: "Figure", every: Sequence["Axes"], start: float, end: float) -> TimePlot:
    """Axes, one above the other, over one stretch of time."""
    for axes in every:
        axes.set_xlim(start, end)
        axes.tick_params(labelsize=8, color=_GREY)
        axes.spines[["top", "right"]].set_visible(False)
    every[-1].set_xlabel(vocabulary("figure")["seconds"], fontsize=8)
    figure.canvas.draw()
    extent = every[-1].get_window_extent()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]
    return TimePlot(pixels, TimeScale(float(extent.x0), float(extent.x1), start, end))
