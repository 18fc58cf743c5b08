"""Labels in X-MAN's layout: what is read, and what each mistake says."""

import json

import numpy as np
import pytest

from tests.eval.clip_sets import FRAMES, write_clip_set
from xad_agent.errors import XadError
from xad_agent.eval.xman_labels import check_frames, clip_paths, fitted, frame_numbers, read_labels
from xad_agent.media.clip_writing import write_clip


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "labels.json"


def test_labels(file):
    write(file, {"01_004": [["action", "run / jog"]], "01_0014_7": [["object", "car"], ["action", "run / jog"]]})
    labels = read_labels(file)
    assert labels.frames == {("01", 4): {"run / jog"}, ("01_0014", 7): {"run / jog", "car"}}
    assert labels.classes == ("run / jog", "car")
    assert labels.kinds == {"run / jog": "action", "car": "object"}
    assert labels.source == str(file)


@pytest.mark.parametrize(
    ("key", "clip", "frame"),
    [
        ("01_060", "01", 60),
        ("01_0014_123", "01_0014", 123),
        ("Test001/061.tif", "Test001", 61),
        ("clip-5", "clip", 5),
        ("05_12.jpg", "05", 12),
        ("01/060.jpg", "01", 60),
        ("01-060", "01", 60),
        ("Test001_060", "Test001", 60),
        ("clip 01 frame 060", "clip 01", 60),
        ("01_frame060", "01", 60),
        ("Test001/img_060.png", "Test001", 60),
        ("frames\\\\01\\\\060.tif", "frames\\\\01", 60),
    ],
)
def test_the_guess_of_the_keys_syntax(file, key, clip, frame):
    assert list(read_labels(write(file, {key: [["object", "car"]]})).frames) == [(clip, frame)]


def test_the_keys_own_pattern(file):
    write(file, {"Test007-f3": [["object", "car"]]})
    labels = read_labels(file, r"Test0(?P<clip>\d+)-f(?P<frame>\d+)")
    assert list(labels.frames) == [("07", 3)]


def test_a_fine_label_of_two_kinds_is_two_classes(file):
    write(file, {"a_1": [["action", "ride"], ["object", "car"]], "a_2": [["object", "ride"]]})
    labels = read_labels(file)
    assert labels.classes == ("action: ride", "car", "object: ride")
    assert labels.frames["a", 2] == {"object: ride"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not a file of labels"),
        ("[]", r"holds no labels; it must be an object"),
        ("{}", r"holds no labels"),
        ('{"a_1": [["object", "car"]], "a_1": [["object", "bus"]]}', "key 'a_1' is there twice"),
        ('{"a_1": [["object", "car"]], "a_01": [["object", "bus"]]}', "keys 'a_1' and 'a_01' name the same frame"),
        ({"frame seven": [["object", "car"]]}, "key 'frame seven' does not fit the pattern"),
        ({"01060": [["object", "car"]]}, r"key '01060' does not fit the pattern .* give the keys' own pattern, as "),
        ({"_60": [["object", "car"]]}, "key '_60' does not fit the pattern"),
        ({"a_1": ["object", "car"]}, r"key 'a_1' has .*, not a list of \[coarse, fine\]"),
        ({"a_1": [["car"]]}, r"not a list of \[coarse, fine\]"),
        ({"a_1": [["object", 3]]}, r"not a list of \[coarse, fine\]"),
        ({"a_1": [["object", ""]]}, r"not a list of \[coarse, fine\]"),
    ],
)
def test_mistakes_in_the_file_are_named(file, content, says):
    with pytest.raises(XadError, match=says) as caught:
        read_labels(write(file, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["(", r"(?P<clip>\d+)"])
def test_a_wrong_pattern_is_wrong_use(file, pattern):
    write(file, {"a_1": [["object", "car"]]})
    with pytest.raises(XadError, match=r"pattern .*: (not a regular expression|needs the groups)") as caught:
        read_labels(file, pattern)
    assert caught.value.exit_code == 2


def test_frames_are_known_by_the_numbers_in_their_names(tmp_path):
    root = write_clip_set(tmp_path / "walk")
    assert frame_numbers(root / "testing/frames") == {"01": list(range(FRAMES)), "02": list(range(FRAMES))}
    folder = root / "testing/frames/01"
    for path in sorted(folder.iterdir(), reverse=True):
        path.rename(folder / f"frame{int(path.stem) + 1}.png")
    assert frame_numbers(root / "testing/frames")["01"] == list(range(1, FRAMES + 1))
    (folder / "frame3.png").rename(folder / "cover.png")
    with pytest.raises(XadError, match=r"01: the name cover.png has no number"):
        frame_numbers(root / "testing/frames")
    (folder / "cover.png").rename(folder / "x4.png")
    with pytest.raises(XadError, match=r"01: two frames have the same number"):
        frame_numbers(root / "testing/frames")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (
            "01_12",
            "key '01_12' reads as clip '01', frame 12, but the clips are 01: frames 0 to 11; 02: frames 0 to 11;",
        ),
        ("Test01_3", "key 'Test01_3' reads as clip 'Test01', frame 3, but the clips are 01: frames 0 to 11;"),
    ],
)
def test_a_mismatch_with_the_frames_shows_both(file, key, says):
    labels = read_labels(write(file, {"01_0": [["object", "car"]], key: [["object", "car"]]}))
    with pytest.raises(XadError) as caught:
        check_frames(labels, {"01": range(12), "02": range(12)})
    assert says in str(caught.value)


def test_clips_are_known_by_their_numbers_where_that_is_certain_and_it_is_told(file):
    labels = read_labels(write(file, {"Test001_3": [["object", "car"]], "clip 02 frame 4": [["object", "car"]]}))
    read = fitted(labels, {"01": range(12), "02": range(12)})
    assert set(read.frames) == set(read.keys) == {("01", 3), ("02", 4)}
    assert read.aliases == {"Test001": "01", "clip 02": "02"}
    assert read.notes == ("clips of the labels were known by their numbers: Test001 as 01, clip 02 as 02",)
    for folders in (["01", "1"], ["03"], ["walk"]):
        with pytest.raises(XadError, match="reads as clip 'Test001', frame 3, but the clips are"):
            fitted(labels, {folder: range(12) for folder in folders})
    same = write(file, {"a1_3": [["object", "car"]], "b1_3": [["object", "car"]]})
    with pytest.raises(XadError, match="reads as clip 'a1'"):
        fitted(read_labels(same), {"1": range(12)})


def test_labels_that_fit_as_they_are_stay_as_they_are(file):
    labels = read_labels(write(file, {"01_3": [["object", "car"]]}))
    assert fitted(labels, {"01": range(12), "1": range(12)}) == labels


@pytest.mark.parametrize(
    ("frames", "numbers", "first"),
    [(range(1, 13), range(12), 1), (range(12), range(1, 13), 0)],
)
def test_frames_that_are_counted_otherwise_are_told_and_not_moved_unless_asked(file, frames, numbers, first):
    labels = read_labels(write(file, {f"01_{n}": [["object", "car"]] for n in frames}))
    with pytest.raises(
        XadError, match=f"all keys would fit if the labels counted .* as {first}, .* say --first {first}"
    ):
        fitted(labels, {"01": numbers})
    read = fitted(labels, {"01": numbers}, first=first)
    assert set(read.frames) == {("01", n) for n in numbers}
    assert read.notes == (f"the labels count each clip's first frame as {first}, as was said",)


def test_a_first_frame_that_does_not_fit_shows_both(file):
    labels = read_labels(write(file, {"01_12": [["object", "car"]]}))
    with pytest.raises(XadError, match="frame 12, but clip 01 has 12 frames, counted from 0 as was said"):
        fitted(labels, {"01": range(12)}, first=0)
    with pytest.raises(XadError, match=r"key '01_12' reads as clip '01', frame 12, but the clips are walk"):
        fitted(labels, {"walk": range(12)}, first=0)


def test_labels_of_some_clips(file):
    labels = read_labels(write(file, {"a_1": [["object", "car"]], "b_2": [["object", "bus"]]}))
    some = labels.of(["b"])
    assert (set(some.frames), set(some.keys), some.classes) == ({("b", 2)}, {("b", 2)}, ("bus", "car"))


def test_video_files_are_clips_too(tmp_path):
    root = write_clip_set(tmp_path / "walk") / "testing/frames"
    write_clip(root / "05.mkv", [np.zeros((24, 40, 3), np.uint8)] * 5, 10)
    (root / "notes.txt").write_text("no clip")
    assert list(clip_paths(root)) == ["01", "02", "05"]
    assert list(frame_numbers(root)["05"]) == [0, 1, 2, 3, 4]
    (root / "05").mkdir()
    with pytest.raises(XadError, match="two clips have one name"):
        clip_paths(root)


def test_no_clips(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(XadError, match="no clips there; put a folder of frames, or a video file") as caught:
            frame_numbers(folder)
        assert caught.value.exit_code == 2


@pytest.mark.data
def test_our_labels_of_ped2(data):
    labels = read_labels(data / "ucsd_ped2/explanations.json")
    assert labels.kinds == dict.fromkeys(("bicycle", "skateboard", "vehicle (cart)"), "object")
    assert len(labels.frames) >= 713
    there = frame_numbers(data / "ucsd_ped2/testing/frames")
    check_frames(labels, there)
