"""SAM's mask decoder with its weights, arranged for many prompts on one picture on a CPU.

segment-anything's own forward computes for each prompt what depends on the picture alone, adds the positions to the
whole picture before each projection, and copies the picture from one memory format to the other. Here positions are
projected once, the first layer's view of a picture once a picture, and upscaling is done on tokens. The numbers stay
the same to rounding.
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
            self._layers = [
                _projection(
                    positions,
                    block.cross_attn_token_to_image.k_proj,
                    block.cross_attn_token_to_image.v_proj,
                    block.cross_attn_image_to_token.q_proj,
                )
                for block in transformer.layers
            ]
            last = transformer.final_attn_token_to_image
            self._last = _projection(positions, last.k_proj, last.v_proj)

    def prepare(self, embedding: "Tensor") -> Embedded:
        """What does not depend on the prompt, of an embedding (1, C, h, w)."""
        import torch

        tokens = _tokens(embedding) + self._prompts.no_mask_embed.weight
        shift, weight = self._layers[0]
        return Embedded(embedding, tokens, torch.addmm(shift, tokens, weight))

    def masks(self, picture: Embedded, sparse: "Tensor") -> "tuple[Tensor, Tensor]":
        """Logits (M, 4 h, 4 w) of the masks for an ambiguous prompt (1, N, C), and their predicted IoU (M,)."""
        import torch

        decoder = self._decoder
        prompt = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, sparse[0]])[None]
        queries, tokens, projected = prompt, picture.tokens, picture.projected
        for place, block in enumerate(decoder.transformer.layers):
            if place:
                projected = torch.addmm(self._layers[place][0], tokens, self._layers[place][1])
            keys, values, image_queries = projected.chunk(3, dim=1)
            positions = prompt if place else 0  # the first layer's self-attention knows no positions
            own = block.self_attn(queries + positions, queries + positions, queries)
            queries = block.norm1(queries + own if place else own)
            attention = block.cross_attn_token_to_image
            seen = _attend(attention, attention.q_proj(queries + prompt)[0], keys, values)
            queries = block.norm2(queries + seen)
            queries = block.norm3(queries + block.mlp(queries))
            attention = block.cross_attn_image_to_token
            own_keys, own_values = attention.k_proj(queries + prompt)[0], attention.v_proj(queries)[0]
            tokens = block.norm4(_with_attention_to_few(tokens, attention, image_queries, own_keys, own_values))
        keys, values = torch.addmm(self._last[0], tokens, self._last[1]).chunk(2, dim=1)
        attention = decoder.transformer.final_attn_token_to_image
        seen = _attend(attention, attention.q_proj(queries + prompt)[0], keys, values)
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


def _with_attention_to_few(
    tokens: "Tensor", attention: Any, queries: "Tensor", keys: "Tensor", values: "Tensor"
) -> "Tensor":
    """Tokens (N, C) and the same added to them, where M is much smaller than N: all heads in one product.

    The softmax goes along the picture, and values are projected back before they are mixed, while they are few.
    """
    import torch

    heads = attention.num_heads
    spread_keys, spread_values = _by_head(keys / (keys.shape[1] // heads) ** 0.5, heads), _by_head(values, heads)
    shares = (spread_keys @ queries.T).view(heads, len(keys), -1).softmax(dim=1).flatten(0, 1)
    # A token's shares sum to one in each head, so this adds the bias once.
    back = spread_values @ attention.out_proj.weight.T + attention.out_proj.bias / heads
    return torch.addmm(tokens, shares.T, back)


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
