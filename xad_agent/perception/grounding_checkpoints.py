"""The authors' checkpoints of Grounding DINO: their architectures, and their weights under transformers' names."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xad_agent.errors import XadError

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 256  # tokens

# By the names that their configurations are known under: Swin-T at 224 px and Swin-B at 384 px. The rest is the same,
# and transformers' default.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "swint": {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24], "window_size": 7},
    "swinb": {"embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32], "window_size": 12},
}
_PRETRAINED_AT = {"swint": 224, "swinb": 384}

# Left out: what is only for training, and what is computed or never used.
_UNUSED = re.compile(r"label_enc\.|bert\.pooler\.|bert\.embeddings\.position_ids$|.*\.relative_position_index$")
_SWIN, _SWIN_BLOCK = "model.backbone.conv_encoder.model.", r"^(model\.backbone.*\.blocks\.\d+\.)"

# In this order, each applied to what the one before left.
_RENAMES: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"^module\.", ""),
    (r"^backbone\.0\.patch_embed\.proj\.", f"{_SWIN}embeddings.patch_embeddings.projection."),
    (r"^backbone\.0\.patch_embed\.norm\.", f"{_SWIN}embeddings.norm."),
    (r"^backbone\.0\.layers\.", f"{_SWIN}encoder.layers."),
    (r"^backbone\.0\.norm(\d)\.", lambda m: f"{_SWIN}hidden_states_norms.stage{int(m[1]) + 1}."),
    (_SWIN_BLOCK + r"norm1\.", r"\1layernorm_before."),
    (_SWIN_BLOCK + r"norm2\.", r"\1layernorm_after."),
    (_SWIN_BLOCK + r"attn\.relative", r"\1attention.self.relative"),
    (_SWIN_BLOCK + r"attn\.proj\.", r"\1attention.output.dense."),
    (_SWIN_BLOCK + r"attn\.qkv\.", r"\1attention.self.{}."),
    (_SWIN_BLOCK + r"mlp\.fc1\.", r"\1intermediate.dense."),
    (_SWIN_BLOCK + r"mlp\.fc2\.", r"\1output.dense."),
    (r"^bert\.", "model.text_backbone."),
    (r"^feat_map\.", "model.text_projection."),
    (r"^input_proj\.", "model.input_proj_vision."),
    (r"^transformer\.tgt_embed\.", "model.query_position_embeddings."),
    (r"^transformer\.enc_out_bbox_embed\.", "model.encoder_output_bbox_embed."),
    (r"^transformer\.encoder\.text_layers\.(\d+)\.", r"model.encoder.layers.\1.text_enhancer_layer."),
    (r"(text_enhancer_layer)\.linear(\d)\.", r"\1.fc\2."),
    (r"(text_enhancer_layer)\.norm1\.", r"\1.layer_norm_before."),
    (r"(text_enhancer_layer)\.norm2\.", r"\1.layer_norm_after."),
    (r"^transformer\.encoder\.fusion_layers\.(\d+)\.", r"model.encoder.layers.\1.fusion_layer."),
    (r"(fusion_layer)\.gamma_v", r"\1.vision_param"),
    (r"(fusion_layer)\.gamma_l", r"\1.text_param"),
    (r"(fusion_layer)\.layer_norm_v\.", r"\1.layer_norm_vision."),
    (r"(fusion_layer)\.layer_norm_l\.", r"\1.layer_norm_text."),
    (r"(fusion_layer\.attn\.(?:values_|out_)?)v_proj\.", r"\1vision_proj."),
    (r"(fusion_layer\.attn\.(?:values_|out_)?)l_proj\.", r"\1text_proj."),
    (r"^transformer\.encoder\.layers\.(\d+)\.", r"model.encoder.layers.\1.deformable_layer."),
    (r"(deformable_layer)\.norm1\.", r"\1.self_attn_layer_norm."),
    (r"(deformable_layer)\.norm2\.", r"\1.final_layer_norm."),
    (r"(deformable_layer)\.linear(\d)\.", r"\1.fc\2."),
    (r"^transformer\.decoder\.(layers\.\d+)\.norm1\.", r"model.decoder.\1.encoder_attn_layer_norm."),
    (r"^transformer\.decoder\.(layers\.\d+)\.norm2\.", r"model.decoder.\1.self_attn_layer_norm."),
    (r"^transformer\.decoder\.(layers\.\d+)\.norm3\.", r"model.decoder.\1.final_layer_norm."),
    (r"^transformer\.decoder\.(layers\.\d+)\.catext_norm\.", r"model.decoder.\1.encoder_attn_text_layer_norm."),
    (r"^transformer\.decoder\.(layers\.\d+)\.ca_text\.", r"model.decoder.\1.encoder_attn_text."),
    (r"^transformer\.decoder\.(layers\.\d+)\.cross_attn\.", r"model.decoder.\1.encoder_attn."),
    (r"^transformer\.decoder\.(layers\.\d+)\.linear(\d)\.", r"model.decoder.\1.fc\2."),
    (r"^transformer\.decoder\.norm\.", "model.decoder.layer_norm."),
    (r"^transformer\.decoder\.ref_point_head\.", "model.decoder.reference_points_head."),
    (r"^transformer\.", "model."),
    (r"\.in_proj_(weight|bias)$", r".{}.\1"),
]
_STACKED = ("query", "key", "value")


def configuration(architecture: str) -> Any:
    """transformers' configuration of one of `ARCHITECTURES`."""
    from transformers import GroundingDinoConfig, SwinConfig

    stages = ["stage2", "stage3", "stage4"]
    swin = SwinConfig(image_size=_PRETRAINED_AT[architecture], out_features=stages, **ARCHITECTURES[architecture])
    return GroundingDinoConfig(backbone_config=swin, max_text_len=WINDOW)


def renamed(state: "dict[str, Tensor]", spec: str) -> "dict[str, Tensor]":
    """The authors' weights under transformers' published names; stacked projections taken apart.

    Raises:
        XadError: Two weights get one name, which those of no Grounding DINO do.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if _UNUSED.match(name.removeprefix("module.")):
            continue
        for pattern, replacement in _RENAMES:
            name = re.sub(pattern, replacement, name)
        parts = {name: tensor}
        if "{}" in name:
            parts = {name.replace("{}", part): rows for part, rows in zip(_STACKED, tensor.chunk(3), strict=False)}
        if not found.keys().isdisjoint(parts):
            raise XadError(f"{spec} is no checkpoint of Grounding DINO: it has {name} twice")
        found |= parts
    return found
