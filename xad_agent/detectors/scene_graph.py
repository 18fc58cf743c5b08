"""The scene graph: a triplet (person, rides, bicycle) is as strange as it and its like are rare on normal media.

After Doshi and Yilmaz, "Towards Interpretable Video Anomaly Detection" (WACV 2023): triplets are embedded as sentences,
and a projection is learned that puts normal ones together and generated abnormal ones far off. Unlike there, the bank
keeps how often each triplet occurred, so that the score is a frequency, and the reason a count.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.perception.relations import Triplet
from xad_agent.prompts import vocabulary

GENERATED = 1024
FOLDS = 8
_DIMENSIONS = 32
_STEPS, _BATCH, _RATE, _MARGIN = 200, 256, 0.005, 0.5
# A usual generated triplet scores so many times the ceiling. Of 1/4, 1/2, 1, 2 and 4, this parts normal triplets of
# held-out clips best from triplets generated of held-out words.
_FAR = 4
_NEAREST = 3
_CHUNK = 256

Encoder = Callable[[list[str]], np.ndarray]
Words = tuple[str, str, str]


@dataclass(frozen=True)
class Rarity:
    """Why a triplet is rare or usual.

    Attributes:
        triplet: As a sentence.
        count: How often it occurred on the normal media.
        total: All triplets there.
        nearest: The normal triplets nearest to it in meaning, itself left out, with their counts.
        score: See `SceneGraph.score`.
    """

    triplet: str
    count: int
    total: int
    nearest: tuple[tuple[str, int], ...]
    score: float

    def __str__(self) -> str:
        nearest = "; ".join(f"{sentence}, {count:,}" for sentence, count in self.nearest)
        return f"{self.triplet}: {self.count:,} of {self.total:,} normal triplets" + (
            f"; nearest: {nearest}" if nearest else ""
        )


class SceneGraph:
    """Normal triplets with their counts, and how far others are from them.

    Attributes:
        bank: The distinct normal triplets, most frequent first.
        counts: int64 (M,): how often each occurred.
        points: float32 (M, D): their sentence embeddings.
        projection: float32 (D, K): to the space where distances are taken, on the unit sphere.
        reach: The distance that counts as much as being ten times as rare.
    """

    name = "scene_graph"

    def __init__(
        self,
        encoder: Encoder,
        bank: list[Words],
        counts: np.ndarray,
        points: np.ndarray,
        projection: np.ndarray,
        reach: float,
    ):
        self.encoder, self.bank, self.counts, self.points = encoder, bank, counts, points
        self.projection, self.reach = projection, reach
        self._index = {words: at for at, words in enumerate(bank)}
        self._projected = _unit(points @ projection)

    @classmethod
    def fit(cls, clips: Sequence[Sequence[Triplet]], encoder: Encoder, seed: int = 0) -> "SceneGraph":
        """Learn which triplets are normal; a few seconds.

        Args:
            clips: The triplets of each normal clip.
            encoder: Sentences to unit vectors, float32 (N, D); `xad_agent.llm.sentences.embed`.
            seed: Of the generated triplets and of the training.

        Raises:
            XadError: There is no triplet.
        """
        counted = Counter(triplet.words for clip in clips for triplet in clip)
        if not counted:
            raise XadError("the normal clips gave no triplet: nothing moves in them, or nothing was recognised")
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        bank = [words for words, _ in ranked]
        counts = np.array([count for _, count in ranked], np.int64)
        points = _embedded(encoder, bank)
        abnormal = _embedded(encoder, generated(bank, counts, seed))
        projection = _learned(points, counts, abnormal, seed)
        far = float(np.median(_distances(_unit(abnormal @ projection), _unit(points @ projection)).min(axis=1)))
        reach = max(far, 1e-3) / (_FAR * float(_decades(counts.sum(), 1)))
        return cls(encoder, bank, counts, points, projection, reach)

    def score(self, triplets: Sequence[Triplet]) -> np.ndarray:
        """How rare each triplet and its like are, float64 (N,), above 0, in powers of ten.

        The rarity of the normal triplet that explains it best, log10((total + 1) / count), plus its distance to that
        one, each `reach` counting as a power of ten: 3 is one in a thousand normal triplets. What occurred on normal
        media scores at most `ceiling`.
        """
        distinct = list(dict.fromkeys(triplet.words for triplet in triplets))
        if not distinct:
            return np.empty(0)
        rarest = (self._distances_to(distinct) / self.reach + _decades(self.total, self.counts)).min(axis=1)
        known = dict(zip(distinct, rarest, strict=True))
        return np.array([known[triplet.words] for triplet in triplets], float)

    def explain(self, triplet: Triplet) -> Rarity:
        """The count of a triplet on the normal media, and those nearest to it in meaning there.

        Nearest among sentence embeddings as they are: the projection puts normal ones together, whatever they mean.
        """
        distances = _distances(_embedded(self.encoder, [triplet.words]), self.points)[0]
        own = self._index.get(triplet.words)
        order = [at for at in np.argsort(distances, kind="stable")[: _NEAREST + 1] if at != own][:_NEAREST]
        return Rarity(
            str(triplet),
            int(self.counts[own]) if own is not None else 0,
            self.total,
            tuple((_sentence(self.bank[at]), int(self.counts[at])) for at in order),
            float(self.score([triplet])[0]),
        )

    @property
    def total(self) -> int:
        """All normal triplets."""
        return int(self.counts.sum())

    @property
    def ceiling(self) -> float:
        """The score of a normal triplet that occurred once."""
        return float(_decades(self.total, 1))

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Settings for JSON and arrays for safetensors; `from_state` makes the detector again."""
        settings = {"bank": [list(words) for words in self.bank], "reach": self.reach}
        return settings, {"counts": self.counts, "points": self.points, "projection": self.projection}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray], encoder: Encoder) -> "SceneGraph":
        """The detector that gave this state, on the same encoder.

        Raises:
            KeyError, ValueError: Something is missing or has another shape.
        """
        bank = [(str(subject), str(predicate), str(other)) for subject, predicate, other in settings["bank"]]
        counts, points, projection = arrays["counts"], arrays["points"], arrays["projection"]
        if counts.shape != (len(bank),) or points.shape != (len(bank), len(projection)) or projection.ndim != 2:
            raise ValueError("the scene graph's arrays do not belong together")
        return cls(encoder, bank, counts, points, projection, float(settings["reach"]))

    def _distances_to(self, words: list[Words]) -> np.ndarray:
        return _distances(_unit(_embedded(self.encoder, words) @ self.projection), self._projected)


def unseen_scores(
    clips: Sequence[Sequence[Triplet]],
    encoder: Encoder,
    seed: int = 0,
    asked: Sequence[Sequence[Triplet]] | None = None,
) -> list[np.ndarray]:
    """The score of every triplet of each clip had that clip not been fitted: what a calibration needs.

    Clips are left out one by one, or in eight groups (every eighth) where there are more.

    Args:
        clips: The triplets of each normal clip; at least two clips.
        encoder: See `SceneGraph.fit`.
        seed: See `SceneGraph.fit`.
        asked: What to score of each clip instead of its normal triplets.

    Raises:
        XadError: The clips without one group hold no triplet.
    """
    encoder = remembering(encoder)
    scores: list[np.ndarray] = [np.empty(0)] * len(clips)
    for group in range(min(FOLDS, len(clips))):
        graph = SceneGraph.fit([clip for at, clip in enumerate(clips) if at % FOLDS != group], encoder, seed)
        for at in range(group, len(clips), FOLDS):
            scores[at] = graph.score((clips if asked is None else asked)[at])
    return scores


def generated(bank: Sequence[Words], counts: np.ndarray, seed: int) -> list[Words]:
    """1,024 abnormal triplets: normal ones with one or more of their words swapped for ones that are not normal.

    Words come from prompts/abnormal.yaml, less those that occur in the same place of a normal triplet.
    """
    random = np.random.default_rng(seed)
    pools = [
        sorted(set(vocabulary("abnormal")[slot]) - {words[place] for words in bank})
        for place, slot in enumerate(("subjects", "predicates", "objects"))
    ]
    weights = np.sqrt(counts)
    made = []
    for start in random.choice(len(bank), GENERATED, p=weights / weights.sum()):
        words = list(bank[start])
        places = [place for place, word in enumerate(words) if word and pools[place]]
        swapped = [place for place in places if random.random() < 0.5] or [places[random.integers(len(places))]]
        for place in swapped:
            words[place] = pools[place][random.integers(len(pools[place]))]
        made.append((words[0], words[1], words[2]))
    return made


def _learned(points: np.ndarray, counts: np.ndarray, abnormal: np.ndarray, seed: int) -> np.ndarray:
    """The projection, float32 (D, K), trained by a triplet loss (Schroff et al. 2015) from principal axes on.

    An anchor and a positive are normal, drawn by the root of their counts; the negative is a generated one.
    """
    import torch
    from torch.nn.functional import normalize, relu

    normal, strange = torch.from_numpy(points), torch.from_numpy(abnormal)
    everything = torch.cat([normal, strange])
    axes = torch.linalg.svd(everything, full_matrices=False)[2][:_DIMENSIONS].T
    weight = axes.contiguous().requires_grad_()
    optimizer = torch.optim.Adam([weight], lr=_RATE)
    random = torch.Generator().manual_seed(seed)
    chances = torch.from_numpy(np.sqrt(counts))
    for _ in range(_STEPS):
        anchor, positive = torch.multinomial(chances, 2 * _BATCH, replacement=True, generator=random).view(2, -1)
        negative = torch.randint(len(strange), (_BATCH,), generator=random)
        a, p, n = (normalize(part @ weight, dim=1) for part in (normal[anchor], normal[positive], strange[negative]))
        loss = relu((a - p).square().sum(1) - (a - n).square().sum(1) + _MARGIN).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weight.detach().numpy()


def _sentence(words: Words) -> str:
    return str(Triplet(*words))


def _embedded(encoder: Encoder, words: Sequence[Words]) -> np.ndarray:
    """Sentence embeddings, float32 (N, D), in pieces that bound the encoder's memory."""
    sentences = [_sentence(one) for one in words]
    return np.concatenate([encoder(sentences[at : at + _CHUNK]) for at in range(0, len(sentences), _CHUNK)])


def _decades(total: Any, count: Any) -> Any:
    return np.log10((total + 1) / count)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """At unit length, float64: in single precision a triplet would not be at distance 0 from itself."""
    vectors = vectors.astype(float)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances between unit vectors, (N, M), 0 to 2."""
    return np.sqrt(np.clip(2 - 2 * (a @ b.T), 0, None))


def remembering(encoder: Encoder) -> Encoder:
    """The encoder, asked only once for each sentence."""
    known: dict[str, np.ndarray] = {}

    def remembered(sentences: list[str]) -> np.ndarray:
        fresh = [sentence for sentence in dict.fromkeys(sentences) if sentence not in known]
        if fresh:
            known.update(zip(fresh, encoder(fresh), strict=True))
        return np.stack([known[sentence] for sentence in sentences])

    return remembered
