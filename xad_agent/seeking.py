"""Whether a thing is in a picture: what a finder says of it, against things that are not there and against normal.

A finder finds what it is asked for, in an empty picture too, so its score alone is no evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xad_agent.cache import cached
from xad_agent.media.picture import Picture
from xad_agent.perception.finding import Finder, Found
from xad_agent.prompts import vocabulary

LEAST = 0.35  # what Grounding DINO's authors take for a box, and below which NanoDet sees things in noise
_ANY = 0.05


@dataclass(frozen=True)
class Sought:
    """What became of looking for one phrase.

    Attributes:
        phrase: What was looked for.
        score: The highest score that it gets in the picture, 0 to 1.
        absent: The highest that any of the things gets that hardly are there, of prompts/absent.yaml.
        usual: The highest that the phrase gets on normal pictures; None where none is known, or nothing is found.
        normals: How many pictures that was seen on.
        found: The boxes that score above both `absent` and `LEAST`, strongest first.
    """

    phrase: str
    score: float
    absent: float
    usual: float | None
    normals: int
    found: tuple[Found, ...]

    @property
    def unusual(self) -> bool:
        """Whether it is there, and scores beyond what it does on every normal picture."""
        return bool(self.found) and self.usual is not None and self.score > self.usual


def seek(phrases: Sequence[str], picture: Picture, finder: Finder, normals: Sequence[Picture]) -> list[Sought]:
    """Look for each phrase.

    Args:
        phrases: Of the finder's vocabulary, where it has one.
        picture: Where to look.
        finder: What looks.
        normals: Normal pictures; what was found on them is kept on disk.

    Raises:
        XadError: The finder refuses a phrase.
    """
    absent: dict[tuple[str, ...], float] = {}  # a pass is dear, and most phrases have the same things for a baseline
    return [
        _sought(phrase, picture, finder, _highest_absent(phrase, picture, finder, absent), normals)
        for phrase in phrases
    ]


def _sought(phrase: str, picture: Picture, finder: Finder, absent: float, normals: Sequence[Picture]) -> Sought:
    # By itself, here and on normal pictures: phrases that are looked for together change each other's scores.
    here = finder.find(picture, [phrase], _ANY)
    score = max((found.score for found in here), default=0.0)
    found = tuple(found for found in here if found.score > max(absent, LEAST))
    # What is not there need not be contrasted with what is normal.
    usual = [_score(phrase, normal, finder) for normal in normals] if found else []
    return Sought(phrase, score, absent, max(usual, default=None), len(usual), found)


def _highest_absent(phrase: str, picture: Picture, finder: Finder, looked: dict[tuple[str, ...], float]) -> float:
    """Of what is hardly there; things that share a word with the phrase, or are unknown to the finder, are left out."""
    words = set(phrase.lower().split())
    things = [thing for thing in vocabulary("absent") if words.isdisjoint(thing.split())]
    known = tuple(thing for thing in things if finder.vocabulary is None or thing in finder.vocabulary)
    if known not in looked:
        looked[known] = max((found.score for found in finder.find(picture, known, _ANY)), default=0.0)
    return looked[known]


def _score(phrase: str, normal: Picture, finder: Finder) -> float:
    key = {"finder": finder.fingerprint, "phrase": phrase, "picture": normal.sha256}

    def look() -> dict[str, np.ndarray]:
        found = finder.find(normal, [phrase], _ANY)
        return {"score": np.array([max((one.score for one in found), default=0.0)])}

    return float(cached("phrases", key, look)["score"][0])
