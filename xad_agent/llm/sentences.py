"""Sentence embeddings by all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019).

The network is BERT's encoder, which is torch's own `TransformerEncoder` with post-normalisation; importing transformers
for it would double the time of a cold start. A test holds the two against each other.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xad_agent import weights
from xad_agent.cache import cached

MAX_TOKENS = 256
_BATCH = 64
_WIDTH, _HEADS, _LAYERS, _HIDDEN = 384, 12, 6, 1536
_EPSILON = 1e-12
_POSITIONS, _TYPES = 512, 2


def embed(texts: list[str]) -> np.ndarray:
    """Unit vectors, float32 (N, 384): the mean over each text's first 256 tokens.

    Raises:
        XadError: The weights are not there.
    """
    vectors = np.zeros((len(texts), _WIDTH), np.float32)
    order = np.argsort([len(text) for text in texts], kind="stable")  # alike in length, little is padded
    for at in range(0, len(order), _BATCH):
        batch = order[at : at + _BATCH]
        vectors[batch] = _embedded([texts[i] for i in batch])
    return vectors


def embed_kept(texts: list[str]) -> np.ndarray:
    """The same for texts that are asked about again and again, kept on disk: a thousand take a second or two."""
    model = next(dict(weight.files) for weight in weights.registry() if weight.name == "minilm-l6")
    return cached("sentences", {"model": model, "texts": texts}, lambda: {"vectors": embed(texts)})["vectors"]


def _embedded(texts: list[str]) -> np.ndarray:
    tokenizer, model = _encoder()
    encoded = tokenizer.encode_batch(texts)
    ids = torch.tensor([item.ids for item in encoded])
    mask = torch.tensor([item.attention_mask for item in encoded]).bool()
    with torch.inference_mode():
        hidden = model(ids, mask).masked_fill(~mask[..., None], 0)
        return nn.functional.normalize(hidden.sum(1) / mask.sum(1, keepdim=True), dim=1).numpy()


class _Bert(nn.Module):
    def __init__(self, vocabulary: int):
        super().__init__()
        self.words = nn.Embedding(vocabulary, _WIDTH)
        self.positions = nn.Embedding(_POSITIONS, _WIDTH)
        self.types = nn.Embedding(_TYPES, _WIDTH)
        self.norm = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        layer = nn.TransformerEncoderLayer(
            _WIDTH, _HEADS, _HIDDEN, 0.0, "gelu", layer_norm_eps=_EPSILON, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and which of them count, (N, T), to hidden states (N, T, 384)."""
        start = self.words(ids) + self.positions.weight[: ids.shape[1]] + self.types.weight[0]
        return self.layers(self.norm(start), src_key_padding_mask=~mask)


@cache
def _encoder() -> tuple[Any, _Bert]:
    from tokenizers import Tokenizer

    folder = weights.path("minilm-l6")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    state = _renamed(weights.load_state_dict(folder / "model.safetensors"))
    model = _Bert(len(state["words.weight"]))
    model.load_state_dict(state)
    return tokenizer, model.eval()


def _renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """BERT's published names to torch's."""
    renamed = {
        "words.weight": state["embeddings.word_embeddings.weight"],
        "positions.weight": state["embeddings.position_embeddings.weight"],
        "types.weight": state["embeddings.token_type_embeddings.weight"],
    }
    pairs = {
        "attention.output.dense": "self_attn.out_proj",
        "attention.output.LayerNorm": "norm1",
        "intermediate.dense": "linear1",
        "output.dense": "linear2",
        "output.LayerNorm": "norm2",
    }
    for kind in ("weight", "bias"):
        renamed[f"norm.{kind}"] = state[f"embeddings.LayerNorm.{kind}"]
        for index in range(_LAYERS):
            theirs, ours = f"encoder.layer.{index}", f"layers.layers.{index}"
            joined = [state[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            renamed[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(joined)
            for their_name, our_name in pairs.items():
                renamed[f"{ours}.{our_name}.{kind}"] = state[f"{theirs}.{their_name}.{kind}"]
    return renamed
