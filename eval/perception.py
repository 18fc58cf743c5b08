"""`xad bench perception`: what CLIP, SAM, Grounding DINO and the embedded segmenter cost here.

Each model runs in a process of its own, so that its memory is its own: loaded, warmed up, then timed on a new picture
each turn, in turns with its bare image encoder on the same input. Without a checkpoint of the user's it has seeded
random weights at real size, out of a file: what it finds is then worthless, what it takes is the same.
"""

import logging
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.bench import limited_threads, quartiles, seconds, spread_as_text
from xad_agent.eval.machine import circumstances, load_average, peak_memory_mb
from xad_agent.progress import followed

if TYPE_CHECKING:
    from xad_agent.media import Picture

SIDE = 512
PHRASES = ("scratch", "crack", "hole")
_FIRST_BOX, _BOX = (60.0, 50.0, 200.0, 160.0), (200.0, 180.0, 300.0, 320.0)
_BARE = "encoder"
_IMAGE_ENCODERS = ("ImageEncoderViT", "MobileEncoder", "GroundingDinoConvEncoder")  # the classes' names

_Work = Callable[["Picture"], Any]
_Encoder = Callable[["Picture"], Callable[[], Any] | None]


@dataclass(frozen=True)
class _Model:
    """What is timed: `load` gives what to do with a picture, and the bare image encoder if there is one."""

    kind: str
    size: str
    load: Callable[[str, ExitStack], tuple[dict[str, _Work], _Encoder | None]]


@dataclass(frozen=True)
class _Turns:
    """How `bench_perception` is to time each model, in its words."""

    threads: int
    repeats: int
    seed: int
    progress: bool


def bench_perception(
    specs: Mapping[str, str] | None = None,
    *,
    threads: int = 1,
    repeats: int = 10,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Time each perception model.

    Args:
        specs: The user's checkpoints: as "clip", "segmenter" and "finder", as their loaders take them. Without one:
            ViT-B-16-plus-240, vit_b and Swin-T with seeded random weights.
        threads: Of torch and the numeric libraries.
        repeats: Turns, each with another picture of 512 x 512 px.
        seed: Of the weights and the pictures.
        progress: Whether each model's turns show a bar, on stderr; all of them take up to half an hour.

    Returns:
        A JSON-able dict. `models`: by name ("winclip exact", "winclip fast", "grounding dino", "sam", "embedded
        segmenter") the `spec`, whether `random_weights`, `load_seconds`, `seconds` by what is done (the first is the
        whole of a picture), `encoder_seconds` (the bare image encoder) and the `ratio` of the first to it within a turn
        (both None where there is none), each {median, q1, q3, n}, and `peak_memory_mb` of its process; or `failed` with
        the reason. Also threads, load average, versions and machine.

    Raises:
        XadError: A spec for something else, or no threads or repeats.
    """
    given = dict(specs or {})
    if unknown := set(given) - set(_WRITERS):
        raise XadError(f"no spec is for {sorted(unknown)[0]!r}: there are clip, segmenter and finder", exit_code=2)
    if repeats < 1 or threads < 1:
        raise XadError(f"{repeats} repeats with {threads} threads: take 1 or more of each", exit_code=2)
    before = load_average()
    with tempfile.TemporaryDirectory(prefix="xad-bench-") as scratch:
        turns = _Turns(threads, repeats, seed, progress)
        models = {name: _row(name, given, Path(scratch), turns) for name in _MODELS}
    return {
        "task": "bench perception",
        "side": SIDE,
        "threads": threads,
        "repeats": repeats,
        "seed": seed,
        "models": models,
        **circumstances(before),
    }


def as_text(result: dict[str, Any]) -> str:
    """The table to read: medians with quartiles."""
    lines = [
        f"{result['processor']}, {result['cores']} cores, {result['threads']} threads, load {result['load_average']}; "
        f"pictures of {result['side']} x {result['side']} px"
    ]
    for name, row in result["models"].items():
        if "failed" in row:
            lines.append(f"{name}: failed: {row['failed']}")
            continue
        weights = "seeded random weights" if row["random_weights"] else row["spec"]
        memory = f"peak memory {row['peak_memory_mb']:,.0f} MB" if row["peak_memory_mb"] else "peak memory not told"
        lines.append(f"{name} ({weights}): loaded in {row['load_seconds']:.1f} s, {memory}")
        lines += [f"  {what}: {spread_as_text(spread, 's')}" for what, spread in row["seconds"].items()]
        if row["ratio"]:
            encoder = spread_as_text(row["encoder_seconds"], "s")
            lines.append(f"  {spread_as_text(row['ratio'], 'times')} its bare image encoder, {encoder}")
    return "\n".join(lines)


def _row(name: str, given: Mapping[str, str], scratch: Path, turns: _Turns) -> dict[str, Any]:
    model = _MODELS[name]
    random = model.kind in _WRITERS and model.kind not in given
    try:
        spec = _alone(_written, model.kind, scratch, turns.seed) if random else given.get(model.kind, model.kind)
        measured = _alone(_measured, name, spec, scratch if random else None, turns)
    except XadError as error:
        return {"failed": str(error)}
    return {"spec": model.size if random else spec, "random_weights": random, **measured}


def _alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise XadError("its process was ended from outside: there may be too little memory") from error


def _measured(name: str, spec: str, home: Path | None, turns: _Turns) -> dict[str, Any]:
    """Load, warm up on one picture, then do everything once on each of the others."""
    if home is not None:  # what is cached of random weights goes with them
        os.environ["XAD_HOME"] = str(home)
    warm, *pictures = _pictures(turns.repeats + 1, turns.seed)
    with limited_threads(turns.threads), ExitStack() as stack:
        start = perf_counter()
        works, encoder = _MODELS[name].load(spec, stack)
        load_seconds = perf_counter() - start
        _turn(works, encoder, warm)
        taken = [_turn(works, encoder, picture) for picture in followed(pictures, len(pictures), name, turns.progress)]
    times = {what: np.array([turn[what] for turn in taken]) for what in taken[0]}
    bare = times.pop(_BARE, None)
    return {
        "load_seconds": load_seconds,
        "seconds": {name: quartiles(values) for name, values in times.items()},
        "encoder_seconds": None if bare is None else quartiles(bare),
        "ratio": None if bare is None else quartiles(next(iter(times.values())) / bare),
        "peak_memory_mb": peak_memory_mb(),
    }


def _turn(works: dict[str, _Work], encoder: _Encoder | None, picture: "Picture") -> dict[str, float]:
    times = {name: seconds(partial(work, picture)) for name, work in works.items()}
    bare = encoder(picture) if encoder else None
    return times | {_BARE: seconds(bare)} if bare else times


def _pictures(count: int, seed: int) -> "list[Picture]":
    """Smoothed noise."""
    from scipy.ndimage import gaussian_filter

    from xad_agent.media import read_picture

    random = np.random.default_rng(seed)
    noise = (gaussian_filter(random.normal(128, 150, (SIDE, SIDE, 3)), (3, 3, 0)) for _ in range(count))
    return [read_picture(np.clip(pixels, 0, 255).astype(np.uint8)) for pixels in noise]


def _winclip(exact: bool, spec: str, _: ExitStack) -> "tuple[dict[str, _Work], _Encoder]":
    import torch

    from xad_agent.detectors.winclip import WinCLIP
    from xad_agent.perception.clip import load_clip

    clip = load_clip(spec)
    detector = WinCLIP(clip, exact=exact)

    def encoder(picture: "Picture") -> Callable[[], Any]:
        prepared = clip.prepared(picture)
        return torch.inference_mode()(partial(clip.network.encode_image, prepared))

    return {"map": detector.score}, encoder


def _grounding(spec: str, stack: ExitStack) -> "tuple[dict[str, _Work], _Encoder]":
    from xad_agent.perception.grounding_dino import load_grounding

    finder = load_grounding(spec)
    find = partial(finder.find, phrases=PHRASES, threshold=0.3)
    return {"boxes for three phrases": find}, _recorded_encoder(stack)


def _sam(spec: str, stack: ExitStack) -> "tuple[dict[str, _Work], _Encoder]":
    from xad_agent.perception.sam import load_sam

    segmenter = load_sam(spec)
    works: dict[str, _Work] = {
        "embedding": segmenter.embed,
        # The first comes after seconds in the encoder, with nothing of the decoder in the caches any more.
        "masks for a first box, once embedded": partial(segmenter.segment, box=_FIRST_BOX),
        "masks for another box": partial(segmenter.segment, box=_BOX),
    }
    return works, _recorded_encoder(stack)


def _embedded(_: str, __: ExitStack) -> "tuple[dict[str, _Work], None]":
    from xad_agent.perception.embedded_segmenter import EmbeddedSegmenter

    return {"mask for a box": partial(EmbeddedSegmenter().segment, box=_BOX)}, None


def _recorded_encoder(stack: ExitStack) -> _Encoder:
    """The image encoder alone, on what it was last given: called after the works on a picture, it is that picture.

    None where there is none of `_IMAGE_ENCODERS`.
    """
    import torch
    from torch.nn.modules import module as hooks

    last: list[Callable[[], Any]] = []

    def entered(module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        if type(module).__name__ in _IMAGE_ENCODERS:
            last[:] = [torch.inference_mode()(partial(module, *args))]

    stack.callback(hooks.register_module_forward_pre_hook(entered).remove)
    return lambda _: last[0] if last else None


def _written(kind: str, scratch: Path, seed: int) -> str:
    """The spec of random weights in a file, written without the libraries' warnings that they are random."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    logging.disable()
    return _WRITERS[kind](scratch, seed)


def _write_clip(scratch: Path, seed: int) -> str:
    import open_clip
    import torch
    from safetensors.torch import save_model

    torch.manual_seed(seed)
    save_model(open_clip.create_model(_CLIP), str(scratch / "clip.safetensors"))
    return f"{_CLIP}@{scratch / 'clip.safetensors'}"


def _write_sam(scratch: Path, seed: int) -> str:
    import torch
    from safetensors.torch import save_model
    from segment_anything import sam_model_registry

    torch.manual_seed(seed)
    save_model(sam_model_registry[_SAM](), str(scratch / "sam.safetensors"))
    return f"{_SAM}@{scratch / 'sam.safetensors'}"


def _write_grounding(scratch: Path, seed: int) -> str:
    import torch
    from transformers import (
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessor,
        GroundingDinoProcessor,
        PreTrainedTokenizerFast,
    )

    from xad_agent import weights
    from xad_agent.perception.grounding_checkpoints import configuration

    torch.manual_seed(seed)
    folder = scratch / "grounding"
    GroundingDinoForObjectDetection(configuration(_GROUNDING)).save_pretrained(folder)
    # The embedded sentence model's tokenizer is bert-base-uncased's.
    words = weights.path("sentences") / "tokenizer.json"
    special = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(words), mask_token="[MASK]", **special)
    GroundingDinoProcessor(GroundingDinoImageProcessor(), tokenizer).save_pretrained(folder)
    return str(folder)


_CLIP, _SAM, _GROUNDING = "ViT-B-16-plus-240", "vit_b", "swint"
_WRITERS: dict[str, Callable[[Path, int], str]] = {
    "clip": _write_clip,
    "segmenter": _write_sam,
    "finder": _write_grounding,
}
_MODELS = {
    "sam": _Model("segmenter", _SAM, _sam),
    "embedded segmenter": _Model("embedded", "", _embedded),
    "winclip exact": _Model("clip", _CLIP, partial(_winclip, True)),
    "winclip fast": _Model("clip", _CLIP, partial(_winclip, False)),
    "grounding dino": _Model("finder", _GROUNDING, _grounding),
}
