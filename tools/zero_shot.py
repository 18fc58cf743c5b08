"""Tool `zero_shot`: a second opinion on score and place, by models that need no normal picture, and its reasons."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from xad_agent.cache import cached
from xad_agent.case import REFERENCES, Case
from xad_agent.detectors.zero_shot import ZeroShot
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media import Picture
from xad_agent.media.overlay import overlay
from xad_agent.prompts import vocabulary
from xad_agent.regions import find_candidate
from xad_agent.wording import numbers, shown_by

CALIBRATING = 19


class Word(NamedTuple):
    """A word that fits a place, by its share of the fit, 0 to 1."""

    word: str
    share: float


def zero_shot(case: Case) -> Evidence:
    """Its score beside those of good pictures, its strangest place, and the words that fit that place best.

    Up to nineteen good pictures say what is normal of its score. They are the same for every picture, so what they
    score is kept on disk. Without a profile it is what `score` goes by, and only the words are new.

    Args:
        case: The picture under question.
    """
    known = case.measured("zero_shot", {})
    if known is not None:
        return known
    detector = case.zero_shot
    found = case.anomaly_map if case.profile is None else detector.score(case.picture)
    usual = _usual(detector, case)
    place = find_candidate(found, case.picture, None).model_copy(update={"label": "place ?"})
    same = _same(place, case.regions)
    words = _words(case, same or place)
    return case.ledger.add(
        tool="zero_shot",
        statement=" ".join(
            [*_scored(detector, found.score, usual, case.profile is not None), *_placed(place, same), *_worded(words)]
        ),
        quantities=(_quantity(found.score, usual), Quantity(name="good pictures", value=len(usual)), *_shares(words)),
        labels={word.word: word.share for word in words},
        regions=(place, *([same] if same else [])),
        media=case.media,
        figure=overlay(case.picture, found, None, (place,)),
    )


def _usual(detector: ZeroShot, case: Case) -> np.ndarray:
    """The scores of good pictures that are no references."""
    models, good = case.models, case.good(REFERENCES + CALIBRATING)
    if len(good) <= REFERENCES:
        return np.array([])
    key = {
        "detector": f"{detector.name} {detector.mode}",
        "clip": models.clip.fingerprint if models.clip else "",
        "prompts": models.sha256("prompts"),
        "finder": models.finder.fingerprint if not models.clip else "",
        "segmenter": models.segmenter.fingerprint if not models.clip else "",
        "thing": models.thing,
        "words": models.words,
        "references": [reference.sha256 for reference in good[:REFERENCES]],
    }

    def score(normal: Picture) -> float:
        whole = {**key, "picture": normal.sha256}
        return float(
            cached("zero-shot", whole, lambda: {"score": np.array([detector.score(normal).score])})["score"][0]
        )

    return np.array([score(normal) for normal in good[REFERENCES:]])


def _same(place: Region, regions: Iterable[Region]) -> Region | None:
    """The region that the place's peak lies in; None for none."""
    x, y = place.peak
    return next((one for one in regions if one.box[0] <= x < one.box[2] and one.box[1] <= y < one.box[3]), None)


def _words(case: Case, place: Region) -> list[Word]:
    """The word of damage, and that of soundness, that fit a place best by CLIP; none without CLIP."""
    from xad_agent.detectors.winclip import WinCLIP

    if not isinstance(case.zero_shot, WinCLIP):
        return []
    fits = case.zero_shot.explain(case.picture, place.mask(case.picture.height, case.picture.width))
    best = [next(fit for fit in fits if fit.kind == kind) for kind in ("anomalous", "normal")]
    return [Word(fit.word, fit.probability) for fit in best]


def _quantity(score: float, usual: np.ndarray) -> Quantity:
    if not len(usual):
        return Quantity(name="second score", value=score)
    p_value = float((1 + (usual >= score).sum()) / (len(usual) + 1))
    normal = (float(usual.min()), float(usual.max()))
    return Quantity(name="second score", value=score, normal=normal, p_value=p_value)


def _shares(words: Sequence[Word]) -> list[Quantity]:
    return [Quantity(name=f"share of {word.word}", value=word.share) for word in words]


def _scored(detector: ZeroShot, score: float, usual: np.ndarray, calibrated: bool) -> Iterable[str]:
    if not calibrated:
        return
    how = vocabulary("models")["zero_shot"]["by"][detector.name]
    looked = f"A second look, by {how}{vocabulary('models')['zero_shot']['quick'] if detector.mode else ''}: it scores"
    if not len(usual):
        yield f"{looked} {numbers(score)[0]}, and there are too few good pictures to compare with."
        return
    printed, low, high = numbers(score, float(usual.min()), float(usual.max()))
    finding = "unusual" if score > usual.max() else "nothing unusual"
    shown = shown_by(len(usual), "good picture")
    yield f"{looked} {printed}, and normally {low} to {high}, so by this it is {finding}, {shown}."


def _placed(place: Region, same: Region | None) -> Iterable[str]:
    where = f"in {same.label}" if same else "outside every region"
    yield f"The place it finds strangest ({place.place[0]}) lies {where}."


def _worded(words: Sequence[Word]) -> Iterable[str]:
    if words:
        (damaged, one), (sound, other) = words
        share, rest = numbers(one, other)
        yield f'Of its words for damage "{damaged}" fits there best, {share}; of those for soundness "{sound}", {rest}.'
