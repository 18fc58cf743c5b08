"""The clip as a video that every browser plays, with or without what is tracked in it; written once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.media import write_clip
from xad_agent.media.drawing import fitted
from xad_agent.media.filmstrip import annotated

_LEAST, _MOST = 640, 1280  # px, of the longer side


def film(case: ClipCase, marked: bool, folder: Path, tell: Callable[[int], None]) -> Path:
    """The video, from its folder where it was written before.

    Args:
        case: The clip, as it is judged.
        marked: Whether everything tracked and the events are drawn in it.
        folder: Where it is kept, under what it depends on.
        tell: Is told the number of each frame that is drawn next; what it raises ends the writing.

    Raises:
        XadError: The clip cannot be read any more, or the video cannot be written.
    """
    clip = case.clip
    judged = case.profile.fingerprint[:16] if case.profile else "itself"
    path = folder / f"{clip.sha256[:16]}-{judged if marked else 'bare'}.mp4"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        side = min(max(clip.width, clip.height, _LEAST), _MOST)
        frames = annotated(case, side) if marked else (fitted(pixels, side) for pixels in clip.frames())
        write_clip(path, _told(frames, tell), clip.fps, clip.times)
    return path


def _told(frames: Iterator[np.ndarray], tell: Callable[[int], None]) -> Iterator[np.ndarray]:
    for number, pixels in enumerate(frames):
        tell(number)
        yield pixels
