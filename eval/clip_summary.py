"""From the scores of clips to metrics, given what is true of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xad_agent.eval.clip_events import event_metrics
from xad_agent.eval.clip_metrics import (
    FALSE_PER_FRAME,
    IOU,
    TRACK_SHARE,
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
from xad_agent.eval.clip_pixels import SHARE, Painted, paint, pixel_auc, pixel_auc_ucsd, pixel_intervals
from xad_agent.eval.clip_truth import LabelledClip

DEFINITIONS = (
    "frame AUC: scores as they are; macro: mean over clips, to each of which one normal frame below all its scores and "
    "one anomalous frame above them are added, as the field does, so that a clip of one class counts 1",
    "_normalised: each test clip's scores moved and scaled to 0 to 1 first, as many papers do; it needs the whole "
    "clip, and leaves the macro AUC as it is",
    "pixel_auc: of all pixels of all frames, each with the highest score of the boxes that cover it; those that none "
    "covers come last, together",
    f"pixel_auc_ucsd: a frame is found where {SHARE:.0%} of its anomalous pixels are, a false alarm where any pixel of "
    "a normal one is; frames that no box decides come last, together",
    f"rbdc, tbdc: up to {FALSE_PER_FRAME:g} false positive per frame, interpolated there; IoU {IOU}, track share "
    f"{TRACK_SHARE}; over all frames of all clips",
    "event_f1: stretches of anomalous frames and stretches above the limit set on normal clips, matched one to one "
    "where they share at least 0.1 (_01) or 0.5 (_05) of the frames that either has",
    "intervals: 95 %, by bootstrap over whole clips",
)


@dataclass(frozen=True)
class ClipScores:
    """What a scorer says about one clip; larger is stranger.

    Attributes:
        frame: float (T,): the score of each frame.
        attributes: Name -> float (T,): each frame's score by one attribute alone; the same names for every clip.
        boxes: float64 (N, 6): frame, x0, y0, x1, y1, score of each region found; px of the original, x1 and y1
            exclusive.
    """

    frame: np.ndarray
    attributes: Mapping[str, np.ndarray]
    boxes: np.ndarray


@dataclass(frozen=True)
class Measured:
    """A clip with its scores.

    Attributes:
        clip: What is true of it.
        scores: What a scorer says.
        limit: Above which a frame's score is an alarm.
        matches: Which true regions are found; None where it is not known where they are.
        painted: How its pixels are painted; None where not every pixel is known to be anomalous or not.
    """

    clip: LabelledClip
    scores: ClipScores
    limit: float
    matches: Matches | None
    painted: Painted | None


def measured(clip: LabelledClip, scores: ClipScores, limit: float, shape: tuple[int, int]) -> Measured:
    """A clip's scores beside its truth; `shape` is the height and width of its frames, px.

    Raises:
        XadError: A detection is not usable, or a mask is unreadable or of another size.
    """
    tracks = clip.tracks
    matches = None if tracks is None else match(tracks, scores.boxes, clip.frames)
    painted = paint(clip.patches(shape), scores.boxes, shape) if clip.masked else None
    return Measured(clip, scores, limit, matches, painted)


def clip_metrics(clips: Sequence[Measured], seed: int) -> dict[str, Any]:
    """The metrics of some clips, at least one; what each is, `evaluate_clips` says."""
    labels = [one.clip.labels for one in clips]
    matches = [one.matches for one in clips if one.matches is not None]
    painted = [one.painted for one in clips if one.painted is not None]
    places = {
        **_of(matches, {"rbdc": rbdc, "tbdc": tbdc}, detection_intervals, seed),
        **_of(painted, {"pixel_auc": pixel_auc, "pixel_auc_ucsd": pixel_auc_ucsd}, pixel_intervals, seed),
    }
    return {
        **frame_aucs(labels, [one.scores.frame for one in clips], seed),
        **places,
        **event_metrics(labels, [one.scores.frame for one in clips], [one.limit for one in clips], seed=seed),
        "per_attribute": {
            name: frame_aucs(labels, [one.scores.attributes[name] for one in clips], seed)
            for name in clips[0].scores.attributes
        },
    }


def _of(clips: Sequence[Any], metrics: Mapping[str, Any], intervals: Any, seed: int) -> dict[str, Any]:
    """Metrics of the clips that have what they need, with their intervals; None where there is none."""
    values = {name: metric(clips) if clips else None for name, metric in metrics.items()}
    ends = intervals(clips, seed=seed) if clips else {}
    return {**values, **{f"{name}_interval": ends.get(name) for name in metrics}}


def frame_aucs(labels: Sequence[np.ndarray], scores: Sequence[np.ndarray], seed: int) -> dict[str, Any]:
    """`frame_auc_micro` and `frame_auc_macro`, each also `_normalised`, with their intervals; see `evaluate_clips`.

    All are None where all frames are of one class.
    """
    aucs: dict[str, Any] = {}
    defined = len(set(np.concatenate(labels).tolist())) > 1
    for suffix, values in {"": scores, "_normalised": [normalised(one) for one in scores]}.items():
        ends = frame_auc_intervals(labels, values, seed=seed) if defined else {}
        aucs[f"frame_auc_micro{suffix}"] = frame_auc_micro(labels, values)
        aucs[f"frame_auc_micro{suffix}_interval"] = ends.get("micro")
        aucs[f"frame_auc_macro{suffix}"] = frame_auc_macro(labels, values) if defined else None
        aucs[f"frame_auc_macro{suffix}_interval"] = ends.get("macro")
    return aucs


def counts(clips: Sequence[Measured]) -> dict[str, int]:
    """How many clips, frames, true tracks and regions there are, and clips whose places or pixels are labelled."""
    matches = [one.matches for one in clips if one.matches is not None]
    return {
        "clips": len(clips),
        "frames": sum(one.clip.frames for one in clips),
        "anomalous_frames": sum(int(one.clip.labels.sum()) for one in clips),
        "tracks": sum(len(one.tracks) for one in matches),
        "regions": sum(len(one.regions) for one in matches),
        "placed_clips": len(matches),
        "masked_clips": sum(one.painted is not None for one in clips),
    }


def notes_on(clips: Sequence[Measured]) -> list[str]:
    """What to know of the truth of these clips before the metrics are read."""
    frames = np.concatenate([one.clip.labels for one in clips])
    notes = []
    if len(set(frames.tolist())) == 1:
        which = "anomalous" if frames[0] else "normal"
        notes.append(
            f"every frame is {which}: no frame AUC" + (", no metric of places, no F1" if not frames[0] else "")
        )
    alike = [one.clip.name for one in clips if len(set(one.clip.labels.tolist())) == 1]
    if alike:
        notes.append(f"clips of one class, whose AUC is 1 in the macro mean: {', '.join(alike)}")
    unplaced = [one.clip.name for one in clips if one.matches is None]
    if unplaced:
        notes.append(f"only frames are labelled, no places: RBDC and TBDC are without {_listed(unplaced, len(clips))}")
    unmasked = [one.clip.name for one in clips if one.painted is None]
    if unmasked:
        notes.append(f"no pixel masks: pixel AUCs are without {_listed(unmasked, len(clips))}")
    linked = [one.clip.name for one in clips if one.clip.given is None and one.clip.tracks]
    if linked:
        notes.append(f"no tracks are given for clips {', '.join(linked)}: they are the linked regions of their masks")
    for one in clips:
        if count := one.clip.disagreements():
            notes.append(f"clip {one.clip.name}: in {count} frames labels, masks and tracks disagree on an anomaly")
    return notes


def _listed(names: Sequence[str], of: int) -> str:
    return f"all {of} clips" if len(names) == of else f"{len(names)} of {of} clips ({', '.join(names)})"
