"""Writing frames as a video file that browsers and players show."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from xad_agent.errors import XadError, clean, reason

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

WRITABLE = (".mp4", ".m4v", ".mov", ".mkv")
_MPEG4_UNITS = 65535  # a second has no more in an MPEG-4 stream
_TICK = Fraction(1, 10_000)  # s, to which times are kept


def write_clip(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float,
    times: Sequence[float] | np.ndarray | None = None,
) -> str:
    """Write frames one by one as H.264, or as MPEG-4 where FFmpeg was built without that encoder.

    An odd width or height is made even by repeating the last column or row, since both codecs need it. The file is
    there only once it is complete; one that was there is replaced.

    Args:
        path: Where to; .mp4, .m4v, .mov or .mkv.
        frames: RGB uint8 (H, W, 3), at least one, all of one size.
        fps: Frames a second, above 0.
        times: When each frame is shown, seconds after the first, ascending; None: evenly, `fps` a second.

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
        os.close(handle)
        try:
            codec = _encode(Path(name), chain([first], todo), first.shape, fps, times)
            os.chmod(name, 0o644)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except (OSError, av.FFmpegError) as error:
        raise XadError(f"cannot write {shown}: {reason(error)}") from error
    return codec


def _encode(
    path: Path,
    frames: Iterable[np.ndarray],
    shape: tuple[int, ...],
    fps: float,
    times: Sequence[float] | np.ndarray | None,
) -> str:
    import av

    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    # The index in front, where a browser finds it before it has the whole file.
    options = {"movflags": "+faststart"} if path.suffix.lower() != ".mkv" else {}
    with av.open(str(path), "w", options=options) as container:
        stream = _add_stream(container, codec, fps, shape)
        if times is not None:
            stream.codec_context.time_base = _TICK
        before = -1
        for place, pixels in enumerate(frames):
            if pixels.shape != shape:
                raise XadError(f"a frame of the clip to write has shape {pixels.shape}, the first {shape}: scale it")
            shown = av.VideoFrame.from_ndarray(_even(pixels), format="rgb24")
            if times is not None:
                before = max(round(times[place] / _TICK), before + 1)
                shown.pts, shown.time_base = before, _TICK
            container.mux(stream.encode(shown))
        container.mux(stream.encode())
    return "mpeg4" if codec == "mpeg4" else "h264"


def _add_stream(container: "OutputContainer", codec: str, fps: float, shape: tuple[int, ...]) -> "VideoStream":
    from av.video.reformatter import ColorRange, Colorspace

    rate = Fraction(fps).limit_denominator(max(1, _MPEG4_UNITS // ceil(fps)))
    options = {"preset": "veryfast", "crf": "20"} if codec == "libx264" else {"qscale": "3"}
    stream = cast("VideoStream", container.add_stream(codec, rate, options=options))
    stream.height, stream.width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    stream.pix_fmt = "yuv420p"
    # What FFmpeg converts RGB to, told so that a player need not guess it from the size.
    stream.codec_context.colorspace = Colorspace.SMPTE170M
    stream.codec_context.color_range = ColorRange.MPEG
    return stream


def _even(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
