"""Neighbours that agree with scikit-learn and with the scaled distance, and a coreset that covers."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from xad_agent.detectors.neighbours import Neighbours, greedy_coreset


@pytest.mark.parametrize(("size", "k"), [(1, 1), (5, 3), (64, 3), (1000, 1), (1000, 8)])
def test_neighbours_agree_with_sklearn(size: int, k: int) -> None:
    random = np.random.default_rng(size)
    points, queries = random.normal(size=(size, 20)).astype("f4"), random.normal(size=(700, 20)).astype("f4")
    distances = Neighbours(torch.from_numpy(points)).nearest(torch.from_numpy(queries), k)
    expected, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(queries)
    np.testing.assert_allclose(distances.numpy(), expected, rtol=1e-5)


def test_fewer_points_than_asked_for() -> None:
    assert Neighbours(torch.ones(3, 2)).nearest(torch.zeros(4, 2), 5).shape == (4, 3)


def test_a_point_is_next_to_itself() -> None:
    points = torch.randn(600, 150, generator=torch.Generator().manual_seed(0))
    assert Neighbours(points).nearest(points, 1).max() < 0.02  # float32: the root of 1e-7 of |x|^2 = 150


@pytest.mark.parametrize("k", [1, 3])
def test_excluded_points_are_never_near(k: int) -> None:
    points = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    excluded = torch.arange(200) < 150
    left = Neighbours(points[150:]).nearest(points, k)
    np.testing.assert_allclose(Neighbours(points).nearest(points, k, excluded), left, atol=1e-3)
    assert (Neighbours(points).nearest(points, k, torch.eye(200, dtype=torch.bool)) > 1e-2).all()
    assert Neighbours(points).nearest(points, k, torch.ones(200, dtype=torch.bool)).isinf().all()


def test_coreset_is_unique_and_covers() -> None:
    # 20 tight clusters in 3 dimensions: 20 well-chosen points hit each of them.
    generator = torch.Generator().manual_seed(0)
    centres = 10 * torch.randn(20, 3, generator=generator)
    points = (centres[:, None] + 1e-3 * torch.randn(20, 50, 3, generator=generator)).flatten(0, 1)
    chosen = greedy_coreset(points, 20, seed=0)
    assert sorted((chosen // 50).tolist()) == list(range(20))
    assert len(set(greedy_coreset(points, 400, seed=0).tolist())) == 400
    assert greedy_coreset(points, 5000, seed=0).tolist() == list(range(1000))


def test_coreset_is_the_greedy_one() -> None:
    points = torch.randn(600, 5, generator=torch.Generator().manual_seed(3))
    chosen = greedy_coreset(points, 150, seed=0)
    nearest = torch.cdist(points, points[chosen[:1]]).amin(dim=1)
    for n in range(1, 150):
        assert chosen[n] == nearest.argmax()
        nearest = torch.minimum(nearest, torch.cdist(points, points[chosen[n : n + 1]])[:, 0])


def test_coreset_of_equal_points() -> None:
    assert len(set(greedy_coreset(torch.ones(50, 4), 10, seed=0).tolist())) == 10


def test_scaled_distances_are_those_of_brute_force() -> None:
    generator = torch.Generator().manual_seed(1)
    points, queries = torch.randn(500, 30, generator=generator), torch.randn(200, 30, generator=generator)
    scales = 0.5 + torch.rand(500, generator=generator)
    expected = (torch.cdist(queries, points) / scales).sort(dim=1).values
    for k in (1, 4):
        distances = Neighbours(points, scales).nearest(queries, k)
        np.testing.assert_allclose(distances.numpy(), expected[:, :k].numpy(), rtol=1e-5)
