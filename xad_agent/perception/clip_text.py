"""CLIP's text side: prompts to embeddings, long ones in pieces."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_BATCH = 64


class TextTower:
    """A network's text tower with its tokenizer.

    Args:
        network: A CLIP network of open_clip.
        tokenizer: Strings to token numbers (N, window).
    """

    def __init__(self, network: Any, tokenizer: Callable[..., Tensor]):
        self._network, self._tokenizer = network, tokenizer
        self._window = int(network.context_length)
        self._padding = int(tokenizer([""], context_length=self._window)[0, -1])

    def __call__(self, prompts: Sequence[str]) -> Tensor:
        """Embeddings (N, D), not normalised; of a prompt longer than the window, the mean of its pieces'."""
        pieces = [self.pieces(prompt) for prompt in prompts]
        flat = [piece for of_one in pieces for piece in of_one]
        with torch.inference_mode():
            embeddings = torch.cat([self._encode(flat[i : i + _BATCH]) for i in range(0, len(flat), _BATCH)])
        return torch.stack([of_one.mean(dim=0) for of_one in embeddings.split([len(of_one) for of_one in pieces])])

    def pieces(self, prompt: str) -> list[str]:
        """The prompt in pieces that fit the window, halved between words, or within them where a word is too long."""
        if self._fits(prompt) or len(prompt) < 2:
            return [prompt]
        words, glue = (prompt.split(), " ") if len(prompt.split()) > 1 else (list(prompt.strip()), "")
        middle = len(words) // 2
        return [piece for half in (words[:middle], words[middle:]) for piece in self.pieces(glue.join(half))]

    def _fits(self, prompt: str) -> bool:
        longer = self._tokenizer([prompt], context_length=self._window + 1)
        return int(longer[0, -1]) == self._padding

    def _encode(self, texts: Sequence[str]) -> Tensor:
        from open_clip.model import CLIP

        network = self._network
        tokens = self._tokenizer(list(texts), context_length=self._window).to(network.logit_scale.device)
        if not isinstance(network, CLIP) or network.attn_mask is None or network.text_pool_type != "argmax":
            return network.encode_text(tokens, normalize=False)
        # No token sees those after it, so what pads the texts beyond the longest need not be computed.
        ends = tokens.argmax(dim=-1)
        tokens = tokens[:, : int(ends.max()) + 1]
        return read(network, network.token_embedding(tokens), ends)


def read(network: Any, embedded: Tensor, ends: Tensor, deep: Sequence[Tensor] = ()) -> Tensor:
    """What a CLIP's causal text tower makes of embedded tokens: its output at each text's end, projected, (N, D).

    Args:
        network: A `open_clip.model.CLIP`.
        embedded: (N, L, W), without positions; L at most the window.
        ends: (N,) where each text's end token stands.
        deep: For each layer from the second on, learned tokens (K, W) that take the place of those after the first
            (Zhou et al. 2024, deep compound prompts).
    """
    length = embedded.shape[1]
    x = (embedded + network.positional_embedding[:length]).to(network.transformer.get_cast_dtype())
    for number, block in enumerate(network.transformer.resblocks):
        if 0 < number <= len(deep):
            learned = deep[number - 1].to(x).expand(len(x), -1, -1)
            x = torch.cat([x[:, :1], learned, x[:, 1 + learned.shape[1] :]], dim=1)
        x = block(x, attn_mask=network.attn_mask[:length, :length])
    x = network.ln_final(x)[torch.arange(len(x), device=x.device), ends]
    if network.text_projection is None:
        return x
    return network.text_projection(x) if isinstance(network.text_projection, nn.Linear) else x @ network.text_projection
