"""`xad eval xman`: how well anomalies are named, by X-MAN's protocol.

Every frame of every clip gets a score for every class; the average precision of each class over all frames, averaged
over the classes, is the result. Source: Szymanowicz, Charles and Cipolla, "X-MAN: Explaining multiple sources of
anomalies in video", CVPR Workshops 2021, and the page of its labels; the mean without the location classes is that of
table 4 in the same authors' "Discrete neural representations for explainable anomaly detection" (VQU-Net), WACV 2022.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.intervals import Interval, bootstrap_interval
from xad_agent.eval.machine import revision, versions
from xad_agent.eval.metrics import sklearn_metrics
from xad_agent.eval.report import interval_of, percent
from xad_agent.eval.xman_answers import Answers, read_answers
from xad_agent.eval.xman_labels import KEY, Frames, Labels, check_frames, frame_numbers, read_labels
from xad_agent.prompts import vocabulary

LOCATION = "location"

Column = tuple[np.ndarray, np.ndarray]


def evaluate_answers(
    labels: str | Path, clips: str | Path, answers: str | Path, *, pattern: str = KEY, seed: int = 0
) -> dict[str, Any]:
    """Score a file of answers (see `read_answers`) against one of labels (see `read_labels`), as `score_answers` does.

    Args:
        labels: The labels.
        clips: A folder with one folder of frames per clip.
        answers: The answers.
        pattern: Of the labels' keys.
        seed: Of the bootstrap.
    """
    known, frames = read_labels(labels, pattern), frame_numbers(clips)
    check_frames(known, frames)
    return score_answers(known, read_answers(answers, known.classes, frames), frames, seed=seed)


def score_answers(labels: Labels, answers: Answers, frames: Frames | None = None, *, seed: int = 0) -> dict[str, Any]:
    """The average precision of each class over all frames of all clips, and their means.

    Args:
        labels: What is true.
        answers: A score for every class of the labels and every frame of every clip. With the true regions given to
            whoever answers, the result is the upper bound of naming.
        frames: Clip -> the number of each of its frames, as the labels have it; None: 0, 1 ... for each row.
        seed: Of the bootstrap.

    Returns:
        A JSON-able dict, precisions 0 to 1: `map`, `map_interval` [low, high] by bootstrap over clips;
        `map_without_location`; `map_per_kind` {kind: map}; `per_class_ap` {class: ap}; `classes` {class: {kind,
        positive_frames, prevalence}}, the prevalence being the AP of a constant; `undefined` {class: why it has no AP
        and is in no mean}; `sampled` {every, frames, share, map}, `map` there over the answered frames alone, of the
        classes that some of them have; `unmapped` {word: count}, `unmapped_total`; `n` {clips, frames,
        labelled_frames}; `labels`: the file; `note`; `notes`.

    Raises:
        XadError: Labels and answers do not fit each other, or a score is not finite.
    """
    metrics = sklearn_metrics()
    frames = frames or {clip: range(len(rows)) for clip, rows in answers.scores.items()}
    check_frames(labels, frames)
    columns, clips, answered = _columns(labels, answers, frames)
    undefined = {name: why for name, (truth, _) in columns.items() if (why := _undefined(truth))}
    defined = {name: column for name, column in columns.items() if name not in undefined}
    aps = {name: float(metrics.average_precision_score(*column)) for name, column in defined.items()}
    sampled = [(truth[answered], scores[answered]) for truth, scores in defined.values() if truth[answered].any()]
    return {
        "task": "xman",
        "labels": labels.source,
        "note": f"X-MAN's protocol on the labels of {labels.source}; an X-MAN score only if that is X-MAN's own file",
        "seed": seed,
        "versions": versions(),
        "revision": revision(),
        "n": {"clips": len(frames), "frames": len(clips), "labelled_frames": len(labels.frames)},
        "map": _mean(aps.values()),
        "map_interval": _interval(defined, clips, seed),
        "map_without_location": _mean(ap for name, ap in aps.items() if labels.kinds[name] != LOCATION),
        "map_per_kind": {
            kind: _mean(ap for name, ap in aps.items() if labels.kinds[name] == kind)
            for kind in sorted(set(labels.kinds.values()))
        },
        "per_class_ap": aps,
        "classes": {
            name: {
                "kind": labels.kinds.get(name),
                "positive_frames": int(truth.sum()),
                "prevalence": float(truth.mean()),
            }
            for name, (truth, _) in columns.items()
        },
        "undefined": undefined,
        "sampled": {
            "every": answers.every,
            "frames": int(answered.sum()),
            "share": float(answered.mean()),
            "map": _mean(float(metrics.average_precision_score(*column)) for column in sampled),
        },
        "unmapped": dict(answers.unmapped),
        "unmapped_total": sum(answers.unmapped.values()),
        "notes": _notes(labels, answers),
    }


def _columns(labels: Labels, answers: Answers, frames: Frames) -> tuple[dict[str, Column], np.ndarray, np.ndarray]:
    """Of each class, which frames of all clips have it and their scores; each frame's clip; whether it was answered."""
    missing = sorted(set(labels.kinds) - set(answers.classes))
    if missing:
        raise XadError(f"the answers have no scores for the classes {', '.join(missing)} of {labels.source}")
    for clip, numbers in frames.items():
        rows = answers.scores.get(clip)
        if rows is None or rows.shape != (len(numbers), len(answers.classes)) or not np.isfinite(rows).all():
            shape = "none" if rows is None else f"an array of shape {rows.shape}, all finite: {np.isfinite(rows).all()}"
            raise XadError(
                f"clip {clip}: needs finite scores for {len(numbers)} frames and {len(answers.classes)} classes; the "
                f"answers have {shape}"
            )
    explained = [labels.frames.get((clip, n), frozenset()) for clip, numbers in frames.items() for n in numbers]
    scores = np.concatenate([answers.scores[clip] for clip in frames])
    columns = {
        name: (np.array([name in classes for classes in explained]), scores[:, answers.classes.index(name)])
        for name in [*labels.classes, *(name for name in answers.classes if name not in labels.kinds)]
    }
    lengths = [len(numbers) for numbers in frames.values()]
    answered = np.concatenate([np.arange(length) % answers.every == 0 for length in lengths])
    return columns, np.repeat(np.arange(len(lengths)), lengths), answered


def _undefined(truth: np.ndarray) -> str | None:
    if not truth.any():
        return "no frame has it"
    return "every frame has it" if truth.all() else None


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return float(np.mean(known)) if known else None


def _interval(columns: Mapping[str, Column], clips: np.ndarray, seed: int) -> Interval:
    """Of the mean over classes, whole clips being resampled; a class that a resample lacks is not in its mean."""
    precisions = [_precision_of(truth, scores, clips) for truth, scores in columns.values()]

    def mean(drawn: np.ndarray) -> float:
        times = np.bincount(drawn, minlength=int(clips.max()) + 1).astype(float)
        known = [value for precision in precisions if not np.isnan(value := precision(times))]
        return float(np.mean(known)) if known else np.nan

    return bootstrap_interval(mean, np.unique(clips), seed=seed)


def _precision_of(truth: np.ndarray, scores: np.ndarray, clips: np.ndarray) -> Callable[[np.ndarray], float]:
    """The average precision as a function of how often each clip is drawn, as sklearn defines it.

    It only depends on how many frames of each clip, and how many true ones, lie at or above each true frame's score.
    """
    levels = np.unique(scores[truth])
    of_clips = [clips == clip for clip in range(clips.max() + 1)]
    seen = np.array([_at_or_above(levels, scores[own]) for own in of_clips], np.float64)
    true = np.array([_at_or_above(levels, scores[own & truth]) for own in of_clips], np.float64)

    def precision(times: np.ndarray) -> float:
        hits, shown = times @ true, times @ seen
        if not hits.size or not hits[0]:
            return float("nan")
        return float(-np.diff(hits, append=0) @ (hits / np.maximum(shown, 1)) / hits[0])

    return precision


def _at_or_above(levels: np.ndarray, values: np.ndarray) -> np.ndarray:
    return len(values) - np.searchsorted(np.sort(values), levels, "left")


def _notes(labels: Labels, answers: Answers) -> list[str]:
    notes = []
    unknown = sorted(set(labels.kinds.values()) - set(vocabulary("xman")["kinds"]))
    if unknown:
        notes.append(f"coarse kinds that X-MAN does not have: {', '.join(unknown)}; none of them counts as location")
    if empty := sum(not classes for classes in labels.frames.values()):
        notes.append(f"{empty} labelled frames have an empty list and count as normal")
    if answers.every > 1:
        notes.append(f"only every {answers.every}. frame was answered; the frames between have the answer before them")
    if answers.unmapped:
        notes.append(f"{sum(answers.unmapped.values())} words or labels of the answers mean no class and count nothing")
    return notes


def as_text(result: dict[str, Any]) -> str:
    """A table of what `score_answers` gives, in %, one line per class, then the means."""
    n, sampled, classes = result["n"], result["sampled"], result["classes"]
    width = max(len("without location"), *(len(name) for name in classes))
    means = {"mean (mAP)": result["map"], "without location": result["map_without_location"]}
    means |= {f"kind {kind}": value for kind, value in result["map_per_kind"].items()}
    lines = [
        f"{result['labels']}: {n['clips']} clips, {n['frames']} frames, {n['labelled_frames']} of them labelled",
        f"{'class':<{width}} {'frames':>7} {'chance':>7} {'AP':>7}",
    ]
    for name, row in classes.items():
        ap = percent(result["per_class_ap"].get(name))
        lines.append(f"{name:<{width}} {row['positive_frames']:>7} {percent(row['prevalence']):>7} {ap:>7}")
    lines += [f"{name:<{width}} {percent(value):>23}" for name, value in means.items()]
    lines.append(f"interval of the mean: {interval_of(result, 'map') or 'none, too few clips'}")
    if alone := result.get("detector_alone"):
        lines.append(f"mean of the object detector alone: {percent(alone['map'])}")
    if sampled["every"] > 1:
        lines.append(f"mean over the {100 * sampled['share']:.1f} % of frames answered: {percent(sampled['map'])}")
    if result["unmapped"]:
        words = ", ".join(f"{word} ({count})" for word, count in list(result["unmapped"].items())[:20])
        lines.append(f"unmapped, {result['unmapped_total']} in all: {words}")
    undefined = [f"{name}: {why}, in no mean" for name, why in result["undefined"].items()]
    return "\n".join([*lines, *undefined, *(f"({note})" for note in [result["note"], *result["notes"]])])
