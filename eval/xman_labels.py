"""Labels of why frames are anomalous, in the layout that X-MAN's page describes, and the frames they belong to."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval.clip_truth import frame_paths
from xad_agent.eval.reading import no_key_twice
from xad_agent.media import read_clip
from xad_agent.media.clip_finding import VIDEO_SUFFIXES

KEY = r"(?P<clip>.*?[^\s_/\\-])[\s_/\\-]+((frame|img|image|f)[\s_-]*)?(?P<frame>\d+)(\.[A-Za-z]\w*)?"
EXAMPLE = r"(?P<clip>\d\d)(?P<frame>\d+)"

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
        aliases: What the file calls a clip -> its name, where it is another.
        notes: How the keys were read, where that is not as they are written.
    """

    source: str
    kinds: Mapping[str, str]
    frames: Mapping[tuple[str, int], frozenset[str]]
    keys: Mapping[tuple[str, int], str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, by kind and name."""
        return tuple(sorted(self.kinds, key=lambda name: (self.kinds[name], name)))

    def of(self, clips: Sequence[str]) -> "Labels":
        """The labels of some clips; the classes stay."""
        chosen = set(clips)
        frames = {place: classes for place, classes in self.frames.items() if place[0] in chosen}
        return replace(self, frames=frames, keys={place: self.keys[place] for place in frames})


def read_labels(path: str | Path, pattern: str = KEY) -> Labels:
    r"""Read labels as X-MAN's page describes them: {"<clip>_<frame>": [[coarse, fine], ...], ...}.

    Args:
        path: The JSON file.
        pattern: Regular expression of a whole key, with the groups `clip` and `frame`. The default takes the last
            number for the frame and what is before it for the clip, as in `01_060`, `01_0014_60`, `01-060`,
            `Test001/060.tif`, `clip 01 frame 60`; keys without anything between need their own, as `EXAMPLE`.

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
            raise XadError(
                f"{path}: key {key!r} does not fit the pattern {pattern!r}; give the keys' own pattern, as {EXAMPLE!r}"
            )
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


def clip_paths(directory: str | Path) -> dict[str, Path]:
    """Each clip in a directory by its name: the folders of frames in it, and the video files.

    Raises:
        XadError: There is none, or two have one name.
    """
    root = Path(directory)
    shown = sorted(p for p in root.iterdir() if p.name[0] != ".") if root.is_dir() else []
    found = [(p.name if p.is_dir() else p.stem, p) for p in shown if p.is_dir() or p.suffix.lower() in VIDEO_SUFFIXES]
    if not found:
        raise XadError(f"{root}: no clips there; put a folder of frames, or a video file, for each clip", exit_code=2)
    if len(dict(found)) < len(found):
        raise XadError(f"{root}: two clips have one name; labels name clips by it", exit_code=2)
    return dict(found)


def frame_numbers(directory: str | Path) -> dict[str, Sequence[int]]:
    """Each clip in a directory, with the number in each of its frames' names, in order; a video file's count from 0.

    Raises:
        XadError: There are no clips, or frames without a number or with the same, or a video file cannot be read.
    """
    return {
        name: _numbers(path) if path.is_dir() else range(read_clip(path).count)
        for name, path in clip_paths(directory).items()
    }


def _numbers(folder: Path) -> list[int]:
    found = [(path.name, re.search(r"(\d+)\D*$", path.stem)) for path in frame_paths(folder)]
    bare = next((name for name, number in found if not number), None)
    if bare is not None:
        raise XadError(f"{folder}: the name {bare} has no number; labels name frames by it")
    numbers = [int(number[1]) for _, number in found if number]
    if len(set(numbers)) < len(numbers):
        raise XadError(f"{folder}: two frames have the same number in their names; labels name frames by it")
    return numbers


def fitted(labels: Labels, frames: Frames, first: int | None = None) -> Labels:
    """The labels with clips and frames as they are named in `frames`.

    A clip that is not there by its name is known by the numbers in it where that is certain: "Test001" is the folder
    "01" where no other has the number 1, and a note says so.

    Args:
        labels: As they were read.
        frames: Clip -> the number in each of its frames' names, in order.
        first: What the labels count each clip's first frame as; None: as the frames' names do.

    Raises:
        XadError: See `check_frames`.
    """
    clips = {clip for clip, _ in labels.frames}
    named = {clip: clip for clip in clips} if clips <= set(frames) else _by_numbers(clips, frames)
    places = {place: _placed(place, named[place[0]], labels, frames, first) for place in labels.frames}
    read = replace(
        labels,
        frames={places[old]: classes for old, classes in labels.frames.items()},
        keys={places[old]: key for old, key in labels.keys.items()},
    )
    check_frames(read, frames)
    aliases = {clip: folder for clip, folder in sorted(named.items()) if clip != folder}
    shown = ", ".join(f"{clip} as {folder}" for clip, folder in aliases.items())
    notes = [f"clips of the labels were known by their numbers: {shown}"] if aliases else []
    if first is not None:
        notes.append(f"the labels count each clip's first frame as {first}, as was said")
    return replace(read, aliases=aliases, notes=tuple(notes))


def _by_numbers(clips: set[str], frames: Frames) -> dict[str, str]:
    """The folder of each clip that has the same numbers in its name; none of another name where one is not certain."""
    folders = {_digits(folder): folder for folder in frames}
    named = {clip: folders[_digits(clip)] for clip in clips if _digits(clip) in folders}
    certain = len(folders) == len(frames) and len(named) == len(clips) == len(set(named.values()))
    return named if certain else {clip: clip for clip in clips}


def _digits(name: str) -> tuple[int, ...] | str:
    return tuple(map(int, re.findall(r"\d+", name))) or name


def _placed(place: tuple[str, int], clip: str, labels: Labels, frames: Frames, first: int | None) -> tuple[str, int]:
    if first is None:
        return clip, place[1]
    if clip in frames and not 0 <= place[1] - first < len(frames[clip]):
        raise XadError(
            f"{labels.source}: key {labels.keys[place]!r} reads as clip {place[0]!r}, frame {place[1]}, but clip "
            f"{clip} has {len(frames[clip])} frames, counted from {first} as was said (--first)"
        )
    return clip, frames[clip][place[1] - first] if clip in frames else place[1]


def check_frames(labels: Labels, frames: Frames) -> None:
    """XadError where the labels name a clip or frame that is not there; it shows both."""
    numbers = {clip: set(there) for clip, there in frames.items()}
    for (clip, frame), key in labels.keys.items():
        if frame not in numbers.get(clip, ()):
            there = "; ".join(f"{name}: frames {row[0]} to {row[-1]}" for name, row in list(frames.items())[:4])
            raise XadError(
                f"{labels.source}: key {key!r} reads as clip {clip!r}, frame {frame}, but the clips are {there}"
                f"{' ...' if len(frames) > 4 else ''}; {_mending(labels, frames)}"
            )


def _mending(labels: Labels, frames: Frames) -> str:
    """What to do about labels that do not fit: what would make them fit is said, never done."""
    for first in (0, 1):
        inside = (0 <= frame - first < len(frames.get(clip, ())) for clip, frame in labels.frames)
        if all(inside):
            return (
                f"all keys would fit if the labels counted each clip's first frame as {first}, which its name does "
                f"not: if they do, say --first {first}; else give the keys' pattern"
            )
    return "give the keys' pattern, or the clips that were labelled"
