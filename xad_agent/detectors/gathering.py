"""One pass over normal pictures, of any number, in bounded memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from xad_agent.detectors.patches import embed
from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.perception.backbone import Backbone

_CANDIDATES = 50_000
_CALIBRATED = 1000


@dataclass(frozen=True, eq=False)
class Seen:
    """A fitted picture: its place in the order, (height, width) in px, float16 features (rows, columns, channels)."""

    index: int
    size: tuple[int, int]
    features: Tensor


class Gathered:
    """What one pass over the pictures keeps: random patches and random pictures, each up to a limit.

    Every patch and picture draws a key, and those with the smallest keys are kept: each has the same chance, however
    many there are.
    """

    def __init__(self, backbone: Backbone, side: int, seed: int):
        self.shapes: list[tuple[int, int, int, int]] = []
        self._backbone, self._side = backbone, side
        self._random = torch.Generator().manual_seed(seed)
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = []
        self._pictures: list[tuple[float, Seen]] = []

    def add(self, picture: Picture) -> None:
        """Take a picture in; XadError where it is too small."""
        features = embed(picture, self._backbone, self._side).half()
        rows, columns, channels = features.shape
        index = len(self.shapes)
        self.shapes.append((picture.height, picture.width, rows, columns))
        grid = torch.cartesian_prod(torch.tensor([index]), torch.arange(rows), torch.arange(columns))
        self._kept.append((torch.rand(len(grid), generator=self._random), features.view(-1, channels), grid))
        if sum(len(keys) for keys, _, _ in self._kept) > 2 * _CANDIDATES:
            self._prune()
        key = float(torch.rand(1, generator=self._random))
        self._pictures.append((key, Seen(index, (picture.height, picture.width), features)))
        if len(self._pictures) > _CALIBRATED:
            self._pictures.remove(max(self._pictures, key=lambda pair: pair[0]))

    @property
    def seen(self) -> list[Seen]:
        """The pictures kept, in the order they came."""
        return sorted((one for _, one in self._pictures), key=lambda one: one.index)

    def candidates(self) -> tuple[Tensor, Tensor]:
        """Features (N, D) and sources (N, 3) of the patches kept, in random order.

        Raises:
            XadError: No picture came.
        """
        if not self.shapes:
            raise XadError("no picture to learn normal from: give at least one")
        self._prune()
        _, features, sources = self._kept[0]
        return features.float(), sources

    def _prune(self) -> None:
        keys, features, sources = (torch.cat(parts) for parts in zip(*self._kept, strict=True))
        order = keys.argsort()[:_CANDIDATES]
        self._kept = [(keys[order], features[order], sources[order])]
