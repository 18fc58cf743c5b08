"""Writing frames as a video file that browsers and players show."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.errors import XadError
from xad_agent.media.reading import clean, reason

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

WRITABLE = (".mp4", ".m4v", ".mov", ".mkv")


def write_clip(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> str:
    """Write frames one by one as H.264, or as MPEG-4 where FFmpeg was built without that encoder.

    An odd width or height is made even by repeating the last column or row, since both codecs need it. The file is there
    only once it is complete; one that was there is replaced.

    Args:
        path: Where to; .mp4, .m4v, .mov or .mkv.
        frames: RGB uint8 (H, W, 3), at least one, all of one size.
        fps: Frames a second, above 0.

    Returns:
        The codec: "h264" or "mpeg4", which browsers do not play.

    Raises:
        XadError: Another suffix, no frames, frames of several sizes, or the file cannot be written. Whatever `frames`
            raises comes through.
    """
    import av

    path = Path(path)
    shown = clean(str(path), 200)
    if path.suffix.lower() not in WRITABLE:
        raise XadError(f"cannot write {shown}: name it {', '.join(WRITABLE[:-1])} or {WRITABLE[-1]}", exit_code=2)
    todo = iter(frames)
    if (first := next(todo, None)) is None:
        raise XadError(f"cannot write {shown}: there are no frames")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    except OSError as error:
        raise XadError(f"cannot write {shown}: {reason(error)}") from error
    os.close(handle)
    try:
        codec = _encode(name, chain([first], todo), first.shape, fps, shown)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except (OSError, av.FFmpegError) as error:
        raise XadError(f"cannot write {shown}: {reason(error)}") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)
    return codec
