"""VQU-Net: a U-Net that has to say the next frame through a codebook.

After Szymanowicz, Charles and Cipolla, "Discrete neural representations for explainable anomaly detection" (WACV 2022),
section 3. What it leaves open is as in Park et al. (CVPR 2020), on which it builds: three poolings, transposed
convolutions, tanh at the end, RGB of -1 to 1.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from xad_agent.detectors.vqunet.quantiser import Quantised, Quantiser
from xad_agent.errors import XadError

CODES = 256  # K
FRAMES = 5  # n
STRIDE = 8


@dataclass(frozen=True)
class Architecture:
    """Which of the paper's networks.

    Attributes:
        width: Channels of the first level; the bottleneck has 8 times as many (the paper's is 64).
        task: "prediction" sees 5 frames and says the next; "reconstruction" says the frame it sees, without skips.
        codebook: Whether the bottleneck is quantised (Table 2 compares).
        quantised_skips: Whether the skips are too, each with a codebook of its own (section 5.2 expects gain from it).
    """

    width: int = 16
    task: Literal["prediction", "reconstruction"] = "prediction"
    codebook: bool = True
    quantised_skips: bool = False

    def __post_init__(self) -> None:
        if self.width < 1:
            raise XadError(f"VQU-Net cannot have width {self.width}: take 16, 32 or 64", exit_code=2)
        if self.task not in ("prediction", "reconstruction"):
            raise XadError(f"VQU-Net cannot do {self.task!r}: take prediction or reconstruction", exit_code=2)

    @property
    def seen(self) -> int:
        """How many frames go in."""
        return FRAMES if self.task == "prediction" else 1

    @property
    def window(self) -> int:
        """How many consecutive frames it takes to see and to compare, the judged one last."""
        return FRAMES + 1 if self.task == "prediction" else 1


class Losses(NamedTuple):
    """The four losses of section 3.2, with their beta and gamma; the lambdas, of which the paper is silent, are 1."""

    prediction: Tensor
    embedding: Tensor
    commitment: Tensor
    separation: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum, L."""
        return self.prediction + self.embedding + self.commitment + self.separation


class Output(NamedTuple):
    """The frame (N, 3, H, W), float32 of -1 to 1, and each feature map that was quantised, bottleneck first."""

    frame: Tensor
    quantised: tuple[Quantised, ...]


class VquNetwork(nn.Module):
    """The network, its weights random by `seed`."""

    def __init__(self, architecture: Architecture, seed: int = 0):
        super().__init__()
        self.architecture = architecture
        widths = [architecture.width * factor for factor in (1, 2, 4, 8)]
        self._skips = architecture.task == "prediction"
        joined = 2 if self._skips else 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inputs = [3 * architecture.seen, *widths]
            self.down = nn.ModuleList(_double(inputs[i], widths[i]) for i in range(3))
            # Without the last normalisation and ReLU, which would cut negative features off.
            self.bottom = _double(widths[2], widths[3])[:-2]
            self.up = nn.ModuleList(_enlarging(widths[i + 1], widths[i]) for i in (2, 1, 0))
            self.merge = nn.ModuleList(_double(joined * widths[i], widths[i]) for i in (2, 1, 0))
            self.head = nn.Conv2d(widths[0], 3, 3, padding=1)
            self.codebook = Quantiser(CODES, widths[3]) if architecture.codebook else None
            quantised = architecture.quantised_skips and self._skips
            self.skip_codebooks = nn.ModuleList(Quantiser(CODES, widths[i]) for i in (2, 1, 0) if quantised)
        self.to(memory_format=torch.channels_last)

    def forward(self, frames: Tensor) -> Output:
        """Say a frame from frames (N, 3 n, H, W) of -1 to 1, oldest first, both sides multiples of 8."""
        quantised: list[Quantised] = []
        skips: list[Tensor] = []
        features = frames
        for down in self.down:
            skips.append(down(features))
            features = nn.functional.max_pool2d(skips[-1], 2)
        features = self.bottom(features)
        if self.codebook is not None:
            features = _through(self.codebook, features, quantised)
        for i, (up, merge) in enumerate(zip(self.up, self.merge, strict=True)):
            features = up(features)
            if self._skips:
                skip = skips.pop()
                if self.skip_codebooks:
                    skip = _through(self.skip_codebooks[i], skip, quantised)
                features = torch.cat([features, skip.to(features.dtype)], dim=1)
            features = merge(features)
        # bfloat16 has steps of 1/256 near white: as coarse as the errors that are looked for.
        with torch.autocast("cpu", enabled=False):
            return Output(torch.tanh(self.head(features.float())), tuple(quantised))


def losses(output: Output, target: Tensor) -> Losses:
    """The losses of an output whose true frame is `target` (N, 3, H, W), -1 to 1; L_pred averaged over all values."""
    zero = output.frame.new_zeros(())
    parts = ([part[i] for part in output.quantised] for i in (2, 3, 4))
    of_codes = [torch.stack(part).sum() if part else zero for part in parts]
    return Losses(nn.functional.mse_loss(output.frame, target), *of_codes)


def _through(codebook: nn.Module, features: Tensor, quantised: list[Quantised]) -> Tensor:
    quantised.append(codebook(features))
    return quantised[-1].features


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _enlarging(inputs: int, outputs: int) -> nn.Sequential:
    up = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(up, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
