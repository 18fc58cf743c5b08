"""PatchCore and its parts: exact neighbours, a covering bank, places it can name, and defects it must find."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from tests.tiny import tiny_backbone
from xad_agent.detectors import gathering, patchcore
from xad_agent.detectors.neighbours import Neighbours, greedy_coreset
from xad_agent.detectors.patchcore import PatchCore
from xad_agent.detectors.patches import Whitening, working_side, working_size
from xad_agent.detectors.self_dissimilarity import SelfDissimilarity
from xad_agent.errors import XadError
from xad_agent.media import Picture, read_picture

SIDE = 256


def stripes(seed: int, height: int = 96, width: int = 128, spot: bool = False) -> Picture:
    random = np.random.default_rng(seed)
    wave = 128 + 60 * np.sin((np.arange(width) + random.integers(12)) / 2)
    pixels = np.repeat((wave + random.normal(0, 4, (height, width)))[..., None], 3, axis=2).clip(0, 255)
    if spot:
        pixels[30:54, 70:94] = [230, 30, 30]
    return read_picture(pixels.astype(np.uint8), name=f"{seed}.png")


@pytest.fixture(scope="module")
def detector() -> PatchCore:
    return PatchCore.fit((stripes(seed) for seed in range(8)), tiny_backbone(), SIDE)[0]


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
    assert [working_side([(side, side)]) for side in (20, 350, 512, 3000)] == [256, 288, 448, 448]


@pytest.mark.parametrize(("height", "width"), [(96, 128), (200, 60), (33, 47)])
def test_map_has_the_size_of_the_picture(detector: PatchCore, height: int, width: int) -> None:
    found = detector.score(stripes(50, height, width))
    assert found.values.shape == (height, width)
    assert found.values.dtype == np.float32
    assert found.score == found.values.max()


def test_finds_a_spot(detector: PatchCore) -> None:
    good, bad = detector.score(stripes(60)), detector.score(stripes(60, spot=True))
    y, x = np.unravel_index(bad.values.argmax(), bad.values.shape)
    assert bad.score > 1.5 * good.score
    assert 22 <= y < 62
    assert 62 <= x < 102


def test_unseen_scores_are_not_those_of_known_pictures() -> None:
    fitted, unseen = PatchCore.fit((stripes(seed) for seed in range(12)), tiny_backbone(), SIDE)
    known = [fitted.score(stripes(seed)).score for seed in range(12)]
    fresh = [fitted.score(stripes(seed)).score for seed in range(100, 112)]
    assert np.mean(known) < np.mean(fresh)
    assert np.mean(unseen.scores) == pytest.approx(np.mean(fresh), rel=0.25)


@pytest.mark.parametrize("count", [1, 2])
def test_fits_one_or_two_pictures(count: int) -> None:
    fitted, unseen = PatchCore.fit((stripes(seed) for seed in range(count)), tiny_backbone(), SIDE)
    assert len(unseen.scores) == count
    assert np.isfinite(unseen.scores).all()
    assert np.isfinite(fitted.score(stripes(9)).values).all()


def test_fits_flat_pictures() -> None:
    flat = read_picture(np.full((64, 64, 3), 90, np.uint8))
    fitted, unseen = PatchCore.fit([flat, flat, flat], tiny_backbone(), SIDE)
    assert np.isfinite(unseen.scores).all()
    assert np.isfinite(fitted.score(flat).score)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_CANDIDATES", 300)
    monkeypatch.setattr(gathering, "_CALIBRATED", 4)
    monkeypatch.setattr(patchcore, "BANK", 100)
    fitted, unseen = PatchCore.fit((stripes(seed) for seed in range(10)), tiny_backbone(), SIDE)
    assert len(fitted.sources) == 100
    assert len(unseen.scores) == 4
    assert len(fitted.shapes) == 10


def test_fit_is_deterministic(detector: PatchCore) -> None:
    again, _ = PatchCore.fit((stripes(seed) for seed in range(8)), tiny_backbone(), SIDE)
    assert again.score(stripes(70)).score == detector.score(stripes(70)).score


def test_nearest_names_picture_and_place(detector: PatchCore) -> None:
    patches = detector.nearest(stripes(3), (0, 0, 16, 16))
    assert patches[0].picture == 3
    assert patches[0].distance == pytest.approx(0, abs=0.05)
    x0, y0, x1, y1 = patches[0].box
    assert 0 <= x0 < x1 <= 128
    assert 0 <= y0 < y1 <= 96


def test_similar_pictures_have_similar_summaries(detector: PatchCore) -> None:
    def far(a: Picture, b: Picture) -> float:
        return float(np.linalg.norm(detector.summary(a) - detector.summary(b)))

    assert far(stripes(1), stripes(1)) == 0
    assert far(stripes(1), stripes(2)) < far(stripes(1), stripes(1, spot=True))


def test_state_makes_the_same_detector(detector: PatchCore) -> None:
    settings, arrays = detector.state()
    again = PatchCore.from_state(settings, arrays, tiny_backbone())
    np.testing.assert_array_equal(again.score(stripes(5)).values, detector.score(stripes(5)).values)
    with pytest.raises(ValueError, match="belong together"):
        PatchCore.from_state(settings, {**arrays, "scales": arrays["scales"][:-1]}, tiny_backbone())


def test_nothing_and_too_small_are_refused() -> None:
    with pytest.raises(XadError, match="at least one"):
        PatchCore.fit([], tiny_backbone(), SIDE)
    with pytest.raises(XadError, match="too small"):
        PatchCore.fit([read_picture(np.zeros((1, 1, 3), np.uint8))], tiny_backbone(), SIDE)


def test_stopping_a_fit_stops_it() -> None:
    def stopped() -> Iterator[Picture]:
        yield stripes(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PatchCore.fit(stopped(), tiny_backbone(), SIDE)


def test_self_dissimilarity_finds_the_odd_patch() -> None:
    found = SelfDissimilarity(tiny_backbone()).score(stripes(1, spot=True))
    y, x = np.unravel_index(found.values.argmax(), found.values.shape)
    assert found.values.shape == (96, 128)
    assert 22 <= y < 62
    assert 62 <= x < 102
