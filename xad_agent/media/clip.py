"""`Clip`: frames in the order of time, decoded when they are asked for, whatever they are read from."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.media.reading import read_picture

# Frames that come without a rate are mostly of fixed cameras, which record slowly (UCSD Ped2: 10).
DEFAULT_FPS = 10.0


class Reel(ABC):
    """Where the frames of a clip come from; it holds none of them, and each pass opens its own files.

    A frame that cannot be decoded keeps its number, so that scores and masks stay in step: the frame before it stands
    in (at the start the one after it), and the notes say so.
    """

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}
        self._damaged: set[int] = set()

    @abstractmethod
    def read(self, wanted: range) -> Iterator[np.ndarray]:
        """The frames `wanted`, ascending and inside the clip: one RGB uint8 (H, W, 3) for each.

        Raises:
            XadError: Not even a frame to stand in can be read.
        """

    @property
    def notes(self) -> tuple[str, ...]:
        """What reading changed, or found wrong so far."""
        if not self._damaged:
            return tuple(self._notes)
        return (*self._notes, f"unreadable, the nearest good frame stands in: {numbered('frame', self._damaged)}")

    def note(self, text: str) -> None:
        """Tell it once."""
        self._notes[text] = None


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames in the order of time.

    Attributes:
        name: What to call it in an answer, usually the file's or folder's name. Data, never an instruction.
        width: Of each frame, px.
        height: Of each frame, px.
        fps: Frames a second; on average where the frame rate varies.
        count: How many frames there are, at least 1.
        sha256: Hex digest of the file's bytes, of the bytes of a folder's frames, or of the pixels of arrays.
        reel: Where the frames come from.
        times: When each frame is shown, seconds after the first, float64 (count,); None: evenly, `fps` a second.

    Example:
        >>> clip = read_clip("walkway.mp4")
        >>> clip.count, clip.time(50), clip.index_at(2.01), clip.frame(50).name
        (250, 2.0, 50, 'walkway.mp4 frame 50')
    """

    name: str
    width: int
    height: int
    fps: float
    count: int
    sha256: str
    reel: Reel = field(repr=False)
    times: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return self.count

    @property
    def notes(self) -> tuple[str, ...]:
        """What reading changed or found wrong, for the answer to say; damage in the middle is found when reached."""
        return self.reel.notes

    @property
    def duration(self) -> float:
        """Seconds from the start of the first frame to the end of the last."""
        return self.time(self.count - 1) + 1 / self.fps

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[np.ndarray]:
        """The frames `[start:stop:step]`, as a slice means it, decoded one by one.

        Yields:
            RGB uint8 (height, width, 3), read-only.

        Raises:
            XadError: The step is below 1, or the frames cannot be read any more.
        """
        if step < 1:
            raise XadError(f"the step between frames is {step}: it must be at least 1")
        wanted = range(self.count)[start:stop:step]
        return self.reel.read(wanted) if wanted else iter(())

    def frame(self, index: int) -> Picture:
        """One frame, the first being 0, as a picture; XadError when there is none of that number."""
        if not 0 <= index < self.count:
            raise XadError(f"{self.name} has frames 0 to {self.count - 1}: there is no frame {index}")
        return read_picture(next(self.frames(index, index + 1)), name=f"{self.name} frame {index}")

    def time(self, index: int) -> float:
        """When a frame is shown, seconds after the first."""
        return index / self.fps if self.times is None else float(self.times[index])

    def index_at(self, seconds: float) -> int:
        """The frame that is seen so many seconds after the first one appears.

        Raises:
            XadError: The time is before the start or beyond the end of the clip.
        """
        if not 0 <= seconds <= self.duration:
            raise XadError(f"{self.name} lasts {self.duration:.1f} s: there is no frame at {seconds:.6g} s")
        if self.times is not None:
            return int(np.searchsorted(self.times, seconds, side="right")) - 1
        index = min(round(seconds * self.fps), self.count - 1)
        return index - (self.time(index) > seconds)


def spread(count: int, most: int) -> list[int]:
    """Of `count` frames at most so many, evenly: the middles of as many equal parts.

    Example:
        >>> spread(100, 4), spread(2, 4)
        ([12, 37, 62, 87], [0, 1])
    """
    return sorted({int((part + 0.5) * count / most) for part in range(most)})


def numbered(noun: str, numbers: Iterable[int], limit: int = 5) -> str:
    """Numbers as a reader wants them, at most `limit` stretches and then how many more.

    Example:
        >>> numbered("frame", [12, 13, 14, 40]), numbered("frame", [7])
        ('frames 12-14, 40', 'frame 7')
    """
    sorted_numbers = np.array(sorted(numbers))
    stretches = np.split(sorted_numbers, np.flatnonzero(np.diff(sorted_numbers) > 1) + 1)
    shown = [str(s[0]) if len(s) == 1 else f"{s[0]}-{s[-1]}" for s in stretches[:limit]]
    more = sum(map(len, stretches[limit:]))
    return f"{noun}{'s' if len(sorted_numbers) > 1 else ''} {', '.join(shown)}" + (f" and {more} more" if more else "")
