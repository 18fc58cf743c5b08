"""AnomalyCLIP: words for "sound" and "damaged" that were learned instead of written (Zhou et al., ICLR 2024)."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.patches import check_size
from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.perception.clip import Clip
from xad_agent.perception.clip_dense import dense_features
from xad_agent.perception.clip_text import read
from xad_agent.weights import load_state_dict

_SIDE = 518  # px, at which the published prompts were learned
_BY_VALUES = 19  # of the last layers attend by values too
_TAPS = 4  # evenly spaced layers are read
_TEMPERATURE = 0.07
_BLUR = 4.0  # px of the side above


class AnomalyCLIP:
    """Scores places by learned prompts; no normal example, and no name of the thing, is needed.

    The picture's score is the share that the damaged prompt has in what fits it, 0 to 1; a place's is the mean of that
    over four layers.

    Args:
        clip: The model that the prompts were learned for: "ViT-L-14-336@openai" for the published ones.
        checkpoint: The file with them, as AnomalyCLIP's training writes it ("epoch_15.pth").

    Attributes:
        text: Embeddings of the sound and of the damaged prompt, of length 1, (2, D).

    Raises:
        XadError: The file is missing or damaged, holds no learned prompts, or they are of another model.
    """

    name = "anomaly-clip"
    mode = ""

    def __init__(self, clip: Clip, checkpoint: Path):
        from open_clip.model import CLIP

        self.clip = clip
        visual = clip.network.visual
        self._layers = len(visual.transformer.resblocks)
        if not isinstance(clip.network, CLIP) or visual.attn_pool is not None or self._layers % _TAPS:
            raise XadError(f"{clip.name} is no CLIP that AnomalyCLIP's prompts can be of: take ViT-L-14-336@openai")
        self._size = tuple(max(1, round(_SIDE / patch)) * patch for patch in visual.patch_size)
        state = load_state_dict(checkpoint)
        try:
            self.text = self._embedded(state)
        except (KeyError, RuntimeError, IndexError) as error:
            reason = " ".join(str(error).split())[:160]
            raise XadError(f"{checkpoint.name} holds no prompts of AnomalyCLIP for {clip.name} ({reason})") from error

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and the score of a picture of any size.

        Raises:
            XadError: The picture is less than 8 px high or wide.
        """
        from scipy.ndimage import gaussian_filter

        check_size(picture)
        images = self.clip.prepared(picture, self._size)
        taps = range(self._layers // _TAPS, self._layers + 1, self._layers // _TAPS)
        plain = min(max(0, self._layers - _BY_VALUES), taps[0] - 1)
        image, patches = dense_features(self.clip.network.visual, images, plain, taps)
        grid = tuple(side // patch for side, patch in zip(self._size, self.clip.network.visual.patch_size, strict=True))
        shares = torch.stack([self._damage(of_layer[0]).view(grid) for of_layer in patches])
        values = functional.interpolate(shares[None], self._size, mode="bilinear")[0].mean(dim=0)
        smooth = torch.from_numpy(gaussian_filter(values.cpu().numpy(), _BLUR))[None, None]
        full = functional.interpolate(smooth, (picture.height, picture.width), mode="bilinear")[0, 0]
        return AnomalyMap(full.numpy(), float(self._damage(image)), self.name)

    def _damage(self, seen: Tensor) -> Tensor:
        cosines = functional.normalize(seen.float(), dim=-1) @ self.text.T
        return (cosines / _TEMPERATURE).softmax(dim=-1)[:, 1]

    def _embedded(self, state: dict[str, Tensor]) -> Tensor:
        """Both prompts through the text tower, the learned tokens of each deeper layer put in on the way."""
        network = self.clip.network
        deep = [state[name] for name in sorted(state, key=_number) if name.startswith("compound_prompts_text.")]
        # AnomalyCLIP rounds these to half precision, on any device.
        deep = [tokens.half().to(network.logit_scale.device) for tokens in deep]
        embedded = []
        for kind in ("pos", "neg"):
            parts = [state[f"token_prefix_{kind}"], state[f"ctx_{kind}"], state[f"token_suffix_{kind}"]]
            tokens = torch.cat(parts, dim=2)[0].to(network.logit_scale)
            ends = state[f"tokenized_prompts_{kind}"][0].argmax(dim=-1).to(tokens.device)
            with torch.inference_mode():
                embedded.append(read(network, tokens, ends, deep).float().mean(dim=0))
        return functional.normalize(torch.stack(embedded), dim=-1)


def _number(name: str) -> int:
    last = name.rpartition(".")[2]
    return int(last) if last.isdigit() else -1
