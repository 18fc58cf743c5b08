"""`xad eval clips`: how well anomalies in clips are detected and placed, on a set in the layout of UCSD Ped2."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.clip_layout import LabelledClip, read_clip_set
from xad_agent.eval.clip_metrics import (
    FALSE_PER_FRAME,
    IOU,
    TRACK_SHARE,
    Detection,
    Matches,
    detection_intervals,
    frame_auc_intervals,
    frame_auc_macro,
    frame_auc_micro,
    match,
    normalised,
    rbdc,
    tbdc,
)
from xad_agent.eval.clip_report import as_text
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.machine import peak_memory_mb, revision, versions
from xad_agent.eval.metrics import sklearn_metrics

__all__ = ["ClipScorer", "ClipScores", "as_text", "evaluate_clips", "frame_aucs"]

DEFINITIONS = (
    "frame AUC: scores as they are; macro: mean over clips, to each of which one normal frame below all its scores and "
    "one anomalous frame above them are added, as the field does, so that a clip of one class counts 1",
    "_normalised: each test clip's scores moved and scaled to 0 to 1 first, as many papers do; it needs the whole "
    "clip, and leaves the macro AUC as it is",
    f"rbdc, tbdc: up to {FALSE_PER_FRAME:g} false positive per frame, interpolated there; IoU {IOU}, track share "
    f"{TRACK_SHARE}; over all frames of all clips",
    "intervals: 95 %, by bootstrap over whole clips",
    "fps: frames of a clip by the seconds of reading and scoring it, median over clips, in this process",
)


@dataclass(frozen=True)
class ClipScores:
    """What a scorer says about one clip; larger is stranger.

    Attributes:
        frame: float32 (T,): the score of each frame.
        attributes: Name -> float32 (T,): each frame's score by one attribute alone; the same names for every clip.
        boxes: (frame, (x0, y0, x1, y1), score) of each region found; px of the original, x1 and y1 exclusive.
    """

    frame: np.ndarray
    attributes: Mapping[str, np.ndarray]
    boxes: Sequence[Detection]


class Alarms(NamedTuple):
    """What lies above the threshold of a normal clip that was held out: frames, bool (T,), and stretches, bool (n,).

    Stretches are what the threshold is set for, see `ClipProfile`.
    """

    frames: np.ndarray
    stretches: np.ndarray


class ClipScorer(Protocol):
    """What has learnt from normal clips and scores others."""

    def scores(self, clip: Any) -> ClipScores:
        """Score a `xad_agent.media.Clip`."""

    def held_out_alarms(self) -> Sequence[Alarms]:
        """Of each normal clip that was held out of the fit."""


@dataclass(frozen=True)
class _Scored:
    clip: LabelledClip
    frame: np.ndarray
    attributes: Mapping[str, np.ndarray]
    matches: Matches
    seconds: float


def evaluate_clips(
    directory: str | Path, fit: Callable[[Sequence[Path]], ClipScorer], *, seed: int = 0, progress: bool = True
) -> dict[str, Any]:
    """Fit on the training clips, score every test clip, and measure the results.

    A clip that fails is listed under `failed`, counted, and left out of the metrics; the others go on.

    Args:
        directory: A set in the layout of UCSD Ped2, see `clip_layout`.
        fit: Makes a scorer from the folders of the training clips.
        seed: Of the bootstrap; the scorer's own is for `fit` to know.
        progress: Whether a bar is shown, on stderr.

    Returns:
        A JSON-able dict. `frame_auc_micro`, `frame_auc_macro`, each also `_normalised`; `rbdc`, `tbdc`: 0 to 1, None
        where not defined, each with its `..._interval` [low, high]; `per_attribute` {name: the same AUCs of it alone};
        `false_alarm_rate` {stretches, clips, frames}, each {value, low, high, hits, n}, of held-out normal clips, None
        where none was held out; `fps`; `n` {train, clips, frames, anomalous_frames, tracks, regions, failed}; `clips`
        [{clip, frames, anomalous_frames, tracks, frame_auc, seconds}], its AUC None in a clip of one class; `failed`
        [{clip, error}]; `notes`; `fit_seconds`, `seconds` (of it all), `peak_memory_mb`.

    Raises:
        XadError: The layout is wrong, no clip could be scored, or scikit-learn is missing.
    """
    sklearn_metrics()
    start = perf_counter()
    found = read_clip_set(directory)
    scorer = fit(found.training)
    fit_seconds = perf_counter() - start
    scored, failed = _score_all(found.testing, scorer, progress)
    peak = peak_memory_mb()  # before the metrics, which need memory of their own
    if not scored:
        raise XadError(f"{found.root}: no test clip could be scored; the first: {failed[0]['error']}")
    return {
        "task": "clips",
        "category": found.name,
        "directory": str(found.root.resolve()),
        "seed": seed,
        "versions": versions(),
        "revision": revision(),
        "n": _counts(scored) | {"train": len(found.training), "failed": len(failed)},
        **_metrics(scored, seed),
        "false_alarm_rate": _false_alarms(scorer.held_out_alarms(), seed),
        "fps": median(one.clip.frames / one.seconds for one in scored),
        "clips": [_row(one) for one in scored],
        "failed": failed,
        "notes": [*_notes(scored, failed), *DEFINITIONS],
        "fit_seconds": fit_seconds,
        "seconds": perf_counter() - start,
        "peak_memory_mb": peak,
    }


def _score_all(
    clips: Sequence[LabelledClip], scorer: ClipScorer, progress: bool
) -> tuple[list[_Scored], list[dict[str, str]]]:
    from tqdm import tqdm

    scored: list[_Scored] = []
    failed: list[dict[str, str]] = []
    for clip in tqdm(clips, desc="score", unit="clip", disable=not progress):
        try:
            scored.append(_score(clip, scorer, scored[0].attributes if scored else None))
        except Exception as error:  # one bad clip must not lose the results of the others
            reason = str(error) if isinstance(error, XadError) else f"{type(error).__name__}: {error}"
            failed.append({"clip": clip.name, "error": reason})
    return scored, failed


def _score(clip: LabelledClip, scorer: ClipScorer, like: Mapping[str, np.ndarray] | None) -> _Scored:
    from xad_agent.media import read_clip

    start = perf_counter()
    scores = scorer.scores(read_clip(clip.folder))
    seconds = perf_counter() - start
    for name, values in {"frame": scores.frame, **scores.attributes}.items():
        if values.shape != (clip.frames,) or not np.isfinite(values).all():
            what = "not finite" if values.shape == (clip.frames,) else f"of shape {values.shape}"
            raise XadError(f"clip {clip.name}: scores {name!r} are {what}; each of {clip.frames} frames needs a number")
    if like is not None and set(like) != set(scores.attributes):
        raise XadError(f"clip {clip.name}: attributes {sorted(scores.attributes)}, other clips {sorted(like)}")
    matches = match(clip.tracks, scores.boxes, clip.frames)
    return _Scored(clip, scores.frame, scores.attributes, matches, seconds)


def _metrics(scored: Sequence[_Scored], seed: int) -> dict[str, Any]:
    labels, matches = [one.clip.labels for one in scored], [one.matches for one in scored]
    ends = detection_intervals(matches, seed=seed)
    return {
        **frame_aucs(labels, [one.frame for one in scored], seed),
        "rbdc": rbdc(matches),
        "rbdc_interval": ends["rbdc"],
        "tbdc": tbdc(matches),
        "tbdc_interval": ends["tbdc"],
        "per_attribute": {
            name: frame_aucs(labels, [one.attributes[name] for one in scored], seed) for name in scored[0].attributes
        },
    }


def frame_aucs(labels: Sequence[np.ndarray], scores: Sequence[np.ndarray], seed: int) -> dict[str, Any]:
    """`frame_auc_micro` and `frame_auc_macro`, each also `_normalised`, with their intervals; see `evaluate_clips`."""
    aucs: dict[str, Any] = {}
    for suffix, values in {"": scores, "_normalised": [normalised(one) for one in scores]}.items():
        ends = frame_auc_intervals(labels, values, seed=seed)
        aucs[f"frame_auc_micro{suffix}"] = frame_auc_micro(labels, values)
        aucs[f"frame_auc_micro{suffix}_interval"] = ends["micro"]
        aucs[f"frame_auc_macro{suffix}"] = frame_auc_macro(labels, values)
        aucs[f"frame_auc_macro{suffix}_interval"] = ends["macro"]
    return aucs


def _false_alarms(alarms: Sequence[Alarms], seed: int) -> dict[str, Any] | None:
    """Shares of held-out stretches, clips and frames; a clip's frames hang together, so theirs is bootstrapped."""
    if not alarms:
        return None
    hits, lengths = np.array([(np.count_nonzero(one), len(one)) for one, _ in alarms]).T
    ends = bootstrap_interval(lambda drawn: hits[drawn].sum() / lengths[drawn].sum(), np.arange(len(hits)), seed=seed)
    low, high = ends or (None, None)
    frames = {"value": float(hits.sum() / lengths.sum()), "low": low, "high": high}
    return {
        "stretches": proportion(np.concatenate([stretches for _, stretches in alarms])),
        "clips": proportion(hits > 0),
        "frames": {**frames, "hits": int(hits.sum()), "n": int(lengths.sum())},
    }


def _counts(scored: Sequence[_Scored]) -> dict[str, int]:
    return {
        "clips": len(scored),
        "frames": sum(one.clip.frames for one in scored),
        "anomalous_frames": sum(int(one.clip.labels.sum()) for one in scored),
        "tracks": sum(len(one.matches.tracks) for one in scored),
        "regions": sum(len(one.matches.regions) for one in scored),
    }


def _row(one: _Scored) -> dict[str, Any]:
    return {
        "clip": one.clip.name,
        "frames": one.clip.frames,
        "anomalous_frames": int(one.clip.labels.sum()),
        "tracks": len(one.matches.tracks),
        "frame_auc": frame_auc_micro([one.clip.labels], [one.frame]),
        "seconds": one.seconds,
    }


def _notes(scored: Sequence[_Scored], failed: Sequence[Any]) -> list[str]:
    notes = [f"{len(failed)} clips failed and are in no metric"] if failed else []
    alike = [one.clip.name for one in scored if len(set(one.clip.labels.tolist())) == 1]
    if alike:
        notes.append(f"clips of one class, whose AUC is 1 in the macro mean: {', '.join(alike)}")
    masks = [one.clip.name for one in scored if one.clip.given is None]
    if masks:
        notes.append(f"no tracks.json for clips {', '.join(masks)}: their tracks are the linked regions of their masks")
    for one in scored:
        if count := one.clip.disagreements():
            notes.append(f"clip {one.clip.name}: in {count} frames only one of tracks.json and the masks is anomalous")
    return notes
