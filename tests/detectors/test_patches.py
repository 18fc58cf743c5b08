"""Patches: whitening evens out directions, and pictures are looked at in a size that suits them."""

import numpy as np
import pytest
import torch

from tests.detectors.test_patchcore import SIDE, stripes
from tests.tiny import tiny_backbone
from xad_agent.detectors.patches import GRAINS, Whitening, embed, working_side, working_size


def test_grids_of_each_grain() -> None:
    backbone = tiny_backbone()
    grids = embed(stripes(0, 64, 96), backbone, 192)
    rows, columns = (length // 16 for length in working_size(64, 96, 192))
    small_rows, small_columns = (length // 16 for length in working_size(64, 96, 192 // 5))
    assert [tuple(grid.shape[:2]) for grid in grids] == [
        (rows, columns),
        (2 * rows, 2 * columns),
        (small_rows, small_columns),
    ]
    assert [grid.shape[2] for grid in grids] == [sum(backbone.channels[i] for i in grain.stages) for grain in GRAINS]


def test_a_patch_is_the_mean_of_its_neighbourhood() -> None:
    backbone, picture = tiny_backbone(), stripes(0, SIDE, SIDE)
    fine = embed(picture, backbone, SIDE)[1]
    stages = backbone(backbone.prepare(picture.pixels))
    expected = stages[1][0, :, 4:7, 9:12].mean(dim=(1, 2))
    np.testing.assert_allclose(fine[5, 10, backbone.channels[0] :].numpy(), expected.numpy(), rtol=1e-4, atol=1e-6)


def test_whitening_evens_out_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(4000, 6, generator=generator) @ torch.randn(6, 6, generator=generator) + 3
    white = Whitening.fit(features)(features)
    spread = torch.linalg.eigvalsh(white.T @ white / len(white)).sqrt()
    before = torch.linalg.eigvalsh(torch.cov(features.T)).sqrt()
    assert spread.max() / spread.min() < min(5.0, float(before.max() / before.min()))
    assert white.mean(dim=0).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (512, 512, (256, 256)),
        (1000, 250, (512, 128)),
        (10, 4000, (32, 1024)),  # squashed: not longer than four sides
    ],
)
def test_working_size_keeps_area_and_aspect(height: int, width: int, size: tuple[int, int]) -> None:
    assert working_size(height, width, 256) == size


def test_working_side_follows_the_resolution_within_limits() -> None:
    assert [working_side([(side, side)]) for side in (20, 350, 512, 3000)] == [256, 416, 608, 608]
