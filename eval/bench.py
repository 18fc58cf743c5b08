"""`xad bench`: how long things take here, measured so that the numbers can be compared.

What is compared runs in one process, warmed up, in turns (A B A B), so that a busy machine slows both alike; the ratio
is taken within each turn. The load of the machine is part of the result.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.layout import GOOD, read_category
from xad_agent.eval.machine import circumstances, load_average, peak_memory_mb

if TYPE_CHECKING:
    from xad_agent.media import Picture
    from xad_agent.picture_profile import PictureProfile

QUESTION = "Where is it anomalous, and why?"
COLD_RUNS = 3
ASKED = 5
SYNTHETIC_NORMALS, SYNTHETIC_TESTS, SYNTHETIC_SIDE = 40, 8, 512

Quartiles = dict[str, float | int]


def bench(
    directory: str | Path | None = None, *, threads: int = 1, repeats: int = 20, seed: int = 0, progress: bool = True
) -> dict[str, Any]:
    """Time the fit, the whole inference against the bare trunk, asking, and cold starts.

    Args:
        directory: A category in MVTec's layout; None for 40 seeded synthetic textures of 512 x 512 px.
        threads: Of torch, of the numeric libraries, and of the processes started.
        repeats: Turns of the comparison, each with the next test picture.
        seed: Of the fit, and of the synthetic pictures.
        progress: Whether the fit shows its bar, on stderr.

    Returns:
        A JSON-able dict. `fit_seconds`; `trunk_seconds` (the bare network as timm builds it, on the largest tensor that
        the detector gives it), `inference_seconds` (picture in memory to map and score) and `ratio` (of the two, within
        a turn); `ask_seconds` (warm, a new picture each time) or `ask_skipped` with the reason; `cold_seconds`
        {import, help, ask}, whole processes, the operating system's file cache warm. Each measured several times is
        {median, q1, q3, n}. Also `threads`, `load_average` [before, after], `peak_memory_mb`, versions and machine.

    Raises:
        XadError: The directory is not one category in MVTec's layout.
    """
    before = load_average()
    with limited_threads(threads), tempfile.TemporaryDirectory(prefix="xad-bench-") as scratch:
        normal, tests = _paths(directory, Path(scratch), seed)
        start = perf_counter()
        profile = _fit(normal, seed, progress)
        fit_seconds = perf_counter() - start
        profile.save(Path(scratch) / "profile")
        timings = {
            **compare(profile, tests, repeats),
            **_asking(profile, tests),
            "cold_seconds": _cold(Path(scratch) / "profile", tests[-1], threads),
        }
    return {
        "task": "bench",
        "directory": str(directory) if directory is not None else None,
        "n": {"train": len(normal), "test": len(tests)},
        "threads": threads,
        "seed": seed,
        "fit_seconds": fit_seconds,
        **timings,
        "peak_memory_mb": peak_memory_mb(),
        **circumstances(before),
    }


def as_text(result: dict[str, Any]) -> str:
    """The timings to read: medians with quartiles."""
    rows = [("trunk to stride 16", "trunk_seconds"), ("whole inference", "inference_seconds")]
    lines = [
        f"{result['processor']}, {result['cores']} cores, {result['threads']} threads, load {result['load_average']}",
        f"fit on {result['n']['train']} pictures: {result['fit_seconds']:.1f} s",
        *(f"{name}: {spread_as_text(result[key], 's')}" for name, key in rows),
        f"whole inference / trunk: {spread_as_text(result['ratio'], 'times')}",
    ]
    asked = result["ask_seconds"]
    lines.append(f"ask, warm: {spread_as_text(asked, 's')}" if asked else f"ask: skipped, {result['ask_skipped']}")
    lines += [
        f"{name}, cold: {spread_as_text(spread, 's')}" for name, spread in result["cold_seconds"].items() if spread
    ]
    return "\n".join(lines)


def compare(profile: "PictureProfile", tests: Sequence[Path], repeats: int) -> dict[str, Quartiles]:
    """`trunk_seconds`, `inference_seconds` and their `ratio`, in turns, after a warm-up on every picture."""
    from xad_agent.media import read_picture

    pictures = [read_picture(path) for path in tests]
    trunks = [_trunk(profile, picture) for picture in pictures]
    for picture, trunk in zip(pictures, trunks, strict=True):
        trunk()
        profile.examine(picture)
    turns = []
    for turn in range(repeats):
        picture, trunk = pictures[turn % len(pictures)], trunks[turn % len(pictures)]
        turns.append((seconds(trunk), seconds(partial(profile.examine, picture))))
    bare, whole = np.array(turns).T
    return {
        "trunk_seconds": quartiles(bare),
        "inference_seconds": quartiles(whole),
        "ratio": quartiles(whole / bare),
    }


def seconds(work: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def quartiles(values: Sequence[float] | np.ndarray) -> Quartiles:
    """{median, q1, q3, n} of some measurements."""
    q1, middle, q3 = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))
    return {"median": middle, "q1": q1, "q3": q3, "n": len(values)}


def _trunk(profile: "PictureProfile", picture: "Picture") -> Callable[[], Any]:
    """The bare network on the largest tensor that the detector gives it for one picture, with nothing around it.

    The outermost module calls are recorded with their tensors, so it is the same input, whatever the detector does to
    a picture before. What the backbone does to be quicker than its trunk counts as ours.
    """
    import torch
    from torch.nn.modules import module as hooks

    calls: list[tuple[torch.nn.Module, tuple[Any, ...]]] = []
    depth = 0

    def entered(module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        nonlocal depth
        if depth == 0:
            calls.append((module, args))
        depth += 1

    def left(module: torch.nn.Module, args: tuple[Any, ...], result: Any) -> None:
        nonlocal depth
        depth -= 1

    handles = [hooks.register_module_forward_pre_hook(entered), hooks.register_module_forward_hook(left)]
    try:
        profile.examine(picture)
    finally:
        for handle in handles:
            handle.remove()
    if not calls:
        raise XadError("bench found no network in the detector; it can only time detectors that run torch modules")

    module, args = max(calls, key=lambda call: call[1][0].numel())
    bare = getattr(module, "trunk", module)

    def again() -> None:
        with torch.inference_mode():
            bare(*args)

    return again


def _asking(profile: "PictureProfile", tests: Sequence[Path]) -> dict[str, Any]:
    """Warm answers, each about a picture not asked about before; the first one is the warm-up."""
    from xad_agent import Agent

    try:
        agent = Agent(profile=profile)
        agent.ask(QUESTION, str(tests[0]))
        times = [seconds(partial(agent.ask, QUESTION, str(path))) for path in tests[1 : 1 + ASKED]]
    except XadError as error:
        return {"ask_seconds": None, "ask_skipped": str(error)}
    return {"ask_seconds": quartiles(times), "ask_skipped": None}


def _cold(profile: Path, picture: Path, threads: int) -> dict[str, Quartiles | None]:
    module = ["-m", "xad_agent.cli"]
    commands = {
        "import": ["-c", "import xad_agent"],
        "help": [*module, "--help"],
        "ask": [*module, "ask", str(picture), QUESTION, "--profile", str(profile), "--json"],
    }
    return {name: _process([sys.executable, *command], threads) for name, command in commands.items()}


def _process(command: list[str], threads: int) -> Quartiles | None:
    """A command's wall-clock seconds from start to end, once to warm the file cache; None when it fails."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}

    def run() -> None:
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **limits})

    try:
        run()
        return quartiles([seconds(run) for _ in range(COLD_RUNS)])
    except (OSError, subprocess.CalledProcessError):
        return None


def _fit(normal: Sequence[Path], seed: int, progress: bool) -> "PictureProfile":
    from xad_agent.picture_profile import PictureProfile

    return PictureProfile.fit([str(path) for path in normal], seed=seed, progress=progress)


def _paths(directory: str | Path | None, scratch: Path, seed: int) -> tuple[list[Path], list[Path]]:
    """Pictures to fit on, and defective pictures to test on, of every type in turn."""
    if directory is None:
        return _synthetic(scratch, seed)
    category = read_category(directory)
    tests = [sample.path for sample in category.test if sample.kind != GOOD] or [s.path for s in category.test]
    return list(category.normal), tests[:: max(1, len(tests) // SYNTHETIC_TESTS)]


def _synthetic(scratch: Path, seed: int) -> tuple[list[Path], list[Path]]:
    """Smoothed noise; the test pictures have a bright bar."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(seed)
    paths = []
    for number in range(SYNTHETIC_NORMALS + SYNTHETIC_TESTS):
        grey = gaussian_filter(random.normal(128, 300, (SYNTHETIC_SIDE, SYNTHETIC_SIDE)), 4)
        if number >= SYNTHETIC_NORMALS:
            grey[200:230, 100:300] += 90
        paths.append(scratch / f"{number:03}.png")
        Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(paths[-1])
    return paths[:SYNTHETIC_NORMALS], paths[SYNTHETIC_NORMALS:]


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Limits torch, BLAS and OpenMP; puts the numbers back afterwards."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    if count < 1:
        raise XadError(f"{count} threads: take 1 or more", exit_code=2)
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)


def spread_as_text(spread: Quartiles, unit: str) -> str:
    """The median with its quartiles."""
    return f"{spread['median']:.3f} {unit} ({spread['q1']:.3f} to {spread['q3']:.3f})"
