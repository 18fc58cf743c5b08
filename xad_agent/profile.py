"""`Profile`: what normal looks like, learned from normal pictures or clips, saved as a folder."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.defaults import STEPS
from xad_agent.errors import XadError
from xad_agent.media import holds_clips
from xad_agent.perception.zones import Polygon
from xad_agent.profile_store import Stored, kind_of
from xad_agent.progress import Progress

if TYPE_CHECKING:
    from xad_agent.perception.backbone import Backbone

DEFAULT_BACKBONE = "efficientnet-lite0"


class Profile(ABC):
    """What normal looks like, with everything a tool needs to contrast media with it.

    Attributes:
        kind: What it judges: "picture" or "clip".
        name: What to call it, the name of the folder it was fitted from or loaded from.
        calibration: What its scores mean.
        skipped: Normal media that could not be used, with the reason, by their file or place in the list.

    Example:
        >>> profile = Profile.fit("parts/good/")     # doctest: +SKIP
        >>> profile.save("part.profile")             # doctest: +SKIP
    """

    kind: ClassVar[Literal["picture", "clip"]]
    name: str
    calibration: Calibration
    skipped: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """sha256 over its name and its scores of normal media: evidence measured by one with another differs."""
        settings = f"{self.name} {self.calibration.alpha!r} ".encode()
        return hashlib.sha256(settings + np.asarray(self.calibration.scores, dtype=np.float64).tobytes()).hexdigest()

    @classmethod
    def fit(
        cls,
        normal: Any,
        alpha: float = 0.01,
        backbone: str = DEFAULT_BACKBONE,
        seed: int = 0,
        progress: Progress = True,
        detectors: Sequence[str] = (),
        checkpoint: Path | None = None,
        steps: int = STEPS,
        zones: str | Path | None = None,
    ) -> "Profile":
        """Learn from normal pictures or clips; nothing is written, so it may be stopped at any time.

        Args:
            normal: A folder, glob or file, pictures, clips, arrays, or a list of these, all of one kind. 100 or more
                pictures, or 16 or more clips of one camera, are good to have.
            alpha: Share of false alarms, in (0, 1): of pictures, or of stretches of five seconds of clips.
            backbone: See `load_backbone`; of clips it describes what things look like.
            seed: Of every random choice.
            progress: Whether to show bars on stderr; or who is told the share that is done and what is being done, and
                may end it by raising.
            detectors: What to learn besides the usual; of clips "vqunet", which takes minutes to hours.
            checkpoint: A folder in which what was seen in each clip, and that training, are kept, and gone on from.
            steps: How many batches it takes.
            zones: A file that names places of the clips' camera, see `read_zones`.

        Returns:
            A `PictureProfile` or a `ClipProfile`.

        Raises:
            XadError: Nothing could be used, alpha or zones are wrong, or a model's weights cannot be loaded.
        """
        check_alpha(alpha)
        if holds_clips(normal):
            from xad_agent.clip_profile import ClipProfile

            return ClipProfile.fit(normal, alpha, backbone, seed, progress, detectors, checkpoint, steps, zones)
        from xad_agent.picture_profile import PictureProfile

        return PictureProfile.fit(normal, alpha, backbone, seed, progress, detectors, zones=zones)

    @classmethod
    def load(cls, directory: str | Path) -> "Profile":
        """Read a saved profile.

        Raises:
            XadError: It is missing, damaged, changed by hand, of another version, or a model's weights are not to be
                had.
        """
        if kind_of(Path(directory)) == "clips":
            from xad_agent.clip_profile import ClipProfile

            return ClipProfile.load(directory)
        from xad_agent.picture_profile import PictureProfile

        return PictureProfile.load(directory)

    def at(self, alpha: float) -> Self:
        """The same profile with its limits set for another share of false alarms; nothing is learned anew.

        Raises:
            XadError: alpha is not between 0 and 1.
        """
        check_alpha(alpha)
        other = copy(self)
        other.calibration = self.calibration.at(alpha)
        return other

    def like(self, other: "Profile | None") -> bool:
        """Whether another learned the same, whatever its alpha: then both score alike."""
        return other is not None and other.at(self.calibration.alpha).fingerprint == self.fingerprint

    @property
    def zones(self) -> Mapping[str, Polygon]:
        """Places of a camera's view that were named when it was fitted, in shares of width and height."""
        return {}

    @abstractmethod
    def rules(self) -> tuple[str, ...]:
        """What is normal, as sentences for people."""

    @property
    @abstractmethod
    def fitted(self) -> int:
        """How many pictures or clips it was fitted on."""

    @abstractmethod
    def summary(self) -> str:
        """One or two sentences for people: how many, the threshold, and what to be wary of."""

    @abstractmethod
    def save(self, directory: str | Path) -> None:
        """Write the profile as a folder: all of it or, where that fails or is stopped, nothing.

        Raises:
            XadError: The folder cannot be written, or is there and is no profile.
        """


def check_alpha(alpha: float) -> None:
    """XadError unless alpha lies between 0 and 1."""
    if not 0 < alpha < 1:
        raise XadError(f"alpha {alpha} is not between 0 and 1: give the share of false alarms, as 0.01", exit_code=2)


def check_detectors(detectors: Sequence[str], known: Sequence[str]) -> None:
    """XadError when a detector is asked for that this kind of media has not."""
    unknown = [name for name in detectors if name not in known]
    if unknown:
        what = f"there are {', '.join(known)}" if known else "for pictures there is only the usual one"
        raise XadError(f"no detector is called {unknown[0]!r}: {what}", exit_code=2)


def backbone_of(stored: Stored, folder: Path) -> "Backbone":
    """The network that a profile was fitted with; XadError where its weights are not to be had, or are others."""
    from xad_agent.perception.backbone import load_backbone

    backbone = load_backbone(stored.backbone)
    if backbone.fingerprint != stored.fingerprint:
        raise XadError(
            f"the profile {folder} was fitted with other weights of {stored.backbone} than are here: "
            "fit it again, or bring those weights back"
        )
    return backbone


def name_of(normal: Any) -> str:
    """What a profile is called that is fitted on this."""
    if isinstance(normal, list | tuple) and len(normal) == 1:
        normal = normal[0]
    return Path(normal).resolve().name if isinstance(normal, str | Path) else "normal"
