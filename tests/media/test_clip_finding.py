"""Which files and folders are clips."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.filming import film, frame, frames
from xad_agent.errors import XadError
from xad_agent.media import find_clips, is_clip, read_clip
from xad_agent.media.frame_names import numbering


def save(path: Path, pixels: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame(0) if pixels is None else pixels).save(path)
    return path


def animation(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(pixels) for pixels in frames(3))
    first.save(path, save_all=True, append_images=others)
    return path


@pytest.fixture
def folder(tmp_path):
    for name in ("clips/b 10.mp4", "clips/b 9.AVI", "clips/.hidden.mp4", "clips/thumbnail.png", "clips/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    animation(tmp_path / "clips" / "a.gif")
    for clip in ("frames/2", "frames/10"):
        for place in range(3):
            save(tmp_path / clip / f"{place}.png")
    save(tmp_path / "frames" / "2" / "masks" / "0.png")
    (tmp_path / "empty").mkdir()
    return tmp_path


def shown(found, folder):
    return [
        [str(p.relative_to(folder)) for p in clip] if isinstance(clip, list) else str(clip.relative_to(folder))
        for clip in found
    ]


def test_find_clips(folder):
    videos = ["clips/a.gif", "clips/b 9.AVI", "clips/b 10.mp4"]
    of_frames = ["frames/2", "frames/10"]
    for source, expected in [
        (folder, videos + of_frames),
        (folder / "clips", videos),
        (str(folder / "frames"), of_frames),
        (folder / "frames" / "2", ["frames/2"]),
        (str(folder / "frames" / "*"), of_frames),
        (str(folder / "*"), videos + of_frames),
        (folder / "clips" / "notes.txt", ["clips/notes.txt"]),
        (str(folder / "frames" / "10" / "*.png"), [[f"frames/10/{n}.png" for n in range(3)]]),
        ([folder / "frames/10", folder / "clips/a.gif", folder / "frames"], ["frames/10", "clips/a.gif", "frames/2"]),
        ([folder / "frames/2/1.png", folder / "frames/2/0.png"], [["frames/2/0.png", "frames/2/1.png"]]),
        ([], []),
    ]:
        assert shown(find_clips(source), folder) == expected, source
    for source, line in {
        folder / "empty": "no clips in .*looked for mp4.*folders of pictures",
        folder / "none": "no such file or folder",
        str(folder / "*.mp4"): "no such file or folder",
        str(folder / "clips" / "*.txt"): "no clips in",
    }.items():
        with pytest.raises(XadError, match=line):
            find_clips(source)


def test_a_list_of_frames_that_was_found_is_a_clip(folder):
    (found,) = find_clips(str(folder / "frames" / "10" / "*.png"))
    assert read_clip(found).count == 3


def test_a_link_back_up_is_not_followed(folder):
    (folder / "frames" / "again").symlink_to(folder)
    assert shown(find_clips(folder / "frames"), folder) == ["frames/2", "frames/10"]


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_is_clip(tmp_path):
    recording, collection, named, few, still = (tmp_path / name for name in ("a", "b", "c", "d", "e"))
    for place in range(20):
        save(recording / f"{place:03}.png", frame(place)[:32])
        save(collection / f"{place:03}.png", noise(place))
        save(named / f"{'abcdefghijklmnopqrst'[place]}.png", frame(place))
        save(still / f"{place:03}.png", frame(0))
    for place in range(3):
        save(few / f"{place}.png", noise(place))
    one = save(tmp_path / "f" / "0.png")
    for source, expected in [
        (recording, True),
        (still, True),
        (collection, False),  # numbered, but a recording changes less from frame to frame
        (named, False),
        (few, True),  # too few to tell
        (one.parent, False),
        (one, False),
        (tmp_path, False),
        (animation(tmp_path / "g.gif"), True),
        (save(tmp_path / "h.gif"), False),
        ("missing.mp4", True),
        ("missing.gif", False),
        ("a\0b.gif", False),
        (np.zeros((4, 5, 6, 3)), True),
        (np.zeros((4, 5, 6)), True),
        (np.zeros((4, 5, 3)), False),
        (np.zeros((4, 5)), False),
        (read_clip(np.zeros((2, 4, 5))), True),
        (Image.fromarray(frame(0)), False),
        ([frame(0), frame(1)], False),
    ]:
        assert is_clip(source) is expected, source
    assert is_clip(str(film(tmp_path / "i.mp4", pictures=frames(2))))


@pytest.mark.parametrize(
    ("names", "places", "missing"),
    [
        (["1.jpg", "2.jpg", "4.jpg"], [0, 1, 3], [3]),
        (["0009.png", "0010.png"], [0, 1], []),
        (["cam2 10.jpg", "cam2 15.jpg", "cam2 25.jpg"], [0, 1, 3], [20]),
        (["t1699.jpg", "t1732.jpg", "t1766.jpg"], None, None),  # milliseconds
        (["1.jpg", "01.jpg"], None, None),
        (["1.jpg"], None, None),
        (["a.jpg", "b.jpg"], None, None),
        (["a1.jpg", "b2.jpg"], None, None),
        (["1 1.jpg", "2 2.jpg"], None, None),
        (["1.jpg", "2.jpg", "1000000000000.jpg"], None, None),
        (["1.jpg", "99999999999999999999999.jpg"], None, None),
    ],
)
def test_numbers_in_names(names, places, missing):
    found = numbering([Path(name) for name in names])
    if places is None:
        assert found is None
    else:
        assert (found.places.tolist(), found.missing.tolist()) == (places, missing)


@pytest.mark.data
def test_real_recordings_and_collections(data):
    recordings = find_clips([data / "ucsd_ped2" / part / "frames" for part in ("training", "testing")])
    assert len(recordings) == 22 and all(map(is_clip, recordings))
    collections = [folder for folder in (data / "mvtec_screw" / "screw").glob("*/*") if any(folder.glob("*.png"))]
    collections += [data / "sdls" / "data" / "image", *(data / "magnetic_tile").glob("*/*")]
    assert len(collections) > 10 and not any(map(is_clip, collections))
