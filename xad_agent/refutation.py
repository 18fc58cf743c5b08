"""What would disprove a verdict: a harmless change of the picture, and that its strangest place is no exception in it.

Two things must come together to refute a score above the limit. There must be a cause: the picture's look, or the
border of its map, is beyond that of all good pictures. And the strangest place must be like the rest of its picture: a
change of light, focus, noise or compression raises a map everywhere, a shift along the border, and all of it is alike,
while a defect is in one place. So what is left of the score beside the `rest` of the map, and beside what is alike
`elsewhere` in the picture, is held against what good pictures have: limits are conformal like the score's (Vovk et al.
2005), and where one of the two is not exceeded, the cause explains the score.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from xad_agent.answer import Verdict
from xad_agent.calibration import Calibration
from xad_agent.detectors.base import AnomalyMap
from xad_agent.media.picture import Picture
from xad_agent.picture_profile import PictureProfile

TRIALS = ("rest", "elsewhere")
CAUSES = ("brightness", "contrast", "sharpness", "noise", "blockiness", "rim")


@dataclass(frozen=True)
class Refutation:
    """What was tried to disprove what a picture's score says, and how it came out.

    Attributes:
        figures: What was measured of the picture, see `PictureProfile.figures`.
        limit: Of the score.
        trials: For each of `TRIALS`, what good pictures have.
        causes: Those of `CAUSES` in which the picture is beyond all good ones.
        verdict: "anomalous" where the score is above its limit and stands; where it is explained, "normal", but
            "uncertain" where half of the picture is stranger than the limit, for then it is too much changed to be
            judged. A score below is "normal", but "uncertain" where both trials are above their limits: then the
            strongest candidate is as exceptional in its picture as a defect.
    """

    figures: Mapping[str, float]
    limit: float
    trials: Mapping[str, Calibration]
    causes: tuple[str, ...]
    verdict: Verdict

    def exceeds(self, trial: str) -> bool:
        """Whether one of `TRIALS` is above its limit."""
        return self.figures[trial] > self.trials[trial].threshold()


def try_to_refute(picture: Picture, found: AnomalyMap, profile: PictureProfile) -> Refutation:
    """Look for what would disprove what a picture's score says.

    Args:
        picture: The one in question.
        found: What the profile's detector says of it.
        profile: What is normal.
    """
    figures, usual, limit = profile.figures(picture, found), profile.usual, profile.calibration.threshold()
    trials = {name: Calibration(usual[name], level=0.0, alpha=profile.calibration.alpha) for name in TRIALS}
    causes = tuple(name for name in CAUSES if not usual[name][0] <= figures[name] <= usual[name][-1])
    tried = Refutation(figures, limit, trials, causes, "normal")
    exceptional = all(map(tried.exceeds, TRIALS))
    if found.score > limit and (exceptional or not causes):
        return replace(tried, verdict="anomalous")
    unsure = figures["whole"] > limit if found.score > limit else exceptional
    return replace(tried, verdict="uncertain") if unsure else tried
