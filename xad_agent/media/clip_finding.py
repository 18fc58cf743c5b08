"""Telling clips from pictures, and finding them in folders, globs and lists."""

import glob
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

import numpy as np

from xad_agent.errors import XadError, clean
from xad_agent.media.clip import Clip
from xad_agent.media.frame_names import natural_order, numbering
from xad_agent.media.reading import SUFFIXES, read_pixels, told
from xad_agent.media.scaling import resize
from xad_agent.media.video_file import VIDEO_KINDS

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".flv", ".wmv",
    ".asf", ".ogv", ".3gp", ".mxf", ".dv", ".mjpg", ".mjpeg", ".h264", ".264", ".h265", ".265", ".hevc", ".apng",
)  # fmt: skip
Found: TypeAlias = Path | list[Path]

# Of 22 clips of Ped2 the ratio is 0.14 to 0.22, of 7 numbered collections of MVTec AD 0.83 to 1.12.
_CHANGE_RATIO = 0.5
_PAIRS = 8


def find_clips(source: str | Path | Iterable[str | Path]) -> list[Found]:
    """The clips that a folder, a glob, a file or a list of these stands for.

    A folder holds as clips its video files and what is in its sub-folders; one without video files that holds pictures
    is itself one clip, a folder of frames. Pictures that a glob or a list names are frames, of one clip for each folder
    they are in. Within a folder, a glob and a clip the order is natural (9 before 10); what is hidden does not count.

    Returns:
        For each clip its video file, its folder of frames, or the list of its frames.

    Raises:
        XadError: Nothing is there, or no clip is in it.
    """
    sources = [source] if isinstance(source, str | Path) else source
    return grouped(path for entry in sources for path in named_clips(entry))


def named_clips(source: str | Path) -> list[Path]:
    """What one name stands for, as `find_clips` says, the frames that a glob names being listed one by one."""
    path, shown = Path(source), clean(str(source), 200)
    with told(shown):
        if path.is_dir():
            found = _clips_below(path)
        elif path.exists():
            return [path]
        else:
            matches = sorted(map(Path, glob.glob(str(source), recursive=True)), key=natural_order)
            if not matches:
                raise XadError(f"no such file or folder: {shown}")
            found = [clip for match in matches for clip in _clips_below(match)]
    if not found:
        raise XadError(f"no clips in {shown} (looked for {VIDEO_KINDS}, and for folders of pictures)")
    return found


def grouped(paths: Iterable[Path]) -> list[Found]:
    """The paths, none twice, with the pictures of each folder put together in natural order where the first stood."""
    found: dict[Path, Found] = {}
    for path in dict.fromkeys(paths):
        if not _is_picture(path) or is_video(path):
            found[path] = path
        elif isinstance(frames := found.setdefault(path.parent, []), list):
            frames.append(path)
    return [sorted(clip, key=natural_order) if isinstance(clip, list) else clip for clip in found.values()]


def is_clip(source: object) -> bool:
    """Whether this is a clip rather than a picture or a collection of pictures; little is read, and nothing raised.

    Clips are: a `Clip`; a video file, told by its suffix; an animated GIF; an array (T, H, W, 3) or (T, H, W);
    a folder of numbered pictures. Where these are more than 8, they must also change less from one to the next than
    from one to any other, as the frames of a recording do, and those of a numbered collection do not.
    """
    if isinstance(source, np.ndarray):
        return source.ndim == 4 or (source.ndim == 3 and source.shape[2] not in (1, 3, 4))
    if not isinstance(source, str | Path):
        return isinstance(source, Clip)
    path = Path(source)
    try:
        return _is_recording(frames_in(path)) if path.is_dir() else is_video(path)
    except (OSError, ValueError, XadError):
        return False


def holds_clips(source: object) -> bool:
    """Whether what is to be learned from is clips: one, a list of them, or a folder or glob whose first is one.

    An array (N, H, W, 3) is taken as N pictures; clips as arrays come in a list.
    """
    if not isinstance(source, np.ndarray) and is_clip(source):
        return True
    if isinstance(source, list | tuple):
        return any(is_clip(entry) or holds_clips(entry) for entry in source[:1])
    if not isinstance(source, str | Path):
        return False
    try:
        first = find_clips(source)[0]
    except XadError:  # what is wrong with it is for reading to say
        return False
    return isinstance(first, Path) and is_clip(first)


def is_video(path: Path) -> bool:
    """Whether a file has the suffix of a video, or is an animated GIF."""
    from PIL import Image

    if path.suffix.lower() != ".gif":
        return path.suffix.lower() in VIDEO_SUFFIXES
    try:
        with path.open("rb") as file, Image.open(file, formats=["GIF"]) as image:
            return bool(getattr(image, "is_animated", False))
    except (OSError, ValueError, SyntaxError):  # what is wrong with it is for reading to say
        return False


def frames_in(folder: Path) -> list[Path]:
    """The pictures directly in a folder, in natural order, without hidden ones."""
    return sorted(filter(_is_picture, _visible(folder)), key=natural_order)


def _clips_below(path: Path) -> list[Path]:
    """The video files and folders of frames that a path is or holds; a picture stands for itself."""
    if not path.is_dir():
        return [path] if _is_picture(path) or is_video(path) else []
    entries = _visible(path)
    videos = [entry for entry in entries if entry.is_file() and is_video(entry)]
    if not videos and any(map(_is_picture, entries)):
        return [path]
    folders = [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
    return [clip for entry in sorted(videos + folders, key=natural_order) for clip in _clips_below(entry)]


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _is_recording(frames: list[Path]) -> bool:
    numbers = numbering(frames)
    if numbers is None or len(numbers.missing) > len(frames):
        return False
    if len(frames) <= _PAIRS:
        return True
    starts = np.linspace(0, len(frames) - 2, _PAIRS).astype(int)
    first, second = ([_thumbnail(frames[n]) for n in places] for places in (starts, starts + 1))
    to_next = np.mean([np.abs(a - b).mean() for a, b in zip(first, second, strict=True)])
    to_others = np.mean([np.abs(a - b).mean() for a, b in combinations(first, 2)])
    return bool(to_next <= _CHANGE_RATIO * to_others)


def _thumbnail(path: Path) -> np.ndarray:
    return resize(read_pixels(path)[0], (64, 64)).astype(np.float32)
