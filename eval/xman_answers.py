"""Anybody's answers in X-MAN's protocol: a score for every class and frame, from arrays or a file of JSON lines."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.xman_labels import Frames
from xad_agent.eval.xman_lines import Line, Said, Scores, read_lines
from xad_agent.eval.xman_words import Synonyms


@dataclass(frozen=True)
class Answers:
    """Scores of every class for every frame; larger is surer.

    Attributes:
        classes: Names of the classes.
        scores: Clip -> float64 (T, K): a row per frame in order, a column per class.
        every: Only each n-th frame, from the first, was answered; the rows between repeat the answer before them.
        unmapped: How often each word or label was given that means no class.
        denied: How often a text said of each class that it is not there; that scores nothing.
        notes: What else is to be known of how they were read.
    """

    classes: tuple[str, ...]
    scores: Mapping[str, np.ndarray]
    every: int = 1
    unmapped: Mapping[str, int] = field(default_factory=dict)
    denied: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def sampled(self, every: int) -> "Answers":
        """What would be left if only every n-th frame had been answered: the others repeat the answer before them."""
        held = {clip: np.repeat(rows[::every], every, axis=0)[: len(rows)] for clip, rows in self.scores.items()}
        return replace(self, scores=held, every=every)


def read_answers(
    path: str | Path,
    classes: Sequence[str],
    frames: Frames,
    *,
    first: int | None = None,
    aliases: Mapping[str, str] | None = None,
    sha256: Callable[[str], str] | None = None,
) -> Answers:
    """Read answers from a file with one JSON object a line, see `xman_lines` for what a line holds.

    A class that an answer does not name scores 0. A clip is answered frame by frame (every frame, or every n-th from
    the first, with one n for all) or by events: then each event's answer holds from its first to its last frame, the
    highest score counts where several overlap, and frames that no event covers score 0, which is to say they were
    answered as normal.

    Args:
        path: The file.
        classes: The classes of the labels.
        frames: Clip -> the number of each of its frames, in order.
        first: What the answers count a clip's first frame as; None: as the frames' names do.
        aliases: Other names of clips.
        sha256: Of a clip by its name; only asked where an answer of `xad ask` does not say which clip it is of.

    Raises:
        XadError: The file cannot be read, a line is no such object, names what is not there or what another line
            named, or frames are missing.
    """
    told = _Told(frames)
    for line in read_lines(Path(path), frames, Synonyms(classes), first, aliases or {}, sha256):
        told.take(line)
    singles = told.singles()
    every = _stride(Path(path), singles, frames)
    tables = {
        clip: _held(singles[clip], classes, len(numbers), every)
        if clip in singles
        else _spread(told.spans.get(clip, ()), classes, len(numbers))
        for clip, numbers in frames.items()
    }
    unmapped, denied = (dict(counts.most_common()) for counts in (told.unmapped, told.denied))
    return Answers(tuple(classes), tables, every, unmapped, denied, tuple(_notes(told)))


class _Told:
    """What the lines of a file say, by clip.

    Attributes:
        frames: Of all clips.
        single: Of clips that are answered by frames, what is said of each.
        spans: Of clips that are answered by events, the events.
        open: Clips of which an answer cannot tell.
        unmapped, denied: See `Answers`.
    """

    def __init__(self, frames: Frames):
        self.frames = frames
        self.single: dict[str, dict[int, Scores]] = {}
        self.spans: dict[str, list[Said]] = {}
        self.open: list[str] = []
        self.unmapped, self.denied = Counter[str](), Counter[str]()

    def take(self, line: Line) -> None:
        """The next line."""
        where, clip, said, cannot_tell = line
        self.open += [clip] if cannot_tell else []
        by_frames = any(one.single for one in said)
        if clip in (self.spans if by_frames else self.single):
            raise XadError(f"{where}: clip {clip} is answered both by frames and by events; answer it one way")
        for one in said:
            self.unmapped.update(one.unmapped)
            self.denied.update(one.denied)
        if not by_frames:
            self.spans.setdefault(clip, []).extend(said)
            return
        rows = self.single.setdefault(clip, {})
        for one in said:
            if one.first in rows:
                number = self.frames[clip][one.first]
                raise XadError(f"{where}: frame {number} of clip {clip} is answered a second time; answer each once")
            rows[one.first] = one.scores

    def singles(self) -> dict[str, dict[int, Scores]]:
        """Of clips that are answered by frames what is said of each; where there are no others, of every clip."""
        return self.single if self.spans else {clip: self.single.get(clip, {}) for clip in self.frames}

    def silent(self) -> list[str]:
        """Clips that no line is of, where not all have to be answered."""
        return [clip for clip in self.frames if clip not in self.spans | self.single] if self.spans else []


def _notes(told: _Told) -> Iterator[str]:
    lengths = {clip: len(told.frames[clip]) for clip in [*told.spans, *told.silent()]}
    if lengths:
        events = sum(map(len, told.spans.values()))
        covered = sum(_covered(spans, lengths[clip]) for clip, spans in told.spans.items())
        yield (
            f"{len(lengths)} clips were answered by {events} events, which cover {covered} of {sum(lengths.values())} "
            "frames; the others count as answered normal, 0 for every class"
        )
    for why, clips in {"no line is of": told.silent(), "the answer cannot tell of": told.open}.items():
        if clips:
            yield f"{why} {', '.join(clips)}: counted as answered normal"


def _covered(spans: Sequence[Said], frames: int) -> int:
    covered = np.zeros(frames, dtype=bool)
    for one in spans:
        covered[one.first : one.last + 1] = True
    return int(covered.sum())


def _stride(path: Path, answered: Mapping[str, Mapping[int, Any]], frames: Frames) -> int:
    """The one n of which every n-th frame is answered."""
    seconds = [sorted(rows)[1] for rows in answered.values() if len(rows) > 1]
    every = min(seconds, default=max((len(frames[clip]) for clip in answered), default=1))
    for clip, rows in answered.items():
        odd = sorted(set(range(0, len(frames[clip]), every)) ^ set(rows))
        if odd:
            state = "is answered" if odd[0] in rows else "is not answered"
            raise XadError(
                f"{path}: frame {frames[clip][odd[0]]} of clip {clip} {state}, while elsewhere every {every}. frame "
                "from the first is; answer every frame, or every n-th with one n for all clips"
            )
    return every


def _held(rows: Mapping[int, Scores], classes: Sequence[str], frames: int, every: int) -> np.ndarray:
    table = np.array([[rows[place].get(name, 0.0) for name in classes] for place in sorted(rows)])
    return np.repeat(table, every, axis=0)[:frames]


def _spread(spans: Sequence[Said], classes: Sequence[str], frames: int) -> np.ndarray:
    table = np.full((frames, len(classes)), -np.inf)
    for one in spans:
        within = table[one.first : one.last + 1]
        np.maximum(within, [one.scores.get(name, 0.0) for name in classes], out=within)
    return np.where(np.isneginf(table), 0.0, table)
