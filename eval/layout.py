"""Reading data sets of pictures, in whichever of the published layouts they are."""

from collections.abc import Callable
from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval.layouts import ksdd2, loco, mvtec, pairs, visa
from xad_agent.eval.samples import GOOD, SUFFIXES, Category, Sample, check_size, read_mask

__all__ = ["GOOD", "SUFFIXES", "Category", "Sample", "check_size", "read_category", "read_layout", "read_mask"]

# In this order, since a folder of the later ones can look like one of the earlier: the most particular first.
_LAYOUTS: tuple[tuple[str, str, Callable[[Path], bool], Callable[[Path, bool], Category]], ...] = (
    (loco.LAYOUT, loco.FORM, loco.is_loco, loco.read_loco),
    (mvtec.BTAD_LAYOUT, mvtec.BTAD_FORM, mvtec.is_btad, mvtec.read_btad),
    (ksdd2.LAYOUT, ksdd2.FORM, ksdd2.is_ksdd2, ksdd2.read_ksdd2),
    (visa.LAYOUT, visa.FORM, visa.is_visa, visa.read_visa),
    (mvtec.LAYOUT, mvtec.FORM, mvtec.is_mvtec, mvtec.read_mvtec),
    (pairs.LAYOUT, pairs.FORM, pairs.is_pairs, pairs.read_pairs),
)


def read_layout(directory: str | Path, *, learn: bool = True) -> tuple[Category, ...]:
    """The categories in a folder: the folder itself, or each of its subfolders that is in a known layout.

    Masks are looked for, and their size compared with the picture's (from the file headers), before anything is scored.

    Args:
        directory: The folder.
        learn: Whether there must be normal pictures to learn from; without, train/ is not looked at.

    Raises:
        XadError: The folder is missing or in no known layout, or as the module of its layout says.
    """
    root = Path(directory)
    if not root.is_dir():
        raise XadError(f"{root}: no such folder; name one with a data set in it: {_known()}", exit_code=2)
    if read := _reader(root):
        return (read(root, learn),)
    below = [(path, reader) for path in sorted(root.iterdir()) if path.is_dir() and (reader := _reader(path))]
    if not below:
        raise XadError(f"{root}: neither it nor a folder in it is in a layout that is known: {_known()}", exit_code=2)
    return tuple(read(path, learn) for path, read in below)


def read_category(directory: str | Path, *, learn: bool = True) -> Category:
    """The one category in a folder; XadError as `read_layout` says, or where there are several."""
    categories = read_layout(directory, learn=learn)
    if len(categories) > 1:
        names = ", ".join(category.name for category in categories)
        raise XadError(f"{directory}: holds several categories ({names}); name one of them", exit_code=2)
    return categories[0]


def _reader(root: Path) -> Callable[[Path, bool], Category] | None:
    return next((read for _, _, fits, read in _LAYOUTS if fits(root)), None)


def _known() -> str:
    return "; ".join(f"{name} ({form})" for name, form, _, _ in _LAYOUTS)
