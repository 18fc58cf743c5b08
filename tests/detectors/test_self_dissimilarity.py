"""Without normal examples: the odd patch of a picture."""

import numpy as np
import pytest
import torch

from tests.detectors.test_patchcore import stripes
from tests.tiny import tiny_backbone
from xad_agent.detectors import self_dissimilarity
from xad_agent.detectors.self_dissimilarity import SelfDissimilarity, dissimilarity
from xad_agent.errors import XadError
from xad_agent.media import read_picture


@pytest.fixture(scope="module")
def detector() -> SelfDissimilarity:
    return SelfDissimilarity(tiny_backbone())


def test_finds_the_odd_patch(detector: SelfDissimilarity) -> None:
    found = detector.score(stripes(1, spot=True))
    y, x = np.unravel_index(found.values.argmax(), found.values.shape)
    assert found.values.shape == (96, 128)
    assert 22 <= y < 62
    assert 62 <= x < 102
    assert found.score > 2 * detector.score(stripes(1)).score


def test_dissimilarity_by_a_loop() -> None:
    grid = torch.randn(9, 7, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(9, 7)
    for y in range(9):
        for x in range(7):
            others = [(v, u) for v in range(9) for u in range(7) if max(abs(v - y), abs(u - x)) > 2]
            cosines = [torch.cosine_similarity(grid[y, x], grid[v, u], dim=0) for v, u in others]
            expected[y, x] = 1 - max(cosines)
    torch.testing.assert_close(dissimilarity(grid), expected, atol=1e-5, rtol=0)


def test_dissimilarity_by_hand() -> None:
    grid = torch.tensor([1.0, 0.0]).repeat(1, 8, 1)
    assert not dissimilarity(grid).any()
    grid[0, 0] = torch.tensor([0.0, 3.0])  # at a right angle to all the others, whatever its length
    torch.testing.assert_close(dissimilarity(grid), torch.tensor([[1.0, 0, 0, 0, 0, 0, 0, 0]]))
    grid[0, 7] = torch.tensor([0.0, 0.1])  # what occurs twice, far apart, is normal
    assert not dissimilarity(grid).any()
    grid[0, 7], grid[0, 1] = grid[0, 6], grid[0, 0]  # next to each other it is one odd place
    torch.testing.assert_close(dissimilarity(grid)[0, :3], torch.tensor([1.0, 1, 0]))


def test_a_cell_without_others_is_not_odd() -> None:
    assert not dissimilarity(torch.randn(2, 3, 4)).any()
    assert not dissimilarity(torch.zeros(8, 8, 4)).any()


def test_many_cells_are_compared_with_some_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = torch.tensor([1.0, 0.0]).repeat(40, 40, 1)
    grid[20, 30] = torch.tensor([0.0, 1.0])
    monkeypatch.setattr(self_dissimilarity, "_COMPARED", 64)
    values = dissimilarity(grid)
    assert values[20, 30] == pytest.approx(1)
    assert np.count_nonzero(values) == 1


def test_a_defect_does_not_hide_behind_itself(detector: SelfDissimilarity) -> None:
    """The rest of the picture scores the same with and without it."""
    plain, spotted = (detector.score(stripes(5, spot=spot)).values for spot in (False, True))
    np.testing.assert_allclose(spotted[:, :30].mean(), plain[:, :30].mean(), rtol=0.1)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 400), (33, 47), (700, 90)])
def test_map_has_the_size_of_the_picture(detector: SelfDissimilarity, height: int, width: int) -> None:
    found = detector.score(stripes(50, height, width))
    assert found.values.shape == (height, width)
    assert found.values.dtype == np.float32
    assert np.isfinite(found.values).all()
    assert found.score == found.values.max()


def test_a_flat_picture_scores_next_to_nothing(detector: SelfDissimilarity) -> None:
    flat = detector.score(read_picture(np.full((64, 64, 3), 90, np.uint8)))
    assert flat.score < 0.1 * detector.score(stripes(1, spot=True)).score


def test_too_small_a_picture_is_named(detector: SelfDissimilarity) -> None:
    with pytest.raises(XadError, match="1 x 1 px, too small to judge"):
        detector.score(read_picture(np.zeros((1, 1, 3), np.uint8), name="dot.png"))


def test_the_rim_counts_less() -> None:
    weights = self_dissimilarity._rim(50, 100)
    assert weights.shape == (50, 100)
    assert weights[0, 50] == weights[25, 99] == np.float32(0.6)
    assert (weights[6:44, 6:94] == 1).all()
