"""A line of a file of answers: of which clip it is, which frames it speaks of, and what it says of them.

    {"clip": "01", "frame": 60, ANSWER}                                         of one frame
    {"clip": "01", "start": 60, "end": 179, ANSWER}                             of an event, both frames included
    {"clip": "01", "events": [{"start": 60, "end": 179, ANSWER}, ...]}          of all events of a clip; [] for none
    what `xad scan` writes, or `xad ask --json` prints, of a clip               of its events

ANSWER is `"label_scores": {label: score}`, or `"text": "..."`, each class of which scores 1. Frames are numbered as in
the labels. Of `xad scan` and `xad ask` events have the frames of their regions; the clip is `clip` where it was added,
else the name of `media`, else that whose sha256 the evidence has. Scores of an answer of `xad ask` hold for all its
events; of a text each sentence speaks of the event that it, or one before it, names, and of all where none was yet.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from xad_agent.errors import XadError
from xad_agent.eval.xman_labels import Frames
from xad_agent.eval.xman_words import Synonyms

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Said:
    """What is said of some frames of a clip.

    Attributes:
        first, last: The frames, by their places in the clip from 0; both included.
        scores: Of the classes that are named.
        unmapped: Words or labels that mean no class.
        denied: Classes that are said not to be there.
        single: Whether it was said of one frame rather than of an event.
    """

    first: int
    last: int
    scores: Scores
    unmapped: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    single: bool = False


class Line(NamedTuple):
    """A line.

    Attributes:
        where: The file and the line's number.
        clip: Of which it is.
        said: What it says.
        open: Whether it is an answer of ours that says it cannot tell.
    """

    where: str
    clip: str
    said: list[Said]
    open: bool = False


def read_lines(
    path: Path,
    frames: Frames,
    synonyms: Synonyms,
    first: int | None,
    aliases: Mapping[str, str],
    sha256: Callable[[str], str] | None,
) -> Iterator[Line]:
    """Each line; see `read_answers`."""
    places = {
        clip: {number if first is None else place + first: place for place, number in enumerate(numbers)}
        for clip, numbers in frames.items()
    }
    for where, line in _lines(path):
        clip = _clip(where, line, frames, aliases, sha256)
        if _is_ours(line):
            said = list(_ours(where, line, clip, frames, synonyms))
            yield Line(where, clip, said, line["verdict"] == "uncertain" and not said)
        elif "frame" in line:
            at = _place(where, clip, line["frame"], places)
            yield Line(where, clip, [_said(where, line, at, at, synonyms, single=True)])
        else:
            events = line.get("events", [line] if {"start", "end"} <= set(line) else None)
            if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
                raise XadError(f"{where}: needs a frame, start and end, or events, a list of such stretches")
            yield Line(where, clip, [_event(where, event, clip, places, synonyms) for event in events])


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
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
        if line.get("error"):
            raise XadError(f"{path}, line {number}: not an answer but an error ({line['error']}); mend or drop it")
        yield f"{path}, line {number}", line


def _is_ours(line: dict[str, Any]) -> bool:
    return {"verdict", "events", "regions"} <= set(line)


def _clip(
    where: str,
    line: dict[str, Any],
    frames: Frames,
    aliases: Mapping[str, str],
    sha256: Callable[[str], str] | None,
) -> str:
    named = line.get("clip")
    if named is None and "media" in line:
        media = Path(str(line["media"]))
        named = media.name if media.name in frames else media.stem
    elif named is None and _is_ours(line) and sha256 is not None:
        media_of = {str(entry.get("media")) for entry in line.get("evidence", []) if isinstance(entry, dict)}
        named = next((clip for clip in frames if sha256(clip) in media_of), None)
        if named is None:
            raise XadError(f"{where}: its evidence is of none of the clips {', '.join(frames)}; add the key clip")
    clip = aliases.get(str(named), str(named))
    if clip not in frames:
        raise XadError(f"{where}: names clip {clip!r}; the clips there are {', '.join(frames)}")
    return clip


def _place(where: str, clip: str, frame: Any, places: Mapping[str, Mapping[int, int]]) -> int:
    if isinstance(frame, bool) or not isinstance(frame, int) or frame not in places[clip]:
        here = list(places[clip])
        raise XadError(f"{where}: names frame {frame!r} of clip {clip}, whose frames are {here[0]} to {here[-1]}")
    return places[clip][frame]


def _event(
    where: str, event: dict[str, Any], clip: str, places: Mapping[str, Mapping[int, int]], synonyms: Synonyms
) -> Said:
    first, last = (_place(where, clip, event.get(end), places) for end in ("start", "end"))
    if last < first:
        raise XadError(f"{where}: an event ends at frame {event['end']}, before its start at {event['start']}")
    return _said(where, event, first, last, synonyms)


def _ours(where: str, line: dict[str, Any], clip: str, frames: Frames, synonyms: Synonyms) -> Iterator[Said]:
    """What an answer of ours says of each of its events."""
    told = line.get("label_scores") or None
    text = "" if told else str(line.get("text") or line.get("reason") or "")
    for event, region in zip(line["events"], line["regions"], strict=False):
        try:
            label, (first, last, _) = str(event["label"]), map(int, region["frames"])
        except (KeyError, TypeError, ValueError) as error:
            raise XadError(f"{where}: an event has no label, or its region no frames; it is not of a clip") from error
        if not 0 <= first <= last < len(frames[clip]):
            raise XadError(f"{where}: an event has frames {first} to {last}, but clip {clip} has {len(frames[clip])}")
        answer = {"label_scores": told} if told else {"text": _of_event(text, label)}
        yield _said(where, answer, first, last, synonyms)


def _of_event(text: str, label: str) -> str:
    """The sentences that speak of an event, or of none in particular."""
    kept, named = [], {label}
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        named = set(re.findall(r"event \d+", sentence.casefold())) or named
        if label.casefold() in named:
            kept.append(sentence)
    return " ".join(kept)


def _said(where: str, answer: dict[str, Any], first: int, last: int, synonyms: Synonyms, single: bool = False) -> Said:
    given, text = answer.get("label_scores"), answer.get("text")
    if isinstance(text, str) and given is None:
        named, denied, unmapped = synonyms.read(text)
        return Said(first, last, dict.fromkeys(named, 1.0), tuple(unmapped), tuple(sorted(denied)), single)
    if not isinstance(given, dict) or text is not None:
        raise XadError(f"{where}: needs either label_scores, an object of numbers, or text, a string")
    scores: dict[str, float] = {}
    unknown = []
    for label, score in given.items():
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise XadError(f"{where}: the score of {label!r} is {score!r}; give a finite number")
        if (name := synonyms.class_of(label)) is None:
            unknown.append(label)
        else:
            scores[name] = max(score, scores.get(name, -math.inf))
    return Said(first, last, scores, tuple(unknown), (), single)
