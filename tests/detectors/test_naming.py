"""Names of hand-made things: which class wins, for which reasons, and what every score must obey."""

import numpy as np
import pytest

from tests.things import FRAMES, NAMES, ThingsProfile, sightings, thing
from xad_agent.prompts import vocabulary

CYCLIST = {"speed": 2.5, "width": 0.9, "height": 1.1, "gait": 0.7}
SKATER = {"speed": 2.5, "gait": 0.5}


@pytest.fixture(scope="module")
def profile():
    return ThingsProfile()


def scores(profile, *things):
    seen = sightings(*things)
    return dict(zip(profile.namer.classes, profile.namer.scores(seen, profile.judge(seen)).T, strict=True))


def best(profile, found, kind):
    """The label of a kind with the highest mean."""
    names = [label.name for label in profile.namer.labels if label.kind == kind]
    return max(names, key=lambda name: found[name].mean())


@pytest.mark.parametrize(
    ("how", "named", "action"),
    [
        (CYCLIST | {"says": {"person": 0.7, "bicycle": 0.6}}, "two-wheeler", "ride"),
        (CYCLIST, "two-wheeler", "ride"),  # by its shape and motion alone
        (CYCLIST | {"width": 0.5, "says": {"bicycle": 0.9}}, "two-wheeler", "ride"),  # end-on, but the detector is sure
        (SKATER, "skateboard", "glide on a board"),
        (SKATER | {"says": {"person": 0.8, "skis": 0.45}}, "skateboard", "glide on a board"),  # so it says of walkers
        ({"speed": 2.5, "gait": 1.8}, "person", "run / jog"),
        ({"speed": 1.5, "width": 1.6, "height": 2.2, "gait": 0.9, "says": {"truck": 0.4}}, "vehicle", "drive"),
        ({"speed": 1.5, "width": 1.6, "height": 2.2, "gait": 0.9, "says": {}}, "vehicle", "drive"),
        ({"says": {"horse": 0.9}, "speed": 1.2, "width": 1.2, "height": 1.1}, "animal", None),
    ],
)  # fmt: skip
def test_who_wins(profile, how, named, action):
    found = scores(profile, thing(**how))
    assert best(profile, found, "object") == named
    assert action is None or best(profile, found, "action") == action


def test_members_are_told_apart_by_the_detector(profile):
    found = scores(profile, thing(**CYCLIST, says={"bicycle": 0.8}))
    assert (found["bicycle"] == found["two-wheeler"]).all() and (found["motorcycle"] < found["bicycle"]).all()
    unsaid = scores(profile, thing(**CYCLIST, says={}))
    assert (unsaid["bicycle"] == unsaid["motorcycle"]).all(), "nothing tells them apart"


def test_walkers_are_hardly_named(profile):
    walker, skater = scores(profile, thing()), scores(profile, thing(**SKATER))
    assert walker["skateboard"].max() < 0.1 * skater["skateboard"].min()


def test_shares_of_a_kind_make_the_strangeness(profile):
    seen = sightings(thing(), thing(**SKATER), thing(**CYCLIST))
    judged = profile.judge(seen)
    found = dict(zip(profile.namer.classes, profile.namer.scores(seen, judged).T, strict=True))
    for kind in ("object", "action", "location"):
        total = sum(found[label.name] for label in profile.namer.labels if label.kind == kind)
        assert total == pytest.approx(np.maximum(judged.combined, 0), rel=1e-4, abs=1e-6)


def test_a_look_that_errs_is_outvoted_by_its_track(profile):
    hidden = [place % 3 == 0 for place in range(FRAMES)]
    widths = [0.48 if bad else 0.9 for bad in hidden]
    says = [{} if bad else {"bicycle": 0.8} for bad in hidden]
    found = scores(profile, thing(**(CYCLIST | {"width": widths}), says=says))
    assert (found["two-wheeler"] > found["skateboard"]).all()
    alone = scores(profile, thing(**(CYCLIST | {"width": 0.48}), says={}))
    assert best(profile, alone, "object") != "two-wheeler", "such looks by themselves are of something else"


def test_every_class_in_every_frame(profile):
    seen = sightings(thing(), thing(**SKATER))
    seen.gait[:] = np.nan  # not measured: says nothing
    seen.box[::2, 0] = 0  # cut by the edge: neither shape nor size
    classes, frames = profile.namer.label_scores(seen, profile.judge(seen))
    assert frames.dtype == np.float32 and frames.shape == (FRAMES, len(classes))
    assert np.isfinite(frames).all() and (frames >= 0).all()
    assert len(set(classes)) == len(classes) and set(NAMES) <= set(classes)


def test_nothing_seen_scores_nothing(profile):
    seen = sightings()
    classes, frames = profile.namer.label_scores(seen, profile.judge(seen))
    assert frames.shape == (FRAMES, len(classes)) and not frames.any()


def test_vocabulary_is_whole(profile):
    objects = [label for label in profile.namer.labels if label.kind == "object"]
    assert sorted(NAMES[word] for label in objects for word in label.words) == sorted(NAMES), "each name once"
    words = [
        word for kind in vocabulary("names").values() for entry in kind.values() for word in entry.get("detector", [])
    ]
    assert set(words) <= set(NAMES)
