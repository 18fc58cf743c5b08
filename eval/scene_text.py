"""How well per-frame descriptions give anomalies away, read as triplets: the scene graph over text.

The public sets describe no training frames, so the folds are the clips themselves: what is normal is learned from the
frames labelled normal of other clips, never from the clip that is scored. A clip's own labels serve the metric only.
Beside it stands the plain baseline: the distance of a description's embedding to the nearest normal description.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from xad_agent.detectors.neighbours import Neighbours
from xad_agent.detectors.scene_graph import FOLDS, Encoder, unseen_scores
from xad_agent.errors import XadError
from xad_agent.eval.intervals import bootstrap_interval
from xad_agent.eval.machine import provenance
from xad_agent.eval.metrics import sklearn_metrics
from xad_agent.perception.relations import Triplet

_FOLDER = "test_frame_description"

# Descriptions flicker from frame to frame; both sets have 24 or 25 frames a second, so this is half a second.
SMOOTHING = 12
_BATCH = 64


@dataclass(frozen=True, eq=False)
class DescribedClip:
    """One clip in words.

    Attributes:
        name: As in the folder.
        descriptions: One a frame.
        labels: bool (T,): which frames are anomalous.
    """

    name: str
    descriptions: list[str]
    labels: np.ndarray


def evaluate_scene_text(directory: Path, seed: int = 0, encoder: Encoder | None = None) -> dict[str, Any]:
    """Frame AUC of the scene graph and of the baseline, over all frames of all clips (micro), for every set below.

    Args:
        directory: Holds, at any depth, sets of `test.csv` (image_path, label) and
            `test_frame_description/test_CLIP.txt` or `.txt.gz`, a line a frame.
        seed: Of the detector's training and of the resampling.
        encoder: Sentences to unit vectors; the embedded sentence model by default.

    Returns:
        `sets`, by set: `triplets` and `sentences`, each with `frame_auc_micro` in [0, 1], its 95 % interval (clips are
        resampled, those with and without anomalies apart; None for fewer than two with) and `frame_auc_unsmoothed`;
        and the counts and settings that belong to it.

    Raises:
        XadError: There is no such set, a clip's descriptions and labels differ in number, or one class is missing.
    """
    from xad_agent.llm.sentences import embed

    folders = sorted(file.parent for file in directory.rglob("test.csv") if (file.parent / _FOLDER).is_dir())
    if not folders:
        raise XadError(f"no test.csv beside a folder {_FOLDER} in {directory}: name a folder of described clips")
    sets = {folder.name: _evaluate(read_described(folder), seed, encoder or embed) for folder in folders}
    return {"task": "text", "category": directory.resolve().name, "sets": sets, "seed": seed, **provenance()}


def read_described(folder: Path) -> list[DescribedClip]:
    """The described clips of one set, by name; see `evaluate_scene_text` for the layout and the errors."""
    labels: dict[str, list[bool]] = defaultdict(list)
    with (folder / "test.csv").open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            labels[row["image_path"].split("/")[-2]].append(row["label"] == "1")
    clips = []
    for file in sorted((folder / _FOLDER).glob("test_*.txt*")):
        name = file.name.removeprefix("test_").split(".")[0]
        lines = _text(file).splitlines()
        if len(lines) != len(labels[name]):
            raise XadError(f"{file} has {len(lines)} descriptions for {len(labels[name])} labelled frames")
        clips.append(DescribedClip(name, lines, np.array(labels[name], bool)))
    marks = np.concatenate([clip.labels for clip in clips]) if len(clips) > 1 else np.zeros(0, bool)
    if marks.all() or not marks.any():
        raise XadError(f"{folder} needs two described clips at least, and normal as well as anomalous frames")
    return clips


def _text(file: Path) -> str:
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8")


def as_text(result: dict[str, Any]) -> str:
    """The result as a few lines a set."""
    lines = []
    for name, found in result["sets"].items():
        lines.append(f"{name}: {found['frames']:,} frames of {found['clips']} clips, {found['anomalous']:,} anomalous")
        for kind in ("triplets", "sentences"):
            auc, raw = found[kind]["frame_auc_micro"], found[kind]["frame_auc_unsmoothed"]
            ends = " to ".join(f"{100 * end:.1f}" for end in found[kind]["frame_auc_micro_interval"] or ())
            lines.append(f"  frame AUC by {kind:9} {100 * auc:5.1f} % [{ends}], unsmoothed {100 * raw:.1f} %")
    return "\n".join(lines)


def _evaluate(clips: list[DescribedClip], seed: int, encoder: Encoder) -> dict[str, Any]:
    started = perf_counter()
    triplets = _triplets(clips)
    by_triplets = _by_triplets(clips, triplets, encoder, seed)
    by_sentences = _by_sentences(clips, encoder)
    said = [triplet.words for clip in triplets for frame in clip for triplet in frame]
    return {
        "triplets": _measured(by_triplets, clips, seed) | {"said": len(said), "distinct": len(set(said))},
        "sentences": _measured(by_sentences, clips, seed),
        "clips": len(clips),
        "frames": sum(len(clip.labels) for clip in clips),
        "anomalous": int(sum(clip.labels.sum() for clip in clips)),
        "protocol": f"leave-clips-out in {min(FOLDS, len(clips))} groups, fitted on frames labelled normal",
        "smoothing_frames": SMOOTHING,
        "seed": seed,
        "seconds": perf_counter() - started,
    }


def _triplets(clips: Sequence[DescribedClip]) -> list[list[list[Triplet]]]:
    """Of each clip, the triplets of each frame."""
    from xad_agent.llm.parser import read_triplets

    read = iter(read_triplets([line for clip in clips for line in clip.descriptions]))
    return [[next(read) for _ in clip.descriptions] for clip in clips]


def _by_triplets(
    clips: Sequence[DescribedClip], triplets: list[list[list[Triplet]]], encoder: Encoder, seed: int
) -> list[np.ndarray]:
    """A frame is as strange as its rarest triplet; 0 where nothing was read."""
    normal = [
        [triplet for frame, label in zip(frames, clip.labels, strict=True) if not label for triplet in frame]
        for clip, frames in zip(clips, triplets, strict=True)
    ]
    asked = [[triplet for frame in frames for triplet in frame] for frames in triplets]
    scores = unseen_scores(normal, encoder, seed, asked)
    return [_greatest(values, frames) for values, frames in zip(scores, triplets, strict=True)]


def _greatest(values: np.ndarray, frames: Sequence[Sequence[Triplet]]) -> np.ndarray:
    ends = np.cumsum([len(frame) for frame in frames])
    return np.array([part.max(initial=0.0) for part in np.split(values, ends[:-1])])


def _by_sentences(clips: Sequence[DescribedClip], encoder: Encoder) -> list[np.ndarray]:
    """Distance of each description to the nearest normal one of the clips outside its group."""
    import torch

    embedded = _embedded({line for clip in clips for line in clip.descriptions}, encoder)
    scores: list[np.ndarray] = [np.empty(0)] * len(clips)
    for group in range(min(FOLDS, len(clips))):
        rest = [clip for at, clip in enumerate(clips) if at % FOLDS != group]
        normal = {
            line for clip in rest for line, label in zip(clip.descriptions, clip.labels, strict=True) if not label
        }
        bank = Neighbours(torch.from_numpy(np.stack([embedded[line] for line in sorted(normal)])))
        for at in range(group, len(clips), FOLDS):
            asked = np.stack([embedded[line] for line in clips[at].descriptions])
            scores[at] = bank.nearest(torch.from_numpy(asked), 1)[:, 0].numpy()
    return scores


def _embedded(texts: Iterable[str], encoder: Encoder) -> dict[str, np.ndarray]:
    """Texts of like length together, since all of a batch are padded to the longest."""
    from tqdm import tqdm

    ordered = sorted(texts, key=lambda text: (len(text), text))
    starts = tqdm(range(0, len(ordered), _BATCH), desc="embedding descriptions", disable=None)
    vectors = np.concatenate([encoder(ordered[at : at + _BATCH]) for at in starts])
    return dict(zip(ordered, vectors, strict=True))


def _measured(scores: list[np.ndarray], clips: Sequence[DescribedClip], seed: int) -> dict[str, Any]:
    from scipy.ndimage import gaussian_filter1d

    smoothed = [gaussian_filter1d(values.astype(float), SMOOTHING) for values in scores]

    def auc(of: list[np.ndarray], chosen: Iterable[int]) -> float:
        picked = [(of[at], clips[at].labels) for at in chosen]
        values, labels = (np.concatenate(part) for part in zip(*picked, strict=True))
        return float(sklearn_metrics().roc_auc_score(labels, values))

    everything = range(len(clips))
    struck = [at for at in everything if clips[at].labels.any()]
    calm = [at for at in everything if not clips[at].labels.any()]
    if len(calm) > 1:
        interval = bootstrap_interval(lambda *drawn: auc(smoothed, np.concatenate(drawn)), struck, calm, seed=seed)
    else:
        interval = bootstrap_interval(lambda drawn: auc(smoothed, [*drawn, *calm]), struck, seed=seed)
    return {
        "frame_auc_micro": auc(smoothed, everything),
        "frame_auc_micro_interval": interval,
        "frame_auc_unsmoothed": auc(scores, everything),
    }
