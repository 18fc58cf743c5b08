"""The verdict that is left after what would disprove it was tried."""

import numpy as np
import pytest

from tests.normal import NormalProfile, examine, picture, texture
from xad_agent.detectors.base import AnomalyMap
from xad_agent.media import Picture
from xad_agent.refutation import CAUSES, TRIALS, try_to_refute

USUAL = {name: np.linspace(0, 1, 99) for name in (*TRIALS, *CAUSES, "whole")}


class Measured(NormalProfile):
    """A profile of which good pictures have every figure from 0 to 1, and the one asked about those given."""

    def __init__(self, **figures: float):
        super().__init__()
        self.usual = USUAL
        self.given = {**dict.fromkeys(USUAL, 0.5), **figures}

    def figures(self, asked: Picture, found: AnomalyMap) -> dict[str, float]:
        return getattr(self, "given", {**super().figures(asked, found)})


@pytest.mark.parametrize(
    ("times", "figures", "verdict"),
    [
        (2.0, {"rest": 2, "elsewhere": 2}, "anomalous"),  # no cause, and an exception in its picture
        (2.0, {"rest": 0.5, "elsewhere": 0.5}, "anomalous"),  # no cause: nothing to explain it by
        (2.0, {"rest": 2, "elsewhere": 2, "sharpness": -1}, "anomalous"),  # a cause that does not explain it
        (2.0, {"rest": 0.5, "elsewhere": 2, "sharpness": -1}, "normal"),
        (2.0, {"rest": 2, "elsewhere": 0.5, "brightness": 3}, "normal"),
        (2.0, {"rest": 0.5, "elsewhere": 0.5, "rim": 3}, "normal"),
        (2.0, {"rest": 0.5, "elsewhere": 0.5, "noise": 3, "whole": 99}, "uncertain"),  # too much changed
        (2.0, {"rest": 2, "elsewhere": 2, "noise": 3, "whole": 99}, "anomalous"),
        (0.5, {}, "normal"),
        (0.5, {"sharpness": -1}, "normal"),
        (0.5, {"rest": 2}, "normal"),
        (0.5, {"rest": 2, "elsewhere": 2}, "uncertain"),  # an exception in its picture, yet below the limit
        (1.0, {"rest": 0.5, "elsewhere": 0.5}, "normal"),  # the limit itself
    ],
)
def test_verdicts(times: float, figures: dict[str, float], verdict: str) -> None:
    profile = Measured(**figures)
    found = AnomalyMap(np.zeros((8, 8)), times * profile.calibration.threshold(), "given")
    tried = try_to_refute(picture(texture(0)), found, profile)
    assert tried.verdict == verdict
    assert tried.limit == profile.calibration.threshold()


def test_causes_are_what_no_good_picture_has() -> None:
    asked = picture(texture(0))
    for name in CAUSES:
        for value, beyond in ((-0.01, True), (0.0, False), (1.0, False), (1.01, True)):
            tried = try_to_refute(asked, examine(asked), Measured(**{name: value}))
            assert tried.causes == ((name,) if beyond else ())


def test_limits_are_conformal() -> None:
    asked = picture(texture(0))
    tried = try_to_refute(asked, examine(asked), Measured(rest=0.955))
    assert tried.trials["rest"].threshold() == pytest.approx(USUAL["rest"][94])  # 95 of 100, for an alpha of 5 %
    assert not tried.exceeds("rest")
