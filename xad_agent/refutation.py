"""What would disprove a verdict: whether all of the picture is as strange as its strangest place.

A harmless change of a picture (its light, its focus, noise, compression) raises its map everywhere, a shift along the
border, and all of it is alike; a defect is in one place. So two trials are held against a score above the limit: what
is left of it beside the `rest` of the map, and beside what is alike `elsewhere` in the picture. The score stands where
either is above its own limit for good pictures, conformal like the score's (Vovk et al. 2005).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from xad_agent.answer import Verdict
from xad_agent.calibration import Calibration
from xad_agent.detectors.base import AnomalyMap
from xad_agent.media.picture import Picture
from xad_agent.picture_profile import PictureProfile

TRIALS = ("rest", "elsewhere")


@dataclass(frozen=True)
class Refutation:
    """What was tried to disprove what a picture's score says, and how it came out.

    Attributes:
        figures: What was measured of the picture, see `PictureProfile.figures`.
        limit: Of the score.
        trials: For each of `TRIALS`, what good pictures have.
        verdict: "anomalous" where the score is above its limit and both trials above theirs. Where only the score is,
            "normal"; but "uncertain" where half of the picture is stranger than the limit, for then it is changed too
            much to be judged. Where only the trials are, "uncertain": the picture's strongest candidate is no less
            peculiar in it than a defect.
    """

    figures: Mapping[str, float]
    limit: float
    trials: Mapping[str, Calibration]
    verdict: Verdict


def try_to_refute(picture: Picture, found: AnomalyMap, profile: PictureProfile) -> Refutation:
    """Look for what would disprove what a picture's score says.

    Args:
        picture: The one in question.
        found: What the profile's detector says of it.
        profile: What is normal.
    """
    figures, limit = profile.figures(picture, found), profile.calibration.threshold()
    trials = {name: Calibration(profile.usual[name], level=0.0, alpha=profile.calibration.alpha) for name in TRIALS}
    above = found.score > limit
    peculiar = all(figures[name] > trial.threshold() for name, trial in trials.items())
    verdict: Verdict = "normal"
    if above and peculiar:
        verdict = "anomalous"
    elif peculiar or figures["whole"] > limit:
        verdict = "uncertain"
    return Refutation(figures, limit, trials, verdict)
