"""SAM's mask decoder with its weights, arranged for many prompts on one picture on a CPU.

segment-anything's own forward computes for each prompt what depends on the picture alone, adds the positions to the
whole picture before each projection, and copies the picture from one memory format to the other. Here the first layer's
view of a picture is projected once a picture, and upscaling is done on tokens, a piece at a time. A prompt is a few
tokens, a picture thousands: so in the later layers the few are projected to where the many are, not the many to them.
The numbers stay the same to rounding.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment_anything.modeling import MaskDecoder, PromptEncoder
    from torch import Tensor


_PIECE = 512  # tokens upscaled at a time, so that what is between fits a core's cache


@dataclass(frozen=True, eq=False)
class Embedded:
    """What the decoder needs of a picture.

    Attributes:
        embedding: (1, C, h, w), float32, of the image encoder.
        tokens: (h w, C), with what is added where no mask is given.
        keys, values, queries: (heads, D, h w), of the first layer.
    """

    embedding: "Tensor"
    tokens: "Tensor"
    keys: "Tensor"
    values: "Tensor"
    queries: "Tensor"


class Decoder:
    """From a picture and embedded prompts to masks."""

    def __init__(self, decoder: "MaskDecoder", prompts: "PromptEncoder"):
        import torch

        self._decoder, self._prompts = decoder, prompts
        with torch.inference_mode():
            self._positions = _tokens(prompts.get_dense_pe())
            first_doubling, _, _, second_doubling, _ = decoder.output_upscaling
            self._doublings = _as_product(first_doubling), _as_product(second_doubling)

    def prepare(self, embedding: "Tensor") -> Embedded:
        """What does not depend on the prompt, of an embedding (1, C, h, w)."""
        tokens = _tokens(embedding) + self._prompts.no_mask_embed.weight
        placed = tokens + self._positions
        block = self._decoder.transformer.layers[0]
        asked, asking = block.cross_attn_token_to_image, block.cross_attn_image_to_token
        projected = asked.k_proj(placed), asked.v_proj(tokens), asking.q_proj(placed)
        return Embedded(embedding, tokens, *(_split(rows, asked.num_heads).mT.contiguous() for rows in projected))

    def masks(self, picture: Embedded, sparse: "Tensor") -> "tuple[Tensor, Tensor]":
        """Logits (M, 4 h, 4 w) of the masks for an ambiguous prompt (1, N, C), and their predicted IoU (M,)."""
        import torch

        decoder = self._decoder
        prompt = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, sparse[0]])[None]
        queries, tokens = prompt, picture.tokens
        for place, block in enumerate(decoder.transformer.layers):
            positions = prompt if place else 0  # the first layer's self-attention knows no positions
            own = block.self_attn(queries + positions, queries + positions, queries)
            queries = block.norm1(queries + own if place else own)
            attention = block.cross_attn_token_to_image
            asked = attention.q_proj(queries + prompt)[0]
            if place:
                placed = tokens + self._positions
                seen = _attend_to_all(attention, asked, tokens, placed)
            else:
                shares = (_scaled(attention, asked) @ picture.keys).softmax(dim=2)
                seen = attention.out_proj((shares @ picture.values.mT).transpose(0, 1).flatten(1))
            queries = block.norm2(queries + seen)
            queries = block.norm3(queries + block.mlp(queries))
            attention = block.cross_attn_image_to_token
            few = _scaled(attention, attention.k_proj(queries + prompt)[0])
            likeness = _products(few, attention.q_proj, placed) if place else few @ picture.queries
            tokens = block.norm4(_with_attention_to_few(tokens, attention, likeness, attention.v_proj(queries)[0]))
        # What is read at the end is the IoU's and the masks' alone.
        queries, prompt = (rows[:, : 1 + decoder.num_mask_tokens] for rows in (queries, prompt))
        attention = decoder.transformer.final_attn_token_to_image
        asked = attention.q_proj(queries + prompt)[0]
        seen = _attend_to_all(attention, asked, tokens, tokens + self._positions)
        queries = decoder.transformer.norm_final_attn(queries + seen)[0]
        scores = decoder.iou_prediction_head(queries[0])[1:]
        height, width = picture.embedding.shape[2:]
        return self._upscaled(tokens, queries[1:], height, width), scores

    def _upscaled(self, tokens: "Tensor", queries: "Tensor", height: int, width: int) -> "Tensor":
        import torch
        from torch.nn import functional

        first, second = self._doublings
        _, norm, activation, *_ = self._decoder.output_upscaling
        networks = self._decoder.output_hypernetworks_mlps
        filters = torch.stack([networks[place](queries[place]) for place in range(1, self._decoder.num_mask_tokens)])
        pieces = []
        for piece in tokens.split(_PIECE):
            fine = _doubled(piece, *first)
            fine = activation(functional.layer_norm(fine, fine.shape[-1:], norm.weight, norm.bias, norm.eps))
            fine = activation(_doubled(fine, *second))
            pieces.append(filters @ fine.flatten(0, -2).T)
        # Two neighbours stay neighbours, so they are moved as one number of twice the width.
        pairs = torch.cat(pieces, dim=1).view(torch.float64).view(-1, height, width, 2, 2, 2)
        return pairs.permute(0, 1, 3, 5, 2, 4).reshape(-1, 4 * height, 2 * width).view(torch.float32)


def _tokens(maps: "Tensor") -> "Tensor":
    """(1, C, h, w) as (h w, C)."""
    return maps[0].flatten(1).T.contiguous()


def _attend_to_all(attention: Any, queries: "Tensor", tokens: "Tensor", placed: "Tensor") -> "Tensor":
    """The attention of few projected queries (N, D) to many tokens (M, C) that are not, `placed` with positions.

    Tokens are mixed before they are projected to values, while that makes them few.
    """
    import torch

    heads = attention.num_heads
    shares = _products(_scaled(attention, queries), attention.k_proj, placed).softmax(dim=2)
    mixed = shares.flatten(0, 1) @ tokens
    values = torch.addmm(attention.v_proj.bias, mixed, attention.v_proj.weight.T).view(heads, len(queries), heads, -1)
    each = torch.arange(heads)
    return attention.out_proj(values[each, :, each].transpose(0, 1).flatten(1))


def _products(few: "Tensor", layer: Any, tokens: "Tensor") -> "Tensor":
    """Products (heads, N, M) of few rows (heads, N, D) with what a layer makes of many tokens (M, C), by head."""
    import torch

    rows = _apart(few)
    return torch.addmm((rows @ layer.bias)[:, None], rows @ layer.weight, tokens.T).view(*few.shape[:2], -1)


def _with_attention_to_few(tokens: "Tensor", attention: Any, likeness: "Tensor", values: "Tensor") -> "Tensor":
    """Tokens (N, C) and, added to them, their attention to M values (M, D), where M is much smaller than N.

    `likeness` (heads, M, N) is of the keys to each token. The softmax goes along the picture, all heads are one
    product, and values are projected back before they are mixed, while they are few.
    """
    import torch

    heads = attention.num_heads
    shares = likeness.softmax(dim=1).flatten(0, 1)
    # A token's shares sum to one in each head, so this adds the bias once.
    back = _apart(_split(values, heads)) @ attention.out_proj.weight.T + attention.out_proj.bias / heads
    return torch.addmm(tokens, shares.T, back)


def _scaled(attention: Any, rows: "Tensor") -> "Tensor":
    """Queries or keys (M, D) by head, see `_split`, over the root of a head's width."""
    heads = attention.num_heads
    return _split(rows / (rows.shape[1] // heads) ** 0.5, heads)


def _split(rows: "Tensor", heads: int) -> "Tensor":
    """Rows (M, heads D) as (heads, M, D)."""
    return rows.unflatten(1, (heads, -1)).transpose(0, 1)


def _apart(rows: "Tensor") -> "Tensor":
    """Rows by head (heads, M, D) side by side, (heads M, heads D), each with zeros in other heads' place."""
    import torch

    heads, count, width = rows.shape
    spread = rows.new_zeros(heads, count, heads, width)
    places = torch.arange(heads)
    spread[places, :, places] = rows
    return spread.view(heads * count, heads * width)


def _as_product(convolution: Any) -> "tuple[Tensor, Tensor]":
    """Bias (4 D,) and weight (C, 4 D) of a transposed convolution of 2 x 2 with stride 2, the four being y x y x."""
    return convolution.bias.repeat(4), convolution.weight.permute(0, 2, 3, 1).flatten(1).contiguous()


def _doubled(tokens: "Tensor", bias: "Tensor", weight: "Tensor") -> "Tensor":
    """Such a convolution of tokens (..., C): (..., 4, D)."""
    import torch

    flat = torch.addmm(bias, tokens.reshape(-1, tokens.shape[-1]), weight)
    return flat.view(*tokens.shape[:-1], 4, -1)
