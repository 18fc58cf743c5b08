"""Reading sets of clips in the layout of UCSD Ped2 as it is kept here.

    DIR/training/frames/<clip>/*    frames of normal clips to learn from
    DIR/testing/frames/<clip>/*     frames of clips to test on
    DIR/testing/masks/<clip>/*      their masks, one per frame in the same order; what is not black is anomalous
    DIR/tracks.json                 optional: [{"video": "<clip>", "boxes": [[frame, x0, y0, x1, y1], ...]}, ...],
                                    frames from 0, x1 and y1 exclusive; a clip that it does not name gets its tracks
                                    from its masks

Frames come in the order of the numbers in their names.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.clip_metrics import Box, Tracks
from xad_agent.eval.clip_tracks import tracks_from_masks
from xad_agent.eval.layout import SUFFIXES, Sample, check_size, read_mask
from xad_agent.media.frame_names import natural_order

LAYOUT = "training/frames/<clip>/*, testing/frames/<clip>/*, testing/masks/<clip>/*"


@dataclass(frozen=True)
class LabelledClip:
    """One test clip.

    Attributes:
        name: The folder's name.
        folder: The folder of its frames.
        mask_paths: The mask of each frame.
        given: Its tracks where tracks.json has them, else None.
    """

    name: str
    folder: Path
    mask_paths: tuple[Path, ...]
    given: Tracks | None = None

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.mask_paths)

    def masks(self) -> Iterator[np.ndarray]:
        """Where each frame is anomalous, bool (H, W), one in memory at a time.

        Raises:
            XadError: A mask is unreadable, or of another size than the first.
        """
        first: tuple[int, ...] | None = None
        for path in self.mask_paths:
            mask = read_mask(path)
            first = first or mask.shape
            if mask.shape != first:
                raise XadError(
                    f"{path}: the mask is {mask.shape[1]} x {mask.shape[0]} px, the clip's first is {first[1]} x "
                    f"{first[0]}; give all masks of a clip one size"
                )
            yield mask

    @cached_property
    def labels(self) -> np.ndarray:
        """Whether each frame is anomalous: its mask marks a pixel; bool (T,)."""
        return np.array([mask.any() for mask in self.masks()])

    @cached_property
    def tracks(self) -> Tracks:
        """Its true tracks: those given, else the linked regions of its masks."""
        return tracks_from_masks(self.masks()) if self.given is None else self.given

    def disagreements(self) -> int:
        """Frames of which the masks and the tracks say different things about whether there is an anomaly."""
        tracked = {frame for track in self.tracks.values() for frame in track}
        return len(tracked ^ set(np.flatnonzero(self.labels).tolist()))


@dataclass(frozen=True)
class ClipSet:
    """What to learn from, and what to test on.

    Attributes:
        name: The folder's name.
        root: The folder.
        training: Folders of normal clips.
        testing: Test clips.
    """

    name: str
    root: Path
    training: tuple[Path, ...]
    testing: tuple[LabelledClip, ...]


def read_clip_set(directory: str | Path) -> ClipSet:
    """The set of clips in a folder; masks are counted here and read later.

    Raises:
        XadError: The folder or a part of its layout is missing, a clip has not one mask per frame or its first one is
            of another size, or tracks.json is damaged or names frames that are not there.
    """
    root = Path(directory)
    if not root.is_dir():
        raise XadError(f"{root}: no such folder; name one with {LAYOUT} in it", exit_code=2)
    if not (root / "testing").is_dir():
        raise XadError(f"{root}: has no folder testing; the layout must be {LAYOUT}", exit_code=2)
    training = clip_folders(root / "training" / "frames")
    tests = clip_folders(root / "testing" / "frames")
    masks = {folder: _masks_of(folder, root / "testing" / "masks" / folder.name) for folder in tests}
    given = read_tracks(root / "tracks.json", {folder.name: len(paths) for folder, paths in masks.items()})
    clips = tuple(LabelledClip(folder.name, folder, masks[folder], given.get(folder.name)) for folder in tests)
    return ClipSet(root.resolve().name, root, tuple(training), clips)


def clip_folders(folder: Path) -> list[Path]:
    """The folders of frames in `folder`, by name.

    Raises:
        XadError: There is none.
    """
    found = sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".") if folder.is_dir() else []
    if not found:
        raise XadError(f"{folder}: no folders of frames there; the layout must be {LAYOUT}", exit_code=2)
    return found


def frame_paths(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder, in the order of the numbers in their names.

    Raises:
        XadError: There is none.
    """
    found = (
        [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != "."] if folder.is_dir() else []
    )
    if not found:
        raise XadError(f"{folder}: no pictures there; put one per frame (png, jpg, bmp, tiff, webp)")
    return tuple(sorted(found, key=natural_order))


def _masks_of(frames: Path, folder: Path) -> tuple[Path, ...]:
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


def read_tracks(path: Path, frames: dict[str, int]) -> dict[str, dict[str, dict[int, Box]]]:
    """Tracks of each clip that the file names, of those in `frames`; the file may name clips that are not here."""
    if not path.is_file():
        return {}
    clips: dict[str, dict[str, dict[int, Box]]] = {}
    try:
        for number, track in enumerate(json.loads(path.read_text("utf-8"))):
            boxes = {
                int(frame): (float(x0), float(y0), float(x1), float(y1)) for frame, x0, y0, x1, y1 in track["boxes"]
            }
            clips.setdefault(str(track["video"]), {})[str(number)] = boxes
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise XadError(
            f'{path}: not a list of tracks {{"video": ..., "boxes": [[frame, x0, y0, x1, y1], ...]}} ({reason}); mend '
            "it, or remove it to take the tracks from the masks"
        ) from error
    here = {name: tracks for name, tracks in clips.items() if name in frames}
    for name, tracks in here.items():
        _check_tracks(path, name, tracks, frames[name])
    return here


def _check_tracks(path: Path, clip: str, tracks: dict[str, dict[int, Box]], frames: int) -> None:
    for boxes in tracks.values():
        outside = [frame for frame in boxes if not 0 <= frame < frames]
        if outside or not boxes:
            what = f"names frame {outside[0]}" if outside else "has a track without boxes"
            raise XadError(f"{path}: clip {clip} {what}; its frames are 0 to {frames - 1}")
