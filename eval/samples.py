"""What a data set of pictures is made of: test pictures with their masks, in categories."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from xad_agent.errors import XadError

GOOD = "good"
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
_EXIF_ORIENTATION = 274


@dataclass(frozen=True)
class Sample:
    """One test picture.

    Attributes:
        path: The picture's file.
        kind: "good", or the type of its defect.
        mask_path: The mask's file, or the folder of its masks; None where there is none.
    """

    path: Path
    kind: str
    mask_path: Path | None

    @property
    def name(self) -> str:
        """What results call it: "scratch/003.png"."""
        return f"{self.kind}/{self.path.name}"

    @property
    def defective(self) -> bool:
        """Whether it shows a defect."""
        return self.kind != GOOD

    @property
    def mask_files(self) -> tuple[Path, ...]:
        """The files its mask is in."""
        return () if self.mask_path is None else (self.mask_path,)

    def mask(self, height: int, width: int) -> np.ndarray:
        """Where the defect is, booleans of shape (height, width): every pixel of the mask's files that is not black.

        Raises:
            XadError: A file is unreadable, of another size, or all black.
        """
        mask = np.zeros((height, width), dtype=bool)
        for path in self.mask_files:
            part = read_mask(path)
            if part.shape != mask.shape:
                raise _wrong_size(self, path, (part.shape[1], part.shape[0]), (width, height))
            if not part.any():
                raise XadError(f"{path}: the mask marks no pixel; mend it, or take {self.name} out of the set")
            mask |= part
        return mask


@dataclass(frozen=True)
class Category:
    """One kind of product: what to learn from and what to test on.

    Attributes:
        name: The folder's name.
        root: The folder.
        normal: Training pictures, in the order of their names; none where nothing is to be learned.
        test: Test pictures, "good" first, then by type and name.
        layout: Whose layout of folders it has: "MVTec", "VisA" ...
        notes: What had to be decided in reading it, for the result to say.
    """

    name: str
    root: Path
    normal: tuple[Path, ...]
    test: tuple[Sample, ...]
    layout: str
    notes: tuple[str, ...] = ()


def pictures_in(folder: Path, purpose: str) -> list[Path]:
    """The pictures directly in a folder, by name; XadError, naming what for, where there is none."""
    found = []
    if folder.is_dir():
        found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    if not found:
        raise XadError(f"{folder}: no {purpose}; put some there (png, jpg, bmp, tiff, webp)")
    return sorted(found)


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, by name, without hidden ones; none where it is not there."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def in_order(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Test pictures, good ones first, then by type and name; the size of each mask is compared with its picture's.

    Raises:
        XadError: See `check_size`.
    """
    ordered = tuple(sorted(samples, key=lambda sample: (sample.defective, sample.kind, sample.path)))
    for sample in ordered:
        check_size(sample)
    return ordered


def check_size(sample: Sample) -> None:
    """Compare a mask's size with its picture's, from the file headers; XadError where they differ.

    A picture that cannot be read is left to the scoring, which counts it as failed and goes on.
    """
    if not sample.mask_files:
        return
    picture = size_of(sample.path)
    for path in sample.mask_files if picture else ():
        try:
            mask = _size(path)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise _unreadable(path, error) from error
        if mask != picture:
            raise _wrong_size(sample, path, mask, picture)


def size_of(path: Path) -> tuple[int, int] | None:
    """(width, height) of a picture as it is looked at, from the file's header; None where it cannot be read."""
    try:
        return _size(path)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        width, height = image.size
        turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    return (height, width) if turned else (width, height)


def read_mask(path: Path) -> np.ndarray:
    """A mask's file as booleans (H, W), true where it is not black; XadError where it cannot be read."""
    return read_levels(path).astype(bool)


def read_levels(path: Path) -> np.ndarray:
    """A mask's file as its grey levels (H, W), of a colour the highest channel; XadError where it cannot be read."""
    try:
        with Image.open(path) as image:
            if image.mode in ("1", "L", "I", "F") or image.mode.startswith("I;"):
                return np.asarray(image)
            return np.asarray(image.convert("RGB")).max(axis=2)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> XadError:
    return XadError(f"{path}: the mask cannot be read ({error}); write it again as a png, black where normal")


def _wrong_size(sample: Sample, path: Path, mask: tuple[int, int], picture: tuple[int, int] | None) -> XadError:
    width, height = picture or (0, 0)
    return XadError(
        f"{path}: the mask is {mask[0]} x {mask[1]} px, its picture {sample.path} is {width} x {height}; give it a "
        "mask of the picture's own size"
    )
