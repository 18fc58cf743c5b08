"""What every detector gives (`AnomalyMap`) and can do (`Detector`)."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from xad_agent.errors import XadError
from xad_agent.media.picture import Picture


@dataclass(frozen=True, eq=False)
class AnomalyMap:
    """Where a picture is unusual, in the detector's own unit (larger is stranger).

    Attributes:
        values: float32 (H, W) of the original picture.
        score: The picture's score, in the detector's unit; what the calibration is about.
        detector: Name of the detector.
    """

    values: np.ndarray
    score: float
    detector: str

    def check_finite(self, name: str) -> None:
        """XadError, naming what it is the map of, where a value or the score is not finite."""
        if not (np.isfinite(self.values).all() and np.isfinite(self.score)):
            raise XadError(f"{name}: the detector {self.detector} gave values that are not finite")


class Detector(Protocol):
    """Learns normal, then says how far a picture is from it."""

    name: str

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and the score of one picture of any size and aspect ratio."""
        ...

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What to save: JSON-able settings, and arrays for safetensors."""
        ...
