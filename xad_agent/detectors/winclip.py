"""WinCLIP: how much better words of damage fit a picture, and each window of it, than words of soundness.

After Jeong et al., "WinCLIP: Zero-/Few-Shot Anomaly Classification and Segmentation" (CVPR 2023); in its exact mode it
agrees with anomalib's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xad_agent.cache import cached
from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.clip_windows import Windows
from xad_agent.detectors.patches import check_size
from xad_agent.detectors.winclip_words import Word, share_of_cells, words_for
from xad_agent.media.picture import Picture
from xad_agent.perception.clip import Clip
from xad_agent.perception.device import placement, quick_bfloat16
from xad_agent.prompts import vocabulary

_SCALES = (2, 3)
_TEMPERATURE = 0.07
_TOKENS = 4096  # go through the transformer at once


@dataclass(frozen=True, eq=False)
class Looks:
    """What CLIP sees in one picture; all vectors have length 1, float32.

    Attributes:
        image: Of the picture as a whole, (1, D).
        windows: Of the windows of each scale, (N, D).
        patches: Of each patch, before it is brought into the space of words, (rows x columns, W).
    """

    image: Tensor
    windows: list[Tensor]
    patches: Tensor


class WinCLIP:
    """Needs no normal example, only CLIP; with normal examples it is WinCLIP+.

    Scores lie between 0 and 1: the share that words of damage have in the fit; with references, the mean of that and of
    half the cosine distance to the most similar normal place.

    Args:
        clip: The model.
        thing: What the pictures show, as one would call it.
        references: Normal pictures, for WinCLIP+.
        exact: Look at every window, in full precision. Else at every second one of the larger, the others being guessed
            from these and the smaller, and with products in bfloat16 where that is quicker.

    Attributes:
        mode: How it looks, in words.

    Raises:
        XadError: A reference is less than 8 px high or wide.
    """

    name = "winclip"

    def __init__(self, clip: Clip, thing: str = "object", references: Sequence[Picture] = (), exact: bool = False):
        self.clip, self.thing, self._exact = clip, thing.strip() or "object", exact
        self._quick = not exact and quick_bfloat16()
        precision = "bfloat16" if self._quick else str(clip.dtype).removeprefix("torch.")
        windows = "every window" if exact else "every window of 2 x 2 patches, every second one of 3 x 3"
        self.mode = f"{windows}; products in {precision}"
        self._grid = clip.tower.grid
        self._scales = [Windows.over(self._grid, side) for side in _SCALES if side <= min(self._grid)]
        self._text = _unit(torch.cat([self._state("normal"), self._state("anomalous")]))
        self._normal = _joined([self._reference(picture) for picture in references])
        self._last: tuple[str, Looks] | None = None

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and the score of a picture.

        Raises:
            XadError: The picture is less than 8 px high or wide.
        """
        looks = self._looks(picture)
        whole = self._damage(looks.image)
        scales = zip(self._scales, looks.windows, strict=True)
        maps = [whole.expand(len(looks.patches)), *(scale.harmonic(self._damage(seen)) for scale, seen in scales)]
        values, score = len(maps) / (1 / torch.stack(maps)).sum(dim=0), whole
        if self._normal is not None:
            unlike = self._unlike(looks, self._normal)
            values, score = (values + unlike) / 2, (whole + unlike.max()) / 2
        shape = (picture.height, picture.width)
        full = functional.interpolate(values.view(1, 1, *self._grid), shape, mode="bilinear")[0, 0]
        return AnomalyMap(full.cpu().numpy(), float(score), self.name)

    def explain(self, picture: Picture, place: np.ndarray | tuple[float, float, float, float]) -> list[Word]:
        """Which words of prompts/winclip.yaml fit a place of the picture, best first.

        Args:
            picture: The picture.
            place: A mask, bool (H, W), or a box x0 y0 x1 y1 in px.

        Raises:
            XadError: The place is empty, outside the picture, inverted or of another size.
        """
        shares = share_of_cells(picture, place, self._grid)
        looks = self._looks(picture)
        covers = torch.cat([(scale.covers.T @ shares) / scale.covers.sum(dim=0) for scale in self._scales])
        return words_for(self.clip, self.thing, torch.cat(looks.windows).cpu(), covers)

    def _state(self, state: str) -> Tensor:
        """The mean of all prompts of a state, (1, D), not of length 1 each, as anomalib has it."""
        words = vocabulary("winclip")
        prompts = [t.format(state.format(self.thing)) for state in words[state] for t in words["templates"]]
        return torch.from_numpy(self.clip.text(prompts)).mean(dim=0, keepdim=True)

    def _damage(self, seen: Tensor) -> Tensor:
        """Share of the words of damage in what fits each look, (N,)."""
        return (seen @ self._text.to(seen).T / _TEMPERATURE).softmax(dim=-1)[:, 1]

    def _unlike(self, looks: Looks, normal: Looks) -> Tensor:
        windows = zip(self._scales, looks.windows, normal.windows, strict=True)
        maps = [_distance(looks.patches, normal.patches)]
        maps += [scale.harmonic(_distance(seen, known)) for scale, seen, known in windows]
        return torch.stack(maps).mean(dim=0)

    def _reference(self, picture: Picture) -> Looks:
        """Every window of a normal picture; many times as dear as a quick look, so it is kept on disk."""
        key = {"clip": self.clip.fingerprint, "picture": picture.sha256, "quick": self._quick}

        def look() -> dict[str, np.ndarray]:
            looks = self._look(picture, every=True)
            windows = {f"windows {place}": seen.cpu().numpy() for place, seen in enumerate(looks.windows)}
            return {"image": looks.image.cpu().numpy(), "patches": looks.patches.cpu().numpy(), **windows}

        arrays = cached("clip-references", key, look)
        kept = {name: torch.from_numpy(array).to(placement()[0]) for name, array in arrays.items()}
        windows = [kept[f"windows {place}"] for place in range(len(self._scales))]
        return Looks(kept["image"], windows, kept["patches"])

    def _looks(self, picture: Picture) -> Looks:
        if self._last is None or self._last[0] != picture.sha256:
            self._last = (picture.sha256, self._look(picture, every=self._exact))
        return self._last[1]

    def _look(self, picture: Picture, every: bool) -> Looks:
        check_size(picture)
        tokens = self.clip.embed(picture)
        image, patches = self.clip.tower.encode(tokens[None], self._quick)
        windows: list[Tensor] = []
        for scale in self._scales:
            guessed = bool(windows) and not every  # from the smaller ones; the smallest have none
            known = self._summaries(tokens, scale.patches[scale.every_second] if guessed else scale.patches)
            windows.append(scale.estimated(known, tokens[1:], windows[-1]) if guessed else known)
        return Looks(_unit(image), [_unit(of_scale) for of_scale in windows], _unit(patches[0]))

    def _summaries(self, tokens: Tensor, patches: Tensor) -> Tensor:
        index = functional.pad(patches + 1, (1, 0))  # the class token goes with each
        batches = index.split(max(1, _TOKENS // index.shape[1]))
        return torch.cat([self.clip.tower.summarise(tokens[batch], self._quick) for batch in batches]).float()


def _joined(looks: Sequence[Looks]) -> Looks | None:
    if not looks:
        return None
    windows = [torch.cat(of_scale) for of_scale in zip(*(one.windows for one in looks), strict=True)]
    return Looks(torch.cat([one.image for one in looks]), windows, torch.cat([one.patches for one in looks]))


def _distance(seen: Tensor, known: Tensor) -> Tensor:
    """Half the cosine distance to the nearest, (N,)."""
    return (1 - seen @ known.T).amin(dim=1) / 2


def _unit(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors.float(), dim=-1)
