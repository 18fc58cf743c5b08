"""SAM's mask decoder with its weights, arranged for many prompts on one picture on a CPU.

segment-anything's own forward computes for each prompt what depends on the picture alone, adds the positions to the
whole picture before each projection, and copies the picture from one memory format to the other. Here positions are
projected once, the first layer's view of a picture once a picture, and upscaling is done on tokens. A prompt is a few
tokens, a picture thousands: so in the later layers the few are projected to where the many are, not the many to them.
The numbers stay the same to rounding.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment_anything.modeling import MaskDecoder, PromptEncoder
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Embedded:
    """What the decoder needs of a picture.

    Attributes:
        embedding: (1, C, h, w), float32, of the image encoder.
        tokens: (h w, C), with what is added where no mask is given.
        projected: (h w, 3 D), keys, values and queries of the first layer.
    """

    embedding: "Tensor"
    tokens: "Tensor"
    projected: "Tensor"


class Decoder:
    """From a picture and embedded prompts to masks."""

    def __init__(self, decoder: "MaskDecoder", prompts: "PromptEncoder"):
        import torch

        self._decoder, self._prompts = decoder, prompts
        transformer = decoder.transformer
        with torch.inference_mode():
            positions = _tokens(prompts.get_dense_pe())
            first = transformer.layers[0]
            self._first = _projection(
                positions,
                first.cross_attn_token_to_image.k_proj,
                first.cross_attn_token_to_image.v_proj,
                first.cross_attn_image_to_token.q_proj,
            )
            # Of each later layer: the positions as its keys and as its queries, with the biases.
            self._later = {
                place: (
                    block.cross_attn_token_to_image.k_proj(positions),
                    block.cross_attn_image_to_token.q_proj(positions),
                )
                for place, block in enumerate(transformer.layers)
                if place
            }
            self._last_positions = transformer.final_attn_token_to_image.k_proj(positions)

    def prepare(self, embedding: "Tensor") -> Embedded:
        """What does not depend on the prompt, of an embedding (1, C, h, w)."""
        import torch

        tokens = _tokens(embedding) + self._prompts.no_mask_embed.weight
        shift, weight = self._first
        return Embedded(embedding, tokens, torch.addmm(shift, tokens, weight))

    def masks(self, picture: Embedded, sparse: "Tensor") -> "tuple[Tensor, Tensor]":
        """Logits (M, 4 h, 4 w) of the masks for an ambiguous prompt (1, N, C), and their predicted IoU (M,)."""
        import torch

        decoder = self._decoder
        prompt = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, sparse[0]])[None]
        queries, tokens = prompt, picture.tokens
        keys, values, image_queries = picture.projected.chunk(3, dim=1)
        for place, block in enumerate(decoder.transformer.layers):
            positions = prompt if place else 0  # the first layer's self-attention knows no positions
            own = block.self_attn(queries + positions, queries + positions, queries)
            queries = block.norm1(queries + own if place else own)
            attention = block.cross_attn_token_to_image
            asked = attention.q_proj(queries + prompt)[0]
            if place:
                as_keys, as_queries = self._later[place]
                seen = _attend_to_all(attention, asked, tokens, as_keys)
            else:
                seen = _attend(attention, asked, keys, values)
            queries = block.norm2(queries + seen)
            queries = block.norm3(queries + block.mlp(queries))
            attention = block.cross_attn_image_to_token
            few = _scaled_by_head(attention, attention.k_proj(queries + prompt)[0])
            likeness = _products(few, attention.q_proj, tokens, as_queries) if place else few @ image_queries.T
            tokens = block.norm4(_with_attention_to_few(tokens, attention, likeness, attention.v_proj(queries)[0]))
        attention = decoder.transformer.final_attn_token_to_image
        asked = attention.q_proj(queries + prompt)[0]
        seen = _attend_to_all(attention, asked, tokens, self._last_positions)
        queries = decoder.transformer.norm_final_attn(queries + seen)[0]
        scores = decoder.iou_prediction_head(queries[0])[1:]
        height, width = picture.embedding.shape[2:]
        return self._upscaled(tokens, queries[1:], height, width), scores

    def _upscaled(self, tokens: "Tensor", queries: "Tensor", height: int, width: int) -> "Tensor":
        import torch
        from torch.nn import functional

        first, norm, activation, second, _ = self._decoder.output_upscaling
        fine = _doubled(first, tokens)
        fine = activation(functional.layer_norm(fine, fine.shape[-1:], norm.weight, norm.bias, norm.eps))
        fine = activation(_doubled(second, fine))
        networks = self._decoder.output_hypernetworks_mlps
        filters = torch.stack([networks[place](queries[place]) for place in range(1, self._decoder.num_mask_tokens)])
        logits = (fine @ filters.T).view(height, width, 2, 2, 2, 2, -1)
        return logits.permute(6, 0, 2, 4, 1, 3, 5).reshape(-1, 4 * height, 4 * width)


def _tokens(maps: "Tensor") -> "Tensor":
    """(1, C, h, w) as (h w, C)."""
    return maps[0].flatten(1).T.contiguous()


def _projection(positions: "Tensor", *layers: Any) -> "tuple[Tensor, Tensor]":
    """What to add to tokens @ weight, (h w, D), and the weight (C, D): of linear layers side by side.

    All but the values, which come second, see the tokens with their positions added.
    """
    import torch

    shifts = [
        layer.bias.expand(len(positions), -1) if place == 1 else layer(positions) for place, layer in enumerate(layers)
    ]
    return torch.cat(shifts, dim=1), torch.cat([layer.weight for layer in layers]).T.contiguous()


def _attend(attention: Any, queries: "Tensor", keys: "Tensor", values: "Tensor") -> "Tensor":
    """The attention of projected queries (N, D) to projected keys and values (M, D), projected back."""
    from torch.nn import functional

    heads = [part.unflatten(1, (attention.num_heads, -1)).transpose(0, 1)[None] for part in (queries, keys, values)]
    mixed = functional.scaled_dot_product_attention(*heads)[0]
    return attention.out_proj(mixed.transpose(0, 1).flatten(1))


def _attend_to_all(attention: Any, queries: "Tensor", tokens: "Tensor", positions: "Tensor") -> "Tensor":
    """The same of few queries (N, D) to many tokens (M, C) that are not projected; `positions` (M, D) are, as keys.

    Tokens are mixed before they are projected to values, while that makes them few.
    """
    import torch

    heads = attention.num_heads
    few = _scaled_by_head(attention, queries)
    mixed = _products(few, attention.k_proj, tokens, positions).softmax(dim=1) @ tokens
    values = torch.addmm(attention.v_proj.bias, mixed, attention.v_proj.weight.T).view(heads, len(queries), heads, -1)
    each = torch.arange(heads)
    return attention.out_proj(values[each, :, each].transpose(0, 1).flatten(1))


def _products(few: "Tensor", layer: Any, tokens: "Tensor", positions: "Tensor") -> "Tensor":
    """Products (N, M) of few rows (N, D) with what a layer makes of many tokens (M, C) at `positions`, (M, D)."""
    import torch

    return torch.addmm(few @ positions.T, few @ layer.weight, tokens.T)


def _with_attention_to_few(tokens: "Tensor", attention: Any, likeness: "Tensor", values: "Tensor") -> "Tensor":
    """Tokens (N, C) and, added to them, their attention to M values (M, D), where M is much smaller than N.

    `likeness` (heads M, N) is of the keys to each token. The softmax goes along the picture, all heads are one
    product, and values are projected back before they are mixed, while they are few.
    """
    import torch

    heads = attention.num_heads
    shares = likeness.view(heads, len(values), -1).softmax(dim=1).flatten(0, 1)
    # A token's shares sum to one in each head, so this adds the bias once.
    back = _by_head(values, heads) @ attention.out_proj.weight.T + attention.out_proj.bias / heads
    return torch.addmm(tokens, shares.T, back)


def _scaled_by_head(attention: Any, rows: "Tensor") -> "Tensor":
    """Queries or keys (M, D) by head, see `_by_head`, over the root of a head's width."""
    heads = attention.num_heads
    return _by_head(rows / (rows.shape[1] // heads) ** 0.5, heads)


def _by_head(rows: "Tensor", heads: int) -> "Tensor":
    """Rows (M, D) once per head, (heads M, D), each with nothing but that head's part."""
    import torch

    spread = rows.new_zeros(heads, len(rows), heads, rows.shape[1] // heads)
    places = torch.arange(heads)
    spread[places, :, places] = rows.unflatten(1, (heads, -1)).transpose(0, 1)
    return spread.view(heads * len(rows), -1)


def _doubled(convolution: Any, tokens: "Tensor") -> "Tensor":
    """A transposed convolution of 2 x 2 with stride 2 on tokens (..., C): (..., 4, D), the four being y x y x."""
    import torch

    weight = convolution.weight.permute(0, 2, 3, 1).flatten(1)
    flat = torch.addmm(convolution.bias.repeat(4), tokens.reshape(-1, tokens.shape[-1]), weight)
    return flat.view(*tokens.shape[:-1], 4, -1)
