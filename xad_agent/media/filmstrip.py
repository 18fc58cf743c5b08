"""Drawings for answers about clips: the score over time, an event's key frames in a row, and both as one figure."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from xad_agent.media.drawing import outlined, stacked
from xad_agent.media.figure import FIGURE_WIDTH, headline, side_by_side, within
from xad_agent.media.scaling import resize
from xad_agent.prompts import vocabulary

if TYPE_CHECKING:
    from xad_agent.answer import Answer
    from xad_agent.clip_case import ClipCase
    from xad_agent.evidence import Event

KEY_FRAMES = 5
_HEIGHT = 200
_SHOWN = 480
_RED, _GREY, _INK = "#be1e2d", "#6e727a", "#1c1e22"


def timeline_plot(case: "ClipCase") -> np.ndarray:
    """The score of each frame over time, with the limit and the events; RGB uint8, `FIGURE_WIDTH` px wide."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    words = vocabulary("figure")
    figure = Figure(figsize=(FIGURE_WIDTH / 100, 2.4), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    seconds = np.array([case.clip.time(frame) for frame in range(len(case.frame_scores))])
    axes.plot(seconds, case.frame_scores, color=_INK, linewidth=1.2)
    if case.profile is not None:
        limit = case.profile.calibration.threshold()
        axes.axhline(limit, color=_RED, linestyle="--", linewidth=1)
        axes.text(0.995 * seconds[-1], limit, words["limit"], color=_RED, ha="right", va="bottom", fontsize=8)
    for event in case.events:
        axes.axvspan(event.start, event.end, color=_RED, alpha=0.12)
        axes.text(event.peak, event.score, event.label, color=_RED, ha="center", va="bottom", fontsize=9)
    axes.set_xlim(0, max(float(seconds[-1]), 1e-3))
    axes.set_ylim(bottom=min(0.0, float(case.frame_scores.min())))
    axes.margins(y=0.15)
    axes.set_xlabel(words["seconds"], fontsize=8)
    axes.set_ylabel(words["score"], fontsize=8)
    axes.tick_params(labelsize=8, color=_GREY)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def filmstrip(case: "ClipCase", event: "Event") -> np.ndarray:
    """Key frames of an event, evenly spread over it, its thing outlined; RGB uint8."""
    panels = []
    for frame in key_frames(event):
        boxes = [(event.label, np.array(box)) for box in _boxes(case, event, frame)]
        panels.append((f"{case.clip.time(frame):.1f} s", marked(case.clip.frame(frame).pixels, boxes)))
    return side_by_side(panels, _HEIGHT)


def marked(pixels: np.ndarray, boxes: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """A frame, scaled to 480 px, with things outlined and numbered.

    Args:
        pixels: RGB uint8.
        boxes: Label and box (4,), px of `pixels`, of each.
    """
    scale = _SHOWN / max(pixels.shape[:2])
    shown = resize(pixels, (round(pixels.shape[0] * scale), round(pixels.shape[1] * scale)))
    for label, box in boxes:
        x0, y0, x1, y1 = (round(float(value) * scale) for value in box)
        shown = outlined(shown, (x0, y0, x1, y1), label)
    return shown


def key_frames(event: "Event") -> list[int]:
    """At most five frames of an event, the first and last and its peak among them."""
    first, last, peak = event.region.frames or (0, 0, 0)
    spread = np.linspace(first, last, KEY_FRAMES)
    spread[np.abs(spread[1:-1] - peak).argmin() + 1] = peak
    return sorted({int(frame) for frame in spread})


def annotated(case: "ClipCase") -> Iterator[np.ndarray]:
    """Every frame with the things of its events outlined and numbered, RGB uint8."""
    for frame, pixels in enumerate(case.clip.frames()):
        for event in case.events:
            first, last, _ = event.region.frames or (0, 0, 0)
            if first <= frame <= last:
                for box in _boxes(case, event, frame):
                    pixels = outlined(pixels, box, event.label)
        yield pixels


def clip_figure(answer: "Answer", case: "ClipCase") -> Image.Image:
    """The answer at a glance: verdict and score, the timeline, and the key frames of the strongest events."""
    strips = [Image.fromarray(filmstrip(case, event)) for event in case.events[:2]]
    if not strips:
        frames = np.linspace(0, case.clip.count - 1, KEY_FRAMES).astype(int)
        shown = [(f"{case.clip.time(int(frame)):.1f} s", case.clip.frame(int(frame)).pixels) for frame in frames]
        strips = [Image.fromarray(side_by_side(shown, _HEIGHT))]
    plot = Image.fromarray(timeline_plot(case))
    return stacked([headline(answer), plot, *(within(strip, FIGURE_WIDTH) for strip in strips)])


def _boxes(case: "ClipCase", event: "Event", frame: int) -> list[tuple[int, int, int, int]]:
    """The event's thing in a frame: its box in the frame nearest to it, where that is less than a look away."""
    rows = case.rows(event)
    if not len(rows):
        return []
    nearest = rows[np.abs(case.seen.frame[rows] - frame).argmin()]
    if abs(int(case.seen.frame[nearest]) - frame) > 2 * case.seen.step:
        return []
    x0, y0, x1, y1 = (round(float(value)) for value in case.seen.box[nearest])
    return [(x0, y0, x1, y1)]
