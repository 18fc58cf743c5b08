"""MVTec's layout, which MPDD and many others share, and BTAD's, which is the same by other names.

    DIR/train/good/*            normal pictures to learn from           BTAD: train/ok
    DIR/test/good/*             normal pictures to test on                    test/ok
    DIR/test/<type>/*           defective pictures                            test/ko
    DIR/ground_truth/<type>/*   their masks, <stem>_mask.png or <stem>.png    <stem>.png or .bmp

Sources: Bergmann et al., "MVTec AD", CVPR 2019; Jezek et al., "MPDD", ICUMT 2021; Mishra et al., "VT-ADL" (BTAD),
ISIE 2021.
"""

from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval.samples import GOOD, Category, Sample, folders_in, in_order, pictures_in

LAYOUT = "MVTec"
BTAD_LAYOUT = "BTAD"
FORM = "train/good, test/<type>, ground_truth/<type>"
BTAD_FORM = "train/ok, test/ok, test/ko, ground_truth/ko"
_BTAD_GOOD = "ok"
_MASKS = (".png", ".bmp", ".tif", ".tiff", ".PNG", ".BMP")


def is_btad(root: Path) -> bool:
    """Whether a folder's good pictures are called ok."""
    return any((root / part / _BTAD_GOOD).is_dir() for part in ("train", "test"))


def is_mvtec(root: Path) -> bool:
    """Whether a folder has pictures to learn from or to test on."""
    return (root / "train").is_dir() or (root / "test").is_dir()


def read_btad(root: Path, learn: bool) -> Category:
    """A category in BTAD's layout; XadError as `read_mvtec` says."""
    return _read(root, learn, _BTAD_GOOD, BTAD_LAYOUT)


def read_mvtec(root: Path, learn: bool) -> Category:
    """A category in MVTec's layout.

    Args:
        root: Its folder.
        learn: Whether there must be normal pictures to learn from; without, train/ is not looked at.

    Raises:
        XadError: train/good, test/ or a mask is missing, or a mask has another size than its picture.
    """
    return _read(root, learn, GOOD, LAYOUT)


def _read(root: Path, learn: bool, good: str, layout: str) -> Category:
    normal = tuple(pictures_in(root / "train" / good, "normal pictures to learn from")) if learn else ()
    folders = folders_in(root / "test")
    samples = [
        Sample(path, GOOD, None) if folder.name == good else Sample(path, folder.name, _mask(root, folder.name, path))
        for folder in folders
        for path in pictures_in(folder, "pictures to test on")
    ]
    if not samples:
        raise XadError(
            f"{root / 'test'}: no test pictures; put normal ones into test/{good}, defective ones into test/<type>"
        )
    return Category(root.resolve().name, root, normal, in_order(samples), layout)


def _mask(root: Path, kind: str, path: Path) -> Path:
    folder = root / "ground_truth" / kind
    for stem in (f"{path.stem}_mask", path.stem):
        for suffix in _MASKS:
            if (folder / f"{stem}{suffix}").is_file():
                return folder / f"{stem}{suffix}"
    raise XadError(f"{path}: its mask is missing; put {path.stem}_mask.png into {folder}, or take the picture out")
