"""Reading data sets in MVTec's folder layout.

    DIR/train/good/*            normal pictures to learn from
    DIR/test/good/*             normal pictures to test on
    DIR/test/<type>/*           defective pictures
    DIR/ground_truth/<type>/*   their masks, <stem>_mask.png or <stem>.png

Source: Bergmann et al., "MVTec AD", CVPR 2019.
"""

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
        kind: Its folder: "good", or the type of its defect.
        mask_path: The mask's file; None when the picture is good.
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
        return self.mask_path is not None

    def mask(self, height: int, width: int) -> np.ndarray:
        """Where the defect is, booleans of shape (height, width): every pixel of the mask's file that is not black.

        Raises:
            XadError: The file is unreadable, of another size, or all black.
        """
        if self.mask_path is None:
            return np.zeros((height, width), dtype=bool)
        mask = read_mask(self.mask_path)
        if mask.shape != (height, width):
            raise _wrong_size(self, (mask.shape[1], mask.shape[0]), (width, height))
        if not mask.any():
            raise XadError(f"{self.mask_path}: the mask marks no pixel; mend it, or take {self.name} out of test/")
        return mask


@dataclass(frozen=True)
class Category:
    """One kind of product: what to learn from and what to test on.

    Attributes:
        name: The folder's name.
        root: The folder.
        normal: Training pictures, in the order of their names; none where nothing is to be learned.
        test: Test pictures, "good" first, then by type and name.
    """

    name: str
    root: Path
    normal: tuple[Path, ...]
    test: tuple[Sample, ...]


def read_layout(directory: str | Path, *, learn: bool = True) -> tuple[Category, ...]:
    """The categories in a folder: the folder itself, or each of its subfolders that has train/ or test/.

    Masks are looked for, and their size compared with the picture's (from the file headers), before anything is scored.

    Args:
        directory: The folder.
        learn: Whether there must be normal pictures to learn from; without, train/ is not looked at.

    Raises:
        XadError: The folder, train/good, test/ or a mask is missing, or a mask has another size than its picture.
    """
    root = Path(directory)
    if not root.is_dir():
        raise XadError(f"{root}: no such folder; name one with train/good, test and ground_truth in it", exit_code=2)
    roots = [root] if _is_category(root) else sorted(path for path in root.iterdir() if _is_category(path))
    if not roots:
        raise XadError(
            f"{root}: neither it nor a folder in it has train/good and test; the layout must be MVTec's: "
            "train/good/*, test/<type>/*, ground_truth/<type>/*_mask.png",
            exit_code=2,
        )
    return tuple(_read_category(path, learn) for path in roots)


def read_category(directory: str | Path, *, learn: bool = True) -> Category:
    """The one category in a folder; XadError as `read_layout` says, or where there are several."""
    categories = read_layout(directory, learn=learn)
    if len(categories) > 1:
        names = ", ".join(category.name for category in categories)
        raise XadError(f"{directory}: holds several categories ({names}); name one of them", exit_code=2)
    return categories[0]


def _is_category(path: Path) -> bool:
    return (path / "train").is_dir() or (path / "test").is_dir()


def _read_category(root: Path, learn: bool) -> Category:
    normal = tuple(_pictures(root / "train" / GOOD, "normal pictures to learn from")) if learn else ()
    tests = root / "test"
    kinds = sorted((path.name for path in _folders(tests)), key=lambda kind: (kind != GOOD, kind))
    samples = [_sample(root, kind, path) for kind in kinds for path in _pictures(tests / kind, "pictures to test on")]
    if not samples:
        raise XadError(f"{tests}: no test pictures; put normal ones into test/good, defective ones into test/<type>")
    for sample in samples:
        check_size(sample)
    return Category(root.resolve().name, root, normal, tuple(samples))


def _folders(tests: Path) -> list[Path]:
    if not tests.is_dir():
        return []
    return [path for path in tests.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _pictures(folder: Path, purpose: str) -> list[Path]:
    found = []
    if folder.is_dir():
        found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    if not found:
        raise XadError(f"{folder}: no {purpose}; put some there (png, jpg, bmp, tiff, webp)")
    return sorted(found)


def _sample(root: Path, kind: str, path: Path) -> Sample:
    if kind == GOOD:
        return Sample(path, kind, None)
    folder = root / "ground_truth" / kind
    for name in (f"{path.stem}_mask.png", f"{path.stem}.png"):
        if (folder / name).is_file():
            return Sample(path, kind, folder / name)
    raise XadError(f"{path}: its mask is missing; put {path.stem}_mask.png into {folder}, or take the picture out")


def check_size(sample: Sample) -> None:
    """Compare a mask's size with its picture's, from the file headers; XadError where they differ.

    A picture that cannot be read is left to the scoring, which counts it as failed and goes on.
    """
    if sample.mask_path is None:
        return
    try:
        picture = _size(sample.path)
    except (OSError, ValueError, Image.DecompressionBombError):
        return
    try:
        mask = _size(sample.mask_path)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(sample.mask_path, error) from error
    if mask != picture:
        raise _wrong_size(sample, mask, picture)


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        width, height = image.size
        turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    return (height, width) if turned else (width, height)


def read_mask(path: Path) -> np.ndarray:
    """A mask's file as booleans (H, W), true where it is not black; XadError where it cannot be read."""
    try:
        with Image.open(path) as image:
            if image.mode in ("1", "L", "I", "F") or image.mode.startswith("I;"):
                return np.asarray(image).astype(bool)
            return np.asarray(image.convert("RGB")).max(axis=2).astype(bool)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> XadError:
    return XadError(f"{path}: the mask cannot be read ({error}); write it again as a png, black where normal")


def _wrong_size(sample: Sample, mask: tuple[int, int], picture: tuple[int, int]) -> XadError:
    return XadError(
        f"{sample.mask_path}: the mask is {mask[0]} x {mask[1]} px, its picture {sample.path} is {picture[0]} x "
        f"{picture[1]}; give it a mask of the picture's own size"
    )
