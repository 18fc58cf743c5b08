import numpy as np
import pytest

from tests.normal import case_of, texture, with_square
from xad_agent.answer import Answer
from xad_agent.case import Case
from xad_agent.media.figure import FIGURE_WIDTH, answer_figure, side_by_side
from xad_agent.media.overlay import SIDE, overlay


def _overlay(case: Case) -> np.ndarray:
    return overlay(case.picture, case.anomaly_map, case.profile.calibration if case.profile else None, case.regions)


def test_a_good_picture_is_left_uncoloured() -> None:
    case = case_of(np.full((96, 96, 3), 128, np.uint8))
    drawn = _overlay(case)[:SIDE, :SIDE]
    assert (drawn == 128).all()


def test_an_anomalous_place_is_red_and_outlined() -> None:
    drawn = _overlay(case_of(with_square((40, 40, 56, 56)))).astype(int)
    middle = drawn[SIDE // 2, SIDE // 2]
    assert middle[0] > middle[1] + 60
    corner = drawn[20, 20]
    assert abs(corner[0] - corner[1]) < 5
    assert (drawn[:SIDE] == 255).all(axis=2).any()


def test_the_scale_does_not_depend_on_the_picture() -> None:
    """A strong place elsewhere does not pale a weaker one."""
    weak = with_square((10, 10, 26, 26), value=150)
    both = weak.copy()
    both[60:80, 60:80] = 255
    at = (18 * SIDE // 96, 18 * SIDE // 96)
    drawn = [_overlay(case_of(pixels))[at].astype(int) for pixels in (weak, both)]
    assert np.abs(drawn[0] - drawn[1]).max() < 12


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3), (900, 1400)])
def test_any_shape_can_be_drawn(shape: tuple[int, int]) -> None:
    drawn = _overlay(case_of(texture(0, *shape)))
    assert drawn.dtype == np.uint8
    assert max(drawn.shape) >= 260


def test_side_by_side_holds_every_panel() -> None:
    panels = [("a", texture(0)), ("a very long name " * 9, texture(1, 40, 90)), ("c", texture(2, 200, 10))]
    drawn = side_by_side(panels, height=100)
    assert drawn.shape[2] == 3
    assert drawn.shape[1] > 200


@pytest.mark.parametrize("pixels", [with_square((40, 40, 56, 56)), texture(3), texture(0, 30, 300)])
def test_the_answer_at_a_glance(pixels: np.ndarray) -> None:
    case = case_of(pixels)
    answer = Answer(question="?", verdict="anomalous", text="", score=7.9, threshold=4.2, regions=case.regions)
    figure = answer_figure(answer, case)
    assert figure.mode == "RGB"
    assert figure.width == FIGURE_WIDTH
    assert 200 < figure.height < 1000
