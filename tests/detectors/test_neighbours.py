"""Neighbours that agree with scikit-learn and with the scaled distance, and a coreset that covers."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from xad_agent.detectors.neighbours import Neighbours, greedy_coreset


@pytest.mark.parametrize(("size", "k"), [(1, 1), (5, 3), (64, 3), (1000, 3), (1000, 8)])
def test_neighbours_agree_with_sklearn(size: int, k: int) -> None:
    random = np.random.default_rng(size)
    points, queries = random.normal(size=(size, 20)).astype(np.float32), random.normal(size=(300, 20)).astype("f4")
    distances, indices = Neighbours(torch.from_numpy(points)).nearest(torch.from_numpy(queries), k)
    expected, places = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(queries)
    np.testing.assert_allclose(distances.numpy()[:, 0], expected[:, 0], rtol=1e-2)
    assert (indices.numpy() == places).mean() > 0.97
    recomputed = np.linalg.norm(queries[:, None] - points[indices.numpy()], axis=2)
    np.testing.assert_allclose(distances.numpy(), recomputed, rtol=1e-5)


def test_excluded_points_are_never_near() -> None:
    points = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    excluded = torch.arange(200) < 150
    _, indices = Neighbours(points).nearest(points, 3, excluded[:, None])
    assert (indices >= 150).all()
    distances, _ = Neighbours(points).nearest(points, 1, torch.eye(200, dtype=torch.bool))
    assert (distances > 1e-3).all()
    distances, _ = Neighbours(points).nearest(points, 1, torch.ones(200, 1, dtype=torch.bool))
    assert distances.isinf().all()


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
    expected = (torch.cdist(queries, points) / scales).amin(dim=1)
    distances, indices = Neighbours(points, scales).nearest(queries, 1)
    np.testing.assert_allclose(distances[:, 0].numpy(), expected.numpy(), rtol=1e-2)
    recomputed = (queries - points[indices[:, 0]]).norm(dim=1) / scales[indices[:, 0]]
    np.testing.assert_allclose(distances[:, 0].numpy(), recomputed.numpy(), rtol=1e-5)
