"""From a clip's frame scores to events: when something stands out, where, and which thing it is."""

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.clip_profile import stretch_maxima
from xad_agent.detectors.attributes import Strangeness
from xad_agent.evidence import Event, Region
from xad_agent.perception.sightings import Sightings
from xad_agent.prompts import vocabulary

MAX_EVENTS = 20
_PAUSE_SECONDS = 1.0


def find_events(seen: Sightings, judged: Strangeness, calibration: Calibration) -> tuple[Event, ...]:
    """Stretches above the limit, the strongest first, at most 20; pauses of less than a second do not part them."""
    scores = judged.of_frames(seen)
    spans = _spans(scores > calibration.threshold(), round(_PAUSE_SECONDS * seen.fps))
    strongest = sorted(spans, key=lambda span: -scores[slice(*span)].max())[:MAX_EVENTS]
    events = [_event(n + 1, span, scores, seen, judged, calibration) for n, span in enumerate(strongest)]
    return tuple(event for event in events if event is not None)


def clip_score(seen: Sightings, judged: Strangeness) -> float:
    """The score of a whole clip: of its strangest stretch of five seconds."""
    return float(stretch_maxima(judged.of_frames(seen), seen.fps).max())


def region_of(label: str, box: np.ndarray, score: float, seen: Sightings, frames: tuple[int, int, int]) -> Region:
    """A box (4,) of a clip as a region, with its place in words."""
    height, width = seen.shape
    x0, y0 = (int(max(0, min(value, size - 1))) for value, size in zip(box[:2], (width, height), strict=True))
    x1, y1 = (
        int(max(low + 1, min(np.ceil(value), size)))
        for value, size, low in zip(box[2:], (width, height), (x0, y0), strict=True)
    )
    return Region(
        label=label,
        box=(x0, y0, x1, y1),
        score=score,
        peak=((x0 + x1) // 2, (y0 + y1) // 2),
        area_share=(x1 - x0) * (y1 - y0) / (height * width),
        place=(place_of((x0 + x1) / 2 / width, (y0 + y1) / 2 / height),),
        frames=frames,
    )


def place_of(x: float, y: float) -> str:
    """The field of a 3 x 3 grid, in words, of a point given in shares of width and height."""
    return str(vocabulary("placing")["picture"][min(int(3 * y), 2)][min(int(3 * x), 2)])


def _spans(above: np.ndarray, pause: int) -> list[tuple[int, int]]:
    """Start and end (exclusive) of the stretches of True, joined over short pauses."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], above.astype(int), [0]])))
    spans: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if spans and start - spans[-1][1] < pause:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _event(
    number: int,
    span: tuple[int, int],
    scores: np.ndarray,
    seen: Sightings,
    judged: Strangeness,
    calibration: Calibration,
) -> Event | None:
    start, end = span
    inside = np.flatnonzero((seen.frame >= start) & (seen.frame < end))
    if not len(inside):
        return None
    strangest = int(inside[judged.combined[inside].argmax()])
    score = float(scores[start:end].max())
    label, peak = f"event {number}", int(seen.frame[strangest])
    return Event(
        label=label,
        start=start / seen.fps,
        end=end / seen.fps,
        peak=peak / seen.fps,
        score=score,
        p_value=calibration.p_value(score),
        track=int(seen.track[strangest]),
        region=region_of(label, seen.box[strangest], score, seen, (start, end - 1, peak)),
    )
