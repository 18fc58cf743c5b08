"""Training VQU-Net: interrupted at any step, it goes on to the same weights."""

import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Adam

from xad_agent.checkpoint import write_whole
from xad_agent.detectors.vqunet.network import STRIDE, Architecture, Losses, VquNetwork, losses
from xad_agent.detectors.vqunet.windows import Frames, Windows
from xad_agent.errors import XadError

Precision = Literal["bfloat16", "float32"]

_RATES = {"prediction": 2e-4, "reconstruction": 2e-5}
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
_SECONDS_BETWEEN_CHECKPOINTS = 60.0


@dataclass(frozen=True)
class Plan:
    """All that decides the weights, besides the clips.

    The learning rates are the paper's: 2e-4, and 2e-5 for reconstruction. Adam, batches of 4, and rates that fall along
    a cosine to 0 are as in Park et al. (CVPR 2020). The paper trains for 60 epochs of (all windows / batch) steps.

    Attributes:
        architecture: The network.
        side: Frames are seen at side x side px, a multiple of 8.
        steps: Batches to train on.
        batch: Windows in each.
        seed: Of the weights and of the order of the windows.
        precision: "bfloat16" computes convolutions in it (autocast), see `best_precision`.
    """

    architecture: Architecture
    side: int
    steps: int
    batch: int
    seed: int
    precision: Precision

    def __post_init__(self) -> None:
        if self.side < STRIDE or self.side % STRIDE:
            raise XadError(
                f"VQU-Net cannot look at {self.side} px: take a multiple of {STRIDE}, such as 256", exit_code=2
            )
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise XadError(f"VQU-Net cannot train with {name} {getattr(self, name)}: take 1 or more", exit_code=2)

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        return _RATES[self.architecture.task] * (1 + math.cos(math.pi * step / self.steps)) / 2


def best_precision() -> Precision:
    """What is quicker on this CPU: "bfloat16", 2.5 to 3 times, where it multiplies in it (x86 with AVX512-BF16)."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch 2.6 and later
    return "bfloat16" if supported is not None and supported() else "float32"


def train(clips: Sequence[Frames], plan: Plan, checkpoint: Path | None = None, progress: bool = True) -> VquNetwork:
    """The trained network, ready to judge.

    Args:
        clips: Normal ones.
        plan: How to train.
        checkpoint: A .safetensors file to write once a minute and at the end, and to go on from when it is there. It is
            replaced in one go, so that what stops the training, such as Ctrl-C, leaves the one before whole.
        progress: Whether to show a bar on stderr.

    Raises:
        XadError: No clips, one too short, a full disk, or a checkpoint that is damaged, of another plan or other clips.
    """
    from tqdm import tqdm

    if progress and plan.precision == "float32":
        print("VQU-Net: training in float32 (this CPU has no bfloat16, or it is not wanted)", file=sys.stderr)
    windows = Windows(clips, plan.architecture.window, plan.side, plan.seed)
    network = VquNetwork(plan.architecture, plan.seed)
    optimizer = Adam(network.parameters())
    about = {"settings": asdict(plan), "clips": windows.fingerprint}
    first = _resume(checkpoint, about, network, optimizer) if checkpoint is not None and checkpoint.exists() else 0
    saved = time.monotonic()
    network.train()
    with tqdm(total=plan.steps, initial=first, desc="VQU-Net", unit="step", disable=not progress) as bar:
        for step in range(first, plan.steps):
            for group in optimizer.param_groups:
                group["lr"] = plan.rate(step)
            parts, used = _step(network, optimizer, *windows.batch(step, plan.batch), plan.precision)
            due = time.monotonic() - saved >= _SECONDS_BETWEEN_CHECKPOINTS or step + 1 == plan.steps
            if checkpoint is not None and due:
                _save(checkpoint, about, step + 1, network, optimizer)
                saved = time.monotonic()
            bar.set_postfix(prediction=f"{float(parts.prediction):.5f}", codes=used, refresh=False)
            bar.update()
    return network.eval()


def _step(
    network: VquNetwork, optimizer: Adam, seen: Tensor, target: Tensor, precision: Precision
) -> tuple[Losses, list[int]]:
    """Train on one batch; gives its losses, and how many codes of each codebook it used."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        output = network(seen)
    parts = losses(output, target)
    optimizer.zero_grad()
    parts.total.backward()
    optimizer.step()
    return Losses(*(part.detach() for part in parts)), [len(one.codes.unique()) for one in output.quantised]


def _save(file: Path, about: dict[str, Any], step: int, network: VquNetwork, optimizer: Adam) -> None:
    arrays = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for i, moments in optimizer.state_dict()["state"].items():
        arrays |= {f"adam.{i}.{name}": tensor for name, tensor in moments.items()}
    try:
        values = {name: tensor.numpy() for name, tensor in arrays.items()}
        write_whole(file, values, {"about": json.dumps(about), "step": str(step)})
    except Exception as error:
        raise XadError(f"cannot write the checkpoint {file} ({error}): free space, or give another place") from error


def _resume(file: Path, about: dict[str, Any], network: VquNetwork, optimizer: Adam) -> int:
    """Load a checkpoint; gives the step to go on with."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        found, step = json.loads(metadata["about"]), int(metadata["step"])
        other = [name for name in about if found[name] != about[name]]
        if not other:
            network.load_state_dict(
                {name.removeprefix("network."): a for name, a in arrays.items() if name.startswith("network.")}
            )
            moments = {
                i: {name: arrays[f"adam.{i}.{name}"] for name in _MOMENTS} for i, _ in enumerate(network.parameters())
            }
            optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise XadError(f"{file} is damaged, or no checkpoint of VQU-Net: delete it, or give another place") from error
    if other:
        raise XadError(f"the checkpoint {file} is of other {other[0]}: delete it to start anew, or give another place")
    return step
