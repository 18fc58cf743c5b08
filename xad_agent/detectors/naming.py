"""What anomalous things are called: a score for every class of `prompts/names.yaml`, from detector, shape and motion.

A detector alone names badly: it calls walkers' legs skis, and sees no board under a skater's feet. So the vocabulary
says of each class which of the detector's names speak for it, which count only beyond what it says of normal things,
and how wide, high and fast its things are beside normal people. The classes of a kind compete for the strangeness.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logit, ndtr, ndtri, softmax

from xad_agent.detectors.attributes import Strangeness, gait, shape, size, speed, strongest, track_rows
from xad_agent.perception.sightings import Sightings
from xad_agent.prompts import vocabulary

_LEAST = 0.05  # the detector gives nothing below it, and no measure speaks more strongly against a class
_PERSON = "person"
_RATIOS = {"width": shape, "height": size, "pace": speed, "gait": gait}
_STILL = 0.01  # body heights a second, and less than any other ratio; it has a logarithm
# Strangeness is 0 at the median of normal and 1 at its 99.9th percentile, so many standard deviations of a Gaussian.
_STRANGE = float(ndtri(0.999))


class People(NamedTuple):
    """A ratio's binary logarithm among normal people: the median, and half of what the middle 68 % span."""

    middle: float
    spread: float


@dataclass(frozen=True, eq=False)
class Label:
    """A class of the vocabulary.

    Attributes:
        name: What it is called.
        kind: It competes with the other labels of its kind.
        words: Columns of the detector's names that speak for it.
        members: The classes within it, one for each of these columns; none where they are but words for it.
        ways: How its things may look and move, in each way measure -> least and most, in spreads of normal ones.
    """

    name: str
    kind: str
    words: list[int]
    members: tuple[str, ...]
    ways: tuple[Mapping[str, tuple[float, float]], ...]


class Namer:
    """Names things by contrast with normal sightings.

    Args:
        names: What the detector can say.
        usual: What it says of normal things at most, (names,), 0 to 1.
        normal: Sightings of normal clips.

    Attributes:
        labels: The vocabulary.
        classes: Every class: the labels, each followed by its members.
    """

    def __init__(self, names: Sequence[str], usual: np.ndarray, normal: Sequence[Sightings]):
        self._usual = _log_odds(usual)
        self._people = {name: _people(names, normal, name) for name in _RATIOS}
        self.labels = tuple(
            self._label(name, kind, entry, names)
            for kind, entries in vocabulary("names").items()
            for name, entry in entries.items()
        )
        self.classes = tuple(name for label in self.labels for name in (label.name, *label.members))

    def scores(self, seen: Sightings, judged: Strangeness) -> np.ndarray:
        """float32 (N, classes): of each sighting's strangeness, 0 at least, the share that each class wins.

        The shares of all labels of a kind make 1. Of a label's members the likeliest has all of its share, the others
        less by their odds.
        """
        surplus = self._surplus(seen)
        evidence = self._evidence(seen, judged, surplus)
        kinds = np.array([label.kind for label in self.labels])
        for kind in set(kinds):
            evidence[:, kinds == kind] = softmax(evidence[:, kinds == kind], axis=1)
        columns = []
        for label, share in zip(self.labels, evidence.T, strict=True):
            columns.append(share)
            if label.members:
                odds = surplus[:, label.words].T
                columns += list(share * np.exp(odds - odds.max(axis=0)))
        return (np.stack(columns, axis=1) * np.maximum(judged.combined, 0)[:, None]).astype(np.float32)

    def label_scores(self, seen: Sightings, judged: Strangeness) -> tuple[tuple[str, ...], np.ndarray]:
        """The classes, and float32 (frames, classes): each one's highest score in each frame, see `strongest`."""
        return self.classes, strongest(seen, self.scores(seen, judged))

    def _surplus(self, seen: Sightings) -> np.ndarray:
        """By how much each of the detector's names exceeds what is usual of it, float64 (N, names), in log odds."""
        return _over_tracks(seen, np.maximum(_log_odds(seen.scores) - self._usual, 0))

    def _evidence(self, seen: Sightings, judged: Strangeness, surplus: np.ndarray) -> np.ndarray:
        """What speaks for each label, (N, labels), as a logarithm: surplus of its names, chance of its best way."""
        measures = {name: _STRANGE * values for name, values in judged.attributes.items()}
        for name, (middle, spread) in self._people.items():
            measures[name] = (_over_tracks(seen, _logarithm(seen, name)) - middle) / spread
        columns = []
        for label in self.labels:
            ways = [
                np.sum([_log_chance(measures[name], *limits) for name, limits in way.items()], axis=0)
                for way in label.ways
            ]
            fits = np.max(ways, axis=0) if ways else np.log(_LEAST)
            columns.append(fits + surplus[:, label.words].max(axis=1, initial=0))
        return np.stack(columns, axis=1)

    def _label(self, name: str, kind: str, entry: Mapping[str, Any], names: Sequence[str]) -> Label:
        words = [word for word in entry.get("members", entry.get("detector", [])) if word in names]
        ways = entry.get("when", [])
        return Label(
            name=name,
            kind=kind,
            words=[list(names).index(word) for word in words],
            members=tuple(words) if "members" in entry else (),
            ways=tuple(
                {measure: self._limits(measure, *limits) for measure, limits in way.items()}
                for way in (ways if isinstance(ways, list) else [ways])
            ),
        )

    def _limits(self, measure: str, least: float, most: float) -> tuple[float, float]:
        """A range of the vocabulary in spreads of normal things."""
        if measure not in _RATIOS:
            return _STRANGE * least, _STRANGE * most
        spread = self._people[measure].spread
        return float(np.log2(max(least, 1e-9))) / spread, float(np.log2(most)) / spread


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(probabilities, _LEAST, 1 - _LEAST).astype(np.float64)))


def _log_chance(values: np.ndarray, least: float, most: float) -> np.ndarray:
    """Of each value (N,), known up to a spread of 1, the log chance that it lies in a range; 0 where not measured."""
    chance = ndtr(most - values) - ndtr(least - values)
    return np.nan_to_num(np.log(np.clip(chance, _LEAST, 1)), nan=0.0)


def _logarithm(seen: Sightings, ratio: str) -> np.ndarray:
    return np.log2(np.maximum(_RATIOS[ratio](seen)[:, 0], _STILL))


def _people(names: Sequence[str], normal: Sequence[Sightings], ratio: str) -> People:
    """What is usual of normal sightings that the detector calls people, or of all where it calls none so."""
    values = np.concatenate([_logarithm(seen, ratio) for seen in normal])
    people = np.concatenate([_called(seen, names, _PERSON) for seen in normal])
    known = ~np.isnan(values)
    chosen = values[known & people] if (known & people).any() else values[known]
    if not len(chosen):
        return People(0.0, 1.0)
    low, middle, high = (float(value) for value in np.percentile(chosen, [16, 50, 84]))
    return People(middle, max((high - low) / 2, 1e-3))


def _called(seen: Sightings, names: Sequence[str], name: str) -> np.ndarray:
    """Which sightings the detector calls by this name before any other, bool (N,)."""
    likeliest = np.array(names)[seen.scores.argmax(axis=1)]
    return np.asarray((likeliest == name) & (seen.scores.max(axis=1) > 0))


def _over_tracks(seen: Sightings, values: np.ndarray) -> np.ndarray:
    """Half of each value (N, ...) its own and half its track's mean; NaN where neither is known.

    One look can err: a thing half hidden, a name that the detector gives once. A thing stays what it is.
    """
    result = values.copy()
    for rows in track_rows(seen):
        known = ~np.isnan(values[rows])
        mean = np.nansum(values[rows], axis=0) / np.maximum(known.sum(axis=0), 1)
        mixed = np.where(known, (values[rows] + mean) / 2, mean)
        result[rows] = np.where(known.any(axis=0), mixed, np.nan)
    return result
