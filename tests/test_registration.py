import cv2
import numpy as np
import pytest

from tests.normal import picture, texture
from xad_agent.registration import align


def _key(angle: float, dx: float = 0.0, dy: float = 0.0, size: int = 200) -> np.ndarray:
    """A rod with a head, a notch and marks, turned about the middle, on an even background."""
    pixels = np.full((size, size, 3), 210, np.uint8)
    cv2.rectangle(pixels, (40, 92), (160, 108), (70, 70, 70), -1)
    cv2.rectangle(pixels, (40, 76), (60, 124), (50, 50, 50), -1)
    for x in range(90, 160, 12):
        cv2.line(pixels, (x, 92), (x + 6, 108), (150, 150, 150), 3)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), angle, 1.0) + np.array([[0, 0, dx], [0, 0, dy]])
    return cv2.warpAffine(pixels, matrix, (size, size), flags=cv2.INTER_CUBIC, borderValue=(210, 210, 210))


@pytest.mark.parametrize(
    ("angle", "dx", "dy"), [(0, 0, 0), (0, 9, -6), (35, 0, 0), (120, 5, 3), (180, 0, 0), (-75, -8, 4)]
)
def test_a_known_pose_is_recovered(angle: float, dx: float, dy: float) -> None:
    found = align(picture(_key(0)), picture(_key(angle, dx, dy)))
    assert found is not None
    assert found.quality > 0.9
    expected = cv2.getRotationMatrix2D((100, 100), angle, 1.0) + np.array([[0, 0, dx], [0, 0, dy]])
    for point in ([40, 100, 1], [160, 100, 1], [100, 100, 1]):
        assert np.linalg.norm((found.matrix - expected) @ point) < 1.5


def test_pictures_of_different_size() -> None:
    found = align(picture(_key(0)), picture(cv2.resize(_key(40), (400, 400), interpolation=cv2.INTER_CUBIC)))
    assert found is not None
    assert np.linalg.norm(found.matrix @ [100, 100, 1] - [200, 200]) < 3


def test_what_is_ignored_does_not_steer() -> None:
    defective = _key(35)
    defective[80:104, 90:120] = np.random.default_rng(0).integers(0, 255, (24, 30, 3), dtype=np.uint8)
    ignore = np.zeros((200, 200), dtype=bool)
    ignore[80:104, 90:120] = True
    found = align(picture(_key(0)), picture(defective), ignore)
    assert found is not None
    assert np.linalg.norm(found.matrix @ [40, 100, 1] - cv2.getRotationMatrix2D((100, 100), 35, 1.0) @ [40, 100, 1]) < 3


@pytest.mark.parametrize(
    ("normal", "asked"),
    [
        (texture(0), texture(1)),  # textures have no common pose
        (texture(0), np.full((96, 96, 3), 128, np.uint8)),
        (texture(0, 8, 8), texture(0, 8, 8)),  # too small to tell
        (texture(0, 1, 1), texture(1)),
    ],
)
def test_what_does_not_align_says_so(normal: np.ndarray, asked: np.ndarray) -> None:
    assert align(picture(normal), picture(asked)) is None


@pytest.mark.filterwarnings("error")
def test_where_all_is_ignored_nothing_aligns() -> None:
    assert align(picture(_key(0)), picture(_key(35)), np.ones((200, 200), dtype=bool)) is None
