"""SAM's mask decoder with its weights, arranged for many prompts on one picture on a CPU.

A prompt is a few tokens, a picture thousands. What a layer adds to the picture's tokens is a mixture of a few rows, one
a head and token of the prompt, and a layer's norm only scales each token and its channels. So at every layer the tokens
are `scale * fixed + changes.T @ rows + offset`: `fixed` (of the picture alone) and `offset` (of the weights alone) are
projected once, and a prompt's own work is with its few rows. The tokens themselves are never made. The numbers are
those of segment-anything's forward, to rounding. A box takes a third less time than with the tokens made; from some
eight points on, a prompt's rows are so many that it takes more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment_anything.modeling import MaskDecoder, PromptEncoder
    from torch import Tensor


_PIECE = 512  # tokens upscaled at a time, so that what is between fits a core's cache


@dataclass(frozen=True, eq=False)
class _View:
    """What an attention sees of N tokens that no prompt has changed: keys and values, (heads, D, N)."""

    keys: "Tensor"
    values: "Tensor"


@dataclass(frozen=True, eq=False)
class _LayerView(_View):
    """The same of a layer; the first one's keys and queries have their tokens' places.

    Attributes:
        queries: (heads, D, N), of the picture's attention to the prompt.
        norms: (N,), of each token less its mean, squared.
        returns: (layers heads, D + 1, N), products of the same with the `returns` of the layer's `_Layer`.
    """

    queries: "Tensor"
    norms: "Tensor"
    returns: "Tensor"


@dataclass(frozen=True, eq=False)
class Embedded:
    """What the decoder needs of a picture.

    Attributes:
        embedding: (1, C, h, w), float32, of the image encoder.
        views: Of each layer.
        last: Of the attention at the end.
        doubled: (h w, 4 D), the first step of upscaling.
    """

    embedding: "Tensor"
    views: tuple[_LayerView, ...]
    last: _View
    doubled: "Tensor"


@dataclass(frozen=True, eq=False)
class _Place:
    """What the weights alone say of the tokens that an attention sees.

    Attributes:
        offset: (C,), part of every token.
        keys: (heads, D, N), of a token's position and the offset, with the bias.
    """

    offset: "Tensor"
    keys: "Tensor"


@dataclass(frozen=True, eq=False)
class _Layer(_Place):
    """The same of a layer.

    Attributes:
        queries: As `keys`.
        returns: (layers heads, D + 1, C), what each layer up to this one projects a value back to, and its bias, as
            this layer's norm takes them: less their mean.
    """

    queries: "Tensor"
    returns: "Tensor"


@dataclass(frozen=True, eq=False)
class _Tokens:
    """N tokens of a picture as a prompt has changed them: scale * fixed + changes.T @ rows + offset.

    Attributes:
        scale: (N,).
        changes: (K, N).
        rows: (K, C).
    """

    scale: "Tensor"
    changes: "Tensor"
    rows: "Tensor"

    def products(self, few: "Tensor", layer: Any, fixed: "Tensor", places: "Tensor") -> "Tensor":
        """Products (heads, M, N) of rows (heads, M, D) with what a layer makes of each token at its place, by head."""
        products = few @ fixed
        if len(self.changes):  # else this is the first layer, and `fixed` has the places
            through = few @ _by_head(layer, len(few)) @ self.rows.T
            products.mul_(self.scale).baddbmm_(few, places)
            products.flatten(0, 1).addmm_(through.flatten(0, 1), self.changes)
        return products

    def mixtures(self, shares: "Tensor", layer: Any, fixed: "Tensor", offset: "Tensor") -> "Tensor":
        """What a layer makes of mixtures of tokens, (M, heads D), by shares (heads, M, N) that sum to one."""
        heads = len(shares)
        through = (shares.flatten(0, 1) @ self.changes.T @ self.rows).unflatten(0, (heads, -1))
        mixed = (shares * self.scale) @ fixed.mT + through @ _by_head(layer, heads).mT
        return mixed.transpose(0, 1).flatten(1) + layer(offset)


class Decoder:
    """From a picture and embedded prompts to masks."""

    def __init__(self, decoder: "MaskDecoder", prompts: "PromptEncoder"):
        import torch

        self._decoder, self._prompts = decoder, prompts
        first_doubling, _, _, second_doubling, _ = decoder.output_upscaling
        with torch.inference_mode():
            self._doublings = _as_product(first_doubling), _as_product(second_doubling)
            positions = _tokens(prompts.get_dense_pe())
            self._layers = tuple(self._layers_at(positions))
            last = decoder.transformer.final_attn_token_to_image
            offset = decoder.transformer.layers[-1].norm4.bias
            self._last = _Place(offset, _columns(last.k_proj(positions + offset), last.num_heads))

    def _layers_at(self, positions: "Tensor") -> "Iterator[_Layer]":
        import torch

        offset, returns = torch.zeros_like(positions[0]), list["Tensor"]()
        for block in self._decoder.transformer.layers:
            asked, asking = block.cross_attn_token_to_image, block.cross_attn_image_to_token
            heads, placed = asking.num_heads, positions + offset
            bias = (asking.out_proj.bias + offset).expand(heads, 1, -1) / heads  # shares of all heads sum to `heads`
            back = torch.cat([asking.out_proj.weight.T.unflatten(0, (heads, -1)), bias], dim=1)
            returns = [_centred(rows) for rows in (*returns, back)]
            keys, queries = (_columns(projected(placed), heads) for projected in (asked.k_proj, asking.q_proj))
            yield _Layer(offset, keys, queries, torch.cat(returns))
            returns = [rows * block.norm4.weight for rows in returns]
            offset = block.norm4.bias

    def prepare(self, embedding: "Tensor") -> Embedded:
        """What does not depend on the prompt, of an embedding (1, C, h, w)."""
        transformer, views = self._decoder.transformer, list[_LayerView]()
        tokens = _tokens(embedding) + self._prompts.no_mask_embed.weight
        for block, layer in zip(transformer.layers, self._layers, strict=True):
            asked, asking = block.cross_attn_token_to_image, block.cross_attn_image_to_token
            keys, values, queries = _projected(tokens, asked.num_heads, asked.k_proj, asked.v_proj, asking.q_proj)
            if not views:  # no prompt has scaled these tokens yet, so their positions are added once
                keys, queries = keys + layer.keys, queries + layer.queries
            tokens = _centred(tokens)
            views.append(_LayerView(keys, values, queries, tokens.square().sum(1), layer.returns @ tokens.T))
            tokens = tokens * block.norm4.weight
        asked = transformer.final_attn_token_to_image
        last = _View(*_projected(tokens, asked.num_heads, asked.k_proj, asked.v_proj))
        return Embedded(embedding, tuple(views), last, tokens @ self._doublings[0][1])

    def masks(self, picture: Embedded, sparse: "Tensor") -> "tuple[Tensor, Tensor]":
        """Logits (M, 4 h, 4 w) of the masks for an ambiguous prompt (1, N, C), and their predicted IoU (M,)."""
        import torch

        decoder = self._decoder
        prompt = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, sparse[0]])[None]
        count, width = len(picture.doubled), prompt.shape[-1]
        tokens = _Tokens(prompt.new_ones(count), prompt.new_zeros(0, count), prompt.new_zeros(0, width))
        queries, given = prompt, list["Tensor"]()
        for block, layer, view in zip(decoder.transformer.layers, self._layers, picture.views, strict=True):
            positions = prompt if given else 0  # the first layer's self-attention knows no positions
            own = block.self_attn(queries + positions, queries + positions, queries)
            queries = block.norm1(queries + own if given else own)
            queries = block.norm2(
                queries + _seen(block.cross_attn_token_to_image, queries + prompt, tokens, view, layer)
            )
            queries = block.norm3(queries + block.mlp(queries))
            attention = block.cross_attn_image_to_token
            few = _scaled(attention, attention.k_proj(queries + prompt)[0])
            likeness = tokens.products(few, attention.q_proj, view.queries, layer.queries)
            values = _split(attention.v_proj(queries)[0], attention.num_heads)
            given.append(torch.cat([values, torch.ones_like(values[..., :1])], dim=2))
            tokens = _changed(tokens, likeness.softmax(dim=1).flatten(0, 1), torch.cat(given), layer, view, block.norm4)
        # What is read at the end is the IoU's and the masks' alone.
        queries, prompt = (rows[:, : 1 + decoder.num_mask_tokens] for rows in (queries, prompt))
        attention = decoder.transformer.final_attn_token_to_image
        seen = _seen(attention, queries + prompt, tokens, picture.last, self._last)
        queries = decoder.transformer.norm_final_attn(queries + seen)[0]
        scores = decoder.iou_prediction_head(queries[0])[1:]
        height, width = picture.embedding.shape[2:]
        return self._upscaled(picture.doubled, tokens, queries[1:], height, width), scores

    def _upscaled(self, doubled: "Tensor", tokens: _Tokens, queries: "Tensor", height: int, width: int) -> "Tensor":
        import torch
        from torch.nn import functional

        (bias, weight), second = self._doublings
        _, norm, activation, *_ = self._decoder.output_upscaling
        networks = self._decoder.output_hypernetworks_mlps
        filters = torch.stack([networks[place](queries[place]) for place in range(1, self._decoder.num_mask_tokens)])
        rows, offset = tokens.rows @ weight, torch.addmv(bias, weight.T, self._last.offset)
        pieces = []
        for start in range(0, len(doubled), _PIECE):
            piece = slice(start, start + _PIECE)
            fine = doubled[piece] * tokens.scale[piece, None]
            fine = fine.addmm_(tokens.changes[:, piece].T, rows).add_(offset).unflatten(1, (4, -1))
            fine = activation(functional.layer_norm(fine, fine.shape[-1:], norm.weight, norm.bias, norm.eps))
            fine = torch.addmm(second[0], fine.flatten(0, 1), second[1])
            pieces.append(filters @ activation(fine).view(-1, filters.shape[1]).T)
        # Two neighbours stay neighbours, so they are moved as one number of twice the width.
        pairs = torch.cat(pieces, dim=1).view(torch.float64).view(-1, height, width, 2, 2, 2)
        return pairs.permute(0, 1, 3, 5, 2, 4).reshape(-1, 4 * height, 2 * width).view(torch.float32)


def _seen(attention: Any, queries: "Tensor", tokens: _Tokens, view: _View, place: _Place) -> "Tensor":
    """An attention of a prompt's tokens (1, M, C) to the picture's."""
    asked = _scaled(attention, attention.q_proj(queries)[0])
    shares = tokens.products(asked, attention.k_proj, view.keys, place.keys).softmax(dim=2)
    return attention.out_proj(tokens.mixtures(shares, attention.v_proj, view.values, place.offset))


def _changed(tokens: _Tokens, shares: "Tensor", given: "Tensor", layer: _Layer, view: _LayerView, norm: Any) -> _Tokens:
    """The tokens with a layer's shares (heads M, N) of what it gives back added, and normed.

    Args:
        given: Values of this and each earlier layer's tokens of the prompt, (heads, M, D + 1), ones the last.
    """
    import torch

    changes = torch.cat([tokens.changes, shares])
    rows, dots = ((given @ returns).flatten(0, 1) for returns in (layer.returns, view.returns))
    # The squared norm of a sum of what is scaled and what is added to it.
    crossed = dots.mul_(2 * tokens.scale).addmm_(rows @ rows.T, changes).mul_(changes).sum(0)
    norms = (view.norms * tokens.scale.square() + crossed).clamp_min(0)  # rounding can make it less than nothing
    shrink = (norms / rows.shape[1] + norm.eps).rsqrt()
    return _Tokens(tokens.scale * shrink, changes.mul_(shrink), rows * norm.weight)


def _tokens(maps: "Tensor") -> "Tensor":
    """(1, C, h, w) as (h w, C)."""
    return maps[0].flatten(1).T.contiguous()


def _centred(rows: "Tensor") -> "Tensor":
    return rows - rows.mean(dim=-1, keepdim=True)


def _by_head(layer: Any, heads: int) -> "Tensor":
    """A projection's weight as (heads, D, C)."""
    return layer.weight.unflatten(0, (heads, -1))


def _projected(tokens: "Tensor", heads: int, *layers: Any) -> "list[Tensor]":
    """Tokens (N, C) by each layer without its bias, (heads, D, N)."""
    return [_by_head(layer, heads) @ tokens.T for layer in layers]


def _scaled(attention: Any, rows: "Tensor") -> "Tensor":
    """Queries or keys (M, D) by head, see `_split`, over the root of a head's width."""
    heads = attention.num_heads
    return _split(rows / (rows.shape[1] // heads) ** 0.5, heads)


def _split(rows: "Tensor", heads: int) -> "Tensor":
    """Rows (M, heads D) as (heads, M, D)."""
    return rows.unflatten(1, (heads, -1)).transpose(0, 1)


def _columns(rows: "Tensor", heads: int) -> "Tensor":
    """Rows (N, heads D) as (heads, D, N), in memory, too."""
    return _split(rows, heads).mT.contiguous()


def _as_product(convolution: Any) -> "tuple[Tensor, Tensor]":
    """Bias (4 D,) and weight (C, 4 D) of a transposed convolution of 2 x 2 with stride 2, the four being y x y x."""
    return convolution.bias.repeat(4), convolution.weight.permute(0, 2, 3, 1).flatten(1).contiguous()
