"""The layout of Ped2: what is read, and what each mistake says."""

import json

import numpy as np
import pytest

from tests.eval.clip_sets import ANOMALOUS, FRAMES, box, save, write_clip_set
from xad_agent.errors import XadError
from xad_agent.eval.clip_layout import read_clip_set
from xad_agent.eval.clip_truth import frame_paths


@pytest.fixture
def walk(tmp_path):
    return write_clip_set(tmp_path / "walk")


def test_a_set(walk):
    found = read_clip_set(walk)
    assert (found.name, [path.name for path in found.training]) == ("walk", ["01", "02"])
    assert [(clip.name, clip.path.name, clip.frames) for clip in found.testing] == [
        ("01", "01", FRAMES),
        ("02", "02", FRAMES),
    ]
    for clip in found.testing:
        assert np.flatnonzero(clip.labels).tolist() == list(ANOMALOUS[clip.name])
        assert clip.disagreements() == 0
        (track,) = clip.tracks.values()
        assert track == {frame: box(frame) for frame in ANOMALOUS[clip.name]}
    assert [clip.given is None for clip in found.testing] == [False, True]


def test_without_tracks_they_come_from_the_masks(walk):
    given = read_clip_set(walk).testing[0].tracks
    (walk / "tracks.json").unlink()
    assert list(read_clip_set(walk).testing[0].tracks.values()) == list(given.values())


def test_masks_are_read_when_asked_for(walk):
    (walk / "testing/masks/02/005.png").write_text("x")
    patches = read_clip_set(walk).testing[1].patches()
    assert [next(patches) is not None for _ in range(5)] == [True] * 5
    with pytest.raises(XadError, match=r"005.png: the mask cannot be read"):
        next(patches)


def test_frames_are_ordered_by_number(tmp_path):
    for name in ("f10.png", "f9.png", "f1.png", "._f2.png", "f2.txt"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in frame_paths(tmp_path)] == ["f1.png", "f9.png", "f10.png"]


def test_disagreement_of_tracks_and_masks_is_counted(walk):
    tracks = json.loads((walk / "tracks.json").read_text())
    for row in tracks[0]["boxes"]:
        row[0] -= 1  # as if frames counted from 1
    (walk / "tracks.json").write_text(json.dumps(tracks))
    assert read_clip_set(walk).testing[0].disagreements() == 2


def write_tracks(content):
    return lambda root: (root / "tracks.json").write_text(content)


def empty(path):
    def spoil(root):
        for file in sorted((root / path).rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        (root / path).rmdir()

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (empty("testing"), r"has no folder testing; the layout must be training/frames/<clip>"),
        (empty("training"), r"training/frames: no folders of frames there"),
        (empty("testing/masks"), r"testing/masks/01: no such folder; put the masks of .*testing/frames/01 there"),
        (
            lambda root: (root / "testing/masks/02/005.png").unlink(),
            r"testing/masks/02: 11 masks for the 12 frames of .*/02 \(none is named like 005.png\)",
        ),
        (lambda root: (root / "testing/frames/02/011.png").unlink(), r"02: 12 masks for the 11 frames of .*/02; there"),
        (lambda root: save(root / "testing/masks/01/000.png", np.zeros((4, 6))), r"the mask is 6 x 4 px, .* 40 x 24"),
        (write_tracks("{"), r"tracks.json: not a list of tracks .*JSONDecodeError"),
        (write_tracks('[{"video": "01"}]'), r"tracks.json: not a list of tracks .*KeyError"),
        (
            write_tracks('[{"video": "01", "boxes": [[12, 0, 0, 2, 2]]}]'),
            r"clip 01 names frame 12; its frames are 0 to 11",
        ),
        (write_tracks('[{"video": "01", "boxes": []}]'), r"clip 01 has a track without boxes"),
    ],
)
def test_mistakes_are_named(walk, spoil, says):
    spoil(walk)
    with pytest.raises(XadError, match=says) as caught:
        read_clip_set(walk)
    assert "\n" not in str(caught.value)


def test_a_mask_of_another_size_is_named_when_it_is_read(walk):
    save(walk / "testing/masks/01/003.png", np.zeros((4, 6)))
    with pytest.raises(XadError, match=r"01: the mask of frame 3 is 6 x 4 px, the clip's first is 40 x 24"):
        _ = read_clip_set(walk).testing[0].labels


def test_no_folder(tmp_path):
    with pytest.raises(XadError, match="no such folder") as caught:
        read_clip_set(tmp_path / "x")
    assert caught.value.exit_code == 2


@pytest.mark.data
def test_ped2(data):
    found = read_clip_set(data / "ucsd_ped2")
    assert len(found.training) == 16
    anomalous = {clip.name: int(clip.labels.sum()) for clip in found.testing}
    assert {"01": 120, "02": 86, "04": 150, "05": 129, "07": 135, "12": 93}.items() <= anomalous.items()
    assert all(clip.disagreements() == 0 for clip in found.testing)
