"""SAM's networks (Kirillov et al. 2023) from checkpoints: segment-anything's modules under segment-anything's names.

What comes under other names is renamed, by one table for transformers' SamModel and one for MobileSAM (Zhang et al.
2023), whose image encoder is timm's TinyViT with a last stage that keeps the resolution.
"""

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from xad_agent import weights
from xad_agent.errors import XadError, reason
from xad_agent.perception.checkpoints import Checkpoint
from xad_agent.perception.sam_encoder import spare_memory

if TYPE_CHECKING:
    from segment_anything.modeling import Sam
    from torch import Tensor, nn
    from transformers import SamConfig

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "vit_b": {},  # SamConfig's own
    "vit_l": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "global_attn_indexes": [5, 11, 17, 23],
    },
    "vit_h": {
        "hidden_size": 1280,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "global_attn_indexes": [7, 15, 23, 31],
    },
}
MOBILE = "vit_t"
_MEAN, _STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
_TINY_VIT = {
    "embed_dims": (64, 128, 160, 320),
    "depths": (2, 2, 6, 2),
    "num_heads": (2, 4, 5, 10),
    "window_sizes": (7, 7, 14, 7),
}
_UNUSED = ("image_encoder.norm_head.", "image_encoder.head.")  # MobileSAM's classifier

Renames = tuple[tuple[str, str], ...]

FROM_TRANSFORMERS: Renames = (
    (r"^(shared_image|prompt_encoder\.shared)_embedding\.", "prompt_encoder.pe_layer."),
    (r"\.positional_embedding$", ".positional_encoding_gaussian_matrix"),
    (r"^vision_encoder\.neck\.conv1", "image_encoder.neck.0"),
    (r"^vision_encoder\.neck\.layer_norm1", "image_encoder.neck.1"),
    (r"^vision_encoder\.neck\.conv2", "image_encoder.neck.2"),
    (r"^vision_encoder\.neck\.layer_norm2", "image_encoder.neck.3"),
    (r"^vision_encoder\.patch_embed\.projection", "image_encoder.patch_embed.proj"),
    (r"^vision_encoder\.layers\.", "image_encoder.blocks."),
    (r"^vision_encoder\.", "image_encoder."),
    (r"\.point_embed\.", ".point_embeddings."),
    (r"\.mask_embed\.conv1", ".mask_downscaling.0"),
    (r"\.mask_embed\.layer_norm1", ".mask_downscaling.1"),
    (r"\.mask_embed\.conv2", ".mask_downscaling.3"),
    (r"\.mask_embed\.layer_norm2", ".mask_downscaling.4"),
    (r"\.mask_embed\.conv3", ".mask_downscaling.6"),
    (r"\.upscale_conv1", ".output_upscaling.0"),
    (r"\.upscale_layer_norm", ".output_upscaling.1"),
    (r"\.upscale_conv2", ".output_upscaling.3"),
    (r"(mlps\.\d+|prediction_head)\.layers\.0", r"\1.layers.1"),
    (r"(mlps\.\d+|prediction_head)\.proj_in", r"\1.layers.0"),
    (r"(mlps\.\d+|prediction_head)\.proj_out", r"\1.layers.2"),
    (r"\.layer_norm", ".norm"),
)
FROM_MOBILE: Renames = (
    (r"^image_encoder\.(patch_embed|layers)", r"image_encoder.trunk.\1"),
    (r"\.patch_embed\.seq\.0", ".patch_embed.conv1"),
    (r"\.patch_embed\.seq\.2", ".patch_embed.conv2"),
    (r"\.layers\.0\.downsample", ".stages.1.downsample"),
    (r"\.layers\.1\.downsample", ".stages.2.downsample"),
    (r"\.layers\.2\.downsample", ".stages.3.downsample"),
    (r"trunk\.layers", "trunk.stages"),
    (r"(conv\d?)\.c\.", r"\1.conv."),
)


def load_network(checkpoint: Checkpoint) -> "Sam":
    """The network of a checkpoint, float32, on the CPU, in evaluation mode.

    Raises:
        XadError: An unknown architecture, no SAM, or weights that are missing, damaged, or of another architecture.
    """
    from transformers import SamConfig

    spec, architecture = checkpoint.spec, checkpoint.architecture
    if not architecture:
        return _filled(spec, _config_of(checkpoint), _renamed(_state_of(checkpoint), FROM_TRANSFORMERS), mobile=False)
    if architecture != MOBILE and architecture not in ARCHITECTURES:
        known = ", ".join((*ARCHITECTURES, MOBILE))
        raise XadError(f"{spec}: no SAM is called {architecture!r}: there are {known}", exit_code=2)
    state = weights.load_state_dict(checkpoint.path)
    if architecture == MOBILE:
        used = {name: tensor for name, tensor in state.items() if not name.startswith(_UNUSED)}
        return _filled(spec, SamConfig(), _renamed(used, FROM_MOBILE), mobile=True)
    return _filled(spec, SamConfig(vision_config=ARCHITECTURES[architecture]), state, mobile=False)


def _config_of(checkpoint: Checkpoint) -> "SamConfig":
    from transformers import SamConfig

    try:
        config = json.loads((checkpoint.path / "config.json").read_text(encoding="utf-8"))
        kind = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XadError(f"{checkpoint.spec} has no readable config.json of a model: give another folder") from error
    if kind != SamConfig.model_type:
        raise XadError(f"{checkpoint.spec} is a model of the kind {kind!r}, not {SamConfig.model_type!r}: give a SAM")
    return SamConfig.from_pretrained(checkpoint.path)


def _state_of(checkpoint: Checkpoint) -> "dict[str, Tensor]":
    files = sorted(checkpoint.path.glob("*.safetensors")) or sorted(checkpoint.path.glob("*.bin"))
    if not files:
        raise XadError(f"{checkpoint.spec} has no weights (*.safetensors, *.bin): fetch the whole folder again")
    return {name: tensor for file in files for name, tensor in weights.load_state_dict(file).items()}


def _renamed(state: "dict[str, Tensor]", table: Renames) -> "dict[str, Tensor]":
    def rename(name: str) -> str:
        for pattern, new in table:
            name = re.sub(pattern, new, name)
        return name

    return {rename(name): tensor for name, tensor in state.items()}


def _filled(spec: str, config: "SamConfig", state: "dict[str, Tensor]", *, mobile: bool) -> "Sam":
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):  # no time and memory for random weights
        network = _build(config, _tiny_vit(config) if mobile else _vit(config))
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise XadError(
            f"the weights of {spec} do not fit its architecture ({reason(error)}): give those of this one"
        ) from error
    return network.float().eval().requires_grad_(False)


def _build(config: "SamConfig", image_encoder: "nn.Module") -> "Sam":
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    prompts, decoder, side = config.prompt_encoder_config, config.mask_decoder_config, config.vision_config.image_size
    return Sam(
        image_encoder,
        PromptEncoder(
            embed_dim=prompts.hidden_size,
            image_embedding_size=(side // config.vision_config.patch_size,) * 2,
            input_image_size=(side, side),
            mask_in_chans=prompts.mask_input_channels,
        ),
        MaskDecoder(
            transformer_dim=decoder.hidden_size,
            transformer=TwoWayTransformer(
                depth=decoder.num_hidden_layers,
                embedding_dim=decoder.hidden_size,
                num_heads=decoder.num_attention_heads,
                mlp_dim=decoder.mlp_dim,
                attention_downsample_rate=decoder.attention_downsample_rate,
            ),
            num_multimask_outputs=decoder.num_multimask_outputs,
            iou_head_depth=decoder.iou_head_depth,
            iou_head_hidden_dim=decoder.iou_head_hidden_dim,
        ),
        _MEAN,
        _STD,
    )


def _vit(config: "SamConfig") -> "nn.Module":
    from segment_anything.modeling import ImageEncoderViT
    from torch import nn

    vision = config.vision_config
    encoder = ImageEncoderViT(
        img_size=vision.image_size,
        patch_size=vision.patch_size,
        embed_dim=vision.hidden_size,
        depth=vision.num_hidden_layers,
        num_heads=vision.num_attention_heads,
        mlp_ratio=vision.mlp_dim / vision.hidden_size,
        out_chans=vision.output_channels,
        qkv_bias=vision.qkv_bias,
        norm_layer=partial(nn.LayerNorm, eps=vision.layer_norm_eps),
        use_abs_pos=vision.use_abs_pos,
        use_rel_pos=vision.use_rel_pos,
        window_size=vision.window_size,
        global_attn_indexes=tuple(vision.global_attn_indexes),
    )
    return spare_memory(encoder)


def _tiny_vit(config: "SamConfig") -> "nn.Module":
    """MobileSAM's image encoder: `trunk` and `neck`, (N, 3, 1024, 1024) to (N, 256, 64, 64)."""
    from segment_anything.modeling.common import LayerNorm2d
    from timm.models.tiny_vit import TinyVit
    from torch import Tensor, nn

    channels = config.vision_config.output_channels

    class MobileEncoder(nn.Module):
        img_size = config.vision_config.image_size

        def __init__(self) -> None:
            super().__init__()
            self.trunk = TinyVit(num_classes=0, drop_path_rate=0.0, **_TINY_VIT)
            self.trunk.head = nn.Identity()
            self.trunk.stages[-1].downsample.conv2.conv.stride = (1, 1)
            self.neck = nn.Sequential(
                nn.Conv2d(self.trunk.num_features, channels, 1, bias=False),
                LayerNorm2d(channels),
                nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                LayerNorm2d(channels),
            )

        def forward(self, images: Tensor) -> Tensor:
            return self.neck(self.trunk.forward_features(images))

    return MobileEncoder()
