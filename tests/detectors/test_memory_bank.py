"""A memory bank: the border of a picture is judged by its own measure, and a value of 1 is a usual maximum."""

import numpy as np
import pytest
import torch
from torch import Tensor

from xad_agent.detectors.memory_bank import MemoryBank, _chosen
from xad_agent.detectors.patches import GRAINS

ROWS, COLUMNS, CHANNELS = 7, 9, 6


def grids(count: int, seed: int, border: float) -> list[Tensor]:
    """Noise that is `border` times as strong on the outermost cells."""
    generator = torch.Generator().manual_seed(seed)
    strength = torch.full((ROWS, COLUMNS, 1), border)
    strength[1:-1, 1:-1] = 1
    return [strength * torch.randn(ROWS, COLUMNS, CHANNELS, generator=generator) for _ in range(count)]


def fitted(count: int, border: float) -> tuple[MemoryBank, list[np.ndarray]]:
    normal = grids(count, 0, border)
    places = torch.cartesian_prod(torch.arange(count), torch.arange(ROWS), torch.arange(COLUMNS))
    features = torch.cat([grid.flatten(0, 1) for grid in normal])
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(0))
    return MemoryBank.fit(GRAINS[0], features[order], places[order], list(enumerate(normal)), seed=0)[:2]


def at_border(values: np.ndarray) -> bool:
    row, column = np.unravel_index(values.argmax(), values.shape)
    return bool(row in (0, ROWS - 1) or column in (0, COLUMNS - 1))


def test_the_border_does_not_win_by_being_the_border() -> None:
    bank, maps = fitted(60, border=3.0)
    assert bank.rings[0, 2] > 1.5
    assert bank.rings[1, 1] == pytest.approx(1, abs=0.25)
    assert bank.rings[2, 2] == 1
    assert torch.equal(bank.rings, bank.rings.T)
    share = np.mean([at_border(values) for values in maps])
    assert share < 0.75  # of the cells 28 of 63 are at the border; without the measure nearly all maxima are
    bank.rings = torch.ones(3, 3)
    assert np.mean([at_border(bank.values(grid)) for grid in grids(60, 1, 3.0)]) > share


def test_a_quiet_border_is_not_made_loud() -> None:
    bank, _ = fitted(30, border=0.2)
    assert (bank.rings[0] == 1).all()
    assert bank.rings.max() < 1.1


def test_the_unit_is_a_usual_maximum() -> None:
    bank, maps = fitted(40, border=1.0)
    assert np.median([values.max() for values in maps]) == pytest.approx(1, rel=1e-5)
    fresh = [bank.values(grid).max() for grid in grids(40, 7, 1.0)]
    assert np.median(fresh) == pytest.approx(1, rel=0.15)


def test_state_makes_the_same_bank() -> None:
    bank, _ = fitted(5, border=2.0)
    again = MemoryBank.from_state(GRAINS[0], *bank.state(), CHANNELS)
    grid = grids(1, 3, 1.0)[0]
    np.testing.assert_array_equal(again.values(grid), bank.values(grid))


def test_tiny_grids() -> None:
    normal = [torch.randn(2, 2, CHANNELS, generator=torch.Generator().manual_seed(i)) for i in range(4)]
    places = torch.cartesian_prod(torch.arange(4), torch.arange(2), torch.arange(2))
    features = torch.cat([grid.flatten(0, 1) for grid in normal])
    bank, maps, _ = MemoryBank.fit(GRAINS[0], features, places, list(enumerate(normal)), seed=0)
    assert np.isfinite(bank.values(torch.randn(40, 3, CHANNELS))).all()
    assert len(maps) == 4


def test_a_bank_covers_what_is_rare_and_remembers_what_is_usual() -> None:
    generator = torch.Generator().manual_seed(0)
    usual, rare = torch.randn(900, 4, generator=generator), 50 + 10 * torch.randn(3, 4, generator=generator)
    candidates = torch.cat([usual, rare])
    chosen = _chosen(candidates, 100, seed=0)
    assert len(set(chosen.tolist())) == 100
    assert {900, 901, 902} <= set(chosen.tolist())
    assert sorted(chosen[50:].tolist()) == [n for n in range(100) if n not in chosen[:50]][:50]


@pytest.mark.parametrize("size", [903, 2000])
def test_a_bank_with_room_takes_all(size: int) -> None:
    assert sorted(_chosen(torch.randn(903, 4), size, seed=0).tolist()) == list(range(903))


def test_what_is_alike_elsewhere_in_a_picture_is_not_singular() -> None:
    bank, _ = fitted(20, border=1.0)
    strange = grids(1, 5, 1.0)[0]
    strange[1, 1] = 9.0
    alone = bank.singular(strange)
    assert alone[1, 1] == pytest.approx(bank.values(strange)[1, 1], rel=0.05)
    strange[5, 7] = 9.0
    twice = bank.singular(strange)
    assert max(twice[1, 1], twice[5, 7]) < 0.5 * alone[1, 1]
    assert (twice <= bank.values(strange) + 1e-5).all()


def test_a_copy_close_by_is_the_same_place() -> None:
    bank, _ = fitted(20, border=1.0)
    strange = grids(1, 5, 1.0)[0]
    strange[3, 3] = strange[3, 4] = 9.0
    assert bank.singular(strange)[3, 3] == pytest.approx(bank.values(strange)[3, 3], rel=0.05)


def test_a_grid_too_small_to_have_an_elsewhere() -> None:
    bank, _ = fitted(20, border=1.0)
    small = grids(1, 5, 1.0)[0][:2, :2]
    np.testing.assert_array_equal(bank.singular(small), bank.values(small))
