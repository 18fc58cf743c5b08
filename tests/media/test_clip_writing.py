"""Writing clips, read back."""

import av
import numpy as np
import pytest

from tests.filming import HEIGHT, WIDTH, frame, frames, number
from xad_agent.errors import XadError
from xad_agent.media import read_clip, write_clip


@pytest.mark.parametrize("name", ["a.mp4", "a.MOV", "a.mkv", "a.m4v"])
@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
@pytest.mark.parametrize("fps", [0.5, 25, 30000 / 1001, 240])
def test_what_is_written_is_read_back(tmp_path, monkeypatch, name, encoder, fps):
    if encoder not in av.codecs_available:
        pytest.skip(f"NOT RUN: FFmpeg without {encoder}")
    if encoder == "mpeg4":
        monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    assert write_clip(tmp_path / name, frames(30), fps) == {"libx264": "h264", "mpeg4": "mpeg4"}[encoder]
    clip = read_clip(tmp_path / name)
    assert (clip.width, clip.height, clip.count, clip.notes) == (WIDTH, HEIGHT, 30, ())
    assert clip.fps == pytest.approx(fps, rel=1e-4)
    for place, pixels in enumerate(clip.frames()):
        assert number(pixels) == place
        assert np.abs(pixels.astype(int) - frame(place)).mean() < 6
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_each_frame_is_shown_at_its_time(tmp_path, monkeypatch, name, encoder):
    if encoder not in av.codecs_available:
        pytest.skip(f"NOT RUN: FFmpeg without {encoder}")
    if encoder == "mpeg4":
        monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    times = np.array([0, 0.04, 0.08, 0.5, 0.54, 1.2, 1.24, 3.0, 3.001])
    write_clip(tmp_path / name, frames(9), 3, times)
    clip = read_clip(tmp_path / name)
    assert [number(pixels) for pixels in clip.frames()] == list(range(9))
    np.testing.assert_allclose(clip.times, times, atol=1e-3)


def test_times_closer_than_a_tick_stay_in_order(tmp_path):
    write_clip(tmp_path / "a.mp4", frames(4), 10, [0, 1e-6, 2e-6, 0.5])
    clip = read_clip(tmp_path / "a.mp4")
    assert clip.count == 4 and (np.diff(clip.times) > 0).all()


def test_colours_stay_what_they_were(tmp_path):
    flat = np.full((64, 64, 3), [200, 60, 30], np.uint8)
    write_clip(tmp_path / "a.mp4", [flat] * 3, 25)
    assert np.abs(read_clip(tmp_path / "a.mp4").frame(1).pixels.astype(int) - flat).max() <= 4


def test_odd_sizes_are_made_even_by_repeating_the_edge(tmp_path):
    write_clip(tmp_path / "a.mp4", frames(5, 73, 97), 25)
    clip = read_clip(tmp_path / "a.mp4")
    assert (clip.width, clip.height) == (98, 74)
    for place, pixels in enumerate(clip.frames()):
        assert np.abs(pixels[:73, :97].astype(int) - frame(place, 73, 97)).mean() < 6
        assert np.abs(pixels[73].astype(int) - pixels[72]).mean() < 8


def failing():
    yield from frames(3)
    raise XadError("the detector stopped")


def test_a_clip_is_there_whole_or_not_at_all(tmp_path):
    for pictures, line in [
        (failing(), "the detector stopped"),
        ([], "there are no frames"),
        ([frame(0), frame(1, 32, 32)], r"shape \(32, 32, 3\), the first \(64, 96, 3\)"),
    ]:
        (tmp_path / "a.mp4").write_bytes(b"before")
        with pytest.raises(XadError, match=line):
            write_clip(tmp_path / "a.mp4", pictures, 25)
        assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
        assert (tmp_path / "a.mp4").read_bytes() == b"before"


def test_where_no_clip_can_be_written(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    for name, line in {
        "a.txt": r"cannot write .*a\.txt: name it \.mp4, \.m4v, \.mov or \.mkv",
        "none/a.mp4": "cannot write .*No such file or directory",
        "folder.mp4": "cannot write .*folder",
    }.items():
        with pytest.raises(XadError, match=line):
            write_clip(tmp_path / name, frames(2), 25)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mp4"]
