"""The metric of X-MAN's protocol: the average precision of each class over all frames, averaged over the classes.

Source: Szymanowicz, Charles and Cipolla, "X-MAN: Explaining multiple sources of anomalies in video", CVPR Workshops
2021, and the page of its labels; the mean without the location classes is that of table 4 in the same authors'
"Discrete neural representations for explainable anomaly detection" (VQU-Net), WACV 2022.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.metrics import mean_of_known, sklearn_metrics
from xad_agent.eval.xman_answers import Answers
from xad_agent.eval.xman_labels import Frames, Labels, check_frames
from xad_agent.eval.xman_precision import Column, Resampled, undefined
from xad_agent.eval.xman_words import words_of
from xad_agent.prompts import vocabulary

LOCATION = "location"
STRIDES = (2, 5, 10)
DEFINITION = (
    "intervals: 95 %, by bootstrap over whole clips; a class that a resample lacks is not in its mean, so they lean "
    "upwards where few clips have a class"
)
BRIEFLY = (
    "map",
    "map_interval",
    "map_without_location",
    "map_without_location_interval",
    "map_per_kind",
    "map_per_kind_interval",
    "per_class_ap",
)


def score_answers(labels: Labels, answers: Answers, frames: Frames | None = None, *, seed: int = 0) -> dict[str, Any]:
    """The average precision of each class over all frames of all clips, and their means.

    Args:
        labels: What is true.
        answers: A score for every class of the labels and every frame of every clip.
        frames: Clip -> the number of each of its frames, as the labels have it; None: 0, 1 ... for each row.
        seed: Of the bootstrap.

    Returns:
        A JSON-able dict, precisions 0 to 1: `map`; `map_without_location`; `map_per_kind` {kind: map}; each with its
        `..._interval` [low, high] by bootstrap over clips; `per_class_ap` {class: ap}; `classes` {class: {kind,
        positive_frames, clips, prevalence, ap, ap_interval}}, clips being those that have it and the prevalence the AP
        of a constant; `undefined` {class: why it has no AP and is in no mean}; `sampled` {every, frames, share, map,
        lost}, `map` there over the answered frames alone, of the classes that are defined on them, `lost` being the
        others; `sampling` {n: {map, lost}}, what would be left if only every n-th frame had been answered, empty where
        that is so already; `unmapped` {word: count}, `unmapped_total`; `denied` {class: count}; `n` {clips, frames,
        labelled_frames}; `notes`.

    Raises:
        XadError: Labels and answers do not fit each other, or a score is not finite.
    """
    frames = frames or {clip: range(len(rows)) for clip, rows in answers.scores.items()}
    check_frames(labels, frames)
    columns, clips, answered = _columns(labels, answers, frames)
    without = {name: why for name, (truth, _) in columns.items() if (why := undefined(truth))}
    defined = {name: column for name, column in columns.items() if name not in without}
    aps = _precisions(defined)
    resampled = Resampled(defined, clips, seed)
    elsewhere = [name for name in aps if labels.kinds[name] != LOCATION]
    kinds = {kind: [n for n in aps if labels.kinds[n] == kind] for kind in sorted(set(labels.kinds.values()))}
    return {
        "n": {"clips": len(frames), "frames": len(clips), "labelled_frames": len(labels.frames)},
        "map": mean_of_known(aps.values()),
        "map_interval": resampled.interval(*aps),
        "map_without_location": mean_of_known(aps[name] for name in elsewhere),
        "map_without_location_interval": resampled.interval(*elsewhere),
        "map_per_kind": {kind: mean_of_known(aps[name] for name in names) for kind, names in kinds.items()},
        "map_per_kind_interval": {kind: resampled.interval(*names) for kind, names in kinds.items()},
        "per_class_ap": aps,
        "classes": {
            name: {
                "kind": labels.kinds.get(name),
                "positive_frames": int(truth.sum()),
                "clips": len(np.unique(clips[truth])),
                "prevalence": float(truth.mean()),
                "ap": aps.get(name),
                "ap_interval": resampled.interval(name) if name in aps else None,
            }
            for name, (truth, _) in columns.items()
        },
        "undefined": without,
        "sampled": {
            "every": answers.every,
            "frames": int(answered.sum()),
            "share": float(answered.mean()),
            **_on_some(defined, answered),
        },
        "sampling": _sampling(labels, answers, frames, list(defined)),
        "unmapped": dict(answers.unmapped),
        "unmapped_total": sum(answers.unmapped.values()),
        "denied": dict(answers.denied),
        "notes": [*labels.notes, *answers.notes, *_notes(labels, answers), DEFINITION],
    }


def map_of_clip(labels: Labels, answers: Answers, frames: Frames) -> float | None:
    """The mean over the classes that are defined in these clips alone; None where none is."""
    columns, *_ = _columns(labels, answers, frames)
    return mean_of_known(_precisions({n: c for n, c in columns.items() if not undefined(c[0])}).values())


def column_of(labels: Labels, answers: Answers, frames: Frames, name: str) -> Column:
    """Which frames of all clips, one clip after the other, have a class, and their scores."""
    return _columns(labels, answers, frames)[0][name]


def _precisions(columns: Mapping[str, Column]) -> dict[str, float]:
    metrics = sklearn_metrics()
    return {name: float(metrics.average_precision_score(*column)) for name, column in columns.items()}


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


def _on_some(columns: Mapping[str, Column], chosen: np.ndarray) -> dict[str, Any]:
    """The mean over some frames alone, and the classes that have no AP on them."""
    parts = {name: (truth[chosen], scores[chosen]) for name, (truth, scores) in columns.items()}
    lost = [name for name, (truth, _) in parts.items() if undefined(truth)]
    known = {name: part for name, part in parts.items() if name not in lost}
    return {"map": mean_of_known(_precisions(known).values()), "lost": lost}


def _sampling(labels: Labels, answers: Answers, frames: Frames, defined: Sequence[str]) -> dict[str, Any]:
    """What a sparser answer to the same frames would come to."""
    if answers.every > 1:
        return {}
    found = {}
    for every in STRIDES:
        columns, _, answered = _columns(labels, answers.sampled(every), frames)
        kept = {name: columns[name] for name in defined}
        found[str(every)] = {"map": mean_of_known(_precisions(kept).values()), "lost": _on_some(kept, answered)["lost"]}
    return found


def _notes(labels: Labels, answers: Answers) -> list[str]:
    notes = []
    unknown = sorted(set(labels.kinds.values()) - set(vocabulary("xman")["kinds"]))
    if unknown:
        notes.append(f"coarse kinds that X-MAN does not have: {', '.join(unknown)}; none of them counts as location")
    spelled: dict[tuple[str, ...], list[str]] = {}
    for name in labels.classes:
        spelled.setdefault(words_of(name), []).append(name)
    if alike := [" and ".join(names) for names in spelled.values() if len(names) > 1]:
        notes.append(f"classes that differ in spelling alone, each counted by itself: {'; '.join(alike)}")
    if empty := sum(not classes for classes in labels.frames.values()):
        notes.append(f"{empty} labelled frames have an empty list and count as normal")
    if answers.every > 1:
        notes.append(f"only every {answers.every}. frame was answered; the frames between have the answer before them")
    if answers.unmapped:
        notes.append(f"{sum(answers.unmapped.values())} words or labels of the answers mean no class and count nothing")
    if answers.denied:
        notes.append(f"{sum(answers.denied.values())} times a text says that a class is not there; that counts nothing")
    return notes
