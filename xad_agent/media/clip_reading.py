"""Reading clips of every common kind into `Clip`: video files, folders of frames, arrays, and frames one by one."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from xad_agent.errors import XadError, clean
from xad_agent.media.clip import DEFAULT_FPS, Clip, numbered
from xad_agent.media.clip_finding import Found, find_clips, frames_in, grouped, named_clips
from xad_agent.media.frame_names import numbering
from xad_agent.media.picture import Picture
from xad_agent.media.reading import Source, told
from xad_agent.media.stills import Frames, Stills, spooled
from xad_agent.media.video import Video

ClipSource: TypeAlias = "str | Path | np.ndarray | Sequence[Source] | Iterable[Source] | Clip"


def read_clip(source: ClipSource, *, fps: float | None = None, name: str | None = None) -> Clip:
    """Read one clip; anything of at least one frame (what is too short to judge is for a detector to say).

    Args:
        source: A video file; a folder of frames; an array (T, H, W, 3) RGB or (T, H, W), uint8 or floats 0 to 1; a list
            of frames, each a picture file or an array; an iterator of such frames, which are laid down in a temporary
            file; a `Clip`, returned as it is. Arrays are not copied: leave them as they are.
        fps: Frames a second; else what the file says, or 10 where nothing does.
        name: What to call it; else the file's or folder's name, cleaned of control characters.

    Raises:
        XadError: One line on what is wrong with it: missing, empty, not a video, without a video stream or a frame that
            can be decoded, a folder without frames, an array of another shape or scale, an fps that is not above 0.
    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise XadError(f"fps is {fps}: it must be a number above 0", exit_code=2)
    if isinstance(source, Clip):
        if fps is not None:
            raise XadError(f"{source.name} has {source.fps:.6g} fps already: give fps where it is read from its source")
        return source if name is None else replace(source, name=clean(name))
    if isinstance(source, str | Path):
        path, shown = Path(source), clean(str(Path(source)), 200)
        with told(shown):
            sources = _frames_of(path, shown) if path.is_dir() else None
        if name is None:
            name = path.name if path.name.strip(".") else path.resolve().name
        title = clean(name)
        return _read_video(path, shown, title, fps) if sources is None else _read_stills(sources, shown, title, fps)
    title = clean("clip" if name is None else name)
    if isinstance(source, np.ndarray):
        if source.ndim not in (3, 4) or (source.ndim == 3 and source.shape[2] in (1, 3, 4)):
            raise XadError(f"{title} has shape {source.shape}: (T, H, W, 3) or (T, H, W) is needed, T frames")
        return _read_stills(source, title, title, fps)
    if isinstance(source, bytes | dict | Picture) or not isinstance(source, Iterable):
        raise XadError(f"cannot read a {type(source).__name__} as a clip: give a path, an array, or a list of frames")
    return _read_stills(source if isinstance(source, Sequence) else spooled(source, title), title, title, fps)


def read_clips(source: "ClipSource | Iterable[ClipSource]") -> Iterator[tuple[Path | int, Clip | XadError]]:
    """Read many clips one by one, so that a bad one among them can be named and skipped.

    Args:
        source: What `find_clips` takes; an array or `Clip`; a list of any of these.

    Yields:
        The video file or folder (or, for what is neither, its place in the list) with its clip, or the error it gave.

    Raises:
        XadError: `source` is a single file, folder or glob, and no clip is there.
    """
    if isinstance(source, str | Path):
        yield from _each(find_clips(source))
        return
    entries: Iterable[Any] = [source] if isinstance(source, np.ndarray | Clip) else source
    named: list[Path] = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, str | Path):
            yield index, _read_or_error(entry)
            continue
        try:
            named += named_clips(entry)
        except XadError as error:
            yield Path(entry), error
    yield from _each(grouped(named))


def _each(found: Iterable[Found]) -> Iterator[tuple[Path, Clip | XadError]]:
    for clip in found:
        if isinstance(clip, Path):
            yield clip, _read_or_error(clip)
        else:
            folder = clip[0].parent
            yield folder, _read_or_error(clip, folder.resolve().name)


def _read_or_error(source: Any, name: str | None = None) -> Clip | XadError:
    try:
        return read_clip(source, name=name)
    except XadError as error:
        return error


def _read_video(path: Path, shown: str, name: str, fps: float | None) -> Clip:
    reel = Video(path, shown, fps)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    (width, height), (rate, times, _) = reel.size, reel.timing
    return Clip(name, width, height, rate, reel.count, sha256, reel, times)


def _frames_of(folder: Path, shown: str) -> list[Path]:
    if frames := frames_in(folder):
        return frames
    inside = "other clips: name one of them" if _holds_clips(folder) else "neither pictures nor videos"
    raise XadError(f"{shown} is not a folder of frames, it holds {inside}")


def _holds_clips(folder: Path) -> bool:
    try:
        return bool(find_clips(folder))
    except XadError:
        return False


def _read_stills(sources: Frames, shown: str, name: str, fps: float | None) -> Clip:
    reel = Stills(sources, shown)
    names = [Path(source) for source in sources if isinstance(source, str | Path)]
    numbers = numbering(names) if len(names) == len(sources) else None
    if numbers is not None and len(numbers.missing):
        reel.note(f"{numbered('frame number', numbers.missing)} {'are' if len(numbers.missing) > 1 else 'is'} missing")
    if fps is None:
        fps = DEFAULT_FPS
        reel.note(f"fps not known, taken as {fps:g}")
    places = np.array(reel.kept) if numbers is None else numbers.places[reel.kept]
    times = None if (np.diff(places) == 1).all() else (places - places[0]) / fps
    return Clip(name, *reel.size, fps, len(reel.kept), reel.sha256, reel, times)
