"""PatchCore: defects it must find, pictures it scores as unseen, and what a stored one needs."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.tiny import tiny_backbone
from xad_agent.detectors import gathering
from xad_agent.detectors.patchcore import PatchCore
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
    detector, fitted = PatchCore.fit((stripes(seed) for seed in range(12)), tiny_backbone(), SIDE)
    known = [detector.score(stripes(seed)).score for seed in range(12)]
    fresh = [detector.score(stripes(seed)).score for seed in range(100, 112)]
    assert np.mean(known) < np.mean(fresh)
    assert np.mean(fitted.scores) == pytest.approx(np.mean(fresh), rel=0.25)


@pytest.mark.parametrize("count", [1, 2])
def test_fits_one_or_two_pictures(count: int) -> None:
    detector, fitted = PatchCore.fit((stripes(seed) for seed in range(count)), tiny_backbone(), SIDE)
    assert len(fitted.scores) == count
    assert np.isfinite(fitted.scores).all()
    assert np.isfinite(detector.score(stripes(9)).values).all()


def test_fits_flat_pictures() -> None:
    flat = read_picture(np.full((64, 64, 3), 90, np.uint8))
    detector, fitted = PatchCore.fit([flat, flat, flat], tiny_backbone(), SIDE)
    assert np.isfinite(fitted.scores).all()
    assert np.isfinite(detector.score(flat).score)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_CANDIDATES", 300)
    monkeypatch.setattr(gathering, "_CALIBRATED", 4)
    detector, fitted = PatchCore.fit((stripes(seed) for seed in range(10)), tiny_backbone(), SIDE)
    assert [len(bank.sources) for bank in detector.banks] == [300, 300, 120]
    assert len(fitted.scores) == 4
    assert len(fitted.summaries) == 10


def test_fit_is_deterministic(detector: PatchCore) -> None:
    again, _ = PatchCore.fit((stripes(seed) for seed in range(8)), tiny_backbone(), SIDE)
    assert again.score(stripes(70)).score == detector.score(stripes(70)).score


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
        PatchCore.from_state(settings, {**arrays, "fine.scales": arrays["fine.scales"][:-1]}, tiny_backbone())


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
