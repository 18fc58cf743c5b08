"""Models that see by a script: bright pixels are what they know, so that tools are tested without a checkpoint."""

from collections.abc import Sequence

import numpy as np

from xad_agent.detectors.base import AnomalyMap
from xad_agent.media import Picture
from xad_agent.perception.finding import Found
from xad_agent.perception.masks import Mask
from xad_agent.perception.models import Models


def bright(pixels: np.ndarray) -> np.ndarray:
    """Where noise around 128 never is, (H, W)."""
    return pixels.mean(axis=2) > 190


class ScriptedFinder:
    """Boxes bright pixels as "square", everything as "plate", and gives little to anything else."""

    name = fingerprint = "scripted finder"

    def __init__(self, vocabulary: frozenset[str] | None = None):
        self.vocabulary = vocabulary
        self.asked: list[str] = []

    def find(self, picture: Picture, phrases: Sequence[str], threshold: float) -> list[Found]:
        self.asked += phrases
        found = [self._found(picture, phrase) for phrase in phrases]
        return sorted((one for one in found if one.score > threshold), key=lambda one: -one.score)

    def _found(self, picture: Picture, phrase: str) -> Found:
        y, x = np.nonzero(bright(picture.pixels))
        if phrase == "square" and len(y):
            return Found(phrase, (float(x.min()), float(y.min()), x.max() + 1.0, y.max() + 1.0), 0.8, phrase)
        score = {"plate": 0.7, "zebra": 0.21}.get(phrase, 0.12)
        return Found(phrase, (0.0, 0.0, float(picture.width), float(picture.height)), score, phrase)


class ScriptedSegmenter:
    """The bright pixels of the box, else the box."""

    name = fingerprint = "scripted segmenter"

    def segment(
        self,
        picture: Picture,
        box: tuple[float, float, float, float] | None = None,
        points: Sequence[tuple[float, float]] = (),
    ) -> list[Mask]:
        x0, y0, x1, y1 = map(int, box or (0, 0, picture.width, picture.height))
        inside = np.zeros((picture.height, picture.width), dtype=bool)
        inside[y0:y1, x0:x1] = True
        shown = inside & bright(picture.pixels)
        return [Mask(shown if shown.any() else inside, 0.91)]


class ScriptedClip:
    """Calls a bright place a scratch."""

    name = fingerprint = "scripted clip"

    def label_scores(self, pictures: Sequence[Picture], names: Sequence[str]) -> np.ndarray:
        scores = np.full((len(pictures), len(names)), 0.4 / len(names))
        scores[:, names.index("scratch")] += [0.6 * bright(picture.pixels).any() for picture in pictures]
        scores[:, names.index("dent")] += [0.6 * (not bright(picture.pixels).any()) for picture in pictures]
        return scores.astype(np.float32)


class ScriptedVlm:
    """Says yes to a bright place."""

    name = fingerprint = "scripted vlm"

    def __init__(self) -> None:
        self.questions: list[str] = []

    def ask(self, pictures: Sequence[Picture], question: str, options: Sequence[str]) -> dict[str, float]:
        self.questions.append(question)
        yes = 0.9 if bright(pictures[0].pixels).any() else 0.3
        return dict(zip(options, (yes, 1 - yes), strict=True))


class ScriptedZeroShot:
    """Scores the share of bright pixels."""

    name = "winclip"
    mode = "by a script"

    def score(self, picture: Picture) -> AnomalyMap:
        values = bright(picture.pixels).astype(np.float32)
        return AnomalyMap(values + 0.1, float(values.mean()) + 0.1, self.name)


class SeeingModels(Models):
    """All roles, scripted."""

    def __init__(self, vocabulary: frozenset[str] | None = None):
        super().__init__(dict.fromkeys(("clip", "finder", "segmenter", "vlm"), "scripted"))
        self._scripted = ScriptedClip(), ScriptedFinder(vocabulary), ScriptedSegmenter(), ScriptedVlm()

    clip, finder, segmenter, vlm = (property(lambda self, n=n: self._scripted[n]) for n in range(4))
