"""Clips made here: every frame carries its number in its picture, so that reading can be checked frame by frame."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

WIDTH, HEIGHT = 96, 64


def frame(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A moving square above the frame's number, written as 8 black or white blocks."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 1] = np.linspace(0, 200, width)
    left = number * 2 % (width - 20)
    pixels[8:24, left : left + 20] = [250, number * 5 % 256, 40]
    pixels[height // 2 :] = np.repeat(number >> np.arange(8) & 1, -(-width // 8))[:width, None] * 255
    return pixels


def frames(count: int, height: int = HEIGHT, width: int = WIDTH) -> Iterator[np.ndarray]:
    return (frame(number, height, width) for number in range(count))


def number(pixels: np.ndarray) -> int:
    """The number that a frame carries."""
    blocks = np.array_split(pixels[pixels.shape[0] * 3 // 4], 8)
    return sum(int(block[2:-2].mean() > 127) << bit for bit, block in enumerate(blocks))


def film(
    path: Path,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    *,
    pictures: Iterable[np.ndarray] | None = None,
    times: Sequence[int] | None = None,
    rate: int = 25,
    matrix: Sequence[int] | None = None,
    ratio: Fraction = Fraction(1),
    container: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """Encode frames, 60 numbered ones by default, shown at `times` / rate; skips where the encoder is not built in."""
    if codec not in av.codecs_available:
        pytest.skip(f"NOT RUN: FFmpeg without {codec}")
    pictures = list(frames(60) if pictures is None else pictures)
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate, options={"g": "12"} | options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.sample_aspect_ratio = ratio
        if matrix:
            stream.set_display_matrix(matrix)
        for place, picture in enumerate(pictures):
            layout = "gray" if picture.ndim == 2 else "rgb48le" if picture.dtype == np.uint16 else "rgb24"
            shown = av.VideoFrame.from_ndarray(picture, format=layout)
            shown.pts, shown.time_base = times[place] if times else place, Fraction(1, rate)
            out.mux(stream.encode(shown))
        out.mux(stream.encode())
    return path
