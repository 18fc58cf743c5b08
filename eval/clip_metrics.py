"""Metrics of clips: which frames are anomalous, and which regions and tracks are found.

Definitions that papers leave open:
    frame AUC, micro: all frames of all clips in one ROC curve; macro: the mean of the clips' own AUCs. So that a clip
        of one class has an AUC too, each clip gets one normal frame below all its scores and one anomalous frame above
        them, as in the code of UBnormal (Acsintoae et al., CVPR 2022) and AI-VAD (Reiss and Hoshen, 2022); a clip of
        one class then has AUC 1, whatever its scores.
    RBDC, TBDC (Ramachandra and Jones, "Street Scene", WACV 2020, section 4): the share of true regions, or of true
        tracks, that are found, over the false positives per frame, and the area under that curve up to 1 false positive
        per frame, cut there by linear interpolation. A true region is found where a detection overlaps it with IoU >=
        0.1; a track where >= 0.1 of its regions are; a detection is false where it overlaps no true region that much.
        Several detections of one region are neither false nor worth more than one, and one detection may find several.
        Regions are boxes; frames are all frames, normal ones too; detections of equal score come in together; beyond
        the last detection the curve stays level.
    None: a metric that is not defined on these clips.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.intervals import Interval, bootstrap_interval
from xad_agent.eval.metrics import area_to_limit, sklearn_metrics

IOU = 0.1
TRACK_SHARE = 0.1
FALSE_PER_FRAME = 1.0

Box = tuple[float, float, float, float]
Tracks = Mapping[str, Mapping[int, Box]]


def frame_auc_micro(labels: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> float | None:
    """Area under the ROC curve of all frames together, 0 to 1; None when they are of one class.

    Args:
        labels: Of each clip, bool (T,): whether a frame is anomalous.
        scores: Of each clip, float (T,), larger is stranger.
    """
    truth = np.concatenate(labels)
    if truth.all() or not truth.any():
        return None
    return float(sklearn_metrics().roc_auc_score(truth, np.concatenate(scores)))


def clip_aucs(labels: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> np.ndarray:
    """Each clip's AUC, float64 (C,), with the two frames that the module adds; `frame_auc_macro` is their mean."""
    return np.array([_padded_auc(truth, values) for truth, values in zip(labels, scores, strict=True)])


def frame_auc_macro(labels: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> float:
    """The mean of the clips' AUCs, 0 to 1, as the module defines it; arguments as for `frame_auc_micro`."""
    return float(clip_aucs(labels, scores).mean())


def _padded_auc(truth: np.ndarray, values: np.ndarray) -> float:
    ranks = np.unique(values, return_inverse=True)[1]  # the added frames fit around ranks, whatever the scores' unit
    return float(sklearn_metrics().roc_auc_score([0, *truth, 1], [-1, *ranks, len(ranks)]))


def normalised(scores: np.ndarray) -> np.ndarray:
    """A clip's scores moved and scaled to 0 to 1, float (T,); all 0 when they are equal.

    Common in the field, but it looks at the whole test clip, and makes every clip's strangest frame alike.
    """
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def frame_auc_intervals(
    labels: Sequence[np.ndarray], scores: Sequence[np.ndarray], *, seed: int
) -> dict[str, Interval]:
    """The bootstrap intervals of `micro` and `macro`, whole clips being resampled."""
    macro = bootstrap_interval(np.mean, clip_aucs(labels, scores), seed=seed)
    return {"micro": bootstrap_interval(_micro_of(labels, scores), np.arange(len(labels)), seed=seed), "macro": macro}


def _micro_of(labels: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> Callable[[np.ndarray], float]:
    """The micro AUC as a function of the clips drawn, from how often the frames of one clip exceed those of another."""
    anomalous = [values[truth] for truth, values in zip(labels, scores, strict=True)]
    normal = [np.sort(values[~truth]) for truth, values in zip(labels, scores, strict=True)]
    wins = np.array([[_wins(one, other) for other in normal] for one in anomalous])
    pairs = np.outer([len(one) for one in anomalous], [len(other) for other in normal])

    def micro(drawn: np.ndarray) -> float:
        times = np.bincount(drawn, minlength=len(wins)).astype(float)
        of = times @ pairs @ times
        return float(times @ wins @ times / of) if of else math.nan

    return micro


def _wins(values: np.ndarray, ranked: np.ndarray) -> float:
    return float((np.searchsorted(ranked, values, "left") + np.searchsorted(ranked, values, "right")).sum() / 2)


@dataclass(frozen=True)
class Matches:
    """What the detections of one clip find, and what they raise falsely.

    Attributes:
        frames: Frames of the clip.
        regions: float64 (R,): the highest score of a detection that finds this true region; -inf where none does.
        tracks: float64 (K,): the highest threshold at which this true track is found; -inf where it never is.
        false: float64 (F,), ascending: the scores of false detections.
    """

    frames: int
    regions: np.ndarray
    tracks: np.ndarray
    false: np.ndarray


def match(tracks: Tracks, detections: np.ndarray, frames: int) -> Matches:
    """Match the detections of a clip with its true tracks.

    Args:
        tracks: Name of each true track -> {frame: box}; boxes (x0, y0, x1, y1) in px, x1 and y1 exclusive.
        detections: float64 (N, 6): frame, x0, y0, x1, y1, score; frames count from 0.
        frames: Frames of the clip.

    Raises:
        XadError: A box is empty, a number not finite, or a frame not in the clip.
    """
    owners = list(tracks.values())
    regions = np.array([(frame, *box) for track in owners for frame, box in track.items()], np.float64)
    true = checked(regions.reshape(-1, 5), frames, "true region")
    found = checked(detections, frames, "detection")
    found = found[np.argsort(found[:, 0], kind="stable")]
    region, detection = _pairs_of_a_frame(true[:, 0], found[:, 0])
    hit = _iou(true[region, 1:5], found[detection, 1:5]) >= IOU
    best = np.full(len(true), -np.inf)
    np.maximum.at(best, region[hit], found[detection[hit], 5])
    false = np.ones(len(found), bool)
    false[detection[hit]] = False
    parts = np.split(best, np.cumsum([len(track) for track in owners])[:-1]) if owners else []
    return Matches(frames, best, np.array([_found_from(part) for part in parts]), np.sort(found[false, 5]))


def checked(table: np.ndarray, frames: int, what: str) -> np.ndarray:
    """A table whose rows begin with frame, x0, y0, x1, y1; XadError where one is not usable, see `match`."""
    wrong = ~np.isfinite(table).all(axis=1) | (table[:, 3] <= table[:, 1]) | (table[:, 4] <= table[:, 2])
    wrong |= (table[:, 0] < 0) | (table[:, 0] >= frames) | (table[:, 0] % 1 != 0)
    if wrong.any():
        frame, x0, y0, x1, y1 = table[np.argmax(wrong), :5]
        raise XadError(
            f"a {what} in frame {frame:g} with box {x0:g} {y0:g} {x1:g} {y1:g} is not usable: the clip has frames 0 to "
            f"{frames - 1}, boxes need x1 > x0 and y1 > y0, and all numbers must be finite"
        )
    return table


def _pairs_of_a_frame(true: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each true region with each detection of the same frame: two index arrays (P,); `found` is sorted."""
    start, stop = np.searchsorted(found, true, "left"), np.searchsorted(found, true, "right")
    counts = stop - start
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(true)), counts), np.repeat(start, counts) + within


def _iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes, row by row: (P, 4) and (P, 4) to (P,)."""
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    areas = (one[:, 2:] - one[:, :2]).prod(axis=1) + (other[:, 2:] - other[:, :2]).prod(axis=1)
    return shared / (areas - shared)


def _found_from(regions: np.ndarray) -> float:
    """The threshold from which down enough of a track's regions are found."""
    enough = math.ceil(TRACK_SHARE * len(regions) - 1e-9)  # 0.1 * 70 is a little more than 7
    return float(np.sort(regions)[-enough]) if enough else -math.inf


def rbdc(clips: Sequence[Matches]) -> float | None:
    """The region-based detection criterion, 0 to 1; None when there is no true region."""
    return _criterion(clips, [clip.regions for clip in clips])


def tbdc(clips: Sequence[Matches]) -> float | None:
    """The track-based detection criterion, 0 to 1; None when there is no true track."""
    return _criterion(clips, [clip.tracks for clip in clips])


def detection_intervals(clips: Sequence[Matches], *, seed: int) -> dict[str, Interval]:
    """The bootstrap intervals of `rbdc` and `tbdc`, whole clips being resampled."""
    targets = {"rbdc": [clip.regions for clip in clips], "tbdc": [clip.tracks for clip in clips]}
    drawn = np.arange(len(clips))
    return {name: bootstrap_interval(_criterion_of(clips, found), drawn, seed=seed) for name, found in targets.items()}


def _criterion(clips: Sequence[Matches], found: list[np.ndarray]) -> float | None:
    value = _criterion_of(clips, found)(np.arange(len(clips)))
    return None if math.isnan(value) else value


def _criterion_of(clips: Sequence[Matches], found: list[np.ndarray]) -> Callable[[np.ndarray], float]:
    """A criterion as a function of the clips drawn, from each clip's false detections above each score that finds."""
    frames, targets = np.array([clip.frames for clip in clips]), np.array([len(one) for one in found])
    owner, scores = np.repeat(np.arange(len(found)), targets), np.concatenate(found)
    owner, scores = owner[np.isfinite(scores)], scores[np.isfinite(scores)]
    above, at_or_above = (
        np.array([len(clip.false) - np.searchsorted(clip.false, scores, side) for clip in clips], np.float64)
        for side in ("right", "left")
    )

    def criterion(drawn: np.ndarray) -> float:
        times = np.bincount(drawn, minlength=len(clips)).astype(float)
        total, length = times @ targets, times @ frames
        if not total:
            return math.nan
        areas = area_to_limit(times @ above / length, times @ at_or_above / length, FALSE_PER_FRAME)
        return float(times[owner] @ areas / (total * FALSE_PER_FRAME))

    return criterion
