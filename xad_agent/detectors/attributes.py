"""What things in clips do and look like, each attribute judged apart: speed, gait, size, place, appearance and more.

After AI-VAD (Reiss and Hoshen 2022) and EVAL (Singh et al. 2023): simple densities of attributes that people have words
for. They are kept apart because they are the reason.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from xad_agent.detectors.densities import Above, Apart, Density, Heading, Lasting, Mixture, Nearest, Surplus
from xad_agent.perception.boxes import feet
from xad_agent.perception.relations import predicates, zone_predicates
from xad_agent.perception.sightings import Sightings, rows_by

_WALKING = 0.3  # body heights a second; what is slower has no direction worth judging
_SPAN_SECONDS = 0.5
_EDGE_PX = 2
_AROUND_SECONDS = 2.0
SMOOTH_SECONDS = 0.3
_WEIGHT, _MOST = 0.3, 5.0
# Differences that do not count in interactions: a quarter of the time, a tenth of a score, a quarter of an octave.
_SHARE, _SCORE, _OCTAVE = 0.25, 0.1, 0.25


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    Attributes:
        name: As in prompts/clip_attributes.yaml, which has its words and its family.
        rows: Its values of sightings, float64 (N, columns); NaN where it cannot be measured.
        density: What it is judged by.
        least: The rarity beyond the usual that is worth a word, however alike the normal sightings are.
        valued: Whether the first column is a value that can be told; else there is its rarity to tell.
    """

    name: str
    rows: Callable[[Sightings], np.ndarray]
    density: Callable[[np.ndarray], Density]
    least: float
    valued: bool = True


def speed(seen: Sightings) -> np.ndarray:
    """Body heights a second."""
    return seen.speed[:, None].astype(np.float64)


def acceleration(seen: Sightings) -> np.ndarray:
    """Change of velocity over half a second on either side, body heights a second squared."""
    result = np.full((len(seen), 1), np.nan)
    around = max(1, round(_SPAN_SECONDS * seen.fps / seen.step)) * seen.step
    for rows in track_rows(seen):
        frames, velocity = seen.frame[rows], seen.velocity[rows] / seen.tall[rows, None]
        before, after = np.searchsorted(frames, frames - around), np.searchsorted(frames, frames + around)
        inside = (frames - around >= frames[0]) & (after < len(frames))
        if inside.any():
            change = np.linalg.norm(velocity[after[inside]] - velocity[before[inside]], axis=1)
            seconds = (frames[after[inside]] - frames[before[inside]]) / seen.fps
            result[rows[inside], 0] = change / np.maximum(seconds, 1e-6)
    return result


def gait(seen: Sightings) -> np.ndarray:
    """Speed of the lower half over that of the upper, of what moves and is seen whole."""
    moves = (seen.speed > _WALKING) & _whole(seen)
    return np.where(moves, seen.gait, np.nan)[:, None].astype(np.float64)


def size(seen: Sightings) -> np.ndarray:
    """Height in body heights of a person at that place, of what is seen whole."""
    return np.where(_whole(seen), (seen.box[:, 3] - seen.box[:, 1]) / seen.tall, np.nan)[:, None].astype(np.float64)


def shape(seen: Sightings) -> np.ndarray:
    """Width over height, of what is seen whole."""
    width, height = seen.box[:, 2] - seen.box[:, 0], seen.box[:, 3] - seen.box[:, 1]
    return np.where(_whole(seen), width / np.maximum(height, 1), np.nan)[:, None].astype(np.float64)


def place(seen: Sightings) -> np.ndarray:
    """Where the feet are, x and y in body heights; NaN where the camera moves."""
    return np.where(seen.steady, feet(seen.box) / seen.tall[:, None], np.nan).astype(np.float64)


def heading(seen: Sightings) -> np.ndarray:
    """Place, and the direction of motion as cosine and sine; NaN for what hardly moves."""
    pace = np.linalg.norm(seen.velocity, axis=1)
    moves = pace / seen.tall > _WALKING
    direction = np.where(moves[:, None], seen.velocity / np.maximum(pace, 1e-6)[:, None], np.nan)
    return np.concatenate([place(seen), direction], axis=1)


def dwell(seen: Sightings) -> np.ndarray:
    """Seconds that it has been within half a body height of where it is, and that the clip ran by then.

    NaN where the camera moves.
    """
    result = np.full((len(seen), 2), np.nan)
    for rows in track_rows(seen):
        stands, since = feet(seen.box[rows]), 0
        for now in range(len(rows)):
            while np.linalg.norm(stands[since] - stands[now]) > 0.5 * seen.tall[rows[now]]:
                since += 1
            result[rows[now]] = (
                (seen.frame[rows[now]] - seen.frame[rows[since]]) / seen.fps,
                seen.frame[rows[now]] / seen.fps,
            )
    return result if seen.steady else np.full_like(result, np.nan)


def names(seen: Sightings) -> np.ndarray:
    """The detector's scores, (N, classes)."""
    return seen.scores.astype(np.float64)


def appearance(seen: Sightings) -> np.ndarray:
    """The features of what it looks like, see `Appearance`."""
    return seen.appearance.astype(np.float64)


def pose(seen: Sightings) -> np.ndarray:
    """Where its joints are in its box, (N, 2 x joints), of what is seen whole."""
    joints = seen.pose.reshape(len(seen), 2 * seen.pose.shape[1]).astype(np.float64)
    return np.where(_whole(seen)[:, None], joints, np.nan)


def interactions(seen: Sightings) -> np.ndarray:
    """What X-MAN judges together, each in the unit of what does not count: a column for each of `interaction_names`."""
    sides = np.maximum(seen.box[:, 2:] - seen.box[:, :2], 1) / seen.tall[:, None]
    octaves = np.where(_whole(seen)[:, None], np.log2(sides), np.nan)
    return np.concatenate([seen.interactions / _SHARE, seen.scores / _SCORE, octaves / _OCTAVE], axis=1).astype(
        np.float64
    )


def interaction_names(classes: Sequence[str], zones: Iterable[str] = ()) -> tuple[str, ...]:
    """The relations a thing stands in, also to zones, the detector's classes, and the sides of its box."""
    return (*predicates(), *zone_predicates(zones), *classes, "width", "height")


ATTRIBUTES = (
    Attribute("speed", speed, Above, least=0.05),
    Attribute("acceleration", acceleration, Above, least=0.1),
    Attribute("gait", gait, Apart, least=0.5),
    Attribute("heading", heading, Heading, least=1.0, valued=False),
    Attribute("dwell", dwell, Lasting, least=1.0),
    Attribute("size", size, Apart, least=0.5),
    Attribute("shape", shape, Apart, least=0.5),
    Attribute("object", names, Surplus, least=0.05, valued=False),
    Attribute("place", place, Nearest, least=0.25, valued=False),
    Attribute("appearance", appearance, Nearest, least=1e-3, valued=False),
    Attribute("pose", pose, Nearest, least=0.01, valued=False),
    Attribute("interaction", interactions, Mixture, least=1.0, valued=False),
)


def track_rows(seen: Sightings) -> list[np.ndarray]:
    """The rows of each track, in the order of time."""
    return [rows for track, rows in rows_by(seen.track).items() if track]


def _whole(seen: Sightings) -> np.ndarray:
    """Which are not cut by the edge of the picture."""
    height, width = seen.shape
    x0, y0, x1, y1 = seen.box.T
    return np.asarray((x0 > _EDGE_PX) & (y0 > _EDGE_PX) & (x1 < width - _EDGE_PX) & (y1 < height - _EDGE_PX))


@dataclass(frozen=True, eq=False)
class Strangeness:
    """How strange each sighting of a clip is: 0 is usual, 1 what one in a thousand normal sightings reaches.

    Attributes:
        attributes: Name -> float32 (N,).
        combined: float32 (N,).
    """

    attributes: dict[str, np.ndarray]
    combined: np.ndarray

    def of_frames(
        self, seen: Sightings, attribute: str | None = None, rows: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        """float32 (frames,): of the strangest thing in each frame, smoothed by a Gaussian of 0.3 s.

        Frames not looked at get what lies between their neighbours.

        Args:
            seen: What was judged.
            attribute: One alone instead of all combined.
            rows: Of these sightings alone.
        """
        values = self.combined if attribute is None else self.attributes[attribute]
        return strongest(seen, values[:, None], rows)[:, 0]


def strongest(seen: Sightings, values: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Of values (N, columns) the highest in each frame, 0 at least, float32 (frames, columns), smoothed as `of_frames`.

    Args:
        seen: What the values are of.
        values: A row for each sighting.
        rows: Of these sightings alone.
    """
    highest = np.zeros((len(seen.looks), values.shape[1]), np.float32)
    np.maximum.at(highest, (seen.frame // seen.step)[rows], values[rows])
    smooth = gaussian_filter1d(highest, max(SMOOTH_SECONDS * seen.fps / seen.step, 1e-3), axis=0)
    frames = np.arange(seen.frames)
    return np.stack([np.interp(frames, seen.looks, column) for column in smooth.T], axis=1).astype(np.float32)


class Usual(NamedTuple):
    """What normal sightings reach whose own clip was left out: of the rarity, each half its track's, the median and the
    99.9th percentile, and of the value (see `AttributeDetector.values`) the 1st and the 99th. Where no normal sighting
    has a rarity it is taken as 0, and 1 as far; where none has a value it is taken as 0.
    """

    middle: float
    far: float
    lowest: float
    highest: float


class AttributeDetector:
    """Every attribute's density on normal sightings, and what is usual of it.

    Args:
        normal: Sightings of normal clips.
        usual: By the attribute's name.
    """

    def __init__(self, normal: Sequence[Sightings], usual: dict[str, Usual]):
        self.usual = usual
        self._densities = _densities([{a.name: a.rows(seen) for a in ATTRIBUTES} for seen in normal])

    @classmethod
    def fit(cls, normal: Sequence[Sightings]) -> "tuple[AttributeDetector, list[Strangeness]]":
        """Learn normal clips; also gives how strange each of them is to the others (to itself where it is alone)."""
        rows = [{a.name: a.rows(seen) for a in ATTRIBUTES} for seen in normal]
        unseen = []
        for place, own in enumerate(rows):
            densities = _densities([*rows[:place], *rows[place + 1 :]] or rows)
            unseen.append({name: densities[name].rarity(values) for name, values in own.items()})
        tracks = [track_rows(seen) for seen in normal]
        usual = {}
        for attribute in ATTRIBUTES:
            name = attribute.name
            rarity = [
                _with_tracks(clip[name], of, _window(seen))
                for seen, clip, of in zip(normal, unseen, tracks, strict=True)
            ]
            values = [_values(attribute, clip[name], own[name]) for clip, own in zip(rows, unseen, strict=True)]
            usual[name] = _usual(np.concatenate(rarity), np.concatenate(values))
        judged = [_strangeness(seen, rarity, usual) for seen, rarity in zip(normal, unseen, strict=True)]
        return cls(normal, usual), judged

    def values(self, name: str, seen: Sightings) -> np.ndarray:
        """An attribute as a number, float64 (N,): its value or, where that is none to tell, its rarity.

        NaN where it cannot be measured, or nothing normal is known to compare it with.
        """
        attribute = next(a for a in ATTRIBUTES if a.name == name)
        rows = attribute.rows(seen)
        rarity = self._densities[name].rarity(rows)
        return np.where(np.isnan(rarity), np.nan, _values(attribute, rows, rarity))

    def deviations(self, seen: Sightings) -> np.ndarray:
        """What makes interactions rare: see `Mixture.deviations`, a column for each of `interaction_names`."""
        mixture = self._densities["interaction"]
        assert isinstance(mixture, Mixture)
        return mixture.deviations(interactions(seen))

    def judge(self, seen: Sightings) -> Strangeness:
        """How strange what was seen in a clip is."""
        rarities = {a.name: self._densities[a.name].rarity(a.rows(seen)) for a in ATTRIBUTES}
        return _strangeness(seen, rarities, self.usual)


def _densities(clips: Sequence[dict[str, np.ndarray]]) -> dict[str, Density]:
    return {a.name: a.density(np.concatenate([rows[a.name] for rows in clips])) for a in ATTRIBUTES}


def _values(attribute: Attribute, rows: np.ndarray, rarity: np.ndarray) -> np.ndarray:
    return rows[:, 0] if attribute.valued else rarity


def _usual(rarities: np.ndarray, values: np.ndarray) -> Usual:
    rarities, values = rarities[~np.isnan(rarities)], values[~np.isnan(values)]
    middle, far = np.percentile(rarities, [50, 99.9]) if len(rarities) else (0, 1)
    lowest, highest = np.percentile(values, [1, 99]) if len(values) else (0, 0)
    return Usual(float(middle), float(far), float(lowest), float(highest))


def _strangeness(seen: Sightings, rarities: dict[str, np.ndarray], usual: dict[str, Usual]) -> Strangeness:
    tracks = track_rows(seen)
    attributes = {}
    for attribute in ATTRIBUTES:
        middle, far, *_ = usual[attribute.name]
        rarity = _with_tracks(rarities[attribute.name], tracks, _window(seen))
        strange = (rarity - middle) / max(far - middle, attribute.least)
        attributes[attribute.name] = np.nan_to_num(strange, nan=0.0).astype(np.float32)
    return Strangeness(attributes, _combined(attributes))


def _combined(attributes: dict[str, np.ndarray]) -> np.ndarray:
    """Speed where it is high, and of every other attribute what goes beyond normal: far off, one alone says much."""
    beyond = [np.clip(values - 1, 0, _MOST) for name, values in attributes.items() if name != "speed"]
    return np.asarray(np.maximum(attributes["speed"], 0) + _WEIGHT * np.sum(beyond, axis=0), dtype=np.float32)


def _window(seen: Sightings) -> int:
    """So many sightings of a track span two seconds on either side."""
    return 2 * round(_AROUND_SECONDS * seen.fps / seen.step) + 1


def _with_tracks(rarity: np.ndarray, tracks: list[np.ndarray], window: int) -> np.ndarray:
    """Half of each value its own, half its track's median over `window` sightings around it; NaN where none is known.

    A thing is judged by what it does now and by what it mostly does around that time: a cyclist who slows down is one
    still, and a walker whose track goes over to a cyclist is none yet.
    """
    result = rarity.copy()
    for rows in tracks:
        known = rarity[rows]
        around = np.pad(known, window // 2, constant_values=np.nan)
        mostly = _nan_median(np.lib.stride_tricks.sliding_window_view(around, 2 * (window // 2) + 1))
        result[rows] = np.where(np.isnan(known), mostly, (known + mostly) / 2)
    return result


def _nan_median(rows: np.ndarray) -> np.ndarray:
    """The median of each row without its NaN, NaN where a row has nothing else."""
    ordered = np.sort(rows, axis=1)  # NaN come last
    counts = (~np.isnan(ordered)).sum(axis=1)
    middle = np.maximum(counts - 1, 0)
    place = np.arange(len(rows))
    return (ordered[place, middle // 2] + ordered[place, (middle + 1) // 2]) / 2
