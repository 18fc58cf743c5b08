"""Feature networks: a trunk cut off at stride 16, by the name of its weights."""

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from xad_agent import weights
from xad_agent.errors import XadError, reason
from xad_agent.perception.checkpoints import fingerprint
from xad_agent.perception.device import keep_freed_memory

DEFAULT = "efficientnet-lite0"
STRIDES = (4, 8, 16)
_EMBEDDED_ARCHITECTURE = "tf_efficientnet_lite0"
_HEAD = ("conv_head.", "bn2.", "classifier.")
_TRIED_SIZES = ((64, 64), (96, 160))
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class _Source:
    architecture: str
    state: dict[str, Tensor] | None  # None: from the hub
    mean: tuple[float, ...]
    std: tuple[float, ...]


class Backbone(nn.Module):
    """A pretrained trunk that gives its last features at strides 4, 8 and 16.

    Attributes:
        trunk: The network as timm builds it.
        spec: What `load_backbone` was called with.
        channels: Channels of the three stages.
        mean, std: Of the pixels it was trained on, 1 being white.
        fingerprint: sha256 over the weights, by which a profile knows the network it was fitted with.
    """

    def __init__(self, trunk: nn.Module, spec: str, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.trunk = trunk.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.spec, self.mean, self.std = spec, mean, std
        self.channels = tuple(int(n) for n in trunk.feature_info.channels())  # type: ignore[union-attr, operator]
        self.fingerprint = fingerprint(trunk)
        self._forward = _fused(self.trunk)
        self._scale = 1 / (255 * torch.tensor(std).view(1, 3, 1, 1))
        self._shift = torch.tensor(mean).view(1, 3, 1, 1) / torch.tensor(std).view(1, 3, 1, 1)

    def prepare(self, pixels: Any) -> Tensor:
        """RGB uint8 (H, W, 3) as the network wants it: float32 (1, 3, H, W), normalised, channels last."""
        image = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        return image.mul_(self._scale).sub_(self._shift).contiguous(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features at strides 4, 8 and 16 of images (N, 3, H, W), both sides multiples of 16."""
        return tuple(self._forward(images))


def load_backbone(spec: str = DEFAULT) -> Backbone:
    """The network that a spec names.

    Args:
        spec: "efficientnet-lite0", the embedded default (Tan, Le 2019, Lite); "timm:NAME" for any timm model
            with features at strides 4, 8 and 16, its weights from the hub; "timm:NAME@FILE" with weights from a local
            .pth or .safetensors state dict.

    Raises:
        XadError: Unknown spec or model, no such stages, or weights that are missing, damaged or of another model.
    """
    keep_freed_memory()
    source = _source(spec)
    indices = _stages(source.architecture)
    overlay = {"pretrained_cfg_overlay": {"state_dict": source.state}} if source.state is not None else {}
    try:
        trunk = timm.create_model(
            source.architecture, pretrained=True, features_only=True, out_indices=indices, **overlay
        )
    except Exception as error:  # the hub's clients and torch raise errors of many types
        raise XadError(_no_weights(source, spec, error)) from error
    return Backbone(trunk, spec, source.mean, source.std)


@cache
def embedded_backbone() -> Backbone:
    """The embedded network, loaded once; XadError where its weights are missing or damaged."""
    return load_backbone(DEFAULT)


def _source(spec: str) -> _Source:
    if spec == DEFAULT:
        with torch.device("meta"):
            names = timm.create_model(_EMBEDDED_ARCHITECTURE).state_dict()
        stored = weights.load_state_dict(weights.path(DEFAULT))
        # This file predates timm's names; the order of its tensors is the same.
        if [tuple(t.shape) for t in names.values()] != [tuple(t.shape) for t in stored.values()]:
            raise XadError(f"the weights of {DEFAULT} do not fit timm {timm.__version__}: install timm 1.0 or later")
        named = dict(zip(names, stored.values(), strict=True))
        trunk = {name: tensor for name, tensor in named.items() if not name.startswith(_HEAD)}
        return _Source(_EMBEDDED_ARCHITECTURE, trunk, (0.5,) * 3, (0.5,) * 3)
    kind, _, rest = spec.partition(":")
    name, at, file = rest.partition("@")
    if kind != "timm" or not name or (at and not file):
        raise XadError(
            f"unknown backbone {spec!r}: use {DEFAULT!r}, 'timm:NAME' or 'timm:NAME@FILE', such as "
            "'timm:wide_resnet50_2@weights.safetensors'",
            exit_code=2,
        )
    if not timm.is_model(name):
        raise XadError(f"timm {timm.__version__} has no model {name!r}: see timm.list_models()", exit_code=2)
    state = weights.load_state_dict(Path(file).expanduser()) if file else None
    config = timm.get_pretrained_cfg(name)
    return _Source(name, state, tuple(config.mean), tuple(config.std))


def _stages(architecture: str) -> tuple[int, ...]:
    """Which of the model's feature stages are the last ones at strides 4, 8 and 16."""
    try:
        with torch.device("meta"):
            reductions = timm.create_model(architecture, features_only=True).feature_info.reduction()
        return tuple(max(i for i, reduction in enumerate(reductions) if reduction == stride) for stride in STRIDES)
    except Exception as error:  # timm raises errors of many types for models that give no features
        raise XadError(
            f"the model {architecture} has no features at strides 4, 8 and 16: take a convolutional one, "
            "such as timm:wide_resnet50_2",
            exit_code=2,
        ) from error


def _no_weights(source: _Source, spec: str, error: Exception) -> str:
    why = reason(error)
    if source.state is not None:
        return f"the weights of {spec} do not fit the model {source.architecture} ({why}): give those of this model"
    return (
        f"cannot get the weights of {spec} from the hub ({why}): check the network, "
        f"or give a file as timm:{source.architecture}@FILE"
    )


def _fused(trunk: nn.Module) -> nn.Module:
    """The same network, normalisation and activations fused into the convolutions: half the time on a CPU.

    Tracing is deprecated for torch.compile, which would need a C++ compiler on the user's machine. A network that
    cannot be traced, or whose trace does not hold at another size, is left as it is: slower, the same features.
    """
    images = [torch.linspace(-1, 1, 3 * h * w).view(1, 3, h, w) for h, w in _TRIED_SIZES]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            fused = torch.jit.freeze(torch.jit.trace(trunk, images[0], check_trace=False, strict=False))
        except Exception:  # tracing raises errors of many types, among them those of the network's own code
            return trunk
    with torch.inference_mode():
        for image in images:
            pairs = zip(fused(image), trunk(image), strict=True)
            if not all(torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE) for a, b in pairs):
                return trunk
    return fused
