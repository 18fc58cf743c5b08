"""Clips with the labels of X-MAN's protocol, checked against each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xad_agent.eval.reading import content
from xad_agent.eval.xman_labels import KEY, Frames, Labels, clip_paths, fitted, frame_numbers, read_labels

LABELLED, NORMAL = "labelled", "normal"


@dataclass(frozen=True, eq=False)
class XmanClip:
    """One clip of the protocol.

    Attributes:
        name: The folder's, or the file's without its suffix.
        kind: "labelled" where one of its frames has a class, else "normal".
        path: The folder of frames, or the video file.
        numbers: Of its frames, as the labels have them.
    """

    name: str
    kind: str
    path: Path
    numbers: Sequence[int]


@dataclass(frozen=True, eq=False)
class XmanSet:
    """Clips with labels.

    Attributes:
        name: What it is called.
        labels: Their labels, clips and frames named as in `clips`.
        clips: By name.
        settings: What results depend on that is of the set.
    """

    name: str
    labels: Labels
    clips: Mapping[str, XmanClip]
    settings: Mapping[str, Any]

    @property
    def paths(self) -> dict[str, Path]:
        """Each clip's folder or file."""
        return {name: clip.path for name, clip in self.clips.items()}

    def frames(self, clips: Sequence[str] | None = None) -> Frames:
        """The frames of some clips, all by default, as the labels have them."""
        return {name: self.clips[name].numbers for name in (self.clips if clips is None else clips)}


def read_set(labels: str | Path, clips: str | Path, pattern: str = KEY, first: int | None = None) -> XmanSet:
    """Labels and the clips that they are of; see `read_labels` and `fitted`.

    Raises:
        XadError: One of them cannot be read, or they do not fit each other.
    """
    known, frames, paths = read_labels(labels, pattern), frame_numbers(clips), clip_paths(clips)
    known = fitted(known, frames, first)
    explained = {clip for (clip, _), classes in known.frames.items() if classes}
    found = {
        name: XmanClip(name, LABELLED if name in explained else NORMAL, paths[name], numbers)
        for name, numbers in frames.items()
    }
    root = Path(clips).resolve()
    layout = root.parts[-2:] == ("testing", "frames")
    settings = {
        "labels": str(labels),
        "labels_sha256": content(Path(labels)),
        "clips": str(root),
        "pattern": pattern,
        "first": first,
    }
    return XmanSet(root.parents[1].name if layout else root.name, known, found, settings)
