"""A `ClipProfile` as a scorer: the profile's own scores and boxes, and alarms on clips that were held out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from tests.crowd import RIDER, film, profile_of, scene, sightings, walk
from tests.tools.clips.test_relate import encode
from xad_agent.clip_profile import ClipProfile
from xad_agent.detectors.attributes import ATTRIBUTES
from xad_agent.detectors.scene_graph import SceneGraph
from xad_agent.eval.clip_scoring import ProfileMethod, ProfileScorer
from xad_agent.perception.observing import triplets_of


def test_scores_are_the_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, profile = scene(RIDER), profile_of([walk(seed) for seed in range(4)])
    monkeypatch.setattr(ClipProfile, "watch", lambda self, clip: seen)
    scores = ProfileScorer(profile).scores(film(seen))
    judged = profile.judge(seen)
    np.testing.assert_array_equal(scores.frame, judged.of_frames(seen))
    assert set(scores.attributes) == {a.name for a in ATTRIBUTES}
    np.testing.assert_array_equal(scores.attributes["shape"], judged.of_frames(seen, "shape"))
    frame, *box, score = scores.boxes[-1]
    assert (frame, score) == (119, pytest.approx(float(judged.combined[-1])))
    assert box == pytest.approx(list(seen.box[-1])) and len(scores.boxes) == len(seen)


def test_the_rarest_relation_of_each_frame_is_scored_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rider at a runner's pace whom the detector calls a person: frames in which it is seen are the rarest."""
    normal = [walk(seed) for seed in range(4)]
    profile = profile_of(normal)
    usual = profile.usual_names
    profile.scene_graph = SceneGraph.fit([triplets_of(one, profile.eyes, usual) for one in normal], encode)
    seen = scene(replace(RIDER, scores=(0.6, 0.05, 0.02), speed=-2.0, last=70))
    monkeypatch.setattr(ClipProfile, "watch", lambda self, clip: seen)
    relations = ProfileScorer(profile).scores(film(seen)).attributes["scene_graph"]
    triplets = triplets_of(seen, profile.eyes, usual)
    rarity = profile.scene_graph.score(triplets)
    expected = np.zeros(120)
    np.maximum.at(expected, [triplet.frame for triplet in triplets], rarity)
    np.testing.assert_allclose(relations, gaussian_filter1d(expected, 3))
    assert relations[50:60].min() > relations[100:].max()
    monkeypatch.setattr(ClipProfile, "watch", lambda self, clip: sightings([], 20))
    np.testing.assert_array_equal(
        ProfileScorer(profile).scores(film(sightings([], 20))).attributes["scene_graph"], np.zeros(20)
    )


def test_alarms_on_a_clip_are_by_the_other_clips() -> None:
    """A rider in one normal clip of eight: in the profile itself it is normal, held out it is an alarm."""
    normal = [*(walk(seed) for seed in range(7)), scene(RIDER)]
    profile = profile_of(normal)
    alarms = ProfileScorer(profile).held_out_alarms()
    assert [alarm.frames.shape for alarm in alarms] == [(120,)] * 8
    assert [alarm.stretches.shape for alarm in alarms] == [(2,)] * 8
    assert all(part.dtype == bool for alarm in alarms for part in alarm)
    assert alarms[7].frames[45:80].all() and not alarms[7].frames[:30].any() and alarms[7].stretches.all()


@pytest.mark.parametrize("clips", [2, 3, 5])
def test_every_clip_is_held_out_once(clips: int) -> None:
    lengths = [20 + 10 * place for place in range(clips)]
    alarms = ProfileScorer(profile_of([walk(n, frames) for n, frames in enumerate(lengths)])).held_out_alarms()
    assert [len(alarm.frames) for alarm in alarms] == lengths


def test_of_one_clip_or_of_none_with_anything_in_it() -> None:
    assert ProfileScorer(profile_of([walk(0)])).held_out_alarms() == []
    alarms = ProfileScorer(profile_of([sightings([], 20)] * 3)).held_out_alarms()
    assert not np.concatenate([alarm.frames for alarm in alarms]).any()


def test_a_method_keeps_the_profile_and_clears_away_what_an_unfinished_fit_left(monkeypatch, tmp_path) -> None:
    profile, asked = profile_of([walk(seed) for seed in range(4)]), {}

    def fit(clips, alpha, **options):
        asked.update(options, clips=clips, alpha=alpha)
        options["checkpoint"].mkdir()
        return profile

    monkeypatch.setattr(ClipProfile, "fit", fit)
    monkeypatch.setattr(ClipProfile, "save", lambda self, folder: (folder.mkdir(), (folder / "x").touch()))
    monkeypatch.setattr(ClipProfile, "load", lambda folder: profile if (folder / "x").is_file() else None)
    method = ProfileMethod(0.1, ("vqunet",))
    method.fit([Path("a"), Path("b")], tmp_path / "all", 3, False)
    assert (asked["clips"], asked["alpha"], asked["seed"], asked["detectors"]) == (["a", "b"], 0.1, 3, ("vqunet",))
    assert [path.name for path in tmp_path.iterdir()] == ["all"]
    assert method.load(tmp_path / "all").limit == profile.calibration.threshold()
    assert method.settings == {"alpha": 0.1, "detectors": ["vqunet"]}
