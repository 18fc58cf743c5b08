"""A profile's names in X-MAN's protocol: mapping by hand, and the whole way with things that were told, not seen."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.eval.clip_sets import ANOMALOUS, FRAMES, write_clip_set
from tests.normal import NormalProfile
from tests.things import ThingsProfile, sightings, thing
from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch
from xad_agent.eval.sampling import Shard
from xad_agent.eval.xman import as_text, evaluate_profile
from xad_agent.eval.xman_profile import Mapped, Naming

SKATER = thing(speed=2.5, gait=0.5)
CART = thing(speed=1.5, width=1.6, height=2.2, gait=0.9, says={"truck": 0.4})
QUIET = Batch(progress=False)


@pytest.fixture
def walk(tmp_path):
    return write_clip_set(tmp_path / "walk")


def labelled(root, **classes):
    """Labels for the anomalous frames of each clip."""
    rows = {f"{clip}_{n:03}": [classes[f"clip{clip}"]] for clip, frames in ANOMALOUS.items() for n in frames}
    path = root / "labels.json"
    path.write_text(json.dumps(rows))
    return path


def passing(strange, frames):
    """A walker in all frames, and a strange thing in some."""
    seen = sightings(thing(), strange, frames=FRAMES)
    return seen.only((seen.track == 1) | np.isin(seen.frame, list(frames)))


@pytest.fixture
def told(walk):
    """A profile that sees the skater and the cart, the labels, and the clips."""
    profile = ThingsProfile({"01": passing(SKATER, ANOMALOUS["01"]), "02": passing(CART, ANOMALOUS["02"])})
    labels = labelled(walk, clip01=["object", "skateboard"], clip02=["object", "vehicle (cart)"])
    return profile, labels, walk / "testing/frames"


def test_mapping_takes_the_highest_of_those_that_mean_a_class_and_lists_the_others():
    mapped = Mapped(["car", "truck", "bike", "food"], ["bicycle", "vehicle (cart)", "crawl"])
    rows = mapped(np.array([[0.1, 0.5, 0.2, 9], [0.4, 0.3, 0, 9]]))
    assert rows.tolist() == [[0.2, 0.5, 0], [0, 0.4, 0]] and rows.dtype == np.float64
    assert (mapped.unmapped, mapped.unanswered) == (["food"], ["crawl"])


def test_things_are_named_in_their_frames(told):
    profile, labels, clips = told
    result = evaluate_profile(labels, clips, profile=profile, batch=QUIET)
    assert result["per_class_ap"] == pytest.approx({"skateboard": 1, "vehicle (cart)": 1})
    assert result["map"] == pytest.approx(1)
    alone = result["detector_alone"]["per_class_ap"]
    assert alone["vehicle (cart)"] == pytest.approx(1) and alone["skateboard"] < 0.7, "it sees no board"
    assert result["unanswered"] == [] and {"person", "walk", "pizza"} <= set(result["unmapped"])
    text = as_text(result)
    assert "object detector alone" in text and "true regions given" in text
    assert f"X-MAN's protocol on the labels of {labels}; an X-MAN score only if that is X-MAN's own file" in text
    items = {item["item"]: item for item in result["items"]}
    assert items["01"] | {"seconds": 0} == {
        "item": "01",
        "kind": "labelled",
        "seconds": 0,
        "frames": FRAMES,
        "labelled_frames": len(ANOMALOUS["01"]),
        "map": 1,
        "map_detector_alone": pytest.approx(items["01"]["map_detector_alone"]),
        "map_true_regions": 1,
    }
    json.dumps(result)


def test_in_true_regions_only_names_can_be_wrong(told):
    """Who finds nothing strange still names what is there; what it calls by another name is no better for it."""
    _, labels, clips = told
    hidden = thing(says={"bicycle": 0.9, "person": 0.2}, width=1.4, speed=2, gait=0.8)
    profile = ThingsProfile({"01": passing(hidden, ANOMALOUS["01"]), "02": passing(CART, ANOMALOUS["02"])})
    labels.write_text(labels.read_text().replace("skateboard", "bicycle"))
    result = evaluate_profile(labels, clips, profile=profile, batch=QUIET)
    assert result["true_regions"]["per_class_ap"] == pytest.approx({"bicycle": 1, "vehicle (cart)": 1})
    assert str(clips.parents[1] / "tracks.json") in result["true_regions"]["source"]
    assert set(result["true_regions"]["detector_alone"]) >= {"map", "map_interval", "per_class_ap"}

    labels.write_text(labels.read_text().replace("bicycle", "dance"))
    wrong = evaluate_profile(labels, clips, profile=profile, batch=QUIET)
    assert wrong["true_regions"]["per_class_ap"]["dance"] == pytest.approx(len(ANOMALOUS["01"]) / (2 * FRAMES))


def test_frames_without_a_true_region_score_0_and_the_others_a_share_of_1():
    seen = passing(SKATER, range(4, 8))
    profile = ThingsProfile({"01": seen})
    naming = Naming(profile, ["skateboard", "bicycle"])
    clip = SimpleNamespace(name="01", count=FRAMES)
    scores = naming.in_places(clip, dict.fromkeys(range(4, 8), ()))["given"]
    assert not scores[:4].any() and not scores[8:].any()
    assert (scores[4:8, 0] > 0.5).all() and scores.max() <= 1 + 1e-6
    assert np.ptp(scores[4:8, 0]) < 0.3, "not less at the ends, where smoothing alone would halve them"
    nothing = naming.in_places(clip, {})
    assert not nothing["given"].any() and nothing["given_detected"].shape == (FRAMES, 2)


def test_without_true_regions_that_is_told(told):
    profile, labels, clips = told
    (clips.parents[1] / "tracks.json").unlink()
    (clips.parent / "masks").rename(clips.parent / "hidden")
    result = evaluate_profile(labels, clips, profile=profile, batch=QUIET)
    assert result["true_regions"] is None and "map_true_regions" not in result["items"][0]
    assert any("true regions are not known (--regions)" in note for note in result["notes"])
    given = evaluate_profile(labels, clips, profile=profile, regions=clips.parent / "hidden", batch=QUIET)
    assert given["true_regions"]["map"] == pytest.approx(1)


def test_a_stopped_run_goes_on_and_shards_are_gathered(told, tmp_path, monkeypatch):
    profile, labels, clips = told
    output = tmp_path / "out"
    for number in (1, 2):
        shard = Batch(output, shard=Shard(number, 2), progress=False)
        part = evaluate_profile(labels, clips, profile=profile, batch=shard)
        assert [item["item"] for item in part["items"]] == [f"0{number}"] and part["n"]["clips"] == 1
    monkeypatch.setattr(Naming, "of", lambda *_: pytest.fail("was done already"))
    whole = evaluate_profile(labels, clips, profile=profile, batch=Batch(output, progress=False))
    assert whole["per_class_ap"] == pytest.approx({"skateboard": 1, "vehicle (cart)": 1})
    assert json.loads((output / "result.json").read_text())["machine"] == whole["machine"]
    assert {"weights", "versions", "revision", "machine"} <= set(whole)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda root: (root / "tracks.json").unlink(), "regions"),
        (lambda root: (root / "labels.json").write_text((root / "labels.json").read_text() + "\n"), "labels_sha256"),
    ],
)
def test_a_run_of_another_configuration_is_refused(told, tmp_path, change, says):
    profile, labels, clips = told
    batch = Batch(tmp_path / "out", progress=False)
    evaluate_profile(labels, clips, profile=profile, batch=batch)
    change(labels.parent)
    with pytest.raises(XadError, match=f"holds results of other settings .*{says}"):
        evaluate_profile(labels, clips, profile=profile, batch=batch)


def test_a_clip_that_fails_is_told_and_in_no_metric(told, monkeypatch):
    profile, labels, clips = told
    del profile.told["02"]
    result = evaluate_profile(labels, clips, profile=profile, batch=QUIET)
    assert result["failed"] == [{"item": "02", "error": "KeyError: '02'"}] and result["n"]["failed"] == 1
    assert result["undefined"] == {"vehicle (cart)": "no frame has it"}
    assert result["per_class_ap"] == pytest.approx({"skateboard": 1})
    text = as_text(result)
    assert "1 clips, 1 failed" in text and "failed: 02: KeyError" in text


def test_at_most_so_many_clips_of_each_kind(told):
    profile, labels, clips = told
    result = evaluate_profile(labels, clips, profile=profile, batch=Batch(limit=1, seed=3, progress=False))
    assert len(result["items"]) == result["n"]["clips"] == 1 and len(result["undefined"]) == 1


def test_normal_clips_are_learned_from_once(told, tmp_path, monkeypatch):
    profile, labels, clips = told
    made = []

    def fit(source, **options):
        made.append((source, options))
        return profile

    monkeypatch.setattr("xad_agent.eval.xman.Profile.fit", fit)
    monkeypatch.setattr(ThingsProfile, "save", lambda _, folder: Path(folder).mkdir())
    monkeypatch.setattr("xad_agent.eval.xman.Profile.load", lambda _: profile)
    batch = Batch(tmp_path / "out", seed=5, progress=False)
    for _ in range(2):
        evaluate_profile(labels, clips, normal=["some/normal"], batch=batch)
    assert made == [("some/normal", {"seed": 5, "progress": False})]


def test_the_report_shows_classes_clips_and_frames(told, tmp_path):
    profile, labels, clips = told
    report = tmp_path / "report.html"
    evaluate_profile(labels, clips, profile=profile, batch=Batch(report=report, progress=False))
    text = report.read_text()
    for said in (
        "Average precision of each class, with its interval, beside chance",
        "Precision over recall",
        "best class: skateboard",
        "worst class: vehicle (cart)",
        "best clip: 01, mAP 100.0, scores of skateboard",
        "surest of those that have it: clip 01, frame ",
        "surest of those that have it not: clip 02, frame ",
        "true: skateboard",
        "mAP true regions",
        "green: true region; red: the strangest thing found",
        "What it depends on",
    ):
        assert said in text, said
    assert text.count("<svg") >= 6 and text.count("data:image/jpeg") >= 6


def test_a_class_that_no_word_means_is_told(walk):
    profile = ThingsProfile({clip: passing(SKATER, ANOMALOUS[clip]) for clip in ANOMALOUS})
    labels = labelled(walk, clip01=["object", "skateboard"], clip02=["action", "dance"])
    result = evaluate_profile(labels, walk / "testing/frames", profile=profile, batch=QUIET)
    assert result["unanswered"] == ["dance"] and any("dance" in note for note in result["notes"])
    assert result["per_class_ap"]["dance"] == result["classes"]["dance"]["prevalence"]


def test_nothing_is_fitted_for_labels_that_do_not_fit(walk):
    labels = walk / "labels.json"
    labels.write_text(json.dumps({"07_001": [["object", "bicycle"]]}))
    with pytest.raises(XadError, match="07"):
        evaluate_profile(labels, walk / "testing/frames", normal=["nowhere"], batch=QUIET)


def test_a_profile_of_pictures_names_nothing_in_clips(walk):
    labels = labelled(walk, clip01=["object", "bicycle"], clip02=["object", "bicycle"])
    with pytest.raises(XadError, match="profile of clips"):
        evaluate_profile(labels, walk / "testing/frames", profile=NormalProfile(), batch=QUIET)
