"""What is true of a test clip: which frames are anomalous, where in them, and which tracks its anomalies follow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.clip_metrics import Tracks
from xad_agent.eval.clip_tracks import Linking, Patch, patch_of
from xad_agent.eval.layout import SUFFIXES
from xad_agent.media.frame_names import natural_order


class Masks(Protocol):
    """Where the masks of a clip's frames are read from; each pass reads them again."""

    def read(self, wanted: range) -> Iterator[np.ndarray | None]:
        """The mask of each frame `wanted`, bool (H, W), one in memory at a time; None where nothing is marked."""


@dataclass(frozen=True)
class LabelledClip:
    """One test clip.

    Attributes:
        name: The name of its folder or video file.
        path: The folder of its frames, or the video file.
        masks: Where its pixels are anomalous; None where only frames are labelled.
        given: Its true tracks, where they are published or written down; else they come from the masks.
        marked: The numbers of its anomalous frames from 0, where they are published; else the masks say, or the tracks.
        length: How many frames are labelled; None where the labels do not say, which the video's frames then do.
        scene: Which camera it is of, in a set of several.
    """

    name: str
    path: Path
    masks: Masks | None = None
    given: Tracks | None = None
    marked: tuple[int, ...] | None = None
    length: int | None = None
    scene: str = ""

    @cached_property
    def frames(self) -> int:
        """How many frames it has."""
        if self.length is not None:
            return self.length
        from xad_agent.media import read_clip

        return read_clip(self.path).count

    @property
    def placed(self) -> bool:
        """Whether it is known where in its frames the anomalies are."""
        return self.masks is not None or self.given is not None

    def patches(self) -> Iterator[Patch | None]:
        """Where each frame is anomalous by its mask, one in memory at a time; there must be masks.

        Raises:
            XadError: A mask is unreadable, or of another size than the first.
        """
        first: tuple[int, ...] | None = None
        for frame, mask in enumerate(self._read(range(self.frames))):
            first = first or (None if mask is None else mask.shape)
            if mask is not None and mask.shape != first:
                raise XadError(
                    f"{self.path}: the mask of frame {frame} is {sized(mask.shape)}, the clip's first is "
                    f"{sized(first)}; give all masks of a clip one size"
                )
            yield None if mask is None else patch_of(mask)

    def mask(self, frame: int) -> np.ndarray | None:
        """Where one frame is anomalous, bool (H, W); None where no mask of it marks anything."""
        return next(self._read(range(frame, frame + 1)))

    def _read(self, wanted: range) -> Iterator[np.ndarray | None]:
        if self.masks is None:
            raise XadError(f"clip {self.name} has no pixel masks: only its frames are labelled")
        return self.masks.read(wanted)

    @cached_property
    def labels(self) -> np.ndarray:
        """Whether each frame is anomalous, bool (T,); XadError where a frame is labelled that the clip does not have."""
        marked = self._marked
        if marked and not 0 <= min(marked) <= max(marked) < self.frames:
            wrong = next(frame for frame in sorted(marked) if not 0 <= frame < self.frames)
            raise XadError(f"clip {self.name}: frame {wrong} is labelled, but its frames are 0 to {self.frames - 1}")
        labels = np.zeros(self.frames, bool)
        labels[list(marked)] = True
        return labels

    @property
    def _marked(self) -> set[int]:
        if self.marked is not None:
            return set(self.marked)
        return self._tracked if self.masks is None else self._by_masks[0]

    @property
    def tracks(self) -> Tracks | None:
        """Its true tracks: those given, else the linked regions of its masks; None where no place is known."""
        if self.given is not None:
            return self.given
        return None if self.masks is None else self._by_masks[1]

    @cached_property
    def _by_masks(self) -> tuple[set[int], Tracks]:
        """The frames that the masks mark, and the tracks of what they mark, in one pass."""
        linking = Linking()
        marked = {frame for frame, patch in enumerate(self.patches()) if linking.add(patch)}
        return marked, linking.tracks

    @property
    def _tracked(self) -> set[int]:
        return {frame for track in (self.tracks or {}).values() for frame in track}

    def disagreements(self) -> int:
        """Frames of which labels, masks and tracks say different things about whether there is an anomaly."""
        labelled = set(np.flatnonzero(self.labels).tolist())
        said = [self._tracked] if self.placed else []
        said += [self._by_masks[0]] if self.masks is not None else []
        return len({frame for one in said for frame in one ^ labelled})


@dataclass(frozen=True)
class ClipSet:
    """What to learn from, and what to test on.

    Attributes:
        name: The folder's name.
        root: The folder.
        layout: Which layout it is in, see `clip_layout`.
        normal: Normal clips of each scene: folders of frames, or video files.
        testing: Test clips.
    """

    name: str
    root: Path
    layout: str
    normal: Mapping[str, tuple[Path, ...]]
    testing: tuple[LabelledClip, ...]

    @property
    def training(self) -> tuple[Path, ...]:
        """The normal clips of all scenes."""
        return tuple(path for paths in self.normal.values() for path in paths)


def clip_folders(folder: Path, needed: str = "a folder of frames for each clip") -> list[Path]:
    """The folders of frames in `folder`, by name.

    Raises:
        XadError: There is none.
    """
    found = sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".") if folder.is_dir() else []
    if not found:
        raise XadError(f"{folder}: no folders of frames there; the layout needs {needed}", exit_code=2)
    return found


def frame_paths(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder, in the order of the numbers in their names.

    Raises:
        XadError: There is none.
    """
    found = files(folder, SUFFIXES)
    if not found:
        raise XadError(f"{folder}: no pictures there; put one per frame (png, jpg, bmp, tiff, webp)")
    return found


def files(folder: Path, suffixes: frozenset[str]) -> tuple[Path, ...]:
    """The files in a folder that have one of these suffixes, in the order of the numbers in their names."""
    if not folder.is_dir():
        return ()
    found = (p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.name[0] != "." and p.is_file())
    return tuple(sorted(found, key=natural_order))


def sized(shape: tuple[int, ...] | None) -> str:
    """Height and width as people say them."""
    return f"{shape[1]} x {shape[0]} px" if shape else "of no size"
