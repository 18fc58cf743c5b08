"""CLIP's patches in the space of words: attention by likeness of values in the image tower (Zhou et al. 2024, DPAM)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def dense_features(visual: Any, images: Tensor, plain: int, taps: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
    """What each patch shows, as the words' embeddings could say it, beside what the image shows.

    The tower runs as ever; beside it, from layer `plain` + 1 on, runs a second path that gathers what each layer's
    attention adds when tokens attend to those whose values are like their own, without the layers' MLPs.

    Args:
        visual: `open_clip.transformer.VisionTransformer`.
        images: Prepared, (N, 3, H, W), both sides multiples of the patches'; the positions are stretched to fit.
        plain: How many of the first layers run as ever alone.
        taps: After which layers, counted from 1 and later than `plain`, the second path is read.

    Returns:
        Embeddings of the images, (N, D), as AnomalyCLIP takes them: without the last layer norm; and for each tap the
        patches', (N, rows x columns, D). Not normalised.
    """
    with torch.inference_mode():
        tokens = _embedded(visual, images)
        gathered, found = tokens, []
        for number, block in enumerate(visual.transformer.resblocks, start=1):
            if number <= plain:
                gathered = tokens = block(tokens)
                continue
            gathered = gathered + _by_values(block.attn, block.ln_1(tokens))
            tokens = block(tokens)
            if number in taps:
                found.append(visual.ln_post(gathered[:, 1:]) @ visual.proj)
        return tokens[:, 0] @ visual.proj, found


def _embedded(visual: Any, images: Tensor) -> Tensor:
    """As the tower embeds images, at a size that need not be its own."""
    patches = visual.conv1(images)
    first, places = visual.positional_embedding[:1], visual.positional_embedding[1:]
    if patches.shape[-2:] != tuple(visual.grid_size):
        square = places.T.reshape(1, -1, *visual.grid_size)
        places = functional.interpolate(square, patches.shape[-2:], mode="bilinear")[0].flatten(1).T
    tokens = torch.cat([visual.class_embedding.expand(len(images), 1, -1), patches.flatten(2).mT], dim=1)
    return visual.ln_pre(tokens + torch.cat([first, places]))


def _by_values(attention: Any, tokens: Tensor) -> Tensor:
    """What the attention adds when queries and keys are its values."""
    count, length, width = tokens.shape
    weight, bias = attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :]
    values = functional.linear(tokens, weight, bias).view(count, length, attention.num_heads, -1).transpose(1, 2)
    gathered = functional.scaled_dot_product_attention(values, values, values)
    return attention.out_proj(gathered.transpose(1, 2).reshape(count, length, width))
