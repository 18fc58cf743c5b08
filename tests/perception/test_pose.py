"""MoveNet's way from boxes to joints, with a network that always says the same, and on a real walker."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xad_agent.errors import XadError
from xad_agent.media.reading import read_picture
from xad_agent.perception.pose import MoveNet, load_pose
from xad_agent.prompts import vocabulary


class Still:
    """Stands for the session: every joint at 0.25 across and 0.5 down, of score 0.9; it keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="input")]

    def run(self, names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.seen.append(inputs["input"])
        return [np.tile(np.array([0.5, 0.25, 0.9], np.float32), (1, 1, 17, 1))]


def test_joints_lie_in_the_square_around_the_box() -> None:
    network = Still()
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[:, 60:] = 200
    # The box's square with a quarter more: 50 px from (30, 15).
    (pose,) = MoveNet(network).estimate(pixels, np.array([[45, 20, 65, 60]]))
    assert pose.dtype == np.float32
    np.testing.assert_allclose(pose, [[30 + 12.5, 15 + 25, 0.9]] * 17, rtol=1e-5)
    (image,) = network.seen
    assert (image.shape, image.dtype) == ((1, 192, 192, 3), np.int32)
    assert image[0, 96, 100, 0] == 0
    assert image[0, 96, 130, 0] == 200


def test_at_the_border_the_square_is_what_the_picture_has_of_it() -> None:
    # 45 px wide from x = 0, 50 px high from y = 15: the height fills the 192 px.
    (pose,) = MoveNet(Still()).estimate(np.zeros((100, 100, 3), np.uint8), np.array([[10, 20, 30, 60]]))
    np.testing.assert_allclose(pose[0, :2], [0.25 * 50, 15 + 25], rtol=0.01)


def test_boxes_that_show_nothing_have_no_joints() -> None:
    network = Still()
    boxes = np.array([[300, 0, 320, 20], [5, 5, 5, 9], [10, 10, 20, 20]])
    poses = MoveNet(network).estimate(np.zeros((100, 100, 3), np.uint8), boxes)
    assert len(network.seen) == 1
    assert np.isnan(poses[:2, :, :2]).all()
    assert (poses[:2, :, 2] == 0).all()
    assert np.isfinite(poses[2]).all()


def test_no_boxes_and_a_picture_of_one_pixel() -> None:
    movenet = MoveNet(Still())
    assert movenet.estimate(np.zeros((9, 9, 3), np.uint8), np.empty((0, 4))).shape == (0, 17, 3)
    (pose,) = movenet.estimate(np.zeros((1, 1, 3), np.uint8), np.array([[0, 0, 1, 1]]))
    np.testing.assert_allclose(pose[0], [0.25, 0.5, 0.9], rtol=1e-5)


def test_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(XadError, match="box 1 of 1"):
        MoveNet(Still()).estimate(np.zeros((9, 9, 3), np.uint8), np.array([[np.nan, 0, 1, 1]]))
    with pytest.raises(XadError, match="unknown pose estimator 'openpose': use 'movenet'"):
        load_pose("openpose")
    monkeypatch.setenv("XAD_HOME", str(tmp_path))
    with pytest.raises(XadError, match="xad models pull movenet"):
        load_pose()


@pytest.mark.data
def test_a_walker_stands_upright(data: Path) -> None:
    joints = vocabulary("joints")
    assert len(set(joints)) == len(joints) == 17
    frames = sorted((data / "ucsd_ped2" / "training" / "frames" / "05").iterdir())
    box = np.array([82, 129, 99, 159])
    (pose,) = load_pose().estimate(read_picture(frames[60]).pixels, box[None])
    assert (pose[:, :2] >= box[:2] - 3).all()
    assert (pose[:, :2] <= box[2:] + 3).all()
    assert 0.3 < pose[:, 2].mean() <= pose[:, 2].max() <= 1
    for side in ("left", "right"):
        heights = [pose[joints.index(f"{side} {joint}"), 1] for joint in ("eye", "shoulder", "hip", "knee", "ankle")]
        assert heights == sorted(heights)
