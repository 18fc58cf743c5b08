"""Reading sets of labelled clips: ours, and those in which sets are published (see `clip_published`).

Ours, called "folders", is that of UCSD Ped2 as it is kept here:
    DIR/training/frames/<clip>/*    frames of normal clips to learn from
    DIR/testing/frames/<clip>/*     frames of clips to test on
    DIR/testing/masks/<clip>/*      their masks, one per frame in the same order; what is not black is anomalous
    DIR/tracks.json                 optional: [{"video": "<clip>", "boxes": [[frame, x0, y0, x1, y1], ...]}, ...],
                                    frames from 0, x1 and y1 exclusive; a clip that it does not name gets its tracks
                                    from its masks

Frames come in the order of the numbers in their names.
"""

import json
from collections.abc import Callable
from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval import clip_published as published
from xad_agent.eval.clip_masks import MaskFiles
from xad_agent.eval.clip_metrics import Box
from xad_agent.eval.clip_truth import ClipSet, LabelledClip, clip_folders, masks_of
from xad_agent.eval.clip_ubnormal import is_ubnormal, read_ubnormal

LAYOUT = "training/frames/<clip>/*, testing/frames/<clip>/*, testing/masks/<clip>/*"

_READERS: dict[str, tuple[Callable[[Path], bool], Callable[[Path], ClipSet]]] = {
    "ubnormal": (is_ubnormal, read_ubnormal),
    "avenue": (published.is_avenue, published.read_avenue),
    "shanghaitech": (published.is_shanghaitech, published.read_shanghaitech),
    "street-scene": (published.is_street_scene, published.read_street_scene),
    "ucsd": (published.is_ucsd, published.read_ucsd),
}


def is_clip_set(directory: str | Path) -> bool:
    """Whether a folder is laid out like a set of clips."""
    root = Path(directory)
    return (root / "testing").is_dir() or any(is_it(root) for is_it, _ in _READERS.values())


def read_clip_set(directory: str | Path) -> ClipSet:
    """The set of clips in a folder, whichever layout it is in; masks are counted here and read later.

    Raises:
        XadError: The folder or a part of its layout is missing, a clip has not one label per frame or its first mask is
            of another size, or a file of labels is damaged or names frames that are not there.
    """
    root = Path(directory)
    if not root.is_dir():
        raise XadError(f"{root}: no such folder; name one with {LAYOUT} in it, or {published.LAYOUTS}", exit_code=2)
    for is_it, read in _READERS.values():
        if is_it(root):
            return read(root)
    if not (root / "testing").is_dir():
        raise XadError(
            f"{root}: has no folder testing; the layout must be {LAYOUT}, or {published.LAYOUTS}", exit_code=2
        )
    return _read_folders(root)


def _read_folders(root: Path) -> ClipSet:
    training = clip_folders(root / "training" / "frames", LAYOUT)
    tests = clip_folders(root / "testing" / "frames", LAYOUT)
    masks = {folder: masks_of(folder, root / "testing" / "masks" / folder.name) for folder in tests}
    given = read_tracks(root / "tracks.json", {folder.name: len(paths) for folder, paths in masks.items()})
    clips = tuple(
        LabelledClip(folder.name, folder, MaskFiles(paths), given.get(folder.name), length=len(paths))
        for folder, paths in masks.items()
    )
    return ClipSet(root.resolve().name, root, "folders", {"": tuple(training)}, clips)


def read_tracks(path: Path, frames: dict[str, int]) -> dict[str, dict[str, dict[int, Box]]]:
    """Tracks of each clip that a file like tracks.json names, of those in `frames`.

    Args:
        path: The file, which may name other clips too; where there is none, no clip has tracks.
        frames: How many frames each clip has.

    Raises:
        XadError: It is damaged, or names frames that are not there.
    """
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
