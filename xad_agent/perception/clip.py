"""CLIP: pictures and words in one space (Radford et al. 2021), any model of open_clip with a vision transformer."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xad_agent.cache import cached
from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import shrink
from xad_agent.perception.checkpoints import fingerprint
from xad_agent.perception.clip_image import ImageTower
from xad_agent.perception.clip_loading import Source, build, find_source, tokenizer
from xad_agent.perception.clip_text import TextTower
from xad_agent.perception.device import placement
from xad_agent.prompts import vocabulary

_BATCH = 16
_LARGEST = 2048  # px; larger pictures are averaged down first, as resizing them in float32 would take gigabytes


class Clip:
    """A CLIP network.

    Attributes:
        name: Its spec.
        fingerprint: sha256 over its weights.
        network: As open_clip builds it.
        dtype: Of its weights.
        tower: What sees pictures.
        scale: By which it multiplies cosines before a softmax.
    """

    def __init__(self, name: str, network: Any, source: Source, words: Callable[..., Tensor]):
        from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

        self.name, self.fingerprint = name, fingerprint(network)
        device, self.dtype = placement()
        self.network = network.to(device=device, dtype=self.dtype)
        self.tower = ImageTower(network.visual)
        self.scale = float(network.logit_scale.exp())
        self._words = words
        self._mean, self._std = (
            torch.tensor(source.preprocess.get(key) or default, device=device).view(1, 3, 1, 1)
            for key, default in (("mean", OPENAI_DATASET_MEAN), ("std", OPENAI_DATASET_STD))
        )

    def text(self, prompts: Sequence[str]) -> np.ndarray:
        """Embeddings of prompts, float32 (N, D), not normalised; computed once, then kept on disk.

        A prompt longer than the model's window is split between words, its pieces' embeddings averaged.

        Raises:
            XadError: There is no prompt, or one is empty.
        """
        if not prompts or not all(prompt.strip() for prompt in prompts):
            raise XadError("CLIP was given an empty phrase: give at least one word for each", exit_code=2)
        key = {"model": self.fingerprint, "prompts": list(prompts)}
        made = cached("text", key, lambda: {"embeddings": self._text_tower(prompts).float().cpu().numpy()})
        return made["embeddings"]

    def images(self, pictures: Sequence[Picture]) -> np.ndarray:
        """Embeddings of pictures, float32 (P, D), not normalised."""
        batches = [pictures[i : i + _BATCH] for i in range(0, len(pictures), _BATCH)]
        with torch.inference_mode():
            inputs = (torch.cat([self.prepared(picture) for picture in batch]) for batch in batches)
            found = [self.network.encode_image(batch, normalize=False) for batch in inputs]
        return torch.cat(found).float().cpu().numpy()

    def label_scores(self, pictures: Sequence[Picture], names: Sequence[str]) -> np.ndarray:
        """How well each name fits each picture, beside the other names: float32 (P, N), rows sum to 1.

        Names are put into the templates of prompts/clip.yaml; the softmax is at the model's own scale.

        Raises:
            XadError: There is no picture or no name, or a name is empty.
        """
        if not pictures:
            raise XadError("there is no picture to name", exit_code=2)
        templates = vocabulary("clip")["name"]
        if not all(name.strip() for name in names):
            raise XadError("a name to look for is empty: give at least one word for each", exit_code=2)
        prompts = self.text([template.format(name) for name in names for template in templates])
        labels = _unit(_unit(prompts).reshape(len(names), len(templates), -1).mean(axis=1))
        logits = self.scale * _unit(self.images(pictures)) @ labels.T
        return functional.softmax(torch.from_numpy(logits), dim=-1).numpy()

    def embed(self, picture: Picture) -> Tensor:
        """The picture's tokens, (1 + rows x columns, W), see `ImageTower.embed`."""
        return self.tower.embed(self.prepared(picture))[0]

    def prepared(self, picture: Picture, size: tuple[int, int] | None = None) -> Tensor:
        """The whole picture squashed to `size`, by default the network's, and normalised for it, (1, 3, H, W)."""
        size = size or self.tower.size
        pixels = torch.tensor(shrink(picture, _LARGEST).pixels, device=self._mean.device)
        image = pixels.permute(2, 0, 1)[None].float() / 255
        if image.shape[-2:] != size:
            image = functional.interpolate(image, size, mode="bicubic", antialias=True)
        return ((image - self._mean) / self._std).to(self.dtype)

    @cached_property
    def _text_tower(self) -> TextTower:
        return TextTower(self.network, self._words)


def load_clip(spec: str) -> Clip:
    """The CLIP that a spec names.

    Args:
        spec: A folder with open_clip_config.json and weights, a hub's name, ARCHITECTURE@FILE, or ARCHITECTURE@TAG with
            a tag of open_clip's registry ("ViT-B-16-plus-240@laion400m_e31").

    Raises:
        XadError: There is no such thing, it is no CLIP with a vision transformer, or its weights are damaged or of
            another architecture.
    """
    source = find_source(spec)
    return Clip(spec, build(spec, source), source, tokenizer(spec, source))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
