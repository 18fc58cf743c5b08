"""`Case`: one picture under question, and everything measured of it once."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xad_agent.detectors.base import AnomalyMap
from xad_agent.evidence import Event, Evidence, Ledger, Region
from xad_agent.media.picture import Picture
from xad_agent.perception.models import Models
from xad_agent.picture_profile import PictureProfile

if TYPE_CHECKING:
    import numpy as np

    from xad_agent.counterfactual import Repair
    from xad_agent.detectors.zero_shot import ZeroShot
    from xad_agent.matching import Counterparts
    from xad_agent.normals import Normals
    from xad_agent.refutation import Refutation


REFERENCES = 4  # normal pictures that a zero-shot detector is given


class Case:
    """What the tools share while they look at one picture.

    Args:
        picture: The picture asked about.
        profile: What normal looks like; None when no normal example is known. Then the picture is judged by CLIP or
            Grounding DINO with SAM where they are at hand, else compared with itself, and nothing is calibrated.
        ledger: Where the evidence goes; shared by all cases of one conversation.
        models: The models that need a checkpoint; those that `xad models use` chose by default.
    """

    def __init__(self, picture: Picture, profile: PictureProfile | None, ledger: Ledger, models: Models | None = None):
        self.picture = picture
        self.profile = profile
        self.ledger = ledger
        self.models = models or Models()
        self._repairs: dict[tuple[int, ...], Repair | None] = {}

    def take_over(self, other: object) -> None:
        """Take over what another case measured of the same picture by a profile like this, whatever its alpha."""
        if not isinstance(other, Case) or other.media != self.media:
            return
        if self.profile and self.profile.like(other.profile) and "anomaly_map" in vars(other):
            self.anomaly_map = other.anomaly_map

    @property
    def shown(self) -> Picture:
        """What is asked about."""
        return self.picture

    @property
    def media(self) -> str:
        """sha256 of what is asked about."""
        return self.picture.sha256

    @property
    def detector(self) -> str:
        """What judges it, and what that leaves out to be quick."""
        name = self.anomaly_map.detector
        return f"{name} ({self.zero_shot.mode})" if self.profile is None and self.zero_shot.mode else name

    @property
    def used(self) -> dict[str, str]:
        """What judged it, by itself and beside, and which checkpoints were at hand."""
        second = self.profile is not None and any(entry.tool == "zero_shot" for entry in self.ledger)
        beside = {"second opinion": f"{self.zero_shot.name} ({self.zero_shot.mode})"} if second else {}
        return {"detector": self.detector, **beside, **self.models.specs}

    @property
    def events(self) -> tuple[Event, ...]:
        """A picture has none."""
        return ()

    @property
    def label_scores(self) -> dict[str, float]:
        """What `name` and `find` call things in the picture, with their highest scores, as far as they were called."""
        scores: dict[str, float] = {}
        for entry in self.ledger:
            if entry.media == self.media and entry.kind == "observation":
                scores |= {label: max(score, scores.get(label, 0.0)) for label, score in entry.labels.items()}
        return scores

    @cached_property
    def anomaly_map(self) -> AnomalyMap:
        """The picture's map and score: by the profile's detector, else by the best that needs no normal picture."""
        if self.profile is not None:
            return self.profile.examine(self.picture)
        return self.zero_shot.score(self.picture)

    @cached_property
    def zero_shot(self) -> "ZeroShot":
        """What judges without a profile, or gives a second opinion."""
        from xad_agent.detectors.zero_shot import zero_shot_detector

        return zero_shot_detector(self.models, self.good(REFERENCES))

    def good(self, most: int) -> list[Picture]:
        """Normal pictures, the same ones for every picture, at most so many; none without a profile."""
        if self.profile is None:
            return []
        return [self.profile.exemplar(index) for index in range(min(self.profile.exemplars, most))]

    @cached_property
    def refutation(self) -> "Refutation | None":
        """What would disprove what the score says, and the verdict after that; None without a profile."""
        if self.profile is None:
            return None
        from xad_agent.refutation import try_to_refute

        return try_to_refute(self.picture, self.anomaly_map, self.profile)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """Anomalous places, most salient first; empty when the picture passes."""
        from xad_agent.regions import by_salience

        return by_salience(self.found, self.anomaly_map, self.normals.contrast) if self.found else ()

    @cached_property
    def overlay(self) -> "np.ndarray":
        """The picture under its map, the regions numbered, as evidence shows it: RGB uint8, see `media.overlay`."""
        from xad_agent.media.overlay import overlay

        calibration = self.profile.calibration if self.profile is not None else None
        return overlay(self.picture, self.anomaly_map, calibration, self.regions)

    @cached_property
    def candidate(self) -> Region:
        """The most salient place: the first region or, where the picture passes, what to look at first all the same."""
        from xad_agent.regions import find_candidate

        if self.regions:
            return self.regions[0]
        return find_candidate(self.anomaly_map, self.picture, self.normals.contrast)

    @cached_property
    def normals(self) -> "Normals":
        """The nearest normal pictures."""
        from xad_agent.normals import Normals

        return Normals(self.picture, self.profile, self.found)

    @property
    def nearest_normal(self) -> Picture | None:
        """The normal picture that looks most like it; None without a profile."""
        return next(iter(self.normals.nearest.values()), None)

    @cached_property
    def counterparts(self) -> "Counterparts":
        """What the regions look like on the nearest normal pictures."""
        from xad_agent.matching import Counterparts

        return Counterparts(self.normals, self.regions)

    def repaired(self, numbers: Sequence[int]) -> "Repair | None":
        """The picture with normal content in those regions, counted from 1; None where none fits, or none is known."""
        from xad_agent.counterfactual import repair_regions

        if self.profile is None:
            return None
        if (chosen := tuple(numbers)) not in self._repairs:
            limit = self.profile.calibration.threshold()
            made = repair_regions(self.picture, chosen, self.counterparts, self.profile.examine, limit)
            self._repairs[chosen] = made
        return self._repairs[chosen]

    @cached_property
    def found(self) -> tuple[Region, ...]:
        """The anomalous places as the map alone has them, strongest first; empty when the picture passes."""
        from xad_agent.regions import find_regions

        if self.refutation is not None and self.refutation.verdict != "anomalous":
            return ()
        calibration = self.profile.calibration if self.profile is not None else None
        return tuple(find_regions(self.anomaly_map, self.picture, calibration))

    def measured(self, tool: str, arguments: dict[str, Any]) -> Evidence | None:
        """What the tool has already measured of this picture with these arguments; None when it has not."""
        return self.ledger.find(tool, arguments, self.media)

    def region(self, number: int) -> Region | None:
        """Region `number`, counted from 1; None when there are fewer."""
        return self.regions[number - 1] if 1 <= number <= len(self.regions) else None
