"""The files that masks of clips are published in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError, reason
from xad_agent.eval.layout import read_mask


@dataclass(frozen=True)
class MaskFiles:
    """One picture a frame; what is not black is anomalous."""

    paths: tuple[Path, ...]

    def read(self, wanted: range) -> Iterator[np.ndarray | None]:
        """See `Masks`."""
        return (read_mask(self.paths[frame]) for frame in wanted)


@dataclass(frozen=True)
class ObjectMasks:
    """Pictures of some frames, the grey value of a pixel being the number of the object it belongs to.

    Attributes:
        paths: Frame -> its picture.
        objects: Frame -> the numbers of the objects that are anomalous then; other numbers do not count.
    """

    paths: Mapping[int, Path]
    objects: Mapping[int, Sequence[int]]

    def read(self, wanted: range) -> Iterator[np.ndarray | None]:
        """See `Masks`."""
        for frame in wanted:
            numbers = self.numbers(frame) if frame in self.objects else None
            yield None if numbers is None else np.isin(numbers, list(self.objects[frame]))

    def numbers(self, frame: int) -> np.ndarray:
        """The number of the object at each pixel, uint8 (H, W)."""
        from PIL import Image

        if (path := self.paths.get(frame)) is None:
            raise XadError(f"the picture of frame {frame} is missing, though a track says that it shows an object")
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("L"))
        except (OSError, ValueError) as error:
            raise XadError(f"{path}: the mask cannot be read ({reason(error)}); fetch it again") from error


@dataclass(frozen=True)
class ArrayMasks:
    """One .npy of shape (T, H, W), bool or numbers, of which only the frames asked for are loaded."""

    path: Path

    @property
    def length(self) -> int:
        """How many frames it has."""
        return len(self._array())

    def read(self, wanted: range) -> Iterator[np.ndarray | None]:
        """See `Masks`."""
        array = self._array()
        return (array[frame] != 0 for frame in wanted)

    def _array(self) -> np.ndarray:
        array = load_array(self.path)
        if array.ndim != 3:
            raise XadError(f"{self.path}: has shape {array.shape}; a clip's masks must be of (frames, height, width)")
        return array


def load_array(path: Path) -> np.ndarray:
    """A .npy of numbers or booleans, mapped rather than loaded; XadError where it is none."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise XadError(f"{path}: not an array of numbers ({reason(error)}); fetch it again") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise XadError(f"{path}: holds {getattr(array, 'dtype', 'several arrays')}; numbers or booleans are needed")
    return array


@dataclass(frozen=True)
class CellMasks:
    """One .mat (before version 7.3) with the cell `volLabel`, a matrix (H, W) for each frame, as Avenue has it.

    scipy reads the whole cell at once: 230 kB a frame of Avenue.
    """

    path: Path

    @property
    def length(self) -> int:
        """How many frames it has, by its header."""
        from scipy.io import whosmat

        shapes = {name: shape for name, shape, kind in self._told(whosmat) if kind == "cell"}
        if "volLabel" not in shapes:
            raise XadError(f"{self.path}: has no cell volLabel; fetch Avenue's ground truth again")
        return int(np.prod(shapes["volLabel"]))

    def read(self, wanted: range) -> Iterator[np.ndarray | None]:
        """See `Masks`."""
        from scipy.io import loadmat

        cells = self._told(lambda path: loadmat(path, variable_names=["volLabel"])["volLabel"]).ravel()
        return (np.asarray(cells[frame]) != 0 for frame in wanted)

    def _told(self, read: Callable[[str], Any]) -> Any:
        try:
            return read(str(self.path))
        except Exception as error:  # scipy's reader raises whatever a damaged file makes it stumble over
            raise XadError(f"{self.path}: not a MATLAB file of masks ({reason(error)}); fetch it again") from error
