"""From a clip's frame scores to events: when something stands out, where, and which thing it is."""

from collections.abc import Callable, Sequence

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.clip_profile import stretch_maxima
from xad_agent.detectors.attributes import Strangeness
from xad_agent.evidence import Event, Region
from xad_agent.perception.boxes import overlap
from xad_agent.perception.sightings import Sightings, rows_by
from xad_agent.prompts import vocabulary

MAX_EVENTS = 20
_PAUSE_SECONDS = 1.0
_OVERLAP, _MEETS, _ALIKE = 0.3, 0.1, 0.5


def find_events(
    seen: Sightings, judged: Strangeness, calibration: Calibration, time: Callable[[int], float]
) -> tuple[Event, ...]:
    """What goes beyond the limit, the strongest first, at most 20: each a thing, from when to when it does.

    A thing is a track, or several that overlap or continue one another: a bicycle and its rider, or a track that broke
    off for less than a second. Where only several things together go beyond the limit, they are one event.

    Args:
        seen: What is seen in the clip.
        judged: How strange that is.
        calibration: Has the limit.
        time: When a frame is shown, see `Clip.time`.
    """
    limit = calibration.threshold()
    beyond = np.flatnonzero(judged.combined > limit)
    found = [
        _beyond(limit, tracks, judged.of_frames(seen, rows=np.isin(seen.track, tracks)), seen)
        for tracks in things(seen, beyond[seen.track[beyond] > 0])
    ]
    strongest = sorted(filter(None, found), key=lambda event: -event[0])[:MAX_EVENTS]
    together = [_beyond(limit, np.unique(seen.track[beyond]).tolist(), judged.of_frames(seen), seen)]
    return tuple(
        _event(number, event, seen, judged, calibration.p_value(event[0]), time)
        for number, event in enumerate(strongest or filter(None, together), 1)
    )


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


def heading_of(x: float, y: float) -> str:
    """The direction, in words, of a motion given in px to the right and down."""
    return str(vocabulary("placing")["headings"][round(np.degrees(np.arctan2(y, x)) / 45) % 8])


def things(seen: Sightings, rows: np.ndarray) -> list[list[int]]:
    """The tracks of some rows, those put together that are one thing; the one with most rows comes first."""
    own = {track: rows[places] for track, places in rows_by(seen.track[rows]).items()}
    found: list[list[int]] = []
    for track in sorted(own, key=lambda track: -len(own[track])):
        same = [thing for thing in found if any(_are_one(seen, own[track], own[other]) for other in thing)]
        joined = [other for thing in same for other in thing]
        found = [thing for thing in found if thing not in same]
        found.append([*joined, track])
    return found


def continued(seen: Sightings, tracks: Sequence[int]) -> list[int]:
    """The tracks, and those that overlap or continue one of them, whether or not they go beyond the limit."""
    rows = rows_by(seen.track)
    others = [track for track in rows if track and track not in tracks]
    own = [rows[track] for track in tracks if track in rows]
    return [*tracks, *(other for other in others if any(_are_one(seen, one, rows[other]) for one in own))]


def _are_one(seen: Sightings, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two tracks, given by their rows, overlap in most frames they share or, sharing none, meet end to end.

    Either way they must move alike: things that pass before each other overlap too.
    """
    if not _move_alike(seen, one, other):
        return False
    _, first, second = np.intersect1d(seen.frame[one], seen.frame[other], return_indices=True)
    if len(first):
        return bool(np.median(overlap(seen.box[one[first]], seen.box[other[second]])) > _OVERLAP)
    earlier, later = sorted((one, other), key=lambda rows: seen.frame[rows[0]])
    pause = (seen.frame[later[0]] - seen.frame[earlier[-1]]) / seen.fps
    shift = np.tile(np.nan_to_num(seen.velocity[earlier[-1]]) * pause, 2)
    meets = overlap(seen.box[earlier[-1:]] + shift, seen.box[later[:1]])[0] > _MEETS
    return bool(0 < pause < _PAUSE_SECONDS and meets)


def _move_alike(seen: Sightings, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the median velocities differ by less than half of the larger; where they are not known they may."""
    velocities = [np.median(seen.velocity[rows], axis=0) for rows in (one, other)]
    largest = max(np.linalg.norm(velocity) for velocity in velocities)
    return not np.linalg.norm(velocities[0] - velocities[1]) > _ALIKE * largest


_Found = tuple[float, list[int], int, int]


def _beyond(limit: float, tracks: list[int], scores: np.ndarray, seen: Sightings) -> _Found | None:
    """Highest score of some tracks, and the first and last frame that it is above the limit in while they are seen."""
    above = np.flatnonzero(scores > limit)
    if not len(above):
        return None
    frames = seen.frame[np.isin(seen.track, tracks)]
    # Smoothing reaches beyond what is seen.
    return float(scores.max()), tracks, max(int(above[0]), int(frames[0])), min(int(above[-1]), int(frames[-1]))


def _event(
    number: int,
    found: _Found,
    seen: Sightings,
    judged: Strangeness,
    p_value: float,
    time: Callable[[int], float],
) -> Event:
    score, tracks, start, end = found
    inside = np.flatnonzero(np.isin(seen.track, tracks) & (seen.frame >= start) & (seen.frame <= end))
    inside = inside if len(inside) else np.flatnonzero(np.isin(seen.track, tracks))
    strangest = int(inside[judged.combined[inside].argmax()])
    label, peak = f"event {number}", int(seen.frame[strangest])
    return Event(
        label=label,
        start=time(start),
        end=time(end) + 1 / seen.fps,
        peak=time(peak),
        score=score,
        p_value=p_value,
        tracks=tuple(tracks),
        region=region_of(label, seen.box[strangest], score, seen, (start, end, peak)),
    )
