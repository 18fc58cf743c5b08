"""Video files of every common kind, whole and damaged, frame by frame."""

import hashlib
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from tests.filming import HEIGHT, WIDTH, film, frame, frames, number
from xad_agent.errors import XadError
from xad_agent.media import colours, frame_index, read_clip, video_file

B_FRAMES = {"bf": "2"}
KINDS = [
    ("h264.mp4", "libx264", "yuv420p", {}),
    ("h264.mkv", "libx264", "yuv420p", {}),
    ("h264.mov", "libx264", "yuv444p", {}),
    ("h264.ts", "libx264", "yuv420p", {}),
    ("h264 without B-frames.flv", "libx264", "yuv420p", {"bf": "0"}),
    ("hevc 10 bit.mp4", "libx265", "yuv420p10le", {"x265-params": "log-level=none:keyint=12"}),
    ("av1.mp4", "libsvtav1", "yuv420p", {}),
    ("vp9.webm", "libvpx-vp9", "yuv420p", {}),
    ("mpeg4.m4v", "mpeg4", "yuv420p", B_FRAMES),
    ("mpeg4.avi", "mpeg4", "yuv420p", B_FRAMES),
    ("mjpeg.avi", "mjpeg", "yuvj420p", {}),
    ("mpeg1.mpg", "mpeg1video", "yuv420p", B_FRAMES),
    ("mpeg2.vob", "mpeg2video", "yuv420p", B_FRAMES),
    ("wmv2.wmv", "wmv2", "yuv420p", {}),
    ("ffv1.mkv", "ffv1", "yuv444p", {}),
    ("animated.gif", "gif", "rgb8", {}),
    ("animated.apng", "apng", "rgb24", {}),
    ("only one keyframe.mp4", "libx264", "yuv420p", {"g": "250"}),
    ("open groups.mkv", "libx264", "yuv420p", {"x264-params": "open-gop=1:bframes=3"}),
]
UNTIMED = [
    ("stored in another order than shown.avi", "libx264", "yuv420p", {}),
    ("a bare stream.h264", "libx264", "yuv420p", {}),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "options"), KINDS + UNTIMED, ids=[k[0] for k in KINDS + UNTIMED])
def test_every_kind_frame_by_frame(tmp_path, name, codec, pix_fmt, options):
    path = film(tmp_path / name, codec, pix_fmt, **options)
    clip = read_clip(path)
    assert (clip.name, clip.width, clip.height, clip.count, len(clip)) == (name, WIDTH, HEIGHT, 60, 60)
    assert clip.fps == pytest.approx(25)
    assert clip.duration == pytest.approx(2.4)
    assert clip.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    shown = list(clip.frames())
    assert [number(pixels) for pixels in shown] == list(range(60))
    for pixels, made in zip(shown, frames(60), strict=True):
        assert pixels.dtype == np.uint8 and pixels.shape == made.shape and not pixels.flags.writeable
        assert np.abs(pixels.astype(int) - made).mean() < 16
    for index in (0, 1, 11, 12, 13, 35, 59):
        np.testing.assert_array_equal(clip.frame(index).pixels, shown[index])
    for start, stop, step in ((5, 20, 1), (58, None, 1), (0, None, 7), (3, None, 25), (30, 50, 13)):
        for pixels, expected in zip(clip.frames(start, stop, step), shown[start:stop:step], strict=True):
            np.testing.assert_array_equal(pixels, expected)
    untimed = ("it does not say when its frames are shown: taken as evenly spaced, 25 a second",)
    assert clip.notes == (untimed if name in {row[0] for row in UNTIMED} else ())


def test_two_passes_at_once_do_not_disturb_each_other(tmp_path):
    clip = read_clip(film(tmp_path / "a.mp4"))
    pairs = zip(clip.frames(), clip.frames(30), strict=False)
    assert [(number(a), number(b)) for a, b in pairs] == [(n, n + 30) for n in range(30)]


@pytest.fixture
def decoded(monkeypatch):
    """Counts the frames that are decoded."""
    seen = []

    def counting(stored, stream):
        for shown in video_file.decoded(stored, stream):
            seen.append(shown.pts)
            yield shown

    monkeypatch.setattr(frame_index, "decoded", counting)
    return seen


def test_frames_deep_in_a_clip_are_sought_not_decoded_from_the_start(tmp_path, decoded):
    clip = read_clip(film(tmp_path / "a.mp4", pictures=frames(250)))
    for wanted, most in (((230, 232, 1), 24), ((249, None, 1), 16), ((0, None, 100), 3 * 12)):
        decoded.clear()
        assert [number(p) for p in clip.frames(*wanted)] == list(range(250))[slice(*wanted)]
        assert len(decoded) <= most


def test_an_hour_is_indexed_without_decoding_it(tmp_path, decoded):
    source = film(tmp_path / "a.mkv", bf="0")
    with av.open(str(source)) as short, av.open(str(tmp_path / "hour.mp4"), "w") as long:
        stream = short.streams.video[0]
        copied = long.add_stream_from_template(stream)
        packets = [(bytes(p), p.is_keyframe) for p in short.demux(stream) if p.size]
        for place in range(90_000):
            packet = av.Packet(packets[place % 60][0])
            packet.stream, packet.time_base = copied, stream.time_base
            packet.pts, packet.dts, packet.duration = place * 40, place * 40, 40
            packet.is_keyframe = packets[place % 60][1]
            long.mux(packet)
    clip = read_clip(tmp_path / "hour.mp4")
    assert (clip.count, clip.fps, clip.times) == (90_000, 25, None)
    assert len(decoded) < 30
    assert number(clip.frame(clip.index_at(3599.99)).pixels) == 89_999 % 60
    assert len(decoded) < 60


TURNS = [
    # a, b, c, d of the display matrix, and what it does to an image
    ("as stored", (1, 0, 0, 1), lambda a: a),
    ("quarter turn left", (0, -1, 1, 0), lambda a: np.rot90(a, 1)),
    ("half turn", (-1, 0, 0, -1), lambda a: np.rot90(a, 2)),
    ("quarter turn right", (0, 1, -1, 0), lambda a: np.rot90(a, 3)),
    ("mirrored", (-1, 0, 0, 1), lambda a: a[:, ::-1]),
    ("upside down", (1, 0, 0, -1), lambda a: a[::-1]),
    ("transposed", (0, 1, 1, 0), lambda a: a.swapaxes(0, 1)),
]


@pytest.mark.parametrize(("why", "turn", "expected"), TURNS, ids=[row[0] for row in TURNS])
def test_turned_upright(tmp_path, why, turn, expected):
    if not hasattr(av.VideoStream, "set_display_matrix"):
        pytest.skip("NOT RUN: this PyAV cannot write a display matrix")
    a, b, c, d = (n * 65536 for n in turn)
    path = film(tmp_path / "a.mp4", "mjpeg", "yuvj444p", pictures=frames(3), matrix=(a, b, 0, c, d, 0, 0, 0, 1 << 30))
    plain = read_clip(film(tmp_path / "plain.mp4", "mjpeg", "yuvj444p", pictures=frames(3)))
    clip = read_clip(path)
    np.testing.assert_array_equal(clip.frame(2).pixels, expected(plain.frame(2).pixels))
    assert (clip.height, clip.width) == clip.frame(0).pixels.shape[:2]
    assert clip.notes == (() if why == "as stored" else ("turned upright",))


def test_variable_frame_rate_keeps_the_true_times(tmp_path):
    times = [0, 1, 2, 3, 10, 11, 30, 31, 32, 50]
    for name in ("a.mp4", "a.mkv"):
        path = film(tmp_path / name, pictures=frames(10), times=times, rate=10, bf="2")
        clip = read_clip(path)
        np.testing.assert_allclose(clip.times, np.array(times) / 10, atol=1e-3)
        assert [clip.index_at(s) for s in (0, 0.35, 0.99, 1.01, 2.9, 3.11, 4.9, 5.0)] == [0, 3, 3, 4, 5, 7, 8, 9]
        assert clip.fps == pytest.approx(9 / 5)
        assert clip.notes == ("variable frame rate",)
        assert [number(p) for p in clip.frames()] == list(range(10))
        evenly = read_clip(path, fps=10)
        assert (evenly.fps, evenly.time(9), evenly.notes) == (10, 0.9, ())


@pytest.mark.parametrize("rate", [1, 240])
def test_slow_and_fast(tmp_path, rate):
    clip = read_clip(film(tmp_path / "a.mp4", rate=rate))
    assert (clip.fps, clip.time(30), clip.times) == (rate, 30 / rate, None)


def test_lossless_grey_deep_and_odd_sizes_are_exact(tmp_path):
    odd = list(frames(4, 73, 97))
    clip = read_clip(film(tmp_path / "odd.mkv", "ffv1", "bgr0", pictures=odd))
    np.testing.assert_array_equal(np.stack(list(clip.frames())), np.stack(odd))
    grey = [pixels[..., 1].copy() for pixels in odd]
    clip = read_clip(film(tmp_path / "grey.mkv", "ffv1", "gray", pictures=grey))
    for shown, made in zip(clip.frames(), grey, strict=True):
        assert np.abs(shown.astype(int) - made[..., None]).max() <= 1
    deep = [pixels.astype(np.uint16) * 257 for pixels in odd]
    clip = read_clip(film(tmp_path / "deep.mkv", "ffv1", "gbrp10le", pictures=deep))
    for shown, made in zip(clip.frames(), odd, strict=True):
        assert np.abs(shown.astype(int) - made).max() <= 1


def test_transparent_parts_are_put_on_white(tmp_path):
    red, none = np.zeros((2, 8, 10, 4), np.uint8)
    red[:, :5] = [255, 0, 0, 255]
    first, second = Image.fromarray(red), Image.fromarray(none)
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=[50, 200], disposal=2)
    clip = read_clip(tmp_path / "a.gif")
    assert clip.frame(0).pixels[3, [0, 9]].tolist() == [[255, 0, 0], [255, 255, 255]]
    assert (clip.frame(1).pixels == 255).all()
    assert clip.notes == ("transparent parts put on white",)
    assert clip.fps == 20


def test_one_frame(tmp_path):
    Image.fromarray(frame(7)).save(tmp_path / "a.gif")
    clip = read_clip(tmp_path / "a.gif")
    assert (clip.count, clip.fps, clip.notes) == (1, 10, ("fps not known, taken as 10",))
    assert number(clip.frame(0).pixels) == 7


def test_pixels_that_are_not_square_are_told(tmp_path):
    clip = read_clip(film(tmp_path / "a.mkv", "mpeg4", ratio=Fraction(16, 15)))
    assert clip.notes == ("its pixels are not square (16/15 as wide as high); shown as stored",)


def test_a_change_of_size_is_scaled_to_the_first(tmp_path):
    small = film(tmp_path / "small.h264", pictures=frames(10))
    large = film(tmp_path / "large.h264", pictures=[frame(n, 2 * HEIGHT, 2 * WIDTH) for n in range(10, 20)])
    (tmp_path / "both.h264").write_bytes(small.read_bytes() + large.read_bytes())
    clip = read_clip(tmp_path / "both.h264")
    shown = list(clip.frames())
    assert {pixels.shape for pixels in shown} == {(HEIGHT, WIDTH, 3)}
    assert [number(pixels) for pixels in shown] == list(range(20))
    assert clip.notes[-1] == f"frames of other sizes were scaled to {WIDTH} x {HEIGHT}"


FASTSTART = {"movflags": "+faststart"}
CUTS = [
    ("cut.mp4", "libx264", "yuv420p", FASTSTART),
    ("cut.mkv", "libx264", "yuv420p", None),
    ("cut.avi", "mjpeg", "yuvj420p", None),
    ("cut.webm", "libvpx-vp9", "yuv420p", None),
    ("cut.flv", "flv", "yuv420p", None),
    ("cut.mpg", "mpeg2video", "yuv420p", None),
]


@pytest.mark.parametrize("damage", ["cut off", "overwritten"])
@pytest.mark.parametrize(("name", "codec", "pix_fmt", "container"), CUTS, ids=[row[0] for row in CUTS])
def test_a_damaged_end_is_read_up_to_the_damage(tmp_path, name, codec, pix_fmt, container, damage):
    path = film(tmp_path / name, codec, pix_fmt, container=container, g="10")
    content = path.read_bytes()
    keep = len(content) * 7 // 10
    path.write_bytes(content[:keep] + (bytes(len(content) - keep) if damage == "overwritten" else b""))
    clip = read_clip(path)
    assert 20 <= clip.count < 50
    assert f"read up to frame {clip.count - 1}, unreadable after that" in clip.notes
    whole = [number(pixels) for pixels in clip.frames()]
    assert len(whole) == clip.count
    assert whole[: clip.count - 1] == list(range(clip.count - 1))  # the last one may be patched up by the decoder
    assert clip.frame(clip.count - 1).pixels.shape == (HEIGHT, WIDTH, 3)


def test_damage_in_the_middle_keeps_the_numbers_of_the_other_frames(tmp_path):
    path = film(tmp_path / "a.mp4", "mjpeg", "yuvj420p", container=FASTSTART)
    with av.open(str(path)) as container:
        at = [packet.pos for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    content[at[20] : at[23]] = bytes(at[23] - at[20])
    path.write_bytes(content)
    clip = read_clip(path)
    expected = [*range(20), 19, 19, 19, *range(23, 60)]
    assert [number(pixels) for pixels in clip.frames()] == expected
    assert clip.notes == ("unreadable, the nearest good frame stands in: frames 20-22",)
    assert [number(pixels) for pixels in clip.frames(21, 25)] == expected[21:25]
    assert [number(pixels) for pixels in clip.frames(0, None, 21)] == expected[::21]
    assert number(clip.frame(22).pixels) == 19


def test_a_recording_that_starts_between_keyframes_starts_at_the_first_one(tmp_path):
    content = film(tmp_path / "a.ts", bf="0", sc_threshold="0").read_bytes()
    start = len(content) // 188 // 3 * 188
    (tmp_path / "late.ts").write_bytes(content[start:])
    clip = read_clip(tmp_path / "late.ts")
    first = number(clip.frame(0).pixels)
    assert 12 <= first <= 36 and first % 12 == 0
    assert [number(pixels) for pixels in clip.frames()] == list(range(first, 60))
    assert clip.time(0) == 0


def jpeg_bytes(tmp_path) -> bytes:
    Image.fromarray(frame(0)).save(tmp_path / "a.jpg")
    return (tmp_path / "a.jpg").read_bytes()


def sound(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", 8000)
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        heard.rate = 8000
        out.mux(stream.encode(heard))
        out.mux(stream.encode())


def test_bad_files_give_one_line(tmp_path, capfd):
    film(tmp_path / "good.mp4")
    whole = (tmp_path / "good.mp4").read_bytes()
    sound(tmp_path / "sound.mp4")
    for name, content, line in [
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"I am not a video.\n" * 99, "is not a video that can be read"),
        ("junk.mkv", np.random.default_rng(0).bytes(9999), "is not a video that can be read"),
        ("picture.mp4", jpeg_bytes(tmp_path), "is not a video that can be read"),
        ("index lost.mp4", whole[: len(whole) // 2], "or its index is lost"),
        ("playlist.mp4", f"#EXTM3U\n#EXTINF:9,\n{tmp_path / 'good.mp4'}\n#EXT-X-ENDLIST\n".encode(), "is not a video"),
        ("script.mp4", f"ffconcat version 1.0\nfile '{tmp_path / 'good.mp4'}'\n".encode(), "is not a video"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(XadError, match=line) as error:
            read_clip(tmp_path / name)
        assert name in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(XadError, match=r"sound\.mp4 holds no video stream, only sound"):
        read_clip(tmp_path / "sound.mp4")
    with pytest.raises(XadError, match="no such file"):
        read_clip(tmp_path / "none.mp4")
    assert capfd.readouterr() == ("", "")


def test_no_frame_at_all(tmp_path):
    with av.open(str(tmp_path / "none.avi"), "w") as out:
        stream = out.add_stream("mpeg4", 25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        out.start_encoding()
    with pytest.raises(XadError, match="holds no frame that can be decoded"):
        read_clip(tmp_path / "none.avi")


def test_every_packet_damaged(tmp_path):
    path = film(tmp_path / "a.mp4", "mjpeg", "yuvj420p", container=FASTSTART)
    content = path.read_bytes()
    start = content.index(b"mdat") + 4
    path.write_bytes(content[:start] + bytes(len(content) - start))
    with pytest.raises(XadError, match="holds no frame that can be decoded"):
        read_clip(path)


def test_more_pixels_than_allowed(tmp_path, monkeypatch):
    path = film(tmp_path / "a.mp4")
    monkeypatch.setattr(colours, "MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(XadError, match=f"has {WIDTH} x {HEIGHT} px, the limit is"):
        read_clip(path)


def test_a_file_that_vanishes_or_changes_after_it_was_read(tmp_path):
    path = film(tmp_path / "a.mp4")
    clip = read_clip(path)
    path.write_bytes(film(tmp_path / "b.mp4", pictures=frames(10)).read_bytes())
    assert [number(pixels) for pixels in clip.frames(40)] == [9] * 20
    assert clip.notes == ("unreadable, the nearest good frame stands in: frames 40-59",)
    path.unlink()
    with pytest.raises(XadError, match="no such file"):
        list(clip.frames())


def test_odd_names(tmp_path):
    film(tmp_path / "a.mp4")
    for name in ("concat:a.mp4", "say\nnormal.mp4", "-i.mp4", "\udcff.mp4"):
        (tmp_path / name).write_bytes((tmp_path / "a.mp4").read_bytes())
        clip = read_clip(tmp_path / name)
        assert clip.count == 60 and "\n" not in clip.name
