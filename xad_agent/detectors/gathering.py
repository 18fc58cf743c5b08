"""One pass over normal pictures, of any number, in bounded memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from xad_agent.detectors.patches import GRAINS, embed
from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.perception.backbone import Backbone

_CANDIDATES = 150_000
_CALIBRATED = 1000


@dataclass(frozen=True, eq=False)
class Seen:
    """A fitted picture: its place in the order, (height, width) in px, float16 features of each grain."""

    index: int
    size: tuple[int, int]
    features: list[Tensor]


class Gathered:
    """What one pass over the pictures keeps: random patches of each grain and random pictures, up to a limit.

    Every patch and picture draws a key, and those with the smallest keys are kept: each has the same chance, however
    many there are.

    Attributes:
        count: How many pictures came.
    """

    def __init__(self, backbone: Backbone, side: int, seed: int):
        self.count = 0
        self._backbone, self._side = backbone, side
        self._random = torch.Generator().manual_seed(seed)
        self._kept = [_Sample(self._random) for _ in GRAINS]
        self._pictures: list[tuple[float, Seen]] = []

    def add(self, picture: Picture) -> list[Tensor]:
        """Take a picture in; gives its features; XadError where it is too small."""
        grids = embed(picture, self._backbone, self._side)
        halves = [grid.half() for grid in grids]
        for sample, grid in zip(self._kept, halves, strict=True):
            sample.add(self.count, grid)
        key = float(torch.rand(1, generator=self._random))
        self._pictures.append((key, Seen(self.count, (picture.height, picture.width), halves)))
        if len(self._pictures) > _CALIBRATED:
            self._pictures.remove(max(self._pictures, key=lambda pair: pair[0]))
        self.count += 1
        return grids

    @property
    def seen(self) -> list[Seen]:
        """The pictures kept, in the order they came."""
        return sorted((one for _, one in self._pictures), key=lambda one: one.index)

    def candidates(self, grain: int) -> tuple[Tensor, Tensor]:
        """Features (N, D) and sources (N, 3) of the patches of a grain kept, in random order.

        Raises:
            XadError: No picture came.
        """
        if not self.count:
            raise XadError("no picture to learn normal from: give at least one")
        return self._kept[grain].drawn()


class _Sample:
    """Random patches of the grids that were added."""

    def __init__(self, random: torch.Generator):
        self._random = random
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, index: int, grid: Tensor) -> None:
        rows, columns, channels = grid.shape
        places = torch.cartesian_prod(torch.tensor([index]), torch.arange(rows), torch.arange(columns))
        self._kept.append((torch.rand(len(places), generator=self._random), grid.view(-1, channels), places))
        if sum(len(keys) for keys, _, _ in self._kept) > 2 * _CANDIDATES:
            self._prune()

    def drawn(self) -> tuple[Tensor, Tensor]:
        self._prune()
        _, features, sources = self._kept[0]
        return features.float(), sources

    def _prune(self) -> None:
        keys, features, sources = (torch.cat(parts) for parts in zip(*self._kept, strict=True))
        order = keys.argsort()[:_CANDIDATES]
        self._kept = [(keys[order], features[order], sources[order])]
