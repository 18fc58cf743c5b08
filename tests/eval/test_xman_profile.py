"""A profile's names in X-MAN's protocol: mapping by hand, and the whole way with things that were told, not seen."""

import json

import numpy as np
import pytest

from tests.eval.clip_sets import ANOMALOUS, FRAMES, write_clip_set
from tests.normal import NormalProfile
from tests.things import ThingsProfile, sightings, thing
from xad_agent.errors import XadError
from xad_agent.eval.xman import as_text
from xad_agent.eval.xman_profile import evaluate_profile, mapped

SKATER = thing(speed=2.5, gait=0.5)
CART = thing(speed=1.5, width=1.6, height=2.2, gait=0.9, says={"truck": 0.4})


@pytest.fixture(autouse=True, scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xad_agent.eval.intervals.RESAMPLES", 40)
        yield


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


def test_mapping_takes_the_highest_of_those_that_mean_a_class_and_lists_the_others():
    rows = np.array([[0.1, 0.5, 0.2, 9], [0.4, 0.3, 0, 9]])
    answers = mapped(["car", "truck", "bike", "food"], {"a": rows}, ["bicycle", "vehicle (cart)", "crawl"])
    assert answers.scores["a"].tolist() == [[0.2, 0.5, 0], [0, 0.4, 0]]
    assert answers.classes == ("bicycle", "vehicle (cart)", "crawl") and answers.unmapped == {"food": 1}


def test_things_are_named_in_their_frames(walk):
    profile = ThingsProfile({"01": passing(SKATER, ANOMALOUS["01"]), "02": passing(CART, ANOMALOUS["02"])})
    labels = labelled(walk, clip01=["object", "skateboard"], clip02=["object", "vehicle (cart)"])
    result = evaluate_profile(labels, walk / "testing/frames", lambda: profile, progress=False)
    assert result["per_class_ap"] == pytest.approx({"skateboard": 1, "vehicle (cart)": 1})
    assert result["map"] == pytest.approx(1)
    alone = result["detector_alone"]["per_class_ap"]
    assert alone["vehicle (cart)"] == pytest.approx(1) and alone["skateboard"] < 0.7, "it sees no board"
    assert result["unanswered"] == [] and {"person", "walk", "pizza"} <= set(result["unmapped"])
    assert "detector alone" in as_text(result)


def test_a_class_that_no_word_means_is_told(walk):
    profile = ThingsProfile({clip: passing(SKATER, ANOMALOUS[clip]) for clip in ANOMALOUS})
    labels = labelled(walk, clip01=["object", "skateboard"], clip02=["action", "dance"])
    result = evaluate_profile(labels, walk / "testing/frames", lambda: profile, progress=False)
    assert result["unanswered"] == ["dance"] and any("dance" in note for note in result["notes"])
    assert result["per_class_ap"]["dance"] == result["classes"]["dance"]["prevalence"]


def test_nothing_is_fitted_for_labels_that_do_not_fit(walk):
    labels = walk / "labels.json"
    labels.write_text(json.dumps({"07_001": [["object", "bicycle"]]}))
    with pytest.raises(XadError, match="07"):
        evaluate_profile(labels, walk / "testing/frames", lambda: pytest.fail("fitted"))


def test_a_profile_of_pictures_names_nothing_in_clips(walk):
    labels = labelled(walk, clip01=["object", "bicycle"], clip02=["object", "bicycle"])
    with pytest.raises(XadError, match="profile of clips"):
        evaluate_profile(labels, walk / "testing/frames", NormalProfile)
