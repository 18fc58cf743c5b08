"""From a picture to a grid of patch features, and the whitening of these."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.perception.backbone import STRIDES, Backbone

MIN_PIXELS = 8
_ALIGN = 16
_SIDES = (256, 608)
_NATIVE_SHARE = 1.25
_MAX_ELONGATION = 4
_MAX_DIMENSIONS = 256
_SHRINKAGE = 0.05


@dataclass(frozen=True)
class Grain:
    """How finely a picture is cut into patches.

    Attributes:
        name: Of the grain, in a stored profile.
        shrink: The network looks at the picture this many times smaller than the working size.
        stages: Indices of the two backbone stages that describe a patch, the finer one first; a patch is a cell of the
            coarser one.
        bank: How many normal patches are remembered.
        blur: Sigma by which its map is smoothed, in cells.
        weight: Of its map beside those of other grains.
    """

    name: str
    shrink: int
    stages: tuple[int, int]
    bank: int
    blur: float
    weight: float


# Cells of 16 px see shapes, but average away specks and hair cracks, which those of 8 px see; neither sees what is
# wrong only over a large part of a picture, as uneven light, which a look at the whole from afar does.
GRAINS = (
    Grain("medium", shrink=1, stages=(1, 2), bank=10_000, blur=0.6, weight=2.0),
    Grain("fine", shrink=1, stages=(0, 1), bank=2_500, blur=0.8, weight=2.0),
    Grain("coarse", shrink=5, stages=(1, 2), bank=2_500, blur=0.6, weight=1.0),
)


def check_size(picture: Picture) -> None:
    """Raise XadError where a picture is less than 8 px high or wide."""
    if min(picture.height, picture.width) < MIN_PIXELS:
        raise XadError(
            f"{picture.name} is {picture.width} x {picture.height} px, too small to judge: "
            f"give at least {MIN_PIXELS} x {MIN_PIXELS} px"
        )


def working_side(sizes: Sequence[tuple[int, int]]) -> int:
    """The side of the square with the area at which pictures of such (height, width) are looked at, in px.

    A quarter more than their own resolution: small defects then fill cells of their own, which on made defects of three
    materials found more of them; still larger did not.
    """
    native = float(np.median([np.sqrt(height * width) for height, width in sizes]))
    return int(np.clip(_NATIVE_SHARE * native // 32 * 32, *_SIDES))


def working_size(height: int, width: int, side: int) -> tuple[int, int]:
    """(height, width) of about side x side px in all, the aspect ratio kept, both multiples of 16 px.

    Very long pictures are squashed so that neither side exceeds `_MAX_ELONGATION` x `side`.
    """
    scale = side / np.sqrt(height * width)
    cells = (round(length * scale / _ALIGN) for length in (height, width))
    limit = _MAX_ELONGATION * side // _ALIGN
    rows, columns = (min(max(n, 2), limit) for n in cells)
    return rows * _ALIGN, columns * _ALIGN


def embed(picture: Picture, backbone: Backbone, side: int) -> list[Tensor]:
    """Features of the picture's patches: for each of `GRAINS` a grid, float32 (rows, columns, channels).

    The stages of a grain are each averaged over 3 x 3 cells as in PatchCore (Roth et al. 2022), on the grid of the
    coarser one.

    Raises:
        XadError: The picture is less than 8 px high or wide.
    """
    check_size(picture)
    pooled = {shrink: stages(picture, backbone, side // shrink) for shrink in {grain.shrink for grain in GRAINS}}
    return [_joined(*(pooled[grain.shrink][stage] for stage in grain.stages)) for grain in GRAINS]


def stages(picture: Picture, backbone: Backbone, side: int, margin: int = 0) -> list[Tensor]:
    """The backbone's three stages, each averaged over 3 x 3 cells: float32 (1, channels, rows, columns).

    Args:
        picture: Looked at in its `working_size`.
        backbone: Where features come from.
        side: See `working_size`.
        margin: px, a multiple of 16, by which the picture is mirrored beyond its border, so that the network sees its
            own padding only in cells that are then left out.
    """
    import cv2

    height, width = working_size(picture.height, picture.width, side)
    shrinks = height * width < picture.height * picture.width
    pixels = cv2.resize(picture.pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    if margin:
        pixels = cv2.copyMakeBorder(pixels, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
    with torch.inference_mode():
        found = [
            _without_margin(f, margin // s) for f, s in zip(backbone(backbone.prepare(pixels)), STRIDES, strict=True)
        ]
        return [functional.avg_pool2d(f, 3, 1, 1, count_include_pad=False) for f in found]


def _without_margin(grid: Tensor, cells: int) -> Tensor:
    return grid[..., cells : grid.shape[-2] - cells, cells : grid.shape[-1] - cells]


def _joined(finer: Tensor, coarser: Tensor) -> Tensor:
    return torch.cat([functional.avg_pool2d(finer, 2), coarser], dim=1)[0].permute(1, 2, 0).contiguous()


@dataclass(frozen=True, eq=False)
class Whitening:
    """Makes normal patches vary about equally in every direction.

    Channels are standardised, rotated to their principal axes and divided by their (shrunk) deviations, so that
    directions in which normal patches hardly vary count as much as those in which they vary most.

    Attributes:
        mean: (D,)
        matrix: (D, K), K at most 256.
    """

    mean: Tensor
    matrix: Tensor

    @classmethod
    def fit(cls, features: Tensor) -> "Whitening":
        """From normal patches (N, D), N at least 1."""
        mean = features.mean(dim=0)
        centred = features - mean
        deviation = centred.std(dim=0, correction=0).clamp_min(1e-6)
        scaled = centred / deviation
        values, axes = torch.linalg.eigh(scaled.T @ scaled / len(scaled))
        values = values.clamp_min(0)
        spread = ((1 - _SHRINKAGE) * values + _SHRINKAGE * values.mean()).sqrt().clamp_min(1e-6)
        matrix = (axes / spread)[:, -_MAX_DIMENSIONS:] / deviation[:, None] / features.shape[1] ** 0.5
        return cls(mean, matrix.contiguous())

    def __call__(self, features: Tensor) -> Tensor:
        """(..., D) to (..., K)."""
        return (features - self.mean) @ self.matrix
