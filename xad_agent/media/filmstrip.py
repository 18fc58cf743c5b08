"""Drawings for answers about clips: an event's key frames in a row, what is tracked, and the answer as one figure."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from xad_agent.media.drawing import faintly_outlined, fitted, outlined, stacked
from xad_agent.media.figure import FIGURE_WIDTH, headline, side_by_side, within
from xad_agent.media.overlay import SIDE
from xad_agent.media.scaling import resize

if TYPE_CHECKING:
    from xad_agent.answer import Answer
    from xad_agent.clip_case import ClipCase
    from xad_agent.evidence import Event
    from xad_agent.perception.sightings import Sightings

KEY_FRAMES = 5
_HEIGHT = 200
_SHOWN = 480
_LOOKS = 2  # a thing that was missed in one look is still where it was


def filmstrip(case: "ClipCase", event: "Event") -> np.ndarray:
    """Key frames of an event, evenly spread over it, its thing outlined; RGB uint8."""
    return side_by_side([(f"{seconds:.1f} s", pixels) for seconds, pixels in key_pictures(case, event)], _HEIGHT)


def key_pictures(case: "ClipCase", event: "Event") -> list[tuple[float, np.ndarray]]:
    """Each key frame of an event, its thing outlined: when it is shown, seconds, and RGB uint8."""
    rows, pictures = case.rows(event), []
    for frame in key_frames(event):
        box = _box_at(case.seen, rows, frame)
        boxes = [] if box is None else [(event.label, box)]
        pictures.append((case.clip.time(frame), marked(case.clip.frame(frame).pixels, boxes)))
    return pictures


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


def annotated(case: "ClipCase", side: int = SIDE) -> Iterator[np.ndarray]:
    """Every frame with all that is tracked outlined faintly under its number, the things of events as in answers.

    Args:
        case: The clip.
        side: Of the longer side of the frames, px.

    Yields:
        RGB uint8.
    """
    events = [(event, case.rows(event)) for event in case.events]
    tracked = _tracked(case.seen)
    for frame, pixels in enumerate(case.clip.frames()):
        scale = side / max(pixels.shape[:2])
        things = [(event, _box_at(case.seen, rows, frame)) for event, rows in events if _goes_on(event, frame)]
        shown = {track for event, box in things if box is not None for track in event.tracks}
        others = [(track, box * scale) for track, box in tracked.get(frame, ()) if track not in shown]
        drawn = faintly_outlined(fitted(pixels, side), others)
        for event, box in things:
            if box is not None:
                drawn = outlined(drawn, _whole(box * scale), event.label)
        yield drawn


def clip_figure(answer: "Answer", case: "ClipCase") -> Image.Image:
    """The answer at a glance: verdict and score, the timeline, and the key frames of the strongest events."""
    strips = [Image.fromarray(filmstrip(case, event)) for event in case.events[:2]]
    if not strips:
        frames = np.linspace(0, case.clip.count - 1, KEY_FRAMES).astype(int)
        shown = [(f"{case.clip.time(int(frame)):.1f} s", case.clip.frame(int(frame)).pixels) for frame in frames]
        strips = [Image.fromarray(side_by_side(shown, _HEIGHT))]
    plot = Image.fromarray(case.timeline)
    return stacked([headline(answer), plot, *(within(strip, FIGURE_WIDTH) for strip in strips)])


def _goes_on(event: "Event", frame: int) -> bool:
    first, last, _ = event.region.frames or (0, 0, 0)
    return first <= frame <= last


def _box_at(seen: "Sightings", rows: np.ndarray, frame: int) -> np.ndarray | None:
    """The box (4,) of a thing in a frame: that in the frame nearest to it, where this is less than a look away."""
    if not len(rows):
        return None
    nearest = rows[np.abs(seen.frame[rows] - frame).argmin()]
    return None if abs(int(seen.frame[nearest]) - frame) > _LOOKS * seen.step else seen.box[nearest]


def _tracked(seen: "Sightings") -> dict[int, list[tuple[int, np.ndarray]]]:
    """Frame -> number and box (4,) of each track; between two looks what lies between them."""
    found: dict[int, list[tuple[int, np.ndarray]]] = {}
    for track in np.unique(seen.track[seen.track > 0]).tolist():
        rows = np.flatnonzero(seen.track == track)
        looked = seen.frame[rows]
        frames = np.arange(looked[0], looked[-1] + 1)
        after = np.searchsorted(looked, frames)
        kept = (looked[after] - looked[np.maximum(after - 1, 0)] <= _LOOKS * seen.step) | (looked[after] == frames)
        sides = [np.interp(frames, looked, column) for column in seen.box[rows].T]
        for frame, box in zip(frames[kept].tolist(), np.stack(sides, axis=1)[kept], strict=True):
            found.setdefault(frame, []).append((track, box))
    return found


def _whole(box: np.ndarray) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    return x0, y0, x1, y1
