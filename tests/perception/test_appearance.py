"""What a trunk says of boxes, against its features of the same crop taken by hand."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.tiny import tiny_backbone
from xad_agent.errors import XadError
from xad_agent.perception.appearance import SIDE, Appearance


@pytest.fixture(scope="module")
def appearance() -> Appearance:
    return Appearance(tiny_backbone())


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)


def test_a_box_is_the_mean_of_the_last_features_of_the_square_around_it(
    appearance: Appearance, pixels: NDArray[np.uint8]
) -> None:
    """The square around 80 x 96 px, a tenth larger: 105.6 px from (57.2, 45.2), cut to whole px; shrunk to 96."""
    import cv2

    crop = cv2.resize(pixels[45:151, 57:163], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        last = appearance.backbone(appearance.backbone.prepare(crop))[-1]
    (described,) = appearance.describe(pixels, np.array([[70, 50, 150, 146]]))
    np.testing.assert_allclose(described, last.mean(dim=(2, 3))[0].numpy(), rtol=1e-3, atol=1e-5)


def test_many_boxes_are_described_as_one_by_one(appearance: Appearance, pixels: NDArray[np.uint8]) -> None:
    boxes = np.random.default_rng(1).uniform(0, 150, (40, 4))
    boxes[:, 2:] = boxes[:, :2] + 8 + boxes[:, 2:] / 3
    together = appearance.describe(pixels, boxes)
    assert together.shape == (40, appearance.size) and together.dtype == np.float32
    alone = np.concatenate([appearance.describe(pixels, box[None]) for box in boxes])
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-5)


def test_boxes_that_show_nothing_are_not_described(appearance: Appearance, pixels: NDArray[np.uint8]) -> None:
    described = appearance.describe(pixels, np.array([[400, 0, 420, 20], [5, 5, 5, 9], [10, 10, 20, 20]]))
    assert np.isnan(described[:2]).all() and np.isfinite(described[2]).all()
    assert appearance.describe(pixels, np.zeros((0, 4))).shape == (0, appearance.size)
    assert np.isfinite(appearance.describe(np.zeros((1, 1, 3), np.uint8), np.array([[0, 0, 1, 1]]))).all()
    with pytest.raises(XadError, match="not finite"):
        appearance.describe(pixels, np.array([[0, 0, np.nan, 9]]))


def test_torch_keeps_its_threads(appearance: Appearance, pixels: NDArray[np.uint8]) -> None:
    threads = torch.get_num_threads()
    appearance.describe(pixels, np.array([[0, 0, 50, 50]]))
    assert torch.get_num_threads() == threads
