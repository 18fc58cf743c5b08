"""Profiles of clips: fitted, saved, loaded to the same scores; damage and the wrong kind said in one line."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from tests import crowd
from tests.crowd import HEIGHT, RIDER, WIDTH, Drawn, Walker, film, profile_of, scene, sightings, walk, walkway
from tests.eval.meaning import by_letters
from tests.normal import NormalProfile, texture
from tests.tiny import tiny_spec
from xad_agent import clip_profile as module
from xad_agent.agent import Agent
from xad_agent.clip_profile import ClipProfile, stretch_maxima
from xad_agent.detectors.vqunet import Architecture, VquNet
from xad_agent.detectors.vqunet.network import VquNetwork
from xad_agent.errors import XadError
from xad_agent.eval.clip_scoring import ProfileScorer
from xad_agent.media import Clip, read_clip
from xad_agent.profile import Profile
from xad_agent.prompts import vocabulary

normal = cache(walkway)


class Jointless:
    """A `PoseEstimator` that sees no joint."""

    joints = tuple(vocabulary("joints"))

    def estimate(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        return np.full((len(boxes), len(self.joints), 3), (np.nan, np.nan, 0), np.float32)


def do_without_weights(patch: pytest.MonkeyPatch) -> None:
    """What is scripted instead of the embedded models."""
    patch.setattr(module, "load_objects", lambda spec="nanodet": Drawn())
    patch.setattr(module, "load_pose", Jointless)
    patch.setattr(module, "embed", by_letters)


@pytest.fixture(autouse=True)
def _without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    do_without_weights(monkeypatch)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    normal().save(tmp_path / "walkway.profile")
    return tmp_path / "walkway.profile"


def test_a_stretch_is_about_five_seconds() -> None:
    scores = np.arange(130.0)
    np.testing.assert_array_equal(stretch_maxima(scores, 10), [43, 86, 129])  # 13 s: three of 4.3 s
    np.testing.assert_array_equal(stretch_maxima(scores[:20], 10), [19])
    np.testing.assert_array_equal(stretch_maxima(scores[:1], 240), [0])
    np.testing.assert_array_equal(stretch_maxima(scores[:20], 1), [4, 9, 14, 19])


def test_vqunet_is_kept_beside_the_rest_and_scores_frames(tmp_path: Path) -> None:
    network = VquNet(VquNetwork(Architecture(4)), 32, "float32")
    profile = crowd.foreseeing(5)
    assert profile.vqunet is not None
    profile.vqunet = replace(profile.vqunet, network=network)
    profile.save(tmp_path / "walkway.profile")
    loaded = ClipProfile.load(tmp_path / "walkway.profile")
    assert loaded.vqunet is not None
    assert loaded.summary() == profile.summary() and "VQU-Net was trained on 480 frames" in loaded.summary()
    assert loaded.vqunet.heat["sum"].threshold() == profile.vqunet.heat["sum"].threshold()
    loaded.vqunet.network.precision = "float32"
    clip = film(walk(2, 12))
    scores = ProfileScorer(loaded).scores(clip).attributes["vqunet"]
    expected = network.score(clip.frames()).scores
    expected[:5] = expected[5]
    np.testing.assert_allclose(scores, gaussian_filter1d(expected, 0.3 * clip.fps), rtol=1e-4)


def test_a_detector_there_is_not() -> None:
    with pytest.raises(XadError, match="no detector is called 'magic': there are vqunet"):
        Profile.fit([film(walk(0))], detectors=["magic"])
    with pytest.raises(XadError, match="no detector is called 'vqunet': for pictures"):
        Profile.fit([texture(0)], detectors=["vqunet"])


def test_a_loaded_profile_judges_the_same(saved: Path) -> None:
    loaded = Profile.load(saved)
    assert isinstance(loaded, ClipProfile)
    seen = scene(RIDER)
    np.testing.assert_array_equal(loaded.judge(seen).combined, normal().judge(seen).combined)
    assert loaded.calibration.threshold() == normal().calibration.threshold()
    assert (loaded.summary(), loaded.shape, loaded.eyes.tile) == (normal().summary(), (HEIGHT, WIDTH), None)
    assert loaded.eyes.perspective == normal().eyes.perspective
    np.testing.assert_array_equal(loaded.usual_names, normal().usual_names)
    for ours, theirs in zip(loaded.normal, normal().normal, strict=True):
        assert (ours.name, ours.shape, ours.notes, ours.fps) == (theirs.name, theirs.shape, theirs.notes, theirs.fps)
        np.testing.assert_array_equal(ours.box, theirs.box)
    assert [(view.name, view.sha256) for view in loaded.views] == [(v.name, v.sha256) for v in normal().views]
    first, second = loaded.exemplars[1], normal().exemplars[1]
    assert first[:2] == second[:2] and first[2].sha256 == second[2].sha256


def test_a_profile_of_clips_in_which_nothing_was_seen_is_kept_whole(tmp_path: Path) -> None:
    empty = profile_of([sightings([])])
    empty.save(tmp_path / "p")
    loaded = ClipProfile.load(tmp_path / "p")
    assert loaded.fitted == 1 and len(loaded.normal[0]) == 0
    np.testing.assert_array_equal(loaded.usual_names, np.zeros(3))
    assert loaded.judge(scene(RIDER)).combined.max() > loaded.calibration.threshold() == 0


def edit(folder: Path, **changes: Any) -> None:
    file = folder / "profile.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def truncate(folder: Path) -> None:
    file = folder / "arrays.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (truncate, "truncated"),
        (lambda f: edit(f, alpha=0.5), "changed by hand"),
        (lambda f: edit(f, kind="pictures"), "changed by hand"),
        (lambda f: edit(f, version=1), "has version 1"),
        (lambda f: (f / "arrays.safetensors").unlink(), "missing"),
        (lambda f: (f / "profile.json").unlink(), "no profile in"),
        (lambda f: (f / "exemplars" / "001.png").write_bytes(b""), "truncated"),
        (lambda f: (f / "views" / "007.png").write_bytes(b""), "views/007.png is truncated or was changed"),
        (lambda f: (f / "views" / "000.png").unlink(), "views/000.png is missing"),
        (lambda f: edit(f, views=[]), "changed by hand"),
    ],
)
def test_damage_is_said_in_one_line(saved: Path, harm: Callable[[Path], object], says: str) -> None:
    harm(saved)
    with pytest.raises(XadError, match=says) as caught:
        Profile.load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("setting", ["shape", "perspective", "usual", "clips", "tile", "exemplars"])
def test_a_profile_that_lacks_a_setting_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """Such as one that a later version writes, with true digests."""
    write = module.write_folder

    def without(folder: Path, stored: Any, *rest: Any) -> None:
        del stored.detector[setting]
        write(folder, stored, *rest)

    monkeypatch.setattr(module, "write_folder", without)
    normal().save(tmp_path / "p")
    with pytest.raises(XadError, match="is damaged") as caught:
        Profile.load(tmp_path / "p")
    assert "\n" not in str(caught.value)


def test_a_profile_without_views_is_damaged(tmp_path: Path) -> None:
    profile = profile_of([walk(0)])
    profile.views = []
    profile.save(tmp_path / "p")
    with pytest.raises(XadError, match="is damaged \\(it has no views\\): fit it again"):
        Profile.load(tmp_path / "p")


def test_a_view_that_is_gone_by_the_time_it_is_asked_for(saved: Path) -> None:
    loaded = ClipProfile.load(saved)
    (saved / "views" / "003.png").unlink()
    assert loaded.views[2].name == "walk 3 frame 15"
    with pytest.raises(XadError, match="a picture cannot be read"):
        loaded.views[3]


def test_a_profile_of_the_other_kind_is_refused_in_one_line() -> None:
    with pytest.raises(XadError, match="walk 0 is a clip, and the profile noise is of pictures: fit one on clips"):
        Agent(NormalProfile(), llm=object()).chat(film(walk(0)))
    with pytest.raises(XadError, match="is a picture, and the profile walkway is of clips: fit one on pictures"):
        Agent(normal(), llm=object()).chat(texture(0))


def test_too_small_an_alpha_is_said() -> None:
    assert "false alarms may be" not in normal().summary()
    few = profile_of([walk(0), walk(1)], alpha=0.01)
    assert few.summary().endswith(
        "With so few clips false alarms may be as frequent as 1 in 5 stretches of 5 s; 99 are needed for 1 %."
    )
    assert few.calibration.threshold() == few.calibration.scores.max()


@pytest.mark.parametrize("alpha", [0, 1, 5, -0.1, float("nan")])
def test_alpha_out_of_range(alpha: float) -> None:
    with pytest.raises(XadError, match="alpha"):
        ClipProfile.fit([film(walk(0, 5))], alpha=alpha, progress=False)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_spec(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def fitted(backbone: str) -> ClipProfile:
    """Fitted on what is drawn: a background, people 20 px tall, and speeds measured by flow."""
    with pytest.MonkeyPatch.context() as patch:
        do_without_weights(patch)
        clips: list[Any] = [film(walk(seed, 24)) for seed in range(2)]
        other = read_clip(np.zeros((4, 50, 60, 3), np.uint8), fps=10, name="other")
        return ClipProfile.fit([*clips, other, "nowhere.mp4"], alpha=0.4, backbone=backbone, progress=False)


def test_fitting_looks_at_the_clips_and_names_what_it_skips(fitted: ClipProfile) -> None:
    assert (fitted.fitted, fitted.shape, fitted.seconds) == (2, (HEIGHT, WIDTH), 4.8)
    assert fitted.eyes.perspective.body_height(np.array([60.0]))[0] == pytest.approx(20, abs=1.5)
    assert set(fitted.skipped) == {"2", "nowhere.mp4"}
    assert "other is 60 x 50 px, the first clip 160 x 120" in fitted.skipped["2"]
    assert "Skipped 2 that could not be used: " in fitted.summary()
    assert len(fitted.normal[0]) >= 24 * 3 * 0.8
    assert [view.name for view in fitted.views] == [
        f"walk {n} frame {frame}" for n in (0, 1) for frame in (3, 9, 15, 21)
    ]
    assert all(clip in (0, 1) and 0 <= frame < 24 for clip, frame, _ in fitted.exemplars)


def test_fitting_with_vqunet_holds_a_part_out_of_its_training(backbone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = partial(VquNet.fit, architecture=Architecture(2), side=16)
    monkeypatch.setattr(VquNet, "fit", lambda clips, **other: fit(clips, **other))
    clips: list[Any] = [film(walk(seed, 20)) for seed in range(2)]
    how: Any = {"backbone": backbone, "detectors": ["vqunet"], "steps": 2, "progress": False}
    profile = ClipProfile.fit(clips, alpha=0.4, **how)
    assert profile.vqunet is not None
    assert (profile.vqunet.trained, profile.vqunet.held) == (32, 8)
    assert profile.vqunet.heat["mean"].n == sum(int((seen.frame >= 16).sum()) for seen in profile.normal) > 0
    assert (profile.vqunet.calibration.n, profile.vqunet.calibration.alpha) == (2, 0.4)


def test_nothing_to_learn_from() -> None:
    with pytest.raises(XadError, match="no clip could be used to learn from") as caught:
        ClipProfile.fit(["nowhere.mp4"], progress=False)
    assert "\n" not in str(caught.value)


def shot(frames: int, height: int = HEIGHT, width: int = WIDTH, fps: float = 10.0, level: int = 90) -> Clip:
    return read_clip(np.full((frames, height, width, 3), level, np.uint8), fps=fps, name="shot")


@pytest.mark.parametrize(
    ("clip", "note"),
    [
        (shot(1), "motion"),
        (shot(2), ""),
        (shot(12, level=0), ""),
        (shot(3, 1, 1), "1 x 1 px, the profile's are 160 x 120"),
        (shot(6, 240, 320), "320 x 240 px, the profile's are 160 x 120"),
        (shot(6, 90, 70), "70 x 90 px, the profile's are 160 x 120"),
        (shot(6, fps=1), "fewer than 4 frames a second"),
        (shot(40, fps=240), ""),
    ],
)
def test_clips_that_do_not_fit_are_watched_all_the_same(fitted: ClipProfile, clip: Clip, note: str) -> None:
    seen = fitted.watch(clip)
    assert note in " ".join(seen.notes)
    scores = fitted.judge(seen).of_frames(seen)
    assert len(scores) == clip.count and np.isfinite(scores).all()
    assert (len(seen.looks) - 1) * seen.step < clip.count


def test_speeds_do_not_depend_on_the_size_or_rate_of_the_clip(fitted: ClipProfile) -> None:
    """Twice as large, or every frame twice: what is seen is as tall, in its own px, and as fast, in body heights."""
    frames = np.stack(list(film(sightings([Walker(70, 20, 1.0)], 14)).frames()))
    large = frames.repeat(2, axis=1).repeat(2, axis=2)
    once, twice = (fitted.watch(read_clip(pixels, fps=10, name="c")) for pixels in (frames, large))
    assert np.median(twice.tall) == pytest.approx(2 * np.median(once.tall), rel=0.1)
    assert np.nanmedian(twice.speed) == pytest.approx(np.nanmedian(once.speed), rel=0.3)


def test_the_rules_are_what_the_normal_clips_show() -> None:
    from tests.crowd import walkway

    profile = walkway()
    said = " ".join(profile.rules())
    assert "Things here normally move at 0.41 to 0.59 body heights a second" in said
    assert "In the picture that is 0.8" in said and "px a frame" in said  # 20 px tall, 10 frames a second
    assert f"No bicycle was seen in {sum(map(len, profile.normal)):,} sightings." in said
    assert profile.zones == {}


def test_another_alpha_moves_the_limits_of_vqunet_too() -> None:
    profile = crowd.foreseeing(5)
    other = profile.at(0.5)
    assert other.calibration.threshold() < profile.calibration.threshold()
    assert profile.vqunet is not None and other.vqunet is not None
    assert other.vqunet.calibration.alpha == 0.5
    assert {name: heat.alpha for name, heat in other.vqunet.heat.items()} == {"mean": 0.5, "sum": 0.5}
    assert other.vqunet.network is profile.vqunet.network
    assert profile.vqunet.calibration.alpha != 0.5
    assert normal().at(0.5).vqunet is None
