"""What is true of a test clip: which frames are anomalous, where in them, and which tracks its anomalies follow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from xad_agent.errors import XadError, reason
from xad_agent.eval.clip_metrics import Tracks
from xad_agent.eval.clip_tracks import Linking, Patch, patch_of
from xad_agent.eval.layout import SUFFIXES, Sample, check_size
from xad_agent.media.frame_names import natural_order

_Value = TypeVar("_Value")


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
        masks: Where its pixels are anomalous; None where only frames are labelled, or nothing is anomalous.
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
    def masked(self) -> bool:
        """Whether each of its pixels is known to be anomalous or not."""
        return self.masks is not None or self.marked == ()

    @cached_property
    def kind(self) -> str:
        """Whether anything in it is anomalous: "anomalous", "normal", or "unreadable" where its labels cannot tell."""
        try:
            return "anomalous" if self.labels.any() else "normal"
        except XadError:  # told when the clip's turn comes
            return "unreadable"

    def patches(self, shape: tuple[int, int] | None = None) -> Iterator[Patch | None]:
        """Where each frame is anomalous, one in memory at a time.

        Args:
            shape: Height and width that the masks must have; None for those of the first.

        Raises:
            XadError: It is not `masked`, or a mask is unreadable or of another size than the first.
        """
        first: tuple[int, ...] | None = shape
        for frame, mask in enumerate(self._read(range(self.frames))):
            first = first or (None if mask is None else mask.shape)
            if mask is not None and mask.shape != first:
                whose = "the frames are" if shape else "the clip's first is"
                raise XadError(
                    f"{self.path}: the mask of frame {frame} is {sized(mask.shape)}, {whose} {sized(first)}; give all "
                    "masks of a clip its size"
                )
            yield None if mask is None else patch_of(mask)

    def mask(self, frame: int) -> np.ndarray | None:
        """Where one frame is anomalous, bool (H, W); None where no mask of it marks anything."""
        return next(self._read(range(frame, frame + 1)))

    def _read(self, wanted: range) -> Iterator[np.ndarray | None]:
        if self.masks is not None:
            return self.masks.read(wanted)
        if not self.masked:
            raise XadError(f"clip {self.name} has no pixel masks: only its frames are labelled")
        return (None for _ in wanted)

    @cached_property
    def labels(self) -> np.ndarray:
        """Whether each frame is anomalous, bool (T,); XadError where a frame is labelled that is not there."""
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
        return self._by_masks[1] if self.masked else None

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
        said = [] if self.tracks is None else [self._tracked]
        said += [] if self.masks is None else [self._by_masks[0]]
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


def masks_of(frames: Path, folder: Path) -> tuple[Path, ...]:
    """The mask of each frame of a folder, from another folder, in the same order.

    Raises:
        XadError: There is not one for each frame, or the first is of another size.
    """
    if not folder.is_dir():
        raise XadError(f"{folder}: no such folder; put the masks of {frames} there, one per frame, black where normal")
    shown, masks = frame_paths(frames), frame_paths(folder)
    if len(shown) != len(masks):
        raise XadError(
            f"{folder}: {len(masks)} masks for the {len(shown)} frames of {frames}{_odd_one(shown, masks)}; there must "
            "be one mask per frame, in the same order"
        )
    check_size(Sample(shown[0], frames.name, masks[0]))
    return masks


def _odd_one(frames: tuple[Path, ...], masks: tuple[Path, ...]) -> str:
    named = {path.stem for path in masks}
    missing = [path.name for path in frames if path.stem not in named]
    return f" (none is named like {missing[0]})" if 0 < len(missing) < len(frames) else ""


def clip_set(root: Path, layout: str, normal: Mapping[str, Sequence[Path]], testing: Sequence[LabelledClip]) -> ClipSet:
    """The set of these clips; XadError where there is nothing to learn from or nothing to test on."""
    missing = "normal clips to learn from" if not any(normal.values()) else "" if testing else "clips to test on"
    if missing:
        raise XadError(f"{root}: no {missing} there, though it is laid out like {layout}", exit_code=2)
    return ClipSet(root.resolve().name, root, layout, {k: tuple(v) for k, v in normal.items()}, tuple(testing))


def told(path: Path, read: Callable[[str], _Value]) -> _Value:
    """What is read from a text file; XadError where it cannot be."""
    try:
        return read(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise XadError(f"{path}: cannot be read as labels ({reason(error)}); fetch it again") from error


def read_rows(columns: int, separator: str | None, numbers: int) -> Callable[[str], list[list[str]]]:
    """A reader of lines of so many cells, of which the last so many must be numbers."""

    def rows(text: str) -> list[list[str]]:
        found = [[cell.strip() for cell in line.split(separator)] for line in text.splitlines() if line.strip()]
        if wrong := next((row for row in found if len(row) != columns), None):
            raise ValueError(f"a line has {len(wrong)} columns, not {columns}")
        for row in found:
            np.array(row[-numbers:], float)
        return found

    return rows
