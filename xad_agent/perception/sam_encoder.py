"""SAM's image encoder with its weights, attending a head at a time by torch's own attention.

segment-anything makes a matrix of all pairs of a picture's 4,096 tokens for all heads at once, and copies it for the
positions and the softmax: some 3 GB, most of what SAM needs, and a third of its time. Here there is one head's matrix
of positions (67 MB), and no other. The numbers are those of segment-anything's forward, to rounding.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment_anything.modeling import ImageEncoderViT
    from torch import Tensor


def spare_memory(encoder: "ImageEncoderViT") -> "ImageEncoderViT":
    """The same encoder, its blocks attending so."""
    for block in encoder.blocks:
        if block.attn.use_rel_pos:
            block.attn.forward = partial(_attention, block.attn)
    return encoder


def _attention(layer: Any, tokens: "Tensor") -> "Tensor":
    """What an `Attention` of segment-anything makes of tokens (B, h, w, C)."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    batch, height, width, _ = tokens.shape
    heads = layer.qkv(tokens).view(batch, height * width, 3, layer.num_heads, -1).permute(3, 2, 0, 1, 4)
    seen = []
    for queries, keys, values in heads[:, :, :, None]:
        positions = _positions(layer, queries, height, width)
        seen.append(scaled_dot_product_attention(queries, keys, values, attn_mask=positions, scale=layer.scale))
    return layer.proj(torch.cat(seen, dim=1).transpose(1, 2).reshape(tokens.shape))


def _positions(layer: Any, queries: "Tensor", height: int, width: int) -> "Tensor":
    """What relative positions add to the products of queries (B, 1, h w, D) with each key: (B, 1, h w, h w)."""
    import torch
    from segment_anything.modeling.image_encoder import get_rel_pos

    grid = queries.reshape(len(queries), height, width, -1)
    down = torch.einsum("bhwc,hkc->bhwk", grid, get_rel_pos(height, height, layer.rel_pos_h))
    across = torch.einsum("bhwc,wkc->bhwk", grid, get_rel_pos(width, width, layer.rel_pos_w))
    return (down[..., None] + across[..., None, :]).reshape(len(queries), 1, height * width, -1)
