import numpy as np

from tests.normal import case_of, texture, with_square
from xad_agent.tools.locate import locate


def test_one_place_in_words() -> None:
    evidence = locate(case_of(with_square((40, 10, 52, 22))))
    (region,) = evidence.regions
    x0, y0, x1, y1 = region.box
    assert evidence.statement == (
        f"One place stands out, region 1: top, {x1 - x0} x {y1 - y0} px, "
        f"{100 * region.area_share:.1f} % of the picture."
    )


def test_two_places() -> None:
    pixels = with_square((10, 10, 22, 22))
    pixels[70:80, 70:80] = 250
    evidence = locate(case_of(pixels))
    assert evidence.statement.startswith("Two places stand out, the strongest first. Region 1: lower right, ")
    assert "Region 2: upper left, " in evidence.statement


def test_none() -> None:
    evidence = locate(case_of(texture(3)))
    assert evidence.regions == ()
    assert evidence.statement.startswith("No place stands out: the score is ")


def test_grey_and_flat_pictures_have_no_place_out_of_nothing() -> None:
    assert locate(case_of(np.full((60, 60, 3), 128, np.uint8))).regions == ()
