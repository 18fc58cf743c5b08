from tests.normal import case_of, texture, with_square
from xad_agent.tools.compare import compare


def test_the_distance_stands_beside_what_is_usual() -> None:
    case = case_of(with_square((40, 20, 52, 32)))
    evidence = compare(case)
    distance = evidence.quantity("distance")
    assert distance.value == case.regions[0].score
    assert distance.normal == (0.0, case.profile.calibration.level)
    assert evidence.figure is not None
    assert evidence.figure.shape[1] > 4 * 100


def test_a_normal_picture_is_shown_whole() -> None:
    evidence = compare(case_of(texture(3)))
    assert evidence.regions == ()
    assert evidence.figure is not None
