"""Windows over a grid: what covers what, and what can be guessed."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.detectors.clip_windows import Windows

GRIDS = st.tuples(st.integers(3, 9), st.integers(3, 9))


@given(GRIDS, st.sampled_from([2, 3]), st.integers(0, 99))
def test_harmonic_means_are_those_of_a_loop(grid: tuple[int, int], side: int, seed: int) -> None:
    rows, columns = grid
    windows = Windows.over(grid, side)
    places = [(y, x) for y in range(rows - side + 1) for x in range(columns - side + 1)]
    scores = np.random.default_rng(seed).uniform(0.01, 1, len(places))
    expected = [
        [
            1 / np.mean([1 / s for (y, x), s in zip(places, scores, strict=True) if 0 <= r - y < side > c - x >= 0])
            for c in range(columns)
        ]
        for r in range(rows)
    ]
    found = windows.harmonic(torch.from_numpy(scores)).view(rows, columns)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_window_of_score_0_takes_its_patches_to_0() -> None:
    windows = Windows.over((3, 3), 2)
    found = windows.harmonic(torch.tensor([0.0, 0.5, 0.5, 0.5])).view(3, 3)
    assert found[:2, :2].max() < 1e-20
    np.testing.assert_allclose(found[2], 0.5)


def test_patches_and_every_second_window() -> None:
    windows = Windows.over((3, 4), 2)
    assert windows.patches.tolist()[:2] == [[0, 1, 4, 5], [1, 2, 5, 6]]
    assert windows.every_second.tolist() == [True, False, True, False, True, False]


def test_the_windows_inside() -> None:
    patches, inside = Windows.over((5, 4), 3), Windows.over((5, 4), 2)
    for window, inner in zip(patches.patches, patches.inner, strict=True):
        assert set(inside.patches[inner].flatten().tolist()) == set(window.tolist())


@pytest.mark.parametrize("known_by", ["tokens", "smaller windows"])
def test_what_depends_linearly_on_what_is_known_is_found(known_by: str) -> None:
    torch.manual_seed(0)
    windows = Windows.over((9, 8), 3)
    tokens, smaller = torch.randn(72, 12), torch.randn(56, 5)
    parts = tokens[windows.patches] if known_by == "tokens" else smaller[windows.inner]
    exact = parts.mean(dim=1) @ torch.randn(parts.shape[2], 5) + 3
    found = windows.estimated(exact[windows.every_second], tokens, smaller)
    torch.testing.assert_close(found[windows.every_second], exact[windows.every_second], rtol=0, atol=0)
    error = (found - exact).norm() / (exact - exact.mean(dim=0)).norm()
    assert error < 0.05


def test_a_flat_picture_has_nothing_to_guess() -> None:
    windows = Windows.over((5, 5), 3)
    known = torch.ones(int(windows.every_second.sum()), 4)
    found = windows.estimated(known, torch.ones(25, 6), torch.ones(16, 4))
    torch.testing.assert_close(found, torch.ones(9, 4))
