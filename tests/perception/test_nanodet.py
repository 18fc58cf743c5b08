"""NanoDet's decoding, tiles and canvases with a network that sees colours instead of objects."""

from types import SimpleNamespace

import numpy as np
import pytest

from xad_agent.errors import XadError
from xad_agent.perception.nanodet import LEAST_SCORE, NanoDet, _is_cut, _shown_whole_elsewhere

PERSON, BICYCLE, CAR = 0, 1, 2
RED, GREEN = (255, 0, 0), (0, 255, 0)
SIDES = {"left": 0, "top": 1, "right": 2, "bottom": 3}


class ColourNet:
    """Stands for the session: red is a person, green a bicycle, and each cell sees a box of 4 strides around itself."""

    def __init__(self) -> None:
        self.runs = 0

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="image")]

    def run(self, names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.runs += 1
        mean, std = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])
        image = inputs["image"][0].transpose(1, 2, 0) * std + mean  # blue, green, red
        outputs = []
        for stride in (32, 8, 16):  # in no particular order
            centres = image[stride // 2 :: stride, stride // 2 :: stride].reshape(-1, 3)
            scores = np.zeros((1, len(centres), 80), np.float32)
            scores[0, :, PERSON], scores[0, :, BICYCLE] = centres[:, 2] / 255, centres[:, 1] / 255
            bins = np.full((1, len(centres), 44), -50, np.float32)
            bins[..., 2::11] = 50
            outputs += [bins, scores]
        return outputs


class OneCell:
    """Stands for the session: one cell, of stride 16 in row 5 and column 7, sees a car."""

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="image")]

    def run(self, names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        scores = {cells: np.zeros((1, cells, 80), np.float32) for cells in (2704, 676, 169)}
        bins = {cells: np.zeros((1, cells, 4, 11), np.float32) for cells in scores}
        cell = 5 * 26 + 7
        scores[676][0, cell, [CAR, PERSON]] = 0.9, 0.2
        bins[676][0, cell, SIDES["left"], 1] = 50
        bins[676][0, cell, SIDES["top"], [2, 3]] = 50, 50 + np.log(3)  # 2.75 on average
        bins[676][0, cell, SIDES["right"], 3] = 50
        bins[676][0, cell, SIDES["bottom"], 4] = 50
        return [*scores.values(), *(array.reshape(1, -1, 44) for array in bins.values())]


def blob(shape: tuple[int, int], *spots: tuple[tuple[float, float], tuple[int, int, int]], size: float) -> np.ndarray:
    """A black picture with soft spots of given centres (x, y) and colours."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    pixels = np.zeros((*shape, 3))
    for (cx, cy), colour in spots:
        pixels += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size**2))[..., None] * colour
    return pixels.clip(0, 255).astype(np.uint8)


def around(x: float, y: float, half: float) -> list[float]:
    return [x - half, y - half, x + half, y + half]


@pytest.mark.parametrize("scale", [1, 2])
def test_a_box_is_the_mean_of_its_distributions_around_the_cell(scale: int) -> None:
    found = NanoDet(OneCell()).detect(np.zeros((416 * scale, 416 * scale, 3), np.uint8))
    x, y = 7.5 * 16, 5.5 * 16
    expected = np.array([x - 16, y - 2.75 * 16, x + 3 * 16, y + 4 * 16])
    np.testing.assert_allclose(found.boxes, [expected * scale], rtol=1e-4)
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert found.labels == ["car"]
    assert found.scores.shape == (1, 80)
    assert (found.scores[0, CAR], found.scores[0, PERSON]) == pytest.approx((0.9, 0.2))


def test_boxes_end_where_the_picture_does() -> None:
    # The cell's box is 104 to 168 px across and 44 to 152 px down on the canvas, of which these pictures fill a part.
    detector = NanoDet(OneCell())
    flat, narrow, outside = (
        detector.detect(np.zeros(shape, np.uint8)).boxes for shape in ((100, 416, 3), (208, 60, 3), (40, 416, 3))
    )
    np.testing.assert_allclose(flat, [[104, 44, 168, 100]], atol=1e-3)
    np.testing.assert_allclose(narrow, [[52, 22, 60, 76]], atol=1e-3)
    assert len(outside) == 0


@pytest.mark.parametrize(("tile", "runs"), [(None, 1), (120, 12), (1000, 1)])
def test_every_object_is_found_where_it_is_once(tile: int | None, runs: int) -> None:
    spots = {PERSON: (100.0, 61.0), BICYCLE: (290.0, 170.0)}
    pixels = blob((240, 360), (spots[PERSON], RED), (spots[BICYCLE], GREEN), size=4)
    network = ColourNet()
    found = NanoDet(network).detect(pixels, tile)
    assert network.runs == runs
    assert (found.scores.max(axis=1) >= LEAST_SCORE).all()
    assert (np.diff(found.scores.max(axis=1)) <= 0).all()
    for label, spot in spots.items():
        best = found.scores[:, label].argmax()
        assert found.scores[best, label] > 0.75
        centre = found.boxes[best].reshape(2, 2).mean(axis=0)
        assert np.abs(centre - spot).max() < 5


def test_a_part_cut_off_by_a_tile_goes_when_another_tile_has_the_whole() -> None:
    tile = (0, 0, 100, 100)
    boxes = np.array([[80, 20, 100, 60], [10, 20, 99, 30], [40, 40, 60, 60], [0, 0, 20, 100]], np.float32)
    cut = _is_cut(boxes, tile, (100, 300, 3))
    np.testing.assert_array_equal(cut, [True, True, False, False])  # the last ends where the picture does
    np.testing.assert_array_equal(_is_cut(boxes, tile, (100, 100, 3)), [False] * 4)
    whole = np.array([[82, 18, 130, 62]], np.float32)
    found = _shown_whole_elsewhere(np.concatenate([boxes, whole]), np.array([*cut, False]))
    np.testing.assert_array_equal(found, [True, False, False, False, False])


def test_parts_stay_where_no_tile_has_the_whole() -> None:
    boxes = np.array([[80, 20, 100, 60], [75, 20, 130, 60]], np.float32)
    assert not _shown_whole_elsewhere(boxes, np.array([True, True])).any()
    assert not _shown_whole_elsewhere(boxes[:0], np.array([], bool)).any()


def test_places_are_told_apart_whatever_shares_their_canvas() -> None:
    centres = [(x, y) for y in (40, 110, 180) for x in (30, 90, 150, 210, 270, 330)]
    colours = [RED if place % 3 else GREEN for place in range(len(centres))]
    pixels = blob((240, 360), *zip(centres, colours, strict=True), size=5)
    boxes = np.array([around(x, y, 10) for x, y in centres], np.float32)
    network = ColourNet()
    scores = NanoDet(network).classify(pixels, boxes)
    assert network.runs == 2, "sixteen to a canvas"
    assert scores.dtype == np.float32
    assert scores.argmax(axis=1).tolist() == [PERSON if place % 3 else BICYCLE for place in range(len(centres))]
    assert (scores.max(axis=1) > 0.8).all()
    assert scores[0, PERSON] < 0.1
    for place in (0, 7, 17):
        alone = NanoDet(network).classify(pixels, boxes[place : place + 1])
        np.testing.assert_allclose(alone[0], scores[place], atol=0.05)


def test_what_small_fields_would_shrink_goes_four_to_a_canvas() -> None:
    pixels = blob((300, 500), ((250, 150), RED), size=60)
    network = ColourNet()
    large, small = around(250, 150, 45), around(250, 150, 10)  # with what is around them 135 px and 30 px
    scores = NanoDet(network).classify(pixels, np.array([large] * 5 + [small] * 2))
    assert network.runs == 3
    assert (scores[:, PERSON] > 0.9).all()
    np.testing.assert_allclose(scores[:5], scores[:1].repeat(5, axis=0), atol=0.02)


def test_what_stands_beside_a_place_does_not_count() -> None:
    pixels = blob((240, 360), ((100, 100), RED), size=5)
    boxes = [around(100, 100, 5), around(115, 100, 5), around(200, 100, 5)]
    on, beside, far = NanoDet(ColourNet()).classify(pixels, np.array(boxes))[:, PERSON]
    assert on > 0.9
    assert beside < 0.2
    assert far == 0


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([500, 50, 520, 80], id="outside"),
        pytest.param([-30, -30, 0, 0], id="touching"),
        pytest.param([50, 50, 50, 80], id="no width"),
        pytest.param([80, 80, 50, 50], id="inside out"),
    ],
)
def test_a_box_that_shows_nothing_looks_like_nothing(box: list[float]) -> None:
    pixels = np.full((240, 360, 3), RED, np.uint8)
    seen = [100, 100, 120, 120]
    scores = NanoDet(ColourNet()).classify(pixels, np.array([box, seen]))
    assert (scores[0] == 0).all()
    assert scores[1, PERSON] > 0.9


def test_a_box_half_outside_is_judged_by_its_half_inside() -> None:
    pixels = blob((240, 360), ((6, 100), RED), size=8)
    inside, half = around(6, 100, 6), [-12, 94, 12, 106]
    scores = NanoDet(ColourNet()).classify(pixels, np.array([inside, half]))
    np.testing.assert_allclose(scores[1], scores[0], atol=0.05)


def test_no_boxes_and_tiny_pictures() -> None:
    network = ColourNet()
    assert NanoDet(network).classify(np.zeros((5, 5, 3), np.uint8), np.empty((0, 4))).shape == (0, 80)
    assert network.runs == 0
    pixel = np.full((1, 1, 3), RED, np.uint8)
    assert NanoDet(network).classify(pixel, np.array([[0, 0, 1, 1]]))[0, PERSON] > 0.9
    found = NanoDet(network).detect(pixel, 64)
    assert ((found.boxes >= 0) & (found.boxes <= 1)).all()
    assert len(NanoDet(network).detect(np.zeros((1, 1, 3), np.uint8)).labels) == 0


def test_says_what_is_wrong() -> None:
    detector = NanoDet(ColourNet())
    with pytest.raises(XadError, match="tiles of 8 px"):
        detector.detect(np.zeros((50, 50, 3), np.uint8), 8)
    with pytest.raises(XadError, match="box 1 of 1"):
        detector.classify(np.zeros((50, 50, 3), np.uint8), np.array([[np.nan, 0, 1, 1]]))
