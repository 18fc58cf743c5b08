"""KolektorSDD2's layout.

    DIR/train/<stem>.png, <stem>_GT.png     pictures to learn from with their masks; only those with a black mask are
    DIR/test/<stem>.png, <stem>_GT.png      pictures to test on; good where the mask is black

Source: Bozic et al., "Mixed supervision for surface-defect detection", Computers in Industry 2021.
"""

from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval.samples import GOOD, Category, Sample, in_order, pictures_in, read_mask

LAYOUT = "KSDD2"
FORM = "train/<stem>.png with <stem>_GT.png, test likewise"
DEFECT = "defect"
_MARK = "_GT"


def is_ksdd2(root: Path) -> bool:
    """Whether a folder has masks beside its pictures."""
    return any(next((root / part).glob(f"*{_MARK}.png"), None) for part in ("train", "test"))


def read_ksdd2(root: Path, learn: bool) -> Category:
    """A set in KolektorSDD2's layout.

    Args:
        root: Its folder.
        learn: Whether there must be normal pictures to learn from; without, train/ is not looked at.

    Raises:
        XadError: A part is empty, a mask is missing, unreadable or of another size, or no training picture is good.
    """
    train = _samples(root / "train", "pictures to learn from") if learn else []
    normal = tuple(sample.path for sample in train if not sample.defective)
    if learn and not normal:
        raise XadError(
            f"{root / 'train'}: every picture has a defect in its mask; there is nothing normal to learn from"
        )
    left = len(train) - len(normal)
    notes = (f"{left} training pictures with defects were not learned from",) if left else ()
    test = in_order(_samples(root / "test", "pictures to test on"))
    return Category(root.resolve().name, root, normal, test, LAYOUT, notes)


def _samples(folder: Path, purpose: str) -> list[Sample]:
    return [_sample(path) for path in pictures_in(folder, purpose) if _MARK not in path.stem]


def _sample(path: Path) -> Sample:
    mask = path.with_name(f"{path.stem}{_MARK}.png")
    if not mask.is_file():
        raise XadError(f"{path}: its mask {mask.name} is missing; put it beside the picture, or take the picture out")
    return Sample(path, DEFECT, mask) if read_mask(mask).any() else Sample(path, GOOD, None)
