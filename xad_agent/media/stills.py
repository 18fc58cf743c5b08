"""`Stills`: a clip's frames that are each a picture of its own, the files of a folder or arrays."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import numpy as np

from xad_agent.errors import XadError, clean
from xad_agent.media.clip import Reel
from xad_agent.media.reading import Source, picture_size, read_pixels
from xad_agent.media.scaling import resize

Frames: TypeAlias = "Sequence[Source] | np.ndarray"


class Stills(Reel):
    """Frames that are each a picture of its own.

    Files that cannot be read, as far as their beginnings tell, are left out.

    Attributes:
        size: Width and height of the first frame, px; the others are scaled to it.
        kept: The places in `sources` of the frames that are there.
        sha256: Hex digest of the files' bytes, or of the shapes and pixels of arrays.

    Raises:
        XadError: There are no frames, none can be read, or an array is not one that `read_picture` takes or is neither
            uint8 nor floats 0 to 1: any other scale could be guessed differently from one frame to the next.
    """

    def __init__(self, sources: Frames, shown: str):
        super().__init__()
        self._shown = shown
        digest, sizes, skipped = hashlib.sha256(), set(), []
        self.kept: list[int] = []
        for place, source in enumerate(sources):
            try:
                sizes.add(_survey(source, f"{shown} frame {place}", digest))
            except XadError as error:
                if not isinstance(source, str | Path):
                    raise
                skipped.append((Path(source).name, error))
            else:
                self.kept.append(place)
        self._sources = sources if len(self.kept) == len(sources) else [sources[place] for place in self.kept]
        if not self.kept:
            why = f"none of its {len(sources)} frames can be read: {skipped[0][1]}" if skipped else "it has no frames"
            raise XadError(f"{shown} cannot be read as a clip, {why}")
        if skipped:
            self.note(_skipped([name for name, _ in skipped]))
        self.sha256 = digest.hexdigest()
        first = self._nearest(0)
        self.size = first.shape[1], first.shape[0]
        if len(sizes) > 1:
            self.note(_scaled(self.size))

    def read(self, wanted: range) -> Iterator[np.ndarray]:
        """As `Reel.read`."""
        for place in wanted:
            pixels = self._nearest(place)
            if (fitting := resize(pixels, self.size[::-1])) is not pixels:
                self.note(_scaled(self.size))
                fitting.setflags(write=False)
            yield fitting

    def _nearest(self, place: int) -> np.ndarray:
        """The frame at a place, else the last one before it that can be decoded, else the first one after it."""
        reason: XadError | None = None
        for other in chain(range(place, -1, -1), range(place + 1, len(self._sources))):
            try:
                pixels, _, notes = read_pixels(self._sources[other])
            except XadError as error:
                self._damaged.add(other)
                reason = reason or error
            else:
                for note in notes:
                    self.note(note)
                return pixels
        raise XadError(f"{self._shown} cannot be read as a clip, none of its frames can be decoded: {reason}")


def spooled(frames: Iterable[Source], shown: str) -> np.ndarray:
    """Frames that come one by one, laid down in a temporary file, so that memory does not grow with them.

    Returns:
        RGB uint8 (T, H, W, 3), mapped from the file, which is gone once nothing refers to the array.

    Raises:
        XadError: There is none, one cannot be read or is of another size than the first, or the disk is full.
    """
    shape: tuple[int, ...] | None = None
    with tempfile.TemporaryFile() as file:
        count = 0
        for count, frame in enumerate(frames, start=1):
            named = f"{shown} frame {count - 1}"
            pixels = _checked(frame, named)
            shape = shape or pixels.shape
            if pixels.shape != shape:
                raise XadError(f"{named} has shape {pixels.shape}, the first has {shape}: make them alike")
            try:
                file.write(pixels.data)
                file.flush()
            except OSError as error:
                raise XadError(f"{named} does not fit on the disk ({error.strerror}): use `write_clip`") from error
        if shape is None:
            raise XadError(f"{shown} cannot be read as a clip, it has no frames")
        return np.memmap(file, np.uint8, "r", shape=(count, *shape))


def _survey(source: Source, shown: str, digest: "hashlib._Hash") -> tuple[int, int]:
    """Add a frame to the digest; its width and height in px as stored, of a file without decoding it."""
    if isinstance(source, str | Path):
        size = picture_size(Path(source))
        digest.update(Path(source).read_bytes())
        return size
    pixels = _checked(source, shown)
    digest.update(repr(pixels.shape).encode())
    digest.update(pixels.data)
    return pixels.shape[1], pixels.shape[0]


def _checked(source: Source, shown: str) -> np.ndarray:
    pixels = read_pixels(source, shown)[0]
    if isinstance(source, np.ndarray) and source.dtype != np.uint8 and (source.dtype.kind != "f" or source.max() > 1):
        high = source.max()
        raise XadError(f"{shown} holds {source.dtype} up to {high:.6g}: scale all frames to uint8, or to floats 0 to 1")
    return pixels


def _skipped(names: list[str]) -> str:
    frames = "1 frame was" if len(names) == 1 else f"{len(names)} frames were"
    return f"{frames} skipped, unreadable: {clean(', '.join(names[:3]), 120)}{', ...' if len(names) > 3 else ''}"


def _scaled(size: tuple[int, int]) -> str:
    return f"frames of other sizes were scaled to {size[0]} x {size[1]}"
