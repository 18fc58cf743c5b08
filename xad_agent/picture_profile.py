"""`PictureProfile`: what normal pictures look like."""

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.defaults import STEPS
from xad_agent.detectors.base import AnomalyMap
from xad_agent.errors import XadError
from xad_agent.looks import look_at
from xad_agent.media import Picture, find_pictures, read_picture, read_pictures
from xad_agent.media.scaling import shrink
from xad_agent.profile import DEFAULT_BACKBONE, Profile, backbone_of, check_alpha, check_detectors, name_of
from xad_agent.profile_store import Stored, arrays_below, read_folder, write_folder
from xad_agent.progress import Progress, followed, part
from xad_agent.wording import number, numbers

if TYPE_CHECKING:
    from xad_agent.detectors.patchcore import PatchCore

EXEMPLARS = 300
EXEMPLAR_SIDE = 512
FIGURES = frozenset(("rest", "elsewhere", "whole", "rim", "brightness", "contrast", "sharpness", "noise", "blockiness"))
_SIZED = 40
_READ = 0.3  # of the time of a fit


class PictureProfile(Profile):
    """What normal pictures look like, with everything a tool needs to contrast a picture with it.

    Attributes:
        name, calibration, skipped: See `Profile`.
        detector: Scores pictures.
        usual: Of good pictures, by name the values of what `figures` measures, ascending: of maps as if those had not
            been learned from, of looks those of the exemplars.
    """

    kind = "picture"

    def __init__(
        self,
        name: str,
        detector: "PatchCore",
        calibration: Calibration,
        exemplars: Sequence[Picture],
        summaries: np.ndarray,
        usual: dict[str, np.ndarray],
        fitted: int,
        skipped: dict[str, str],
    ):
        self.name, self.detector, self.calibration = name, detector, calibration
        self.usual = {name: np.sort(values) for name, values in usual.items()}
        self.skipped, self._fitted = skipped, fitted
        self._exemplars, self._summaries = exemplars, summaries

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
    ) -> "PictureProfile":
        """Learn from normal pictures; see `Profile.fit`. There is one detector, and nothing to go on from."""
        check_alpha(alpha)
        check_detectors(detectors, ())
        if zones is not None:
            raise XadError("zones are places of a camera's view, and these are pictures: leave them out", exit_code=2)
        from xad_agent.detectors.patchcore import PatchCore
        from xad_agent.detectors.patches import working_side
        from xad_agent.perception.backbone import load_backbone

        source = _Source(normal, seed, part(progress, 0, _READ))
        network = load_backbone(backbone)
        try:
            side = working_side(source.sizes() or [(1, 1)])
            detector, fitted = PatchCore.fit(source, network, side, seed, part(progress, _READ, 1))
        except XadError as error:
            first = next((f"; {reason}" for reason in source.skipped.values()), "")
            raise XadError(f"{error} ({len(source.skipped)} could not be used{first})") from error
        calibration = Calibration.from_maps(fitted.scores, fitted.values, alpha)
        kept = sorted(source.kept)
        exemplars, summaries = [source.kept[index] for index in kept], fitted.summaries[kept]
        looks = [look_at(exemplar) for exemplar in exemplars]
        usual = {**fitted.figures, **{name: np.array([look[name] for look in looks]) for name in looks[0]}}
        count = len(fitted.summaries)
        return cls(name_of(normal), detector, calibration, exemplars, summaries, usual, count, source.skipped)

    @property
    def fitted(self) -> int:
        """How many pictures it was fitted on."""
        return self._fitted

    @property
    def exemplars(self) -> int:
        """How many normal pictures it keeps, at most 300."""
        return len(self._exemplars)

    def examine(self, picture: Picture) -> AnomalyMap:
        """The picture's map and score; XadError where it is too small."""
        return self.detector.score(picture)

    def figures(self, picture: Picture, found: AnomalyMap) -> dict[str, float]:
        """What tells a defect from a harmless change of the whole picture: `PatchCore.figures`, and its `look_at`.

        Args:
            picture: The one asked about.
            found: What `examine` says of it.
        """
        return {**self.detector.figures(picture, found), **look_at(shrink(picture, EXEMPLAR_SIDE))}

    def exemplar(self, index: int) -> Picture:
        """A normal picture, at most 512 px long; IndexError where `index` is not in [0, exemplars)."""
        return self._exemplars[index]

    def nearest_pictures(self, picture: Picture, k: int) -> list[int]:
        """Indices of the k exemplars that look most like the picture as a whole, nearest first."""
        distances = np.linalg.norm(self._summaries - self.detector.summary(picture), axis=1)
        return [int(index) for index in np.argsort(distances, kind="stable")[:k]]

    def rules(self) -> tuple[str, ...]:
        """What is normal here: what good pictures score, up to which limit, and how bright they are."""
        low, high = (float(score) for score in np.percentile(self.calibration.scores, [5, 95]))
        least, most, limit = numbers(low, high, self.calibration.threshold())
        bright = np.percentile([_brightness(self.exemplar(index)) for index in range(self.exemplars)], [5, 95]).tolist()
        return (
            f"Good pictures mostly score {least} to {most}; what scores above {limit} is not normal, with false alarms "
            f"of {number(100 * self.calibration.alpha, '%')}.",
            "They mostly have a mean brightness of {} to {} % of white.".format(*numbers(*bright)),
        )

    def summary(self) -> str:
        """One or two sentences for people: how many pictures, the threshold, and what to be wary of."""
        calibration = self.calibration
        pictures = "1 normal picture" if self.fitted == 1 else f"{self.fitted:,} normal pictures"
        text = (
            f"Profile {self.name}: fitted on {pictures}; threshold {calibration.threshold():.3g} "
            f"for {100 * calibration.alpha:.3g} % false alarms."
        )
        if not calibration.reliable:
            text += (
                f" With so few pictures false alarms may be as frequent as 1 in {calibration.n + 1}; "
                f"{int(np.ceil(1 / calibration.alpha)) - 1} are needed for {100 * calibration.alpha:.3g} %."
            )
        if self.skipped:
            text += f" Skipped {len(self.skipped)} that could not be used: {', '.join(list(self.skipped)[:3])}."
        return text

    def save(self, directory: str | Path) -> None:
        """Write the profile as a folder: all of it, or, where that fails or is stopped, nothing.

        Raises:
            XadError: The folder cannot be written, or is there and is no profile.
        """
        settings, arrays = self.detector.state()
        backbone = self.detector.backbone
        calibration = self.calibration
        stored = Stored(
            name=self.name,
            backbone=backbone.spec,
            fingerprint=backbone.fingerprint,
            detector={"name": self.detector.name, **settings},
            alpha=calibration.alpha,
            level=calibration.level,
            floor=calibration.floor,
            fitted=self.fitted,
            skipped=self.skipped,
            exemplars=[picture.name for picture in self._exemplars],
        )
        usual = {f"usual.{name}": values for name, values in self.usual.items()}
        tensors = {**arrays, **usual, "scores": calibration.scores, "summaries": self._summaries}
        write_folder(Path(directory), stored, tensors, [picture.pixels for picture in self._exemplars])

    @classmethod
    def load(cls, directory: str | Path) -> "PictureProfile":
        """Read a saved profile of pictures; see `Profile.load`."""
        folder = Path(directory)
        stored, tensors, pictures, _ = read_folder(folder)
        from xad_agent.detectors.patchcore import PatchCore

        backbone = backbone_of(stored, folder)
        try:
            scores, summaries = tensors.pop("scores"), tensors.pop("summaries")
            usual = arrays_below("usual.", tensors)
            if set(usual) != FIGURES:
                raise KeyError("figures of good pictures")
            detector = PatchCore.from_state(stored.detector, tensors, backbone)
            calibration = Calibration(scores, stored.level, stored.floor, stored.alpha)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise XadError(f"the profile {folder} is damaged ({error}): fit it again") from error
        return cls(stored.name, detector, calibration, pictures, summaries, usual, stored.fitted, stored.skipped)


class _Source:
    """The normal pictures one by one; keeps a random few of them small, and notes what cannot be used."""

    def __init__(self, normal: Any, seed: int, progress: Progress):
        self.kept: dict[int, Picture] = {}
        self.skipped: dict[str, str] = {}
        self._entries, self._progress = _entries(normal), progress
        self._random = random.Random(seed)

    def sizes(self) -> list[tuple[int, int]]:
        """(height, width) of a random few of the pictures."""
        few = self._random.sample(self._entries, min(_SIZED, len(self._entries)))
        read = [picture for _, picture in read_pictures(few)]
        return [(picture.height, picture.width) for picture in read if isinstance(picture, Picture)]

    def __iter__(self) -> Iterator[Picture]:
        from xad_agent.detectors.patches import check_size

        pictures = read_pictures(self._entries)
        index = 0
        for place, read in followed(pictures, len(self._entries), "learning normal", self._progress):
            try:
                if isinstance(read, XadError):
                    raise read
                check_size(read)
            except XadError as error:
                self.skipped[str(place)] = str(error)
                continue
            self._keep(index, read)
            index += 1
            yield read

    def _keep(self, index: int, picture: Picture) -> None:
        """Reservoir sampling: every picture has the same chance to be an exemplar."""
        if len(self.kept) == EXEMPLARS:
            drawn = self._random.randrange(index + 1)
            if drawn >= EXEMPLARS:
                return
            del self.kept[list(self.kept)[drawn]]
        self.kept[index] = _small(picture)


def _entries(normal: Any) -> list[Any]:
    """Each picture's file, or the picture itself; XadError where a single file, folder or glob is not there."""
    if isinstance(normal, str | Path):
        return list(find_pictures(normal))
    if isinstance(normal, np.ndarray):
        return list(normal) if normal.ndim == 4 else [normal]
    if not isinstance(normal, Iterable):
        return [normal]
    return [entry for part in normal for entry in _expanded(part)]


def _expanded(part: Any) -> list[Any]:
    if not isinstance(part, str | Path):
        return [part]
    try:
        return list(find_pictures(part))
    except XadError:
        return [part]  # it is skipped and named when it is read


def _brightness(picture: Picture) -> float:
    """Mean over pixels and channels, % of white."""
    return float(picture.pixels.mean()) / 2.55


def _small(picture: Picture) -> Picture:
    import cv2

    scale = EXEMPLAR_SIDE / max(picture.height, picture.width)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return read_picture(cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA), name=picture.name)
