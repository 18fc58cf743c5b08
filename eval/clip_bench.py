"""`xad bench metrics`: how long the metrics of clips take, and in how much memory, on a set of ShanghaiTech's size."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from xad_agent.eval.bench import limited_threads
from xad_agent.eval.clip_masks import ArrayMasks
from xad_agent.eval.clip_metrics import frame_auc_micro
from xad_agent.eval.clip_summary import ClipScores, Measured, clip_metrics, measured
from xad_agent.eval.clip_truth import LabelledClip
from xad_agent.eval.machine import circumstances, load_average, peak_memory_mb

FRAMES, CLIPS, SHAPE, REGIONS = 40_791, 107, (480, 856), 100  # of ShanghaiTech's test set; regions a frame as asked
ATTRIBUTES, ANOMALOUS = 6, 0.42
_LIMIT = 0.8


def bench_metrics(
    frames: int = FRAMES,
    clips: int = CLIPS,
    shape: tuple[int, int] = SHAPE,
    regions: int = REGIONS,
    *,
    threads: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Time all metrics of `evaluate_clips` on made clips: masks from files as ShanghaiTech has them, regions at random.

    In 42 % of the frames of each clip two ellipses go their way and each is covered by one of the regions. A clip's
    masks are written before its turn and removed after it; that is not counted, reading them is.

    Args:
        frames: Of all clips together.
        clips: How many.
        shape: Height and width of a frame, px.
        regions: Found in each frame.
        threads: Of the numeric libraries.
        seed: Of what is made, and of the bootstrap.
        progress: Whether a bar is shown, on stderr.

    Returns:
        A JSON-able dict: `clip_seconds` (truth from masks, matching, painting), `set_seconds` (curves and intervals),
        `seconds` (both), `cpu_seconds` (of the processor: what tells where the machine is busy with other things),
        `peak_memory_mb` (of the whole process), the metrics, `n`, and the machine.
    """
    from tqdm import tqdm

    frame_auc_micro([np.array([True, False])], [np.array([1.0, 0.0])])  # what is imported on first use is not counted
    before, found, clip_seconds, cpu_seconds = load_average(), list[Measured](), 0.0, 0.0
    with limited_threads(threads), tempfile.TemporaryDirectory(prefix="xad-bench-") as scratch:
        made = _made(frames, clips, shape, regions, Path(scratch), seed)
        for clip, scores in tqdm(made, desc="metrics", unit="clip", total=clips, disable=not progress):
            start, worked = perf_counter(), process_time()
            found.append(measured(clip, scores, _LIMIT, shape))
            clip_seconds, cpu_seconds = clip_seconds + perf_counter() - start, cpu_seconds + process_time() - worked
        start, worked = perf_counter(), process_time()
        metrics = clip_metrics(found, seed)
        set_seconds, cpu_seconds = perf_counter() - start, cpu_seconds + process_time() - worked
    metrics.pop("per_attribute")
    return {
        "task": "bench-metrics",
        "n": {"clips": clips, "frames": frames, "height": shape[0], "width": shape[1], "regions": frames * regions},
        "threads": threads,
        "seed": seed,
        "clip_seconds": clip_seconds,
        "set_seconds": set_seconds,
        "seconds": clip_seconds + set_seconds,
        "cpu_seconds": cpu_seconds,
        "peak_memory_mb": peak_memory_mb(),
        "metrics": metrics,
        **circumstances(before),
    }


def as_text(result: dict[str, Any]) -> str:
    """The timings to read."""
    n, memory = result["n"], result["peak_memory_mb"]
    return "\n".join(
        [
            f"{result['processor']}, {result['cores']} cores, {result['threads']} threads, load "
            f"{result['load_average']}",
            f"{n['frames']:,} frames of {n['width']} x {n['height']} px in {n['clips']} clips, with masks and "
            f"{n['regions']:,} regions: all metrics with intervals in {result['seconds']:.0f} s "
            f"({result['cpu_seconds']:.0f} s of processor time)",
            f"clip by clip {result['clip_seconds']:.1f} s, of the whole set {result['set_seconds']:.1f} s"
            + (f"; peak memory {memory:,.0f} MB" if memory is not None else ""),
        ]
    )


def _made(
    frames: int, clips: int, shape: tuple[int, int], regions: int, scratch: Path, seed: int
) -> Iterator[tuple[LabelledClip, ClipScores]]:
    random = np.random.default_rng(seed)
    for number, part in enumerate(np.array_split(np.arange(frames), clips)):
        path, length = scratch / f"{number:04}.npy", len(part)
        places = _write_masks(path, length, shape, random)
        yield (
            LabelledClip(path.stem, path, ArrayMasks(path), length=length),
            ClipScores(
                random.random(length) + 0.5 * np.isin(np.arange(length), places[:, 0]),
                {f"attribute {one}": random.random(length) for one in range(ATTRIBUTES)},
                _regions(places, length, shape, regions, random),
            ),
        )
        path.unlink()


def _write_masks(path: Path, length: int, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Writes a clip's masks; where the ellipses are, float64 (N, 5): frame, x0, y0, x1, y1."""
    masks = np.zeros((length, *shape), np.uint8)
    first, count = int(random.integers(0, max(1, round(length * (1 - ANOMALOUS))))), round(length * ANOMALOUS)
    height, width = shape[0] // 5, shape[1] // 16
    y, x = np.mgrid[:height, :width]
    ellipse = ((2 * y + 1 - height) / height) ** 2 + ((2 * x + 1 - width) / width) ** 2 <= 1
    places = []
    for frame in range(first, min(first + count, length)):
        for lane in (1, 3):
            left = (frame * 3 + lane * 50) % (shape[1] - width)
            masks[frame, lane * height : (lane + 1) * height, left : left + width] |= ellipse
            places.append((frame, left, lane * height, left + width, (lane + 1) * height))
    np.save(path, masks)
    return np.array(places, float).reshape(-1, 5)


def _regions(
    places: np.ndarray, length: int, shape: tuple[int, int], count: int, random: np.random.Generator
) -> np.ndarray:
    """Regions found, of which one lies on each ellipse, a little off."""
    corners = random.random((length * count, 2)) * (shape[1] * 0.95, shape[0] * 0.9)
    sizes = 8 + random.random((length * count, 2)) * (shape[1] / 10, shape[0] / 5)
    boxes = np.column_stack(
        [np.repeat(np.arange(length), count), corners, corners + sizes, random.random(len(corners))]
    )
    taken = places[:, 0].astype(int) * count + np.arange(len(places)) % count
    boxes[taken, 1:5] = places[:, 1:] + random.normal(0, 4, (len(places), 2))[:, [0, 1, 0, 1]]
    boxes[taken, 5] = np.minimum(1, boxes[taken, 5] + 0.4)
    return boxes
