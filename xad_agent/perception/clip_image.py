"""CLIP's image side: patches to tokens, and any subset of these to an embedding."""

import copy
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


class ImageTower:
    """A vision transformer of open_clip's.

    Args:
        visual: `open_clip.transformer.VisionTransformer`.

    Attributes:
        size: (height, width) of its input in px.
        grid: (rows, columns) of its patches.
    """

    def __init__(self, visual: Any):
        self._visual = visual
        self.size: tuple[int, int] = tuple(visual.image_size)
        self.grid: tuple[int, int] = tuple(visual.grid_size)

    def embed(self, images: Tensor) -> Tensor:
        """What enters the transformer: class token, then patches row by row, (N, 1 + rows x columns, W).

        After this come only layers in which tokens meet, so any subset of them can go through these.
        """
        with torch.inference_mode():
            return self._visual._embeds(images)

    def encode(self, tokens: Tensor, quick: bool = False) -> tuple[Tensor, Tensor]:
        """What the transformer makes of tokens as `embed` gives them, or of subsets that begin with the class token.

        Args:
            tokens: (N, L, W).
            quick: Multiply in bfloat16. What is added up along the layers stays in float32, which more than halves the
                error: to 1 % of how much windows differ from each other.

        Returns:
            Embeddings (N, D), and patch features after the last layer norm, (N, L - 1, W); not normalised.
        """
        with torch.inference_mode():
            for block, attention, mlp in self._layers(quick):
                tokens = _layer(block, attention, mlp, tokens, tokens.shape[1])
            embeddings, patches = self._visual._pool(tokens)
            return self._projected(embeddings), patches

    def summarise(self, tokens: Tensor, quick: bool = False) -> Tensor:
        """The embeddings of `encode` alone, (N, D); the last layer makes only the class token where that is them."""
        if self._visual.attn_pool is not None or self._visual.pool_type != "tok":
            return self.encode(tokens, quick)[0]
        with torch.inference_mode():
            *layers, last = self._layers(quick)
            for block, attention, mlp in layers:
                tokens = _layer(block, attention, mlp, tokens, tokens.shape[1])
            return self._projected(self._visual.ln_post(_layer(*last, tokens, 1)[:, 0]))

    def _projected(self, embeddings: Tensor) -> Tensor:
        return embeddings if self._visual.proj is None else embeddings @ self._visual.proj

    def _layers(self, quick: bool) -> list[tuple[Any, Any, Any]]:
        return self._quick_layers if quick else [(b, b.attn, b.mlp) for b in self._visual.transformer.resblocks]

    @cached_property
    def _quick_layers(self) -> list[tuple[Any, Any, Any]]:
        blocks = self._visual.transformer.resblocks
        return [(b, *(copy.deepcopy(part).to(torch.bfloat16) for part in (b.attn, b.mlp))) for b in blocks]


def _layer(block: Any, attention: Any, mlp: Any, tokens: Tensor, wanted: int) -> Tensor:
    """One layer with these weights for its products; only the first `wanted` tokens are made."""
    dtype = attention.out_proj.weight.dtype
    every = block.ln_1(tokens).to(dtype)
    asking = every if wanted == tokens.shape[1] else every[:, :wanted]
    tokens = tokens[:, :wanted] + block.ls_1(attention(asking, every, every, need_weights=False)[0])
    return tokens + block.ls_2(mlp(block.ln_2(tokens).to(dtype)))
