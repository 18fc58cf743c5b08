"""True regions beside labels: where they are found, what they hold, and what each mistake says."""

import json
import shutil

import pytest

from tests.eval.clip_sets import ANOMALOUS, FRAMES, HEIGHT, WIDTH, box, mask, save, write_clip_set
from xad_agent.errors import XadError
from xad_agent.eval.xman_labels import Labels, clip_paths, frame_numbers, read_labels
from xad_agent.eval.xman_regions import TrueRegions, disagreement, read_regions

CAR = frozenset({"car"})


@pytest.fixture
def walk(tmp_path):
    return write_clip_set(tmp_path / "walk")


def read(root, given=None, labels=None):
    clips = root / "testing/frames"
    return read_regions(given, labels or root / "labels.json", clip_paths(clips), frame_numbers(clips))


def test_tracks_and_masks_of_our_layout_are_found(walk):
    found = read(walk)
    assert set(found.tracks) == {"01", "02"}, "01 by tracks.json, 02, which it does not name, by its masks"
    assert found.source == f"{walk / 'tracks.json'} and {walk / 'testing/masks'}"
    for clip, frames in ANOMALOUS.items():
        assert found.places(clip) == {frame: [(1, box(frame))] for frame in frames}, clip
    assert found.places("03") == {}


def test_tracks_beside_the_labels_come_first(walk, tmp_path):
    own = tmp_path / "own/tracks.json"
    own.parent.mkdir()
    own.write_text(json.dumps([{"video": "02", "boxes": [[0, 1, 1, 4, 4]]}]))
    assert read(walk, labels=own.parent / "labels.json").places("02") == {0: [(1, (1, 1, 4, 4))]}


def test_what_is_named_is_taken_alone(walk):
    assert set(read(walk, walk / "tracks.json").tracks) == {"01"}
    masks = read(walk, walk / "testing/masks")
    assert masks.places("01")[4] == [(1, box(4))] and masks.source == str(walk / "testing/masks")
    assert masks.fingerprint == read(walk, walk / "testing/masks").fingerprint != read(walk).fingerprint


def test_nothing_there(walk):
    (walk / "tracks.json").unlink()
    shutil.rmtree(walk / "testing/masks")
    assert read(walk) is None
    for name, says in (("nowhere", "no such file or folder"), ("training", "has nothing for any of the clips 01, 02")):
        with pytest.raises(XadError, match=says):
            read(walk, walk / name)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda root: (root / "testing/masks/02/011.png").unlink(), "11 masks for the 12 frames of"),
        (lambda root: save(root / "testing/masks/02/000.png", mask(None)[1:]), "mask"),
        (lambda root: (root / "tracks.json").write_text("{"), "not a list of tracks"),
        (
            lambda root: (root / "tracks.json").write_text('[{"video": "01", "boxes": [[12, 0, 0, 2, 2]]}]'),
            "clip 01 names frame 12; its frames are 0 to 11",
        ),
    ],
)
def test_regions_that_do_not_fit_are_refused(walk, change, says):
    change(walk)
    with pytest.raises(XadError, match=says) as caught:
        read(walk)
    assert "\n" not in str(caught.value)


def labels_at(*frames):
    places = {("01", frame): CAR for frame in frames}
    return Labels("own.json", {"car": "object"}, places, {place: "key" for place in places})


def test_labels_and_regions_that_speak_of_different_frames_are_told():
    regions = TrueRegions("x", {"01": {"0": {frame: (0, 0, 2, 2) for frame in range(2, 8)}}})
    assert disagreement(labels_at(*range(2, 8)), regions, {"01": range(10)}) == []
    notes = disagreement(labels_at(*range(1, 8)), regions, {"01": range(10)})
    assert notes == ["1 labelled frames have no true region, so that nothing can be named there: they score 0"]
    notes = disagreement(labels_at(*range(3, 9)), regions, {"01": range(10)})
    assert notes[:2] == [
        "1 labelled frames have no true region, so that nothing can be named there: they score 0",
        "1 frames with a true region are not labelled",
    ]
    assert notes[2].startswith("labels moved by -1 frame would disagree with the regions in 0 frames instead of 2")


def test_the_mask_s_size_is_that_of_the_frames(walk):
    assert (HEIGHT, WIDTH, FRAMES) == (24, 40, 12)
    for frame in range(FRAMES):
        save(walk / f"testing/masks/02/{frame:03}.png", mask(None)[:-2])
    with pytest.raises(XadError, match="40 x 22"):
        read(walk)


@pytest.mark.data
def test_true_regions_of_ped2_are_where_the_labels_are(data):
    root = data / "ucsd_ped2"
    labels, frames = read_labels(root / "explanations.json"), frame_numbers(root / "testing/frames")
    found = read_regions(None, root / "explanations.json", clip_paths(root / "testing/frames"), frames)
    assert disagreement(labels, found, frames) == []
    assert sum(len(found.places(clip)) for clip in frames) == len(labels.frames)
