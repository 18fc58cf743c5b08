"""`Video`: the frames of a video file, upright, decoded as they are asked for."""

from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xad_agent.errors import XadError
from xad_agent.media.clip import DEFAULT_FPS, Reel
from xad_agent.media.colours import to_rgb
from xad_agent.media.frame_index import FrameIndex, index_frames
from xad_agent.media.video_file import opened

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream


class Turn(NamedTuple):
    """How stored frames become upright: first the axes swapped, then rows and columns reversed by a step of -1."""

    swap: bool = False
    rows: int = 1
    columns: int = 1


class Timing(NamedTuple):
    """When frames are shown: evenly, `fps` a second, where `times` is None, else at these seconds after the first."""

    fps: float
    times: np.ndarray | None = None
    note: str | None = None


class Video(Reel):
    """The frames of one video file.

    Attributes:
        size: Width and height of the upright frames, px.
        count: How many frames can be read.
        timing: When they are shown; evenly at `fps` where that is given.

    Raises:
        XadError: As `index_frames` does.
    """

    def __init__(self, path: Path, shown: str, fps: float | None = None):
        super().__init__()
        self._index, first = index_frames(path, shown)
        self._stored = (first.width, first.height)
        self._turn = turn(first)
        self.size = self._stored[::-1] if self._turn.swap else self._stored
        self.count = self._index.count
        self.timing = timing(self._index) if fps is None else Timing(fps)
        if self._turn != Turn():
            self.note("turned upright")
        if self._index.ratio != 1:
            self.note(f"its pixels are not square ({self._index.ratio} as wide as high); shown as stored")
        if self._index.cut:
            self.note(f"read up to frame {self.count - 1}, unreadable after that")
        if self.timing.note:
            self.note(self.timing.note)

    def read(self, wanted: range) -> Iterator[np.ndarray]:
        """As `Reel.read`, jumping by keyframes over what is not wanted."""
        with opened(self._index.path, self._index.shown) as (container, stream):
            for part in self._parts(wanted):
                yield from self._read_part(container, stream, part)

    def _parts(self, wanted: range) -> list[range]:
        """`wanted`, cut wherever a keyframe and all that hangs on it lie between two frames of it."""
        if wanted.step == 1:
            return [wanted]
        groups = np.searchsorted(self._index.keys, np.array(wanted), side="right")
        cuts = (np.flatnonzero(np.diff(groups) > 1) + 1).tolist()
        return [wanted[start:stop] for start, stop in pairwise([0, *cuts, len(wanted)])]

    def _read_part(self, container: "InputContainer", stream: "VideoStream", part: range) -> Iterator[np.ndarray]:
        end: tuple[int, Any] = (self.count, None)
        frames = self._index.placed(container, stream, part[0])
        for (place, frame), (following, _) in pairwise(chain(frames, [end])):
            while part and part[0] < following:
                if part[0] != place:
                    self._damaged.add(part[0])
                yield self._pixels(frame)
                part = part[1:]
            if not part:
                return
        raise XadError(
            f"{self._index.shown} can no longer be decoded from frame {part[0]} on: was it changed meanwhile?"
        )

    def _pixels(self, frame: "VideoFrame") -> np.ndarray:
        """RGB uint8, upright, of the clip's size, read-only."""
        width, height = self._stored
        if (frame.width, frame.height) != self._stored:
            self.note(f"frames of other sizes were scaled to {self.size[0]} x {self.size[1]}")
        if any(part.is_alpha for part in frame.format.components):
            notes: list[str] = []
            pixels = to_rgb(frame.to_ndarray(format="rgba", width=width, height=height), self._index.shown, notes)
            for note in notes:
                self.note(note)
        else:
            pixels = frame.to_ndarray(format="rgb24", width=width, height=height)
        if self._turn.swap:
            pixels = pixels.swapaxes(0, 1)
        pixels = np.ascontiguousarray(pixels[:: self._turn.rows, :: self._turn.columns])
        pixels.setflags(write=False)
        return pixels


def turn(frame: "VideoFrame") -> Turn:
    """What the display matrix of a frame asks for, to the nearest quarter turn.

    The matrix is (a b u; c d v; x y w) by rows: a stored point (p, q) is shown at (a p + c q + x, b p + d q + y).
    """
    side_data: Any = frame.side_data  # whose keys PyAV types as text
    matrix = side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Turn()
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    swap = abs(b) > abs(a)
    across, down = (c, b) if swap else (a, d)
    return Turn(swap, -1 if down < 0 else 1, -1 if across < 0 else 1)


def timing(index: FrameIndex) -> Timing:
    """When the frames of an index are shown; evenly where none is off by more than a tenth of a frame and two ticks."""
    rate = float(index.rate) if index.rate else 0.0
    if index.pts is None:
        note = f"it does not say when its frames are shown: taken as evenly spaced, {rate or DEFAULT_FPS:.6g} a second"
        return Timing(rate or DEFAULT_FPS, note=note)
    if index.count == 1:
        return Timing(rate) if rate else Timing(DEFAULT_FPS, note=f"fps not known, taken as {DEFAULT_FPS:g}")
    times = (index.pts - index.pts[0]) * float(index.unit)
    average = (index.count - 1) / float(times[-1])
    for fps in filter(None, (rate, average)):
        if np.abs(np.arange(index.count) / fps - times).max() <= 0.1 / fps + 2 * float(index.unit):
            return Timing(fps)
    return Timing(average, times, "variable frame rate")
