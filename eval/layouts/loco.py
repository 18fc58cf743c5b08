"""MVTec LOCO's layout, where a picture has a mask for each of its defects, and each defect an area that is enough.

    DIR/train/good/*, DIR/validation/good/*     normal pictures; those of validation are learned from too
    DIR/test/good/*                             normal pictures to test on
    DIR/test/{logical,structural}_anomalies/*   defective pictures
    DIR/ground_truth/<type>/<stem>/000.png ...  their masks, one for each defect, of one grey level
    DIR/defects_config.json                     of each grey level the defect's name and its saturation:
                                                [{defect_name, pixel_value, saturation_threshold, relative_saturation}]

Source: Bergmann et al., "Beyond Dents and Scratches", IJCV 2022.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError, reason
from xad_agent.eval.samples import GOOD, Category, Sample, folders_in, in_order, pictures_in, read_levels
from xad_agent.eval.saturated import Defect

LAYOUT = "MVTec LOCO"
FORM = "train/good, test/logical_anomalies, ground_truth/<type>/<stem>/000.png, defects_config.json"
LOGICAL, STRUCTURAL = "logical_anomalies", "structural_anomalies"
_CONFIG = "defects_config.json"


@dataclass(frozen=True)
class Saturation:
    """From which area on a defect counts as found whole.

    Attributes:
        name: Of the defect.
        threshold: In px or, where relative, as a share of the defect's area in (0, 1].
        relative: Which of the two.
    """

    name: str
    threshold: float
    relative: bool

    def area(self, defect: int) -> int:
        """The area in px for a defect of `defect` px, at least 1: as MVTec's own evaluation rounds and bounds it."""
        return max(1, int(self.threshold * defect) if self.relative else min(int(self.threshold), defect))


@dataclass(frozen=True)
class LocoSample(Sample):
    """One test picture with a mask for each defect.

    Attributes:
        files: The masks' files.
        saturations: By grey level.
    """

    files: tuple[Path, ...]
    saturations: Mapping[int, Saturation]

    @property
    def mask_files(self) -> tuple[Path, ...]:
        """The files its masks are in."""
        return self.files

    def defects(self) -> tuple[Defect, ...]:
        """Its defects; XadError where a mask is unreadable, of no or several grey levels, or of an unknown one."""
        return tuple(self._defect(path) for path in self.files)

    def _defect(self, path: Path) -> Defect:
        levels = read_levels(path)
        values = [int(value) for value in np.unique(levels) if value]
        if len(values) != 1:
            raise XadError(f"{path}: the mask has {len(values)} grey levels besides black; a mask shows one defect")
        if values[0] not in self.saturations:
            raise XadError(f"{path}: {_CONFIG} has no entry of pixel_value {values[0]}; add it")
        saturation, mask = self.saturations[values[0]], levels.astype(bool)
        return Defect(saturation.name, mask, saturation.area(int(np.count_nonzero(mask))))


def is_loco(root: Path) -> bool:
    """Whether a folder has MVTec LOCO's kinds of defects, or says when they count as found."""
    return (root / _CONFIG).is_file() or any((root / "test" / kind).is_dir() for kind in (LOGICAL, STRUCTURAL))


def read_loco(root: Path, learn: bool) -> Category:
    """A category in MVTec LOCO's layout; every mask is read, so that none has a defect which the config leaves out.

    Raises:
        XadError: The config cannot be read, a part is empty, or a mask is missing, unreadable, of another size than its
            picture, of several grey levels, or of one without an entry in the config.
    """
    saturations = _saturations(root / _CONFIG)
    normal = []
    if learn:
        normal = pictures_in(root / "train" / GOOD, "normal pictures to learn from")
        if (root / "validation" / GOOD).is_dir():
            normal += pictures_in(root / "validation" / GOOD, "normal pictures to learn from")
    samples = [
        _sample(root, folder.name, path, saturations)
        for folder in folders_in(root / "test")
        for path in pictures_in(folder, "pictures to test on")
    ]
    if not samples:
        raise XadError(f"{root / 'test'}: no test pictures; put normal ones into test/good, defective ones beside it")
    test = in_order(samples)
    for sample in samples:
        sample.defects()
    return Category(root.resolve().name, root, tuple(normal), test, LAYOUT)


def _sample(root: Path, kind: str, path: Path, saturations: Mapping[int, Saturation]) -> LocoSample:
    if kind == GOOD:
        return LocoSample(path, kind, None, (), saturations)
    folder = root / "ground_truth" / kind / path.stem
    files = tuple(sorted(folder.glob("*.png")))
    if not files:
        raise XadError(f"{path}: its masks are missing; put 000.png and on into {folder}, or take the picture out")
    return LocoSample(path, kind, folder, files, saturations)


def _saturations(path: Path) -> dict[int, Saturation]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise XadError(f"{path}: cannot be read ({reason(error)}); it must say when each defect is found") from error
    if not isinstance(entries, list):
        raise XadError(f"{path}: must be a list of entries, one for each defect")
    return dict(_saturation(path, number, entry) for number, entry in enumerate(entries, start=1))


def _saturation(path: Path, number: int, entry: Any) -> tuple[int, Saturation]:
    try:
        value, threshold, relative = (entry[k] for k in ("pixel_value", "saturation_threshold", "relative_saturation"))
        saturation = Saturation(str(entry["defect_name"]), float(threshold), bool(relative))
        fits = 1 <= int(value) <= 255 and 0 < saturation.threshold <= (1 if saturation.relative else np.inf)
    except (KeyError, TypeError, ValueError) as error:
        raise XadError(f"{path}: entry {number} is not whole ({type(error).__name__}: {error})") from error
    if not fits:
        raise XadError(
            f"{path}: entry {number} has pixel_value {value} and saturation_threshold {threshold}; they must be in 1 "
            "to 255, and above 0 and, where relative_saturation, at most 1"
        )
    return int(value), saturation
