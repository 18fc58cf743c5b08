"""`xad eval clips`: how well anomalies in clips are detected and placed, on labelled sets of any known layout."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch, failures, score_all
from xad_agent.eval.clip_layout import read_clip_set
from xad_agent.eval.clip_metrics import checked, frame_auc_micro
from xad_agent.eval.clip_page import clip_page
from xad_agent.eval.clip_report import as_text
from xad_agent.eval.clip_summary import (
    DEFINITIONS,
    ClipScores,
    Measured,
    clip_metrics,
    counts,
    frame_aucs,
    measured,
    notes_on,
)
from xad_agent.eval.clip_truth import ClipSet, LabelledClip, sized
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.machine import peak_memory_mb
from xad_agent.eval.metrics import sklearn_metrics
from xad_agent.eval.store import Record, Store

__all__ = ["Alarms", "ClipMethod", "ClipScorer", "ClipScores", "as_text", "evaluate_clips", "frame_aucs"]

_ATTRIBUTE = "attribute."


class Alarms(NamedTuple):
    """What lies above the threshold of a normal clip that was held out: frames, bool (T,), and stretches, bool (n,).

    Stretches are what the threshold is set for, see `ClipProfile`.
    """

    frames: np.ndarray
    stretches: np.ndarray


class ClipScorer(Protocol):
    """What has learnt from normal clips of one scene and scores others."""

    @property
    def limit(self) -> float:
        """Above which a frame's score is an alarm, from normal clips alone."""
        ...

    def scores(self, clip: Any) -> ClipScores:
        """Score a `xad_agent.media.Clip`."""
        ...

    def held_out_alarms(self) -> Sequence[Alarms]:
        """Of each normal clip that was held out of the fit."""
        ...


class ClipMethod(Protocol):
    """How scorers are made."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What its scores depend on besides the clips and the seed; JSON-able."""
        ...

    def fit(self, clips: Sequence[Path], folder: Path, seed: int, progress: bool) -> None:
        """Learn from normal clips of one scene, and save what is learnt in a folder."""
        ...

    def load(self, folder: Path) -> ClipScorer:
        """What was saved there."""
        ...


def evaluate_clips(directory: str | Path, method: ClipMethod, *, batch: Batch | None = None) -> dict[str, Any]:
    """Fit on the training clips of each scene, score every test clip, and measure the results.

    A clip that fails is listed under `failed`, counted, and left out of the metrics; the others go on.

    Args:
        directory: A set in a layout of `clip_layout` or `clip_published`.
        method: Makes scorers.
        batch: Which part of the set, where results are kept; its seed is also that of the fit. None for the whole set.

    Returns:
        A JSON-able dict with `layout` and, 0 to 1 and None where not defined, each with its `..._interval` [low, high]:
        `frame_auc_micro`, `frame_auc_macro`, each also `_normalised`; `pixel_auc`, `pixel_auc_ucsd`; `rbdc`, `tbdc`;
        `event_f1_01`, `event_f1_05`, with `event_recall_..` and `event_precision_..` as shares. `per_attribute`
        {name: the frame AUCs of it alone}; `false_alarm_rate` {stretches, clips, frames}, each {value, low, high, hits,
        n}, of held-out normal clips, None where none was held out; `fps`; `n` {train, scenes, clips, frames,
        anomalous_frames, tracks, regions, placed_clips, masked_clips, failed}; `items` [{item, kind, frames,
        anomalous_frames, frame_auc, attribute_auc {name: AUC}, limit, seconds ...}], AUCs None in a clip of one class;
        `failed`; `notes`; `fit_seconds`, `seconds` (of this run), `peak_memory_mb`.

    Raises:
        XadError: The layout is wrong, no clip could be scored, the output folder holds results of other settings, or
            scikit-learn is missing.
    """
    sklearn_metrics()
    start, batch = perf_counter(), batch or Batch()
    found = read_clip_set(directory)
    settings = {"directory": str(found.root.resolve()), **method.settings}
    with batch.store(settings) as store:
        fit_seconds = store.fit(lambda folder: _fit(found, method, folder, batch))
        scorer_of = lru_cache(maxsize=1)(lambda scene: method.load(store.profile / (scene or "all")))
        records = score_all(
            batch.chosen(found.testing),
            store,
            lambda clip: _score(clip, found, scorer_of, store),
            batch,
            arrays=True,
            unit="clip",
        )
        peak = peak_memory_mb()  # before the metrics, which need memory of their own
        clips = [_measured(clip, record, store) for clip, record in records if "error" not in record]
        failed = failures(record for _, record in records)
        result = {
            "task": "clips",
            "category": found.name,
            "layout": found.layout,
            **store.settings,
            "n": {"train": len(found.training), "scenes": len(found.normal), "failed": len(failed)} | counts(clips),
            **clip_metrics(clips, batch.seed),
            "false_alarm_rate": _false_alarms([a for s in found.normal for a in scorer_of(s).held_out_alarms()], batch),
            "fps": median(record["frames"] / record["seconds"] for _, record in records if "error" not in record),
            "items": [record for _, record in records],
            "failed": failed,
            "notes": [*_notes(found, failed), *notes_on(clips), *DEFINITIONS],
            "fit_seconds": fit_seconds,
            "seconds": perf_counter() - start,
            "peak_memory_mb": peak,
        }
        return batch.finish(store, result, lambda: clip_page(result, clips))


def _fit(found: ClipSet, method: ClipMethod, folder: Path, batch: Batch) -> None:
    for scene, clips in found.normal.items():
        method.fit(clips, folder / (scene or "all"), batch.seed, batch.progress)


def _score(clip: LabelledClip, found: ClipSet, scorer_of: Any, store: Store) -> Record:
    from xad_agent.media import read_clip

    if clip.scene not in found.normal:
        raise XadError(f"clip {clip.name}: there are no normal clips of its scene {clip.scene}")
    scorer = scorer_of(clip.scene)
    start = perf_counter()
    media = read_clip(clip.path)
    _check_truth(clip, media.count, (media.height, media.width))
    scores = scorer.scores(media)
    seconds = perf_counter() - start
    _check_scores(clip, scores, store)
    arrays = {f"{_ATTRIBUTE}{name}": values for name, values in scores.attributes.items()}
    store.keep(clip.name, frame=scores.frame, boxes=scores.boxes, **arrays)
    return {
        "frames": clip.frames,
        "anomalous_frames": int(clip.labels.sum()),
        "height": media.height,
        "width": media.width,
        "fps": media.fps,
        "limit": float(scorer.limit),
        "alarm_frames": int((scores.frame > scorer.limit).sum()),
        "regions": len(scores.boxes),
        "frame_auc": frame_auc_micro([clip.labels], [scores.frame]),
        "attribute_auc": {name: frame_auc_micro([clip.labels], [one]) for name, one in scores.attributes.items()},
        "seconds": seconds,
    }


def _check_truth(clip: LabelledClip, frames: int, shape: tuple[int, int]) -> None:
    """Before anything that takes long: whether labels and masks fit the frames that can be read."""
    if frames != clip.frames:
        raise XadError(f"clip {clip.name}: {clip.frames} frames are labelled, {frames} can be read")
    marked = np.flatnonzero(clip.labels)
    mask = clip.mask(int(marked[0])) if clip.masked and len(marked) else None
    if mask is not None and mask.shape != shape:
        raise XadError(f"clip {clip.name}: its masks are {sized(mask.shape)}, its frames {sized(shape)}")
    clip.tracks  # noqa: B018 - a damaged mask shows itself here


def _check_scores(clip: LabelledClip, scores: ClipScores, store: Store) -> None:
    for name, values in {"frame": scores.frame, **scores.attributes}.items():
        if values.shape != (clip.frames,) or not np.isfinite(values).all():
            what = "not finite" if values.shape == (clip.frames,) else f"of shape {values.shape}"
            raise XadError(f"clip {clip.name}: scores {name!r} are {what}; each of {clip.frames} frames needs a number")
    others = next((record["attribute_auc"] for record in store.records().values() if "error" not in record), None)
    if others is not None and set(others) != set(scores.attributes):
        raise XadError(f"clip {clip.name}: attributes {sorted(scores.attributes)}, other clips {sorted(others)}")
    checked(scores.boxes, clip.frames, "detection")


def _measured(clip: LabelledClip, record: Record, store: Store) -> Measured:
    kept = store.arrays(clip.name)
    attributes = {name.removeprefix(_ATTRIBUTE): kept[name] for name in kept if name.startswith(_ATTRIBUTE)}
    scores = ClipScores(kept["frame"], attributes, kept["boxes"])
    return measured(clip, scores, record["limit"], (record["height"], record["width"]))


def _false_alarms(alarms: Sequence[Alarms], batch: Batch) -> dict[str, Any] | None:
    """Shares of held-out stretches, clips and frames; a clip's frames hang together, so theirs is bootstrapped."""
    if not alarms:
        return None
    hits, lengths = np.array([(np.count_nonzero(one), len(one)) for one, _ in alarms]).T
    ends = bootstrap_interval(
        lambda drawn: hits[drawn].sum() / lengths[drawn].sum(), np.arange(len(hits)), seed=batch.seed
    )
    low, high = ends or (None, None)
    frames = {"value": float(hits.sum() / lengths.sum()), "low": low, "high": high}
    return {
        "stretches": proportion(np.concatenate([stretches for _, stretches in alarms])),
        "clips": proportion(hits > 0),
        "frames": {**frames, "hits": int(hits.sum()), "n": int(lengths.sum())},
    }


def _notes(found: ClipSet, failed: Sequence[Any]) -> list[str]:
    notes = [f"{len(failed)} clips failed and are in no metric"] if failed else []
    if len(found.normal) > 1:
        notes.append(
            f"{len(found.normal)} scenes, each with a scorer of its own; scores of all are ranked together as they are"
        )
    notes.append("fps: frames of a clip by the seconds of reading and scoring it, median over clips, in this process")
    return notes
