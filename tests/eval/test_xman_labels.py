"""Labels in X-MAN's layout: what is read, and what each mistake says."""

import json

import pytest

from tests.eval.clip_sets import FRAMES, write_clip_set
from xad_agent.errors import XadError
from xad_agent.eval.xman_labels import check_frames, frame_numbers, read_labels


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


@pytest.mark.data
def test_our_labels_of_ped2(data):
    labels = read_labels(data / "ucsd_ped2/explanations.json")
    assert labels.kinds == dict.fromkeys(("bicycle", "skateboard", "vehicle (cart)"), "object")
    assert len(labels.frames) >= 713
    there = frame_numbers(data / "ucsd_ped2/testing/frames")
    check_frames(labels, there)
