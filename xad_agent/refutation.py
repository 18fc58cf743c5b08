"""What would disprove that a picture is anomalous: that good pictures, changed as it may have been, score as high.

Only a change that no good picture shows is tried, and all such changes together. Light and place are put right on the
picture; compression, blur and noise, which cannot be, are put on good pictures. What is left of the score is then
judged against theirs: a conformal p-value (Vovk et al. 2005) under the same harmless change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from xad_agent.answer import Verdict
from xad_agent.calibration import Calibration
from xad_agent.changes import Change, Look, Usual, estimate, look_at
from xad_agent.evidence import Region
from xad_agent.media.picture import Picture
from xad_agent.media.reading import read_picture
from xad_agent.media.scaling import shrink
from xad_agent.picture_profile import EXEMPLAR_SIDE, PictureProfile

LOOKED_AT = 60  # good pictures that show what is usual
FITTED = 3  # most similar good pictures that a change is estimated on
COMPARED = 16  # good pictures that are changed and scored
RIM_SHARE = 0.03  # of the shorter side
_NO_CHANGE = Change()


@dataclass(frozen=True)
class Contrast:
    """The picture beside good pictures under the same harmless change.

    Attributes:
        change: What it was taken for.
        score: What the picture scores once light, place and rim are put right.
        normal: What good pictures score that were changed and put right alike, as if they had not been learned from.
        limit: The score above which the change does not explain it, for the profile's alpha.
        p_value: Share of such good pictures that score at least as high.
    """

    change: Change
    score: float
    normal: tuple[float, ...]
    limit: float
    p_value: float


@dataclass(frozen=True)
class Refutation:
    """What was tried to disprove that a picture is anomalous.

    Attributes:
        look: Of the picture.
        usual: The looks of good pictures.
        beyond: The measures in which it is beyond all of these.
        at_rim: Whether all that stands out is at the picture's very rim, as what a shift brings in or cuts off.
        contrast: None where nothing harmless was found that could explain the score.
        verdict: "anomalous" where it stands; "normal" where the change explains the score; "uncertain" where it does,
            but hides defects as well: the rim was cut off, or good pictures so changed mostly exceed the limit.
    """

    look: Look
    usual: Usual
    beyond: tuple[str, ...]
    at_rim: bool
    contrast: Contrast | None
    verdict: Verdict


def try_to_refute(picture: Picture, regions: Sequence[Region], profile: PictureProfile) -> Refutation:
    """Look for a harmless change that explains why a picture scores above the limit.

    Args:
        picture: The picture, scored above the limit.
        regions: What stands out in it.
        profile: What is normal.
    """
    look, usual, beyond = compare_looks(picture, profile)
    at_rim = bool(regions) and all(_is_at_rim(region, picture) for region in regions)
    small = shrink(picture, EXEMPLAR_SIDE)
    change = estimate(small, look, usual, _alike(picture, profile)) if beyond else _NO_CHANGE
    if change == _NO_CHANGE and not at_rim:
        return Refutation(look, usual, beyond, at_rim, None, "anomalous")
    contrast = _contrast(small, change, at_rim, profile)
    return Refutation(look, usual, beyond, at_rim, contrast, _verdict(contrast, at_rim, profile.calibration))


def compare_looks(picture: Picture, profile: PictureProfile) -> tuple[Look, Usual, tuple[str, ...]]:
    """The look of a picture, those of good pictures, and in which measures it is beyond all of these."""
    look, usual = look_at(shrink(picture, EXEMPLAR_SIDE), profile.exemplar(0)), _usual(profile)
    return look, usual, usual.beyond(look)


def _contrast(small: Picture, change: Change, at_rim: bool, profile: PictureProfile) -> Contrast:
    alike = change.rounded()
    normal = np.array(_changed_scores(profile, alike, at_rim)) + _head_start(profile)
    calibration = Calibration(normal, level=0.0, alpha=profile.calibration.alpha)
    score = profile.examine(_righted(small, change, at_rim)).score
    limit = max(calibration.threshold(), profile.calibration.threshold())
    return Contrast(change, score, tuple(map(float, normal)), limit, calibration.p_value(score))


def _verdict(contrast: Contrast, at_rim: bool, calibration: Calibration) -> Verdict:
    if contrast.score > contrast.limit:
        return "anomalous"
    blind = float(np.median(contrast.normal)) > calibration.threshold()
    return "uncertain" if blind or at_rim else "normal"


def _is_at_rim(region: Region, picture: Picture) -> bool:
    x, y = region.peak
    return min(x, y, picture.width - 1 - x, picture.height - 1 - y) < RIM_SHARE * min(picture.width, picture.height)


def _righted(picture: Picture, change: Change, without_rim: bool) -> Picture:
    righted = change.undo(picture)
    if not without_rim:
        return righted
    rim = max(1, round(RIM_SHARE * min(picture.width, picture.height)))
    return read_picture(righted.pixels[rim:-rim, rim:-rim], name=picture.name)


def _good(profile: PictureProfile, most: int) -> list[Picture]:
    return [profile.exemplar(index) for index in range(min(most, profile.exemplars))]


def _alike(picture: Picture, profile: PictureProfile) -> list[Picture]:
    """What a change does depends on what is shown."""
    return [profile.exemplar(index) for index in profile.nearest_pictures(picture, FITTED)]


@lru_cache(maxsize=2)
def _usual(profile: PictureProfile) -> Usual:
    beside = profile.exemplar(0)
    return Usual(tuple(look_at(good, beside) for good in _good(profile, LOOKED_AT)))


@lru_cache(maxsize=256)
def _changed_scores(profile: PictureProfile, change: Change, without_rim: bool) -> tuple[float, ...]:
    good = _good(profile, COMPARED)
    return tuple(profile.examine(_righted(change.apply(one), change, without_rim)).score for one in good)


def _head_start(profile: PictureProfile) -> float:
    """How much less pictures score that were learned from than those that were not."""
    learned = float(np.median(_changed_scores(profile, _NO_CHANGE, False)))
    return max(0.0, float(np.median(profile.calibration.scores)) - learned)
