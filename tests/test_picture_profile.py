"""Profiles: fitted, saved, loaded to the same scores; damage of every kind said in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.detectors.test_patchcore import stripes
from tests.tiny import tiny_spec
from xad_agent import profile_store
from xad_agent.errors import XadError
from xad_agent.picture_profile import FIGURES
from xad_agent.profile import Profile


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_spec(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def profile(spec: str) -> Profile:
    return Profile.fit([stripes(seed) for seed in range(6)], alpha=0.2, backbone=spec, progress=False)


@pytest.fixture
def saved(profile: Profile, tmp_path: Path) -> Path:
    profile.save(tmp_path / "stripes.profile")
    return tmp_path / "stripes.profile"


def edit(folder: Path, **changes: object) -> None:
    file = folder / "profile.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_loaded_profile_scores_the_same(profile: Profile, saved: Path) -> None:
    loaded = Profile.load(saved)
    asked = stripes(33, spot=True)
    np.testing.assert_array_equal(loaded.examine(asked).values, profile.examine(asked).values)
    assert loaded.calibration.threshold() == profile.calibration.threshold()
    assert loaded.calibration.level == profile.calibration.level
    assert loaded.nearest_pictures(asked, 3) == profile.nearest_pictures(asked, 3)
    assert loaded.figures(asked, loaded.examine(asked)) == profile.figures(asked, profile.examine(asked))
    assert set(loaded.usual) == set(profile.usual) == FIGURES
    assert all((loaded.usual[name] == profile.usual[name]).all() for name in FIGURES)
    assert loaded.exemplar(2).sha256 == profile.exemplar(2).sha256
    assert (loaded.name, loaded.exemplars, loaded.summary()) == (profile.name, 6, profile.summary())


def test_a_known_picture_is_nearest_to_itself(profile: Profile) -> None:
    assert profile.nearest_pictures(stripes(4), 1) == [4]


def test_spot_is_above_the_threshold(profile: Profile) -> None:
    assert profile.examine(stripes(40, spot=True)).score > profile.calibration.threshold()


def test_bad_pictures_are_skipped_and_named(tmp_path: Path, spec: str) -> None:
    for seed in range(4):
        Image.fromarray(stripes(seed).pixels).save(tmp_path / f"{seed}.png")
    (tmp_path / "broken.png").write_text("no picture")
    Image.new("RGB", (1, 1)).save(tmp_path / "tiny.png")
    fitted = Profile.fit(tmp_path, backbone=spec, progress=False)
    assert fitted.fitted == 4
    assert {Path(name).name for name in fitted.skipped} == {"broken.png", "tiny.png"}
    assert "Skipped 2" in fitted.summary()
    assert fitted.name == tmp_path.name


def test_few_pictures_are_warned_about(spec: str) -> None:
    fitted = Profile.fit([stripes(0)], backbone=spec, progress=False)
    assert not fitted.calibration.reliable
    assert "false alarms may be as frequent" in fitted.summary()


def test_nothing_to_learn_from(tmp_path: Path, spec: str) -> None:
    (tmp_path / "broken.png").write_text("no picture")
    with pytest.raises(XadError, match="1 could not be used"):
        Profile.fit(tmp_path, backbone=spec, progress=False)
    with pytest.raises(XadError, match="alpha"):
        Profile.fit([stripes(0)], alpha=5, backbone=spec)


def test_exemplars_are_limited_and_small(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.picture_profile.EXEMPLARS", 3)
    monkeypatch.setattr("xad_agent.picture_profile.EXEMPLAR_SIDE", 64)
    fitted = Profile.fit([stripes(seed) for seed in range(7)], backbone=spec, progress=False)
    assert fitted.exemplars == 3
    assert (fitted.exemplar(0).height, fitted.exemplar(0).width) == (48, 64)


def truncate(folder: Path) -> None:
    file = folder / "arrays.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda f: edit(f, version=1), "has version 1"),
        (lambda f: edit(f, alpha=0.5), "changed by hand"),
        (lambda f: edit(f, alpha=7), "alpha"),
        (lambda f: edit(f, extra=1), "extra"),
        (lambda f: (f / "profile.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "profile.json").write_text("[1]"), "damaged"),
        (lambda f: (f / "profile.json").unlink(), "no profile in"),
        (truncate, "truncated"),
        (lambda f: (f / "arrays.safetensors").unlink(), "missing"),
        (lambda f: (f / "exemplars" / "001.png").write_bytes(b""), "truncated"),
        (lambda f: edit(f, fingerprint="0"), "changed by hand"),
    ],
)
def test_damage_is_said_in_one_line(saved: Path, harm: Callable[[Path], object], says: str) -> None:
    harm(saved)
    with pytest.raises(XadError, match=says) as caught:
        Profile.load(saved)
    assert "\n" not in str(caught.value)


def test_saving_replaces_a_profile_but_nothing_else(profile: Profile, saved: Path, tmp_path: Path) -> None:
    profile.save(saved)
    assert Profile.load(saved).fitted == 6
    other = tmp_path / "photos"
    other.mkdir()
    (other / "mine.txt").write_text("keep")
    with pytest.raises(XadError, match="no profile"):
        profile.save(other)
    assert (other / "mine.txt").read_text() == "keep"


def test_a_stopped_save_leaves_what_was_there(
    profile: Profile, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(profile_store, "_own_digest", stopped)
    with pytest.raises(KeyboardInterrupt):
        profile.save(saved)
    with pytest.raises(KeyboardInterrupt):
        profile.save(tmp_path / "new.profile")
    monkeypatch.undo()
    assert Profile.load(saved).fitted == 6
    assert [path.name for path in tmp_path.iterdir()] == [saved.name]


def test_the_rules_are_what_good_pictures_score_and_how_bright_they_are() -> None:
    from tests.normal import NormalProfile

    scores, brightness = NormalProfile().rules()
    assert scores.startswith("Good pictures mostly score") and scores.endswith("with false alarms of 5 %.")
    assert brightness == "They mostly have a mean brightness of 49.97 to 50.03 % of white."


def test_another_alpha_moves_the_limit_and_is_kept(profile: Profile, tmp_path: Path) -> None:
    other = profile.at(0.5)
    assert other.calibration.threshold() < profile.calibration.threshold()
    assert profile.calibration.alpha == 0.2, "the one it was made from stays as it is"
    assert other.fingerprint != profile.fingerprint == other.at(0.2).fingerprint
    assert other.like(profile)
    assert not other.like(None)
    other.save(tmp_path / "other.profile")
    assert Profile.load(tmp_path / "other.profile").calibration.threshold() == other.calibration.threshold()
    with pytest.raises(XadError, match="alpha 1 "):
        profile.at(1)
