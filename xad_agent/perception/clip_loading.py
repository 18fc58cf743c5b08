"""From a spec to a CLIP network, which open_clip builds without weights; it fetches and unpickles nothing itself."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xad_agent.errors import XadError, reason
from xad_agent.perception.checkpoints import find_checkpoint, hub_folder
from xad_agent.weights import load_state_dict

if TYPE_CHECKING:
    from torch import Tensor

_CONFIG = "open_clip_config.json"
# open_clip's own order: beside its weights a folder may hold timm's, of the image tower alone.
_WEIGHTS = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
)
_OF_OPENAI = ("input_resolution", "context_length", "vocab_size")  # numbers that OpenAI's files hold beside the weights


@dataclass(frozen=True)
class Source:
    """What a CLIP network is made from.

    Attributes:
        model: open_clip's configuration of the architecture.
        preprocess: open_clip's configuration of what is done to pictures; what it leaves out is OpenAI's.
        weights: The file.
        tokenizer: What open_clip names the tokenizer's place.
    """

    model: dict[str, Any]
    preprocess: dict[str, Any]
    weights: Path
    tokenizer: str


def find_source(spec: str) -> Source:
    """What a spec names, fetched from the hub where it must be.

    Args:
        spec: As `find_checkpoint` takes it, or ARCHITECTURE@TAG with a tag of open_clip's registry.

    Raises:
        XadError: There is no such thing, or it is no CLIP of open_clip.
    """
    import open_clip

    architecture, _, tag = spec.partition("@")
    published = open_clip.get_pretrained_cfg(architecture, tag) if tag and not Path(tag).expanduser().is_file() else {}
    if published:
        folder = hub_folder(_repository(spec, published))
        model = _architecture(spec, architecture) | {"quick_gelu": published.get("quick_gelu", False)}
        return Source(model, published, _weights_in(folder), architecture)
    if tag and not Path(tag).expanduser().is_file():
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or "none"
        raise XadError(f"{spec}: there is no file {tag!r}, nor such weights in open_clip's registry (it has: {tags})")
    checkpoint = find_checkpoint(spec)
    if checkpoint.architecture:
        model = _architecture(spec, checkpoint.architecture)
        return Source(model, {}, checkpoint.path, checkpoint.architecture)
    config = _config(spec, checkpoint.path / _CONFIG)
    weights = _weights_in(checkpoint.path)
    return Source(config["model_cfg"], config.get("preprocess_cfg", {}), weights, f"local-dir:{checkpoint.path}")


def build(spec: str, source: Source) -> Any:
    """The network with its weights, float32, on the CPU.

    Raises:
        XadError: Its image tower is no vision transformer, its text tower needs the hub, or the weights are missing,
            damaged, or of another architecture.
    """
    import torch
    from open_clip.coca_model import CoCa
    from open_clip.model import CLIP, CustomTextCLIP
    from open_clip.transformer import ResidualAttentionBlock

    model = dict(source.model)
    custom = model.pop("custom_text", False)
    if "timm_model_name" in model["vision_cfg"] or not isinstance(model["vision_cfg"].get("layers", 12), int):
        raise XadError(f"{spec}: its image tower is no vision transformer of open_clip's: take one such as ViT-B-16")
    if "hf_model_name" in model["text_cfg"]:
        raise XadError(f"{spec}: its text tower is another hub's model: take one with a text tower of open_clip's own")
    kind = CLIP if not custom else CoCa if "multimodal_cfg" in model else CustomTextCLIP
    state = _state(source.weights)
    try:
        with torch.device("meta"):  # no time and memory for random weights
            network = kind(**model)
        network.load_state_dict(_renamed(state, network), strict=True, assign=True)
    except Exception as error:  # open_clip and torch raise errors of many types for what does not fit
        problem = f"the weights {source.weights.name} of {spec} do not fit its architecture"
        raise XadError(f"{problem}: {reason(error)}") from error
    if not all(isinstance(block, ResidualAttentionBlock) for block in network.visual.transformer.resblocks):
        raise XadError(f"{spec}: the layers of its image tower are of a kind of their own: take one such as ViT-B-16")
    _causal(network)
    return network.float().eval().requires_grad_(False)


def tokenizer(spec: str, source: Source) -> Any:
    """open_clip's tokenizer for the network: strings to token numbers (N, window).

    Raises:
        XadError: Its vocabulary is not on this machine.
    """
    import open_clip

    if "hf_tokenizer_name" in source.model["text_cfg"] and not source.tokenizer.startswith("local-dir:"):
        raise XadError(f"{spec}: its vocabulary comes with the hub's folder of the model: give that folder instead")
    try:
        return open_clip.get_tokenizer(source.tokenizer)
    except Exception as error:  # its readers raise errors of many types
        raise XadError(f"{spec}: cannot read its vocabulary ({reason(error)})") from error


def _repository(spec: str, published: dict[str, Any]) -> str:
    repository = "/".join(str(published.get("hf_hub", "")).split("/")[:2])
    if not repository:
        raise XadError(
            f"the hub has no weights of {spec}: fetch {published.get('url')} and give it as ARCHITECTURE@FILE"
        )
    return repository


def _architecture(spec: str, name: str) -> dict[str, Any]:
    import open_clip

    config = open_clip.get_model_config(name)
    if config is None:
        raise XadError(f"{spec}: open_clip has no architecture {name!r}: see open_clip.list_models()", exit_code=2)
    return dict(config)


def _config(spec: str, file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        if all(isinstance(config["model_cfg"][key], dict) for key in ("vision_cfg", "text_cfg")):
            return dict(config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XadError(f"{spec} is no CLIP of open_clip: it has no readable {_CONFIG} with a model_cfg") from error
    raise XadError(f"{spec} is no CLIP of open_clip: the model_cfg of its {_CONFIG} has no vision_cfg and text_cfg")


def _weights_in(folder: Path) -> Path:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise XadError(f"no weights in {folder}: it should hold {_WEIGHTS[0]}")


def _state(file: Path) -> "dict[str, Tensor]":
    state = load_state_dict(file)
    if all(name.startswith("module.") for name in state):  # as training on several GPUs leaves it
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return {name: tensor for name, tensor in state.items() if name not in _OF_OPENAI}


def _renamed(state: "dict[str, Tensor]", network: Any) -> "dict[str, Tensor]":
    """A state dict of a CLIP for one that holds its text tower apart, and scalars in the shape it has them."""
    from open_clip.model import CustomTextCLIP, convert_to_custom_text_state_dict

    if isinstance(network, CustomTextCLIP) and "positional_embedding" in state:
        state = convert_to_custom_text_state_dict(state)
    scale = state.get("logit_scale")
    return state if scale is None else state | {"logit_scale": scale.reshape(network.logit_scale.shape)}


def _causal(network: Any) -> None:
    """Make the masks of the text towers, which no file holds."""
    import torch

    for module in network.modules():
        mask = getattr(module, "attn_mask", None)
        if isinstance(mask, torch.Tensor) and mask.is_meta:
            module.attn_mask = torch.full(mask.shape, -torch.inf).triu_(1)
