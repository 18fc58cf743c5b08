"""Anybody's answers in X-MAN's protocol: a score for every class and frame, from arrays or a file of JSON lines."""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.xman_labels import Frames
from xad_agent.prompts import vocabulary


@dataclass(frozen=True)
class Answers:
    """Scores of every class for every frame; larger is surer.

    Attributes:
        classes: Names of the classes.
        scores: Clip -> float64 (T, K): a row per frame in order, a column per class.
        every: Only each n-th frame, from the first, was answered; the rows between repeat the answer before them.
        unmapped: How often each word or label was given that means no class.
    """

    classes: tuple[str, ...]
    scores: Mapping[str, np.ndarray]
    every: int = 1
    unmapped: Mapping[str, int] = field(default_factory=dict)


class Synonyms:
    """Which classes a text names, by a table of phrases and the classes' own names; nothing is guessed.

    Letters count, not their case or the punctuation between words. "no bicycle" names a bicycle: negations are not
    understood, but stay visible among the unmapped words.

    Args:
        classes: Names of the classes as the labels give them.
        phrases: Entry -> what it may be called; the classes of `prompts/xman.yaml` where none are given.
    """

    def __init__(self, classes: Sequence[str], phrases: Mapping[str, Sequence[str]] | None = None):
        table = vocabulary("xman")
        named = {_words(name): name for name in classes}
        meanings: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for entry, called in (phrases or table["classes"]).items():
            if _words(entry) in named:
                for phrase in called:
                    meanings[_words(phrase)].add(named[_words(entry)])
        self._ignored = frozenset(table["ignored"])
        self._classes = {phrase: next(iter(of)) for phrase, of in meanings.items() if len(of) == 1} | named
        self._longest = max((len(phrase) for phrase in self._classes), default=0)

    def class_of(self, label: str) -> str | None:
        """The class that a whole label means; None for none."""
        return self._classes.get(_words(label))

    def read(self, text: str) -> tuple[set[str], list[str]]:
        """The classes that a text names, the longest phrases first, and the words that belong to none."""
        words, classes, unmapped = _words(text), set(), []
        place = 0
        while place < len(words):
            lengths = range(min(self._longest, len(words) - place), 0, -1)
            length = next((n for n in lengths if words[place : place + n] in self._classes), 0)
            if length:
                classes.add(self._classes[words[place : place + length]])
            elif words[place] not in self._ignored:
                unmapped.append(words[place])
            place += max(length, 1)
        return classes, unmapped


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\W_]+", text.casefold()))


def read_answers(path: str | Path, classes: Sequence[str], frames: Frames) -> Answers:
    """Read answers from a file with one JSON object a line.

    Each holds `clip`, `frame` (its number, as in the labels) and either `label_scores` {label: score} or a free `text`,
    each class of which scores 1. A class that an answer does not name scores 0. Every frame of every clip must be
    answered, or every n-th from the first, with one n for all.

    Args:
        path: The file.
        classes: The classes of the labels.
        frames: Clip -> the number of each of its frames, in order.

    Raises:
        XadError: The file cannot be read, a line is no such object, names what is not there or what another line
            named, or frames are missing.
    """
    synonyms, unmapped = Synonyms(classes), Counter[str]()
    answered: dict[str, dict[int, dict[str, float]]] = {clip: {} for clip in frames}
    for where, line in _lines(Path(path)):
        clip, frame = str(line.get("clip")), line.get("frame")
        place = _place(where, clip, frame, frames)
        if place in answered[clip]:
            raise XadError(f"{where}: frame {frame} of clip {clip} is answered a second time; answer each frame once")
        answered[clip][place] = _scores_of(where, line, synonyms, unmapped)
    every = _stride(Path(path), answered, frames)
    scores = {clip: _matrix(rows, classes, len(frames[clip]), every) for clip, rows in answered.items()}
    return Answers(tuple(classes), scores, every, dict(unmapped.most_common()))


def _lines(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise XadError(f"{path}: cannot be read ({error}); give a text file with one JSON object a line") from error
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except ValueError as error:
            raise XadError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(line, dict):
            raise XadError(f"{path}, line {number}: not an object with clip, frame and label_scores or text")
        yield f"{path}, line {number}", line


def _place(where: str, clip: str, frame: Any, frames: Frames) -> int:
    if clip not in frames:
        raise XadError(f"{where}: names clip {clip!r}; the clips there are {', '.join(frames)}")
    if isinstance(frame, bool) or not isinstance(frame, int) or frame not in frames[clip]:
        here = frames[clip]
        raise XadError(f"{where}: names frame {frame!r} of clip {clip}, whose frames are {here[0]} to {here[-1]}")
    return frames[clip].index(frame)


def _scores_of(where: str, line: dict[str, Any], synonyms: Synonyms, unmapped: Counter[str]) -> dict[str, float]:
    given, text = line.get("label_scores"), line.get("text")
    if isinstance(text, str) and given is None:
        named, words = synonyms.read(text)
        unmapped.update(words)
        return dict.fromkeys(named, 1.0)
    if not isinstance(given, dict) or text is not None:
        raise XadError(f"{where}: needs either label_scores, an object of numbers, or text, a string")
    scores: dict[str, float] = {}
    for label, score in given.items():
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise XadError(f"{where}: the score of {label!r} is {score!r}; give a finite number")
        if (name := synonyms.class_of(label)) is None:
            unmapped[label] += 1
        else:
            scores[name] = max(score, scores.get(name, -math.inf))
    return scores


def _stride(path: Path, answered: Mapping[str, Mapping[int, Any]], frames: Frames) -> int:
    """The one n of which every n-th frame is answered."""
    seconds = [sorted(rows)[1] for rows in answered.values() if len(rows) > 1]
    every = min(seconds, default=max(len(numbers) for numbers in frames.values()))
    for clip, rows in answered.items():
        odd = sorted(set(range(0, len(frames[clip]), every)) ^ set(rows))
        if odd:
            state = "is answered" if odd[0] in rows else "is not answered"
            raise XadError(
                f"{path}: frame {frames[clip][odd[0]]} of clip {clip} {state}, while elsewhere every {every}. frame "
                "from the first is; answer every frame, or every n-th with one n for all clips"
            )
    return every


def _matrix(rows: Mapping[int, dict[str, float]], classes: Sequence[str], frames: int, every: int) -> np.ndarray:
    table = np.array([[rows[place].get(name, 0.0) for name in classes] for place in sorted(rows)])
    return np.repeat(table, every, axis=0)[:frames]
