"""`xad eval vqunet`: the ablation of VQU-Net (Szymanowicz et al. 2022, table 2) on a set in the layout of UCSD Ped2.

The work folder holds NAME.safetensors, the checkpoint of each variant, and is a `Store` of results, one record each.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.defaults import STEPS
from xad_agent.errors import XadError
from xad_agent.eval.clip_layout import read_clip_set
from xad_agent.eval.clip_truth import ClipSet
from xad_agent.eval.clips import frame_aucs
from xad_agent.eval.machine import processor, provenance
from xad_agent.eval.metrics import sklearn_metrics
from xad_agent.eval.report import interval_of, percent
from xad_agent.eval.store import Record, Store

if TYPE_CHECKING:
    from xad_agent.detectors.vqunet import VquNet

VARIANTS: dict[str, dict[str, Any]] = {
    "reconstruction": {"task": "reconstruction", "codebook": False},
    "reconstruction-codebook": {"task": "reconstruction"},
    "prediction": {"codebook": False},
    "prediction-codebook": {},
    "prediction-codebook-skips": {"quantised_skips": True},
}
DEFINITIONS = (
    "frame AUC: of the L2 norm of each frame's error, smoothed over time as in `xad eval clips`; the first five frames "
    "of prediction take the score of the sixth; macro as there",
    "_normalised: each test clip's scores moved and scaled to 0 to 1 first, as many papers do; it needs the whole clip",
    "unsmoothed: the same without smoothing over time",
    "codes: of each codebook, the bottleneck's first, how many of 256 occur in the test clips, and their perplexity",
    "train_seconds: of this training; where `resumed`, of its last part only",
    "the paper has, on UCSD Ped2's 12 test clips, at width 64 after 60 epochs, in this order without the last: 71.1, "
    "66.7, 88.1, 89.2",
)


def evaluate_vqunet(
    directory: str | Path,
    variants: Sequence[str] = tuple(VARIANTS),
    *,
    steps: int = STEPS,
    width: int = 16,
    side: int = 256,
    work: Path | None = None,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Train each variant on the training clips, and score the test clips by its errors.

    Args:
        directory: A set in the layout of UCSD Ped2, see `clip_layout`; its tracks.json is not needed.
        variants: Which of `VARIANTS`.
        steps, width, side: See `VquNet.fit` and `Architecture`.
        work: Where checkpoints and results are kept; run again, it goes on from there. None keeps nothing.
        seed: Of the networks, the order of training windows, and the bootstrap.
        progress: Whether bars are shown, on stderr.

    Returns:
        A JSON-able dict with `variants`: for each its name, `task`, `codebook`, `quantised_skips`, the frame AUCs as of
        `evaluate_clips`, `unsmoothed` (the same of scores that are not), `codes` [{used, perplexity}], `train_seconds`,
        `resumed` and `fps`; besides `n` {train, clips, frames, anomalous_frames}, `notes`, and what it depends on.

    Raises:
        XadError: The layout is wrong, there is no such variant, a clip cannot be read or is too short, or the work
            folder holds results of other settings.
    """
    if unknown := [name for name in variants if name not in VARIANTS]:
        raise XadError(f"VQU-Net has no variant {unknown[0]!r}: there are {', '.join(VARIANTS)}", exit_code=2)
    sklearn_metrics()
    found = read_clip_set(directory)
    settings = {"directory": str(found.root.resolve()), "steps": steps, "width": width, "side": side, "seed": seed}
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(work or Path(scratch), settings)
        done = store.records()
        rows = [done.get(name) or _evaluate(name, found, store, progress) for name in dict.fromkeys(variants)]
    labels = [clip.labels for clip in found.testing]
    return {
        "task": "vqunet",
        "category": found.name,
        **settings,
        **provenance(),
        "processor": processor(),
        "n": {
            "train": len(found.training),
            "clips": len(labels),
            "frames": sum(map(len, labels)),
            "anomalous_frames": sum(int(one.sum()) for one in labels),
        },
        "variants": rows,
        "notes": list(DEFINITIONS),
    }


def _evaluate(name: str, found: ClipSet, store: Store, progress: bool) -> Record:
    from xad_agent.detectors.vqunet import Architecture, VquNet
    from xad_agent.media import read_clip

    wanted = {key: store.settings[key] for key in ("steps", "side", "seed")}
    architecture = Architecture(store.settings["width"], **VARIANTS[name])
    checkpoint = store.folder / f"{name}.safetensors"
    resumed, start = checkpoint.is_file(), perf_counter()
    training = [read_clip(folder) for folder in found.training]
    network = VquNet.fit(training, architecture, **wanted, checkpoint=checkpoint, progress=progress)
    seconds = perf_counter() - start
    record = {
        "item": name,
        "task": architecture.task,
        "codebook": architecture.codebook,
        "quantised_skips": architecture.quantised_skips,
        **_scored(name, found, network, store.settings["seed"], progress),
        "train_seconds": seconds,
        "resumed": resumed,
    }
    store.add(record)
    return record


def _scored(name: str, found: ClipSet, network: "VquNet", seed: int, progress: bool) -> Record:
    from tqdm import tqdm

    from xad_agent.foresight import frame_scores, smoothed
    from xad_agent.media import read_clip

    labels, raw, smooth = [clip.labels for clip in found.testing], [], []
    start = perf_counter()
    with _counted(network) as counts:
        for labelled in tqdm(found.testing, desc=f"score {name}", unit="clip", disable=not progress):
            clip = read_clip(labelled.path)
            if clip.count != labelled.frames:
                raise XadError(f"clip {clip.name}: {labelled.frames} frames are labelled, {clip.count} can be read")
            raw.append(frame_scores(network, clip))
            smooth.append(smoothed(raw[-1], clip.fps))
    seconds = perf_counter() - start
    return {
        **frame_aucs(labels, smooth, seed),
        "unsmoothed": frame_aucs(labels, raw, seed),
        "codes": [_usage(one) for one in counts],
        "fps": sum(map(len, raw)) / seconds,
    }


@contextmanager
def _counted(network: "VquNet") -> Iterator[list[np.ndarray]]:
    """How often each code of each codebook, the bottleneck's first, is used meanwhile: int64 (codes,) each."""
    net = network.network
    books = [book for book in (net.codebook, *net.skip_codebooks) if book is not None]
    counts = [np.zeros(len(book.book), np.int64) for book in books]

    def counter(count: np.ndarray) -> Any:
        def add(_module: Any, _inputs: Any, output: Any) -> None:
            count[:] += np.bincount(output.codes.numpy().ravel(), minlength=len(count))

        return add

    hooks = [book.register_forward_hook(counter(count)) for book, count in zip(books, counts, strict=True)]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def _usage(counts: np.ndarray) -> dict[str, Any]:
    """How many codes are used, and the perplexity of their distribution: how many that would be if all were alike."""
    shares = counts[counts > 0] / counts.sum()
    return {"used": len(shares), "perplexity": float(np.exp(-(shares * np.log(shares)).sum()))}


def as_text(result: dict[str, Any]) -> str:
    """A table of the variants, AUCs in %; starred columns are with each test clip's scores scaled to 0 to 1 first."""
    n, columns = result["n"], ("micro", "interval", "macro", "micro*", "raw", "raw*", "codes", "perplexity", "train s")
    lines = [
        f"{result['category']}: trained on {n['train']} normal clips, {result['steps']:,} steps at width "
        f"{result['width']}, tested on {n['clips']} with {n['frames']} frames, {n['anomalous_frames']} of them "
        f"anomalous; seed {result['seed']}",
        f"{'variant':<27}{columns[0]:>7} {columns[1]:<16}" + "".join(f"{name:>11}" for name in columns[2:]),
        *map(_line, result["variants"]),
        "(*: per-clip min-max; raw: micro without smoothing over time)",
    ]
    return "\n".join([*lines, *(f"({note})" for note in result["notes"])])


def _line(row: dict[str, Any]) -> str:
    bottleneck = row["codes"][0] if row["codes"] else None
    cells = [
        percent(row["frame_auc_macro"]),
        percent(row["frame_auc_micro_normalised"]),
        percent(row["unsmoothed"]["frame_auc_micro"]),
        percent(row["unsmoothed"]["frame_auc_micro_normalised"]),
        str(bottleneck["used"]) if bottleneck else "-",
        f"{bottleneck['perplexity']:.1f}" if bottleneck else "-",
        f"{row['train_seconds']:,.0f}{'+' if row['resumed'] else ''}",
    ]
    micro, interval = percent(row["frame_auc_micro"]), interval_of(row, "frame_auc_micro")
    return f"{row['item']:<27}{micro:>7} {interval:<16}" + "".join(f"{cell:>11}" for cell in cells)
