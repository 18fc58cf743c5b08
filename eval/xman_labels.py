"""Labels of why frames are anomalous, in the layout that X-MAN's page describes, and the frames they belong to."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval.clip_layout import clip_folders, frame_paths
from xad_agent.eval.reading import no_key_twice

KEY = r"(?P<clip>.+)[_/-](?P<frame>\d+)(\.\w+)?"

Frames = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Labels:
    """Why frames are anomalous.

    Attributes:
        source: The file.
        kinds: Class -> its coarse kind. A class is named by its fine label; by "coarse: fine" where the file has the
            same fine label in two kinds.
        frames: (clip, number of the frame) -> its classes; frames not in it are normal.
        keys: (clip, number of the frame) -> the file's own key.
    """

    source: str
    kinds: Mapping[str, str]
    frames: Mapping[tuple[str, int], frozenset[str]]
    keys: Mapping[tuple[str, int], str]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, by kind and name."""
        return tuple(sorted(self.kinds, key=lambda name: (self.kinds[name], name)))


def read_labels(path: str | Path, pattern: str = KEY) -> Labels:
    """Read labels as X-MAN's page describes them: {"<clip>_<frame>": [[coarse, fine], ...], ...}.

    Args:
        path: The JSON file.
        pattern: Regular expression of a whole key, with the groups `clip` and `frame`.

    Raises:
        XadError: The file is unreadable, holds a key twice or one that the pattern does not fit, or something else than
            lists of pairs; or the pattern is no such expression.
    """
    syntax = _compiled(pattern)
    reasons = _read(Path(path))
    pairs = {(coarse, fine) for explained in reasons.values() for coarse, fine in explained}
    fines = [fine for _, fine in pairs]
    names = {(coarse, fine): fine if fines.count(fine) == 1 else f"{coarse}: {fine}" for coarse, fine in pairs}
    frames: dict[tuple[str, int], frozenset[str]] = {}
    keys: dict[tuple[str, int], str] = {}
    for key, explained in reasons.items():
        found = syntax.fullmatch(key)
        if not found:
            raise XadError(f"{path}: key {key!r} does not fit the pattern {pattern!r}; give the keys' own pattern")
        place = (found["clip"], int(found["frame"]))
        if place in keys:
            raise XadError(f"{path}: keys {keys[place]!r} and {key!r} name the same frame; keep one")
        keys[place] = key
        frames[place] = frozenset(names[coarse, fine] for coarse, fine in explained)
    return Labels(str(path), {name: coarse for (coarse, _), name in names.items()}, frames, keys)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        syntax = re.compile(pattern)
    except re.error as error:
        raise XadError(f"pattern {pattern!r}: not a regular expression ({error})", exit_code=2) from error
    if not {"clip", "frame"} <= set(syntax.groupindex):
        raise XadError(f"pattern {pattern!r}: needs the groups (?P<clip>...) and (?P<frame>...)", exit_code=2)
    return syntax


def _read(path: Path) -> dict[str, list[tuple[str, str]]]:
    try:
        read = json.loads(path.read_text("utf-8"), object_pairs_hook=no_key_twice)
    except (OSError, ValueError) as error:
        raise XadError(f"{path}: not a file of labels ({error})") from error
    if not isinstance(read, dict) or not read:
        raise XadError(f'{path}: holds no labels; it must be an object {{"<clip>_<frame>": [[coarse, fine], ...]}}')
    for key, value in read.items():
        well = isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)
        if not well or not all(isinstance(word, str) and word for pair in value for word in pair):
            raise XadError(f"{path}: key {key!r} has {json.dumps(value)[:80]}, not a list of [coarse, fine]")
    return {key: [(coarse, fine) for coarse, fine in value] for key, value in read.items()}


def frame_numbers(directory: str | Path) -> dict[str, list[int]]:
    """Each clip folder in a directory, with the number in each of its frames' names, in order.

    Raises:
        XadError: There are no clip folders, or frames without a number or with the same.
    """
    return {folder.name: _numbers(folder) for folder in clip_folders(Path(directory))}


def _numbers(folder: Path) -> list[int]:
    found = [(path.name, re.search(r"(\d+)\D*$", path.stem)) for path in frame_paths(folder)]
    bare = next((name for name, number in found if not number), None)
    if bare is not None:
        raise XadError(f"{folder}: the name {bare} has no number; labels name frames by it")
    numbers = [int(number[1]) for _, number in found if number]
    if len(set(numbers)) < len(numbers):
        raise XadError(f"{folder}: two frames have the same number in their names; labels name frames by it")
    return numbers


def check_frames(labels: Labels, frames: Frames) -> None:
    """XadError where the labels name a clip or frame that is not there; it shows both."""
    numbers = {clip: set(there) for clip, there in frames.items()}
    for (clip, frame), key in labels.keys.items():
        if frame not in numbers.get(clip, ()):
            there = "; ".join(f"{name}: frames {row[0]} to {row[-1]}" for name, row in list(frames.items())[:4])
            raise XadError(
                f"{labels.source}: key {key!r} reads as clip {clip!r}, frame {frame}, but the clips are {there}"
                f"{' ...' if len(frames) > 4 else ''}; give the keys' pattern, or the clips that were labelled"
            )
