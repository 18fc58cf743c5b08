"""Anybody's answers in X-MAN's protocol: a score for every class and frame, from arrays or a file of JSON lines."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.xman_labels import Frames
from xad_agent.eval.xman_lines import Said, Scores, read_lines
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
    synonyms = Synonyms(classes)
    single: dict[str, dict[int, Scores]] = {clip: {} for clip in frames}
    spans: dict[str, list[Said]] = {clip: [] for clip in frames}
    told: set[str] = set()
    unmapped, denied = Counter[str](), Counter[str]()
    for where, clip, said in read_lines(Path(path), frames, synonyms, first, aliases or {}, sha256):
        told.add(clip)
        for one in said:
            unmapped.update(one.unmapped)
            denied.update(one.denied)
            if one.single and one.first in single[clip]:
                number = frames[clip][one.first]
                raise XadError(f"{where}: frame {number} of clip {clip} is answered a second time; answer each once")
            if one.single:
                single[clip][one.first] = one.scores
            else:
                spans[clip].append(one)
        if single[clip] and (spans[clip] or not said):
            raise XadError(f"{where}: clip {clip} is answered both by frames and by events; answer it one way")
    by_frames = {clip: rows for clip, rows in single.items() if rows}
    untold = [clip for clip in frames if clip not in told]
    if not told or (untold and len(by_frames) == len(told)):
        by_frames |= {clip: {} for clip in untold}  # whoever answers frames has to answer all
    every = _stride(Path(path), by_frames, frames)
    tables = {
        clip: _held(by_frames[clip], classes, len(numbers), every)
        if clip in by_frames
        else _spread(spans[clip], classes, len(numbers))
        for clip, numbers in frames.items()
    }
    silent = [clip for clip in untold if clip not in by_frames]
    notes = _notes(tables, by_frames, spans, silent)
    return Answers(tuple(classes), tables, every, dict(unmapped.most_common()), dict(denied.most_common()), notes)


def _notes(
    tables: Mapping[str, np.ndarray],
    by_frames: Mapping[str, Any],
    spans: Mapping[str, Sequence[Said]],
    silent: list[str],
) -> tuple[str, ...]:
    notes = []
    if by_events := [clip for clip in tables if clip not in by_frames]:
        events = sum(len(spans[clip]) for clip in by_events)
        covered = sum(_covered(spans[clip], len(tables[clip])) for clip in by_events)
        frames = sum(len(tables[clip]) for clip in by_events)
        notes.append(
            f"{len(by_events)} clips were answered by {events} events, which cover {covered} of {frames} frames; the "
            "others count as answered normal, 0 for every class"
        )
    if silent:
        notes.append(f"no line is of {', '.join(silent)}: counted as answered normal")
    return tuple(notes)


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
