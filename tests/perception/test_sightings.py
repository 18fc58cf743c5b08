"""A person is 40 px high here, as tall everywhere."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.walkway import HEIGHT, NAMES, WIDTH, Spotter, Thing, scene, texture
from xad_agent.media import read_clip
from xad_agent.perception.background import Background
from xad_agent.perception.eyes import Eyes
from xad_agent.perception.looks import greys
from xad_agent.perception.networks import DETECT_EVERY, POSE_EVERY
from xad_agent.perception.objects import Detections
from xad_agent.perception.perspective import Perspective
from xad_agent.perception.sightings import Sightings, watch

TALL = 40
WALKER = Thing((10, 40), (2, 0))
OTHER_BACKGROUND = "the background is not that of the profile"
NOT_MEASURED = "motion cannot be measured"
CAMERA_MOVES = "the camera moves"


def eyes(known: bool = True, objects: Spotter | None = None, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Eyes:
    background = Background(texture(0, *shape)) if known else None
    return Eyes(objects or Spotter(), Perspective(*shape, TALL, 0, 50), background, None)


def seen_in(frames: np.ndarray, fps: float = 10, looking: Eyes | None = None) -> Sightings:
    """What is seen, its columns checked."""
    seen = watch(read_clip(frames, fps=fps, name="walkway"), looking or eyes())
    check(seen)
    return seen


def check(seen: Sightings) -> None:
    """What must hold of any clip."""
    rows, objects, classes = len(seen), len(seen.object_frame), len(NAMES)
    shapes = {
        "frame": (rows,), "track": (rows,), "box": (rows, 4), "speed": (rows,), "velocity": (rows, 2), "gait": (rows,),
        "tall": (rows,), "scores": (rows, classes), "object_frame": (objects,), "object_box": (objects, 4),
        "object_scores": (objects, classes),
    }  # fmt: skip
    for name, shape in shapes.items():
        column = getattr(seen, name)
        assert column.shape == shape, name
        assert column.dtype == (int if name in ("frame", "track", "object_frame") else np.float32), name
    height, width = seen.shape
    for box in (seen.box, seen.object_box):
        assert (box >= 0).all()
        assert (box[:, 2:] <= (width, height)).all()
        assert (box[:, 2:] > box[:, :2]).all()
    for frame in (seen.frame, seen.object_frame):
        assert np.isin(frame, seen.looks).all()
        assert (np.diff(frame) >= 0).all()
    assert (seen.track > 0).all()
    for look in np.unique(seen.frame):
        tracks = seen.track[seen.frame == look]
        assert len(set(tracks)) == len(tracks)
    assert (np.isnan(seen.speed) == np.isnan(seen.velocity[:, 0])).all()
    assert (seen.tall >= 8).all()


def walkers(seen: Sightings, thing: Thing = WALKER) -> np.ndarray:
    """Rows at a thing's true place."""
    true = np.array([thing.box(frame) for frame in seen.frame]).reshape(-1, 4)
    return np.flatnonzero((np.abs(seen.box - true) <= 3).all(axis=1))


def test_a_walker_is_one_track_with_its_speed_name_and_height() -> None:
    seen = seen_in(scene(30, [WALKER]))
    rows = walkers(seen)
    assert len(rows) == len(seen) == 30
    assert set(seen.track) == {1}
    assert seen.speed == pytest.approx(2 * 10 / TALL, rel=0.15)
    assert seen.velocity == pytest.approx(np.tile([20, 0], (30, 1)), abs=2)
    assert seen.tall == pytest.approx(TALL)
    assert seen.gait == pytest.approx(1, abs=0.15)
    assert seen.scores == pytest.approx(np.tile([0.9, 0.1], (30, 1)))
    assert seen.steady
    assert seen.notes == ()
    assert (seen.name, seen.frames, seen.fps, seen.step, seen.shape) == ("walkway", 30, 10, 1, (HEIGHT, WIDTH))


@pytest.mark.parametrize(("fps", "step"), [(10, 1), (25, 2), (30, 2), (240, 19)])
def test_speed_in_body_heights_a_second_whatever_the_frame_rate(fps: int, step: int) -> None:
    thing = Thing((10, 40), (20 / fps, 0))
    seen = seen_in(scene(round(1.5 * fps) if fps > 30 else 2 * fps, [thing]), fps)
    assert seen.step == step
    assert list(np.unique(seen.frame)) == list(range(0, seen.frames, step))
    assert np.median(seen.speed) == pytest.approx(0.5, rel=0.1)
    assert np.median(seen.velocity, axis=0) == pytest.approx((20, 0), abs=2)
    assert set(seen.track) == {1}


def test_a_larger_picture_is_measured_small_and_told_in_its_own_px() -> None:
    frames = scene(24, [Thing((20, 80), (8, 0), size=(32, 80))], height=240, width=640)
    looking = Eyes(Spotter(), Perspective(180, 480, 60, 0, 50), None, None)
    seen = seen_in(frames, looking=looking)
    assert seen.shape == (240, 640)
    assert seen.box[seen.frame == 12] == pytest.approx(np.array([[116, 80, 148, 160]]), abs=4)
    assert seen.tall == pytest.approx(80)
    assert np.median(seen.velocity, axis=0) == pytest.approx((80, 0), abs=8)
    assert np.median(seen.speed) == pytest.approx(80 / 80, rel=0.15)


def test_what_stands_is_seen_by_the_detector_alone() -> None:
    standing = Thing((100, 40), name="bicycle")
    seen = seen_in(scene(20, [WALKER, standing]))
    rows = walkers(seen, standing)
    assert len(rows) == 20
    assert seen.speed[rows] == pytest.approx(0, abs=0.02)
    assert seen.scores[rows] == pytest.approx(np.tile([0.2, 0.8], (20, 1)))
    assert len(set(seen.track[rows])) == 1
    assert set(seen.track[rows]).isdisjoint(seen.track[walkers(seen)])


def test_where_things_are_known_to_be_they_alone_are_measured() -> None:
    """As when they are found: the same speed, gait and names, in the boxes and tracks that were given."""
    rider = Thing((140, 70), (-4, 0), name="bicycle")
    frames = scene(20, [Thing((10, 10), (2, 0)), rider, Thing((60, 10))])
    places = {frame: [(7, tuple(map(float, rider.box(frame))))] for frame in range(5, 15)}
    seen = watch(read_clip(frames, fps=10, name="walkway"), eyes(), places=places)
    check(seen)
    assert seen.frame.tolist() == list(range(5, 15)) and set(seen.track) == {7}
    assert seen.box == pytest.approx(np.array([rider.box(frame) for frame in range(5, 15)]))
    found = seen_in(frames)
    rows = walkers(found, rider)[5:15]
    assert seen.scores == pytest.approx(found.scores[rows], abs=0.1)
    assert np.median(seen.speed) == pytest.approx(np.median(found.speed[rows]), rel=0.1)
    assert np.median(seen.velocity, axis=0) == pytest.approx(np.median(found.velocity[rows], axis=0), abs=3)


@pytest.mark.parametrize("places", [{}, {3: []}])
def test_nowhere_is_anything_known_to_be(
    places: dict[int, list[tuple[int, tuple[float, float, float, float]]]],
) -> None:
    seen = watch(read_clip(scene(20, [WALKER]), fps=10, name="walkway"), eyes(), places=places)
    check(seen)
    assert len(seen) == 0 and len(seen.object_frame) > 0


def test_a_known_place_where_nothing_moves_stands() -> None:
    seen = watch(read_clip(scene(20, []), fps=10, name="walkway"), eyes(), places={4: [(1, (10.0, 10.0, 30.0, 50.0))]})
    assert seen.speed.tolist() == [0] and seen.scores.tolist() == [[0, 0]]


def test_names_go_to_the_movers_that_they_belong_to() -> None:
    rider = Thing((140, 70), (-4, 0), name="bicycle")
    seen = seen_in(scene(20, [Thing((10, 10), (2, 0)), rider]))
    rows = walkers(seen, rider)
    assert len(rows) == 20
    assert (seen.scores[rows, 1] > 0.7).all()
    assert (seen.scores[walkers(seen, Thing((10, 10), (2, 0))), 0] > 0.8).all()
    assert np.median(seen.speed[rows]) == pytest.approx(1, rel=0.15)
    assert np.median(seen.velocity[rows, 0]) == pytest.approx(-40, rel=0.1)


def test_the_detector_looks_every_second_time_and_the_flow_carries_on() -> None:
    objects = Spotter()
    creeping = Thing((40, 40), (0.3, 0))  # too slow for a mover: only the detector sees it
    seen = seen_in(scene(20, [creeping]), looking=eyes(objects=objects))
    assert objects.looks == 20 // DETECT_EVERY
    assert set(seen.object_frame) == set(range(0, 20, DETECT_EVERY))
    assert set(seen.frame) == set(range(20))
    odd = seen.frame % DETECT_EVERY == 1
    assert seen.box[odd, 0] == pytest.approx(40 + 0.3 * seen.frame[odd], abs=1.2)


def test_boxes_are_carried_on_in_px_of_the_clip() -> None:
    ball = Thing((20, 80), (8, 0), size=(32, 32))  # too small for a mover among giants
    looking = Eyes(Spotter(), Perspective(180, 480, 180, 0, 50), None, None)
    seen = seen_in(scene(24, [ball], height=240, width=640), looking=looking)
    assert len(seen) == 24
    assert seen.box[:, 0] == pytest.approx(20 + 8 * seen.frame, abs=1)


class Corner(Spotter):
    """Always says the same of the same place, whatever is there."""

    def __init__(self, box: tuple[float, float, float, float]):
        super().__init__()
        self.box = box

    def detect(self, pixels: np.ndarray, tile: int | None = None) -> Detections:
        return Detections(np.array([self.box], np.float32), np.array([[0.9, 0.1]], np.float32), NAMES)


def test_what_leaves_the_picture_is_not_carried_out_of_it() -> None:
    leaving = Thing((60, 40), (-3, 0), size=(60, 40))
    seen = seen_in(scene(36, [leaving]), looking=eyes(objects=Corner((0, 40, 2, 80))))
    in_the_corner = (seen.box[:, 0] == 0) & (seen.frame > 24)
    odd = seen.frame % DETECT_EVERY == 1
    assert (seen.scores[in_the_corner & ~odd, 0] > 0.8).all()
    assert (seen.scores[in_the_corner & odd] == 0).all()
    assert (in_the_corner & odd).sum() > 4


def test_a_detector_that_is_not_sure_is_not_heard() -> None:
    class Unsure(Spotter):
        def detect(self, pixels: np.ndarray, tile: int | None = None) -> Detections:
            found = super().detect(pixels, tile)
            return Detections(found.boxes, found.scores / 4, found.names)

    seen = seen_in(scene(10, [WALKER]), looking=eyes(objects=Unsure()))
    assert len(seen.object_frame) == 0
    assert (seen.scores == 0).all()
    assert len(walkers(seen)) == 10  # it moves, whatever it is


@pytest.mark.parametrize("fps", [10, 240])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_hardly_any_frames(count: int, fps: float) -> None:
    seen = seen_in(scene(count, [Thing((40, 40), (3, 0))]), fps)
    assert seen.steady
    assert (NOT_MEASURED in " ".join(seen.notes)) == (count == 1 or fps == 240)
    if seen.notes:
        assert list(seen.frame) == [0]
        assert np.isnan(seen.speed).all()
    else:
        assert np.median(seen.speed) == pytest.approx(3 * fps / TALL, rel=0.15)


@pytest.mark.parametrize("fps", [0.2, 1, 3.9])
def test_few_frames_a_second_show_things_but_no_motion(fps: float) -> None:
    seen = seen_in(scene(8, [WALKER]), fps)
    assert NOT_MEASURED in seen.notes[0]
    assert len(walkers(seen)) == 8
    assert np.isnan(seen.speed).all()
    assert np.isnan(seen.gait).all()
    assert set(seen.object_frame) == set(range(8))


def test_a_frozen_clip_shows_who_stands_before_the_known_background() -> None:
    frozen = np.repeat(scene(1, [WALKER]), 20, axis=0)
    seen = seen_in(frozen)
    assert seen.steady
    assert len(walkers(seen, Thing(WALKER.at))) == 20
    assert (seen.speed < 0.02).all()


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("known", [True, False])
def test_an_empty_clip_is_another_view_and_shows_nothing(value: int, known: bool) -> None:
    objects = Corner((10, 10, 20, 20))
    seen = seen_in(np.full((12, HEIGHT, WIDTH, 3), value, np.uint8), looking=eyes(known, objects))
    assert seen.steady
    assert (seen.speed == 0).all()
    assert any(OTHER_BACKGROUND in note for note in seen.notes) is known


def test_dark_frames_in_between_move_nothing() -> None:
    frames = scene(20, [])
    frames[8:12] = 0
    seen = seen_in(frames)
    assert seen.notes == ()
    assert len(seen) == 0


def test_nobody_there() -> None:
    seen = seen_in(scene(20))
    assert len(seen) == len(seen.object_frame) == 0
    assert seen.scores.shape == (0, len(NAMES))


def test_noise_is_no_steady_view() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, HEIGHT, WIDTH, 3), dtype=np.uint8)
    seen = seen_in(noise)
    assert not seen.steady
    assert np.isnan(seen.speed).all()


def test_a_panning_camera_is_told_and_no_speed_is_given() -> None:
    wide = scene(30, [WALKER], width=250)
    panning = np.stack([frame[:, 3 * n : 3 * n + WIDTH] for n, frame in enumerate(wide)])
    objects = Spotter()
    seen = seen_in(panning, looking=eyes(objects=objects))
    assert not seen.steady
    assert CAMERA_MOVES in seen.notes[0]
    assert np.isnan(seen.speed).all()
    assert np.isnan(seen.velocity).all()
    assert objects.looks == 30  # nothing carries boxes on
    assert len(seen)


def test_another_background_is_told_and_the_clip_s_own_is_taken() -> None:
    seen = seen_in(scene(40, [Thing((5, 40), (3, 0))], seed=5))
    assert OTHER_BACKGROUND in seen.notes[0]
    assert np.median(seen.speed) == pytest.approx(3 * 10 / TALL, rel=0.15)


def test_another_background_is_told_even_where_no_motion_is_measured() -> None:
    seen = seen_in(scene(4, seed=5), fps=1)
    assert [NOT_MEASURED in seen.notes[0], OTHER_BACKGROUND in seen.notes[1]] == [True, True]


def test_another_exposure_is_the_same_background() -> None:
    frames = scene(20, [WALKER])
    darker = (0.7 * frames + 10).astype(np.uint8)
    assert seen_in(darker).notes == ()


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (15, 60), (16, 16), (17, 90), (40, 1000)])
def test_small_and_odd_frames(shape: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(80, 100, (6, *shape, 3), dtype=np.uint8)
    notes = " ".join(seen_in(frames, looking=eyes(known=False)).notes)
    assert (NOT_MEASURED in notes) == (min(shape) < 16)


def test_frames_of_another_size_than_the_profile_s() -> None:
    """Twice as large: heights are those of the same view, its background cannot be that of the profile."""
    frames = scene(12, [Thing((20, 80), (4, 0), size=(32, 80))], height=2 * HEIGHT, width=2 * WIDTH)
    seen = seen_in(frames)
    assert OTHER_BACKGROUND in seen.notes[0]
    assert seen.tall == pytest.approx(2 * TALL)
    assert np.median(seen.speed) == pytest.approx(4 * 10 / (2 * TALL), rel=0.15)


@pytest.mark.parametrize("channels", [(), (1,), (4,)])
def test_grey_and_transparent_clips(channels: Sequence[int]) -> None:
    grey = scene(12, [WALKER])[..., 1]
    frames = list(np.repeat(grey[..., None], channels[0], axis=3) if channels else grey)
    if channels == (4,):
        for frame in frames:
            frame[..., 3] = 255
    seen = watch(read_clip(frames, fps=10), eyes())
    check(seen)
    assert len(walkers(seen)) == 12


def test_watching_twice_sees_the_same() -> None:
    frames = scene(10, [WALKER, Thing((100, 60), (-2, 1))])
    one, two = seen_in(frames), seen_in(frames)
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("box", "track", "speed", "scores"))


class Blind(Spotter):
    def detect(self, pixels: np.ndarray, tile: int | None = None) -> Detections:
        return Detections(np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32), NAMES)


@pytest.mark.data
def test_real_walkers_get_as_far_as_their_velocity_says(data: Path) -> None:
    clip = read_clip(data / "ucsd_ped2" / "training" / "frames" / "01")
    known = Background.learn(greys(clip, 40))
    seen = watch(clip, Eyes(Blind(), Perspective(240, 360, 13.3, 0.127, 427), known, None))
    check(seen)
    assert seen.notes == ()
    said, made = [], []
    for rows in (np.flatnonzero(seen.track == track) for track in set(seen.track)):
        for start in range(0, len(rows) - 10, 10):
            part = rows[start : start + 11]
            sizes = np.ptp(seen.box[part, 2:] - seen.box[part, :2], axis=0)
            if seen.frame[part[-1]] - seen.frame[part[0]] == 10 and (sizes < (6, 8)).all():  # one person, seen whole
                said.append(np.median(seen.velocity[part, 0]))
                made.append(np.ptp(seen.box[part][[0, -1]][:, [0, 2]].mean(axis=1)))
    assert len(said) >= 5
    assert np.median(np.abs(said) / np.maximum(made, 1)) == pytest.approx(1, abs=0.2)


class Describer:
    """Says of each box its colour at the middle, and keeps the looks it was asked at."""

    size = 3
    joints = ("head", "foot")

    def describe(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2).astype(int).T
        return pixels[y, x].astype(np.float32)

    def estimate(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """The head in the upper left corner of the box, the foot in the middle of its lower edge."""
        head, foot = boxes[:, :2], np.stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, 3]], axis=1)
        return np.concatenate([np.stack([head, foot], axis=1), np.ones((len(boxes), 2, 1))], axis=2)


def test_looks_and_joints_are_taken_every_so_many_looks() -> None:
    looking = eyes()
    looking.appearance, looking.pose = Describer(), Describer()
    clip = read_clip(scene(20, [WALKER]), fps=10, name="walkway")
    seen = watch(clip, looking)
    described, posed = seen.frame % DETECT_EVERY == 0, seen.frame % POSE_EVERY == 0
    assert 0 < posed.sum() < described.sum() < len(seen)
    np.testing.assert_array_equal(np.isnan(seen.appearance).any(axis=1), ~described)
    np.testing.assert_array_equal(np.isnan(seen.pose).any(axis=(1, 2)), ~posed)
    row = int(np.flatnonzero(described)[3])
    x, y = ((seen.box[row, :2] + seen.box[row, 2:]) / 2).astype(int)
    np.testing.assert_array_equal(seen.appearance[row], clip.frame(int(seen.frame[row])).pixels[y, x])
    row = int(np.flatnonzero(posed)[1])
    width, height = seen.box[row, 2:] - seen.box[row, :2]
    np.testing.assert_allclose(seen.pose[row], [[-width / height / 2, 0], [0, 1]], atol=2e-3)


def test_only_some_rows() -> None:
    seen = seen_in(scene(20, [WALKER, Thing((120, 40))]))
    kept = seen.only(seen.track == 1)
    assert 0 < len(kept) < len(seen) and (kept.track == 1).all() and len(kept.pose) == len(kept)
    assert len(kept.object_frame) == len(seen.object_frame)


def test_what_was_put_down_is_seen_though_the_detector_knows_no_name_for_it() -> None:
    """A thing that stands from the start and one that is put down later are tracks at rest; the walker is no part."""
    frames = scene(40, [WALKER, Thing((130, 80), size=(20, 20), name="nothing")])
    frames[:20, 75:105, 125:155] = scene(1)[0][75:105, 125:155]
    seen = seen_in(frames, looking=eyes(objects=Blind()))
    box = seen.box[(seen.box[:, 0] > 120) & (seen.frame >= 22)]
    np.testing.assert_allclose(np.median(box, axis=0), [130, 80, 150, 100], atol=3)
    rows = (seen.box[:, 0] > 120) & (seen.box[:, 1] > 70)
    assert len(np.unique(seen.track[rows])) == 1 and np.median(seen.speed[rows]) < 0.01
    assert not (rows & (seen.frame < 18)).any() and rows.sum() >= 18
    assert (seen.scores[rows] == 0).all()


def test_what_stands_there_for_less_than_a_second_is_noise() -> None:
    frames = scene(40, [Thing((130, 80), size=(20, 20), name="nothing")])
    frames[6:, 75:105, 125:155] = scene(1)[0][75:105, 125:155]
    assert not len(seen_in(frames, looking=eyes(objects=Blind())))
