"""Tool `zero_shot`: a second opinion on score and place, by a model that needs no normal picture."""

from collections.abc import Iterable

import numpy as np

from xad_agent.cache import cached
from xad_agent.case import Case
from xad_agent.detectors.zero_shot import ZeroShot, zero_shot_detector
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media import Picture
from xad_agent.media.figure import overlay
from xad_agent.prompts import vocabulary
from xad_agent.regions import find_candidate
from xad_agent.tools.limits import limit
from xad_agent.wording import numbers, shown_by

REFERENCES = 4
CALIBRATING = 19


def zero_shot(case: Case) -> Evidence:
    """Its score beside those of good pictures, its strangest place, and whether that is a region.

    Four good pictures are given to it as references where it takes any; up to nineteen others say what is normal of its
    score. Those are the same for every picture, so what they score is kept on disk.

    Args:
        case: The picture under question.
    """
    known = case.measured("zero_shot", {})
    if known is not None:
        return known
    if case.profile is None:
        return limit(case, "zero_shot", {}, vocabulary("models")["zero_shot"]["itself"])
    normals = [case.profile.exemplar(index) for index in range(min(case.profile.exemplars, REFERENCES + CALIBRATING))]
    references, others = normals[:REFERENCES], normals[REFERENCES:]
    detector = zero_shot_detector(case.models, references)
    found = detector.score(case.picture)
    usual = np.array([_score(detector, normal, case, references) for normal in others])
    place = find_candidate(found, case.picture, None).model_copy(update={"label": "place"})
    same = _same(place, case.regions)
    beyond = float((1 + (usual >= found.score).sum()) / (len(usual) + 1)) if len(usual) else None
    return case.ledger.add(
        tool="zero_shot",
        statement=" ".join(_statements(detector, found.score, usual, place, same)),
        quantities=(
            Quantity(
                name="second score",
                value=found.score,
                normal=(float(usual.min()), float(usual.max())) if len(usual) else None,
                p_value=beyond,
            ),
            Quantity(name="good pictures", value=len(usual)),
        ),
        regions=(place, *([same] if same else [])),
        media=case.media,
        figure=overlay(case.picture, found, None, (place,)),
    )


def _score(detector: ZeroShot, normal: Picture, case: Case, references: list[Picture]) -> float:
    models = case.models
    key = {
        "detector": detector.name,
        "models": [models.clip.fingerprint]
        if models.clip
        else [models.finder.fingerprint, models.segmenter.fingerprint],
        "thing": models.thing,
        "words": models.words,
        "references": [reference.sha256 for reference in references],
        "picture": normal.sha256,
    }
    return float(cached("zero-shot", key, lambda: {"score": np.array([detector.score(normal).score])})["score"][0])


def _same(place: Region, regions: Iterable[Region]) -> Region | None:
    """The region that the place's peak lies in; None for none."""
    x, y = place.peak
    return next((one for one in regions if one.box[0] <= x < one.box[2] and one.box[1] <= y < one.box[3]), None)


def _statements(
    detector: ZeroShot, score: float, usual: np.ndarray, place: Region, same: Region | None
) -> Iterable[str]:
    how = vocabulary("models")["zero_shot"]["by"].get(detector.name, detector.name)
    scored = f"A second look, by {how}: it scores"
    if not len(usual):
        yield f"{scored} {numbers(score)[0]}, and there are too few good pictures to compare with."
    else:
        printed, low, high = numbers(score, float(usual.min()), float(usual.max()))
        finding = "unusual" if score > usual.max() else "nothing unusual"
        shown = shown_by(len(usual), "good picture")
        yield f"{scored} {printed}, and normally {low} to {high}, so by this it is {finding}, {shown}."
    where = f"in {same.label}" if same else "outside every region"
    yield f"The place it finds strangest ({place.place[0]}) lies {where}."
