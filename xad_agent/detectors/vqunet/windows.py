"""Training windows: runs of consecutive frames of normal clips, at the size the network sees, in bounded memory."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import IO, Protocol

import numpy as np
import torch
from torch import Tensor

from xad_agent.errors import XadError

MAX_FRAMES = 20_000
_RUN = 64


class Frames(Protocol):
    """What is needed of a clip."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def count(self) -> int:
        """How many frames it has."""
        ...

    def frames(self, start: int, stop: int, step: int) -> Iterator[np.ndarray]:
        """Its frames from `start` to before `stop`, RGB uint8 (H, W, 3)."""
        ...


class Windows:
    """All windows of some clips, in an endless shuffled order that depends on the seed alone.

    The frames wait in a temporary file, 3 side^2 bytes each. Of clips with more than 20,000 frames together, random
    runs of 64 windows are taken, as many as go into that.

    Attributes:
        fingerprint: sha256 of all the frames taken, by which a checkpoint knows its data.
    """

    def __init__(self, clips: Sequence[Frames], window: int, side: int, seed: int):
        """Read the clips, each once.

        Raises:
            XadError: There is no clip, one has fewer frames than a window, or the disk is full.
        """
        if not clips:
            raise XadError("no clip to learn normal from: give at least one")
        if short := next((clip for clip in clips if clip.count < window), None):
            raise too_short(short.name, short.count, window)
        self.window, self.seed = window, seed
        starts: list[int] = []
        written, digest = 0, hashlib.sha256()
        with tempfile.TemporaryFile() as file:  # its mapping outlives it
            for clip, start, stop in _runs(clips, window, seed):
                first = written
                for frame in clip.frames(start, stop, 1):
                    pixels = shrunk(frame, side).tobytes()
                    digest.update(pixels)
                    _write(file, pixels)
                    written += 1
                if start == 0 and written - first < window:
                    raise too_short(clip.name, written - first, window)
                starts += range(first, written - window + 1)
            self._frames = np.memmap(file, np.uint8, "r", shape=(written, side, side, 3))
        self.fingerprint = digest.hexdigest()
        self._starts = np.array(starts)
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def __len__(self) -> int:
        return len(self._starts)

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """The batch of a step: what the network sees, (size, 3 n, side, side), and what it is to say."""
        rounds, places = np.divmod(np.arange(step * size, (step + 1) * size), len(self))
        starts = [self._starts[self._order(int(i))[place]] for i, place in zip(rounds, places, strict=True)]
        return as_input([self._frames[start : start + self.window] for start in starts])

    def _shuffled(self, number: int) -> np.ndarray:
        return np.random.default_rng([self.seed, number]).permutation(len(self))


def _write(file: IO[bytes], pixels: bytes) -> None:
    try:
        file.write(pixels)
        file.flush()
    except OSError as error:
        raise XadError(
            f"no room for training frames in {tempfile.gettempdir()} ({error.strerror}): free some, or set TMPDIR"
        ) from error


def shrunk(frame: np.ndarray, side: int) -> np.ndarray:
    """A frame (H, W, 3) of any size at side x side px, whatever its aspect ratio, as in Park et al. (CVPR 2020)."""
    import cv2

    smaller = side < min(frame.shape[:2])
    return cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def as_input(windows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """What the network sees of windows (T, H, W, 3) uint8, and the last frame of each, -1 to 1, channels last.

    A window of one frame is both.
    """
    frames = torch.from_numpy(np.stack(windows)).float().div_(127.5).sub_(1)
    target = frames[:, -1].permute(0, 3, 1, 2)
    seen = frames[:, :-1] if frames.shape[1] > 1 else frames
    stacked = seen.permute(0, 1, 4, 2, 3).flatten(1, 2)
    return stacked.contiguous(memory_format=torch.channels_last), target


def too_short(name: str, count: int, window: int) -> XadError:
    """The error about a clip with fewer frames than a window."""
    return XadError(f"the clip {name} has {count} frame{'s' * (count != 1)}, VQU-Net needs {window}: leave it out")


def _runs(clips: Sequence[Frames], window: int, seed: int) -> Iterable[tuple[Frames, int, int]]:
    """Which frames to read: (clip, start, stop)."""
    if sum(clip.count for clip in clips) <= MAX_FRAMES:
        return [(clip, 0, clip.count) for clip in clips]
    runs = [
        (clip, start, min(start + _RUN + window - 1, clip.count))
        for clip in clips
        for start in range(0, clip.count - window + 1, _RUN)
    ]
    kept = np.random.default_rng(seed).permutation(len(runs))[: MAX_FRAMES // (_RUN + window - 1)]
    return [runs[i] for i in sorted(kept)]
