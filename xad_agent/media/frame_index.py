"""`FrameIndex`: which frame of a video file is shown when, found without decoding, so that any frame can be sought."""

from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, dropwhile, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.errors import XadError
from xad_agent.media.video_file import decoded, opened, packets

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_NO_TIME = -(2**63)
# No codec shows a frame more than 16 places from where it is stored; beyond, the times are not those of one recording.
_MAX_REORDER = 32
# The end is decoded at once to see whether it is damaged, unless that could take long: unless told otherwise, encoders
# set a keyframe at least every 250 frames.
_MAX_TAIL = 300


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """The frames of a video file in the order they are shown; a frame's number is its place.

    It takes 8 bytes a frame.

    Attributes:
        path: The file.
        shown: What error lines call it.
        count: How many frames can be read.
        pts: When each is shown, in units of `unit`, ascending, int64 (count,); None where the file does not say.
        keys: The places of the keyframes, from which decoding can start, ascending, beginning with 0.
        unit: Seconds.
        rate: Frames a second on average as the file says, if it does.
        cut: Whether the file goes on, or should, but cannot be read any further.
        ratio: Width of a pixel over its height.
    """

    path: Path
    shown: str
    count: int
    pts: np.ndarray | None
    keys: np.ndarray
    unit: Fraction
    rate: Fraction | None
    cut: bool
    ratio: Fraction

    def placed(
        self, container: "InputContainer", stream: "VideoStream", start: int
    ) -> "Iterator[tuple[int, VideoFrame]]":
        """Frames with their places, ascending, from a keyframe at or before `start`, the last that can be reached.

        Args:
            container: The file as `opened` gave it, or as an earlier call with a smaller `start` left it.
            stream: Its video stream.
            start: The place wanted first.
        """
        nearest = int(np.searchsorted(self.keys, start, side="right")) - 1
        if self.pts is None or nearest == 0:
            yield from self._in_order(decoded(packets(container, stream), stream))
        elif frames := self._from_keyframe(container, stream, self.pts[self.keys[: nearest + 1]], start):
            yield from self._in_order(frames)
        else:
            with opened(self.path, self.shown) as (container, stream):
                yield from self._in_order(decoded(packets(container, stream), stream))

    def _from_keyframe(
        self, container: "InputContainer", stream: "VideoStream", stamps: np.ndarray, start: int
    ) -> "Iterator[VideoFrame] | None":
        """Frames from the last of the keyframes at `stamps` that is found, and from which decoding succeeds."""
        import av

        # Seeking may miss one: then it is tried further and further back.
        for back in (2**n - 1 for n in range(len(stamps).bit_length())):
            with suppress(av.FFmpegError):  # what cannot be sought is read on from where it stands
                container.seek(int(stamps[-1 - back]), stream=stream)
            stored = dropwhile(lambda packet: packet.size and not packet.is_keyframe, packets(container, stream))
            opening = next(stored, None)
            # Once sought, an MPEG program stream may give its packets other times than before.
            if opening is None or opening.pts not in stamps:
                continue
            frames = decoded(chain([opening], stored), stream)
            first = next(frames, None)
            if first and self._place(first.pts, -1) <= start:
                return chain([first], frames)
        return None

    def _in_order(self, frames: "Iterator[VideoFrame]") -> "Iterator[tuple[int, VideoFrame]]":
        last = -1
        for frame in frames:
            place = self._place(frame.pts, last)
            if place > last:
                yield place, frame
                last = place

    def _place(self, stamp: int | None, last: int) -> int:
        if self.pts is None:
            return last + 1
        return last if stamp is None else int(np.searchsorted(self.pts, stamp, side="right")) - 1


def index_frames(path: Path, shown: str) -> "tuple[FrameIndex, VideoFrame]":
    """Index a video file by its packets, and decode its first frame.

    Raises:
        XadError: As `opened` does, or no frame can be decoded.
    """
    stored, stamps, key_stamps = _scan(path, shown)
    with opened(path, shown) as (container, stream):
        # Where frames are stored in another order than they are shown, some files (AVI) have times only of the former.
        look = _MAX_REORDER if stream.codec_context.has_b_frames else 1
        head = list(islice(decoded(packets(container, stream), stream), look))
    if not head:
        raise XadError(f"{shown} holds no frame that can be decoded: copy or convert it again")
    head_stamps = [_NO_TIME if frame.pts is None else frame.pts for frame in head]
    if not _are_times(stamps) or head_stamps != sorted(head_stamps) or head_stamps[0] == _NO_TIME:
        return stored, head[0]
    pts = np.unique(stamps[stamps >= head_stamps[0]])
    keys = np.unique(np.append(np.searchsorted(pts, key_stamps[key_stamps >= head_stamps[0]]), 0))
    return _without_damaged_end(replace(stored, count=len(pts), pts=pts, keys=keys)), head[0]


def _scan(path: Path, shown: str) -> tuple[FrameIndex, np.ndarray, np.ndarray]:
    """An index that counts packets only, and the time stamps of all frames and of the keyframes, as they are stored."""
    stamps, keys, low, high = array("q"), array("q"), 2**63, _NO_TIME
    with opened(path, shown) as (container, stream):
        for packet in packets(container, stream):
            if not packet.size:
                continue
            stamp = _NO_TIME if packet.pts is None else packet.pts
            low, high = min(low, stamp), max(high, stamp + (packet.duration or 0))
            if packet.is_discard:  # cut off by an edit list
                continue
            stamps.append(stamp)
            if packet.is_keyframe:
                keys.append(stamp)
        unit, rate = stream.time_base or Fraction(1, 1000), stream.average_rate or None
        cut = low != _NO_TIME and _promised(container, stream) - (high - low) * unit > _tolerance(rate)
        ratio = stream.sample_aspect_ratio or Fraction(1)
    index = FrameIndex(path, shown, len(stamps), None, np.zeros(1, np.int64), unit, rate, cut, ratio)
    return index, np.array(stamps, np.int64), np.array(keys, np.int64)


def _promised(container: "InputContainer", stream: "VideoStream") -> Fraction:
    """How many seconds of video the headers promise, at most; 0 where they do not say."""
    promises = [(stream.duration or 0) * (stream.time_base or 0)]
    if stream.average_rate:
        promises.append(stream.frames / stream.average_rate)
    if len(container.streams) == 1:  # sound may well go on longer
        promises.append(Fraction(container.duration or 0, 1_000_000))
    return max(map(Fraction, promises))


def _tolerance(rate: Fraction | None) -> Fraction:
    """By how many seconds headers are wrong about whole files: half a second, or three frames."""
    return max(Fraction(1, 2), 3 / rate if rate else Fraction(0))


def _are_times(stamps: np.ndarray) -> bool:
    """Whether time stamps in the order of storage can be when the frames of one recording are shown."""
    if not len(stamps) or stamps.min() == _NO_TIME:
        return False
    moved = np.argsort(stamps, kind="stable") - np.arange(len(stamps))
    return bool(np.abs(moved).max() <= _MAX_REORDER)


def _without_damaged_end(index: FrameIndex) -> FrameIndex:
    """The index up to the last frame that can be decoded."""
    if index.pts is None or index.count - index.keys[-1] > _MAX_TAIL:
        return index
    count = 1
    with opened(index.path, index.shown) as (container, stream):
        for place, _ in index.placed(container, stream, index.count - 1):
            count = place + 1
    return replace(
        index,
        count=count,
        pts=index.pts[:count],
        keys=index.keys[index.keys < count],
        cut=index.cut or count < index.count,
    )
