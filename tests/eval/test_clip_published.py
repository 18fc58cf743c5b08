"""Sets in the layouts in which they are published: what is read, and what each mistake says."""

import numpy as np
import pytest

from tests.eval.clip_sets import ANOMALOUS, FRAMES, box, save
from tests.eval.published_sets import (
    WRITERS,
    write_shanghaitech,
    write_ubnormal,
    write_ucsd,
)
from xad_agent.errors import XadError
from xad_agent.eval.clip_layout import is_clip_set, read_clip_set


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_says_the_same_of_the_same_clips(tmp_path, layout):
    found = read_clip_set(WRITERS[layout](tmp_path / "set"))
    assert is_clip_set(found.root) and not is_clip_set(tmp_path)
    assert (found.layout, found.name, len(found.training)) == (layout, "set", 1 if layout == "ubnormal" else 2)
    assert len(found.testing) == 2
    for clip, own in zip(found.testing, ("01", "02"), strict=True):
        anomalous = () if layout == "ubnormal" and own == "02" else ANOMALOUS[own]
        assert clip.frames == FRAMES
        assert np.flatnonzero(clip.labels).tolist() == list(anomalous)
        assert [dict(track) for track in clip.tracks.values()] == [{f: box(f) for f in anomalous}][: len(anomalous)]
        assert clip.disagreements() == 0
        assert clip.masked == (layout != "street-scene")
        if clip.masked:
            for frame, patch in enumerate(clip.patches()):
                assert (patch is not None) == (frame in anomalous)
                if patch:
                    assert (patch.x, patch.y, patch.mask.shape) == (*box(frame)[:2], (5, 6)) and patch.mask.all()


def test_of_ped1_only_some_clips_have_masks(tmp_path):
    one, other = read_clip_set(write_ucsd(tmp_path, masked=("01",))).testing
    assert (one.masked, other.masked, other.tracks) == (True, False, None)
    assert np.flatnonzero(other.labels).tolist() == list(ANOMALOUS["02"])
    with pytest.raises(XadError, match="clip Test002 has no pixel masks: only its frames are labelled"):
        next(other.patches())


def test_ped2_without_its_m_file_is_labelled_by_its_masks(tmp_path):
    (write_ucsd(tmp_path) / "Test/UCSDped2.m").unlink()
    assert np.flatnonzero(read_clip_set(tmp_path).testing[0].labels).tolist() == list(ANOMALOUS["01"])


def test_some_of_the_clips_are_enough(tmp_path):
    write_ucsd(tmp_path)
    for folder in ("Test001", "Test001_gt"):
        (tmp_path / "Test" / folder).rename(tmp_path / folder)
    (clip,) = read_clip_set(tmp_path).testing
    assert (clip.name, np.flatnonzero(clip.labels).tolist()) == ("Test002", list(ANOMALOUS["02"]))


def test_scenes_are_apart(tmp_path):
    found = read_clip_set(write_shanghaitech(tmp_path))
    assert {scene: [path.name for path in paths] for scene, paths in found.normal.items()} == {
        "01": ["01_001.avi"],
        "02": ["02_001.avi"],
    }
    assert [clip.scene for clip in found.testing] == ["01", "02"]


def test_masks_of_shanghaitech_are_mapped_not_loaded(tmp_path):
    clip = read_clip_set(write_shanghaitech(tmp_path)).testing[0]
    assert isinstance(clip.masks._array(), np.memmap)


def test_frame_labels_alone_say_nothing_of_places(tmp_path):
    write_shanghaitech(tmp_path)
    for path in (tmp_path / "testing/test_pixel_mask").iterdir():
        path.unlink()
    clip = read_clip_set(tmp_path).testing[0]
    assert (clip.masked, clip.tracks) == (False, None) and clip.labels.sum() == 8


def test_disagreement_of_labels_and_masks_is_counted(tmp_path):
    write_ucsd(tmp_path)
    path = tmp_path / "Test/UCSDped2.m"
    path.write_text(path.read_text().replace("[5:12]", "[7:12]"))
    assert [clip.disagreements() for clip in read_clip_set(tmp_path).testing] == [2, 0]


def test_an_object_that_is_no_anomaly_is_none(tmp_path):
    clip = read_clip_set(write_ubnormal(tmp_path)).testing[0]
    assert clip.mask(3) is None, "object 7 alone"
    assert clip.mask(4).sum() == 30


def test_an_objects_largest_part_is_its_box(tmp_path):
    write_ubnormal(tmp_path)
    path = next(tmp_path.glob("Scene1/*/*_0004_gt.png"))
    numbers = np.zeros((24, 40))
    numbers[1:3, 1:3], numbers[10:16, 20:24] = 3, 3
    save(path, numbers)
    clip = read_clip_set(tmp_path).testing[0]
    assert clip.tracks["0"][4] == (20, 10, 24, 16) and clip.mask(4).sum() == 28


def write(path, content):
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)


def arrays(name, array):
    return lambda root: np.save(root / "testing" / name, array)


@pytest.mark.parametrize(
    ("layout", "spoil", "says"),
    [
        ("ucsd", lambda r: write(r / "Test/UCSDped2.m", "x = 1;"), r"UCSDped2.m: cannot be read .*no line gt_frame"),
        ("ucsd", lambda r: write(r / "Test/UCSDped2.m", "T.gt_frame = [a:2];"), r"UCSDped2.m: cannot be read"),
        (
            "ucsd",
            lambda r: write(r / "Test/UCSDped2.m", "T.gt_frame = [1:2];"),
            r"labels 1 clips, Test002 is not among",
        ),
        (
            "ucsd",
            lambda r: write(r / "Test/UCSDped2.m", "T.gt_frame = [1:13];\nT.gt_frame = [1:2];"),
            r"Test001: frame 13 is labelled as anomalous, but there are 12 frames",
        ),
        ("ucsd", lambda r: (r / "Test/Test001_gt/012.bmp").unlink(), r"Test001_gt: 11 masks for the 12 frames"),
        ("ucsd", lambda r: (r / "Test/Test003").mkdir(), r"Test003: no pictures there"),
        (
            "avenue",
            lambda r: (r / "ground_truth_demo/testing_label_mask").rename(r / "x"),
            r"has no ground_truth_demo/",
        ),
        (
            "avenue",
            lambda r: write(r / "ground_truth_demo/testing_label_mask/1_label.mat", b"MATLAB 5.0 no"),
            r"1_label.mat: not a MATLAB file of masks",
        ),
        (
            "avenue",
            lambda r: (r / "testing_videos/01.avi").rename(r / "testing_videos/07.avi"),
            r"7_label.mat: not a MAT",
        ),
        (
            "shanghaitech",
            arrays("test_frame_mask/01_0001.npy", np.zeros(11)),
            r"01_0001.npy: labels 11 frames, .*01_0001 has 12",
        ),
        (
            "shanghaitech",
            arrays("test_pixel_mask/01_0001.npy", np.zeros((13, 4, 4))),
            r"01_0001.npy: labels 13 frames, .*01_0001 has 12",
        ),
        (
            "shanghaitech",
            arrays("test_pixel_mask/01_0001.npy", np.zeros((12, 4))),
            r"has shape \(12, 4\); a clip's masks must be of \(frames, height, width\)",
        ),
        (
            "shanghaitech",
            arrays("test_frame_mask/01_0001.npy", np.array([{}, 1], object)),
            r"01_0001.npy: not an array of numbers .*Python objects",
        ),
        ("shanghaitech", lambda r: write(r / "testing/test_frame_mask/02_0002.npy", "x"), r"not an array of numbers"),
        ("ubnormal", lambda r: (r / "scripts/normal_test_video_names.txt").unlink(), r"has no normal_test_video_names"),
        (
            "ubnormal",
            lambda r: write(r / "scripts/normal_test_video_names.txt", "normal_scene_9_scenario_9"),
            r"names normal_scene_9_scenario_9, but there is no Scene\*/normal_scene_9_scenario_9.mp4",
        ),
        (
            "ubnormal",
            lambda r: write(next(r.glob("*/*/*_tracks.txt")), "3,4"),
            r"_tracks.txt: cannot be read as labels \(a line has 2 columns, not 3\)",
        ),
        (
            "ubnormal",
            lambda r: write(next(r.glob("*/*/*_tracks.txt")), "x,4,5"),
            r"_tracks.txt: cannot be read as labels",
        ),
        ("street-scene", lambda r: (r / "Test/Test002/Test002_gt.txt").unlink(), r"Test002: has no Test002_gt.txt"),
        (
            "street-scene",
            lambda r: write(r / "Test/Test001/Test001_gt.txt", "099.jpg 1 5 5 4 4"),
            r"names 099.jpg, the frames of Test001 are 001.jpg to 012.jpg",
        ),
        ("street-scene", lambda r: write(r / "Test/Test001/Test001_gt.txt", "001.jpg 1 a 5 4 4"), r"cannot be read as"),
    ],
)
def test_mistakes_are_named(tmp_path, layout, spoil, says):
    root = WRITERS[layout](tmp_path / "set")
    spoil(root)
    with pytest.raises(XadError, match=says) as caught:
        read_clip_set(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("layout", "spoil", "says"),
    [
        ("ubnormal", lambda r: next(r.glob("*/*/*_0005_gt.png")).unlink(), r"the picture of frame 5 is missing"),
        ("ubnormal", lambda r: write(next(r.glob("*/*/*_0005_gt.png")), "x"), r"0005_gt.png: the mask cannot be read"),
        ("ubnormal", lambda r: write(next(r.glob("*/*/*_tracks.txt")), "3,4,19"), r"frame 12 is labelled, but its fra"),
        (
            "ucsd",
            lambda r: save(r / "Test/Test001_gt/004.bmp", np.zeros((4, 6))),
            r"frame 3 is 6 x 4 px, .* 40 x 24 px",
        ),
    ],
)
def test_mistakes_in_a_clips_truth_are_named_when_it_is_asked_for(tmp_path, layout, spoil, says):
    root = WRITERS[layout](tmp_path / "set")
    spoil(root)
    clip = read_clip_set(root).testing[0]
    with pytest.raises(XadError, match=says):
        clip.labels, clip.tracks, list(clip.patches())


def test_what_is_no_layout_is_told_which_there_are(tmp_path):
    with pytest.raises(XadError, match=r"the layout must be training/frames/<clip>.* Avenue, ShanghaiTech, UBnormal"):
        read_clip_set(tmp_path)
