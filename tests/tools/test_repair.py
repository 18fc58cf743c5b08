import numpy as np
import pytest

from tests.normal import NormalProfile, case_of, examine, picture, texture, with_square
from xad_agent.case import Case
from xad_agent.counterfactual import repair_regions
from xad_agent.evidence import Ledger
from xad_agent.tools.repair import repair


def test_the_score_falls_below_the_limit() -> None:
    case = case_of(with_square((40, 20, 52, 32)))
    evidence = repair(case)
    after, limit = evidence.quantity("score after repair").value, evidence.quantity("threshold").value
    assert after < limit < evidence.quantity("score").value
    assert evidence.quantity("tries").value == 1
    assert evidence.statement.startswith("With region 1 replaced by normal content, the score falls from ")
    assert evidence.statement.endswith("so nothing else in the picture is out of the ordinary.")


def test_a_seam_at_the_rim_does_not_show() -> None:
    evidence = repair(case_of(with_square((0, 40, 12, 60), value=20)))
    assert evidence.quantity("score after repair").value < evidence.quantity("threshold").value


def test_only_the_region_and_its_margin_change_and_only_to_normal_content() -> None:
    case = case_of(with_square((40, 20, 52, 32)))
    made = repair_regions(case.picture, [1], case.counterparts, examine, case.profile.calibration.threshold())
    assert made is not None
    changed = (made.picture.pixels != case.picture.pixels).any(axis=2)
    assert changed[20:32, 40:52].all()
    assert not changed[50:].any()
    assert made.picture.pixels.max() < 160
    assert made.sources[0].startswith("good ")


def test_one_region_of_two_is_not_the_only_reason() -> None:
    pixels = with_square((10, 10, 22, 22))
    pixels[70:82, 70:82] = 240
    case = case_of(pixels)
    evidence = repair(case, region=1)
    assert "only to" in evidence.statement
    assert evidence.statement.endswith("so that place is not the only reason.")
    assert evidence.regions == (case.regions[0],)
    assert repair(case).quantity("score after repair").value < evidence.quantity("threshold").value


def test_what_cannot_be_made_normal_is_said() -> None:
    strange = [np.full((96, 96, 3), 240, np.uint8)] * 12
    profile = NormalProfile(strange)
    profile.calibration = NormalProfile().calibration
    evidence = repair(case_of(with_square((40, 20, 52, 32), value=255), profile))
    assert evidence.quantity("score after repair").value >= 0
    assert evidence.statement.startswith("With region 1 replaced by normal content, the score ")


def test_no_profile_no_repair() -> None:
    case = Case(picture(with_square((40, 20, 52, 32))), None, Ledger())
    evidence = repair(case)
    assert evidence.kind == "limit"
    assert evidence.statement == "No normal example is known, so there is nothing to repair it with."


def test_a_large_picture_keeps_its_size() -> None:
    pixels = texture(5, 700, 800)
    pixels[300:360, 400:470] = 230
    normals = [texture(seed, 448, 512) for seed in range(4)]
    case = case_of(pixels, NormalProfile(normals))
    made = repair_regions(case.picture, [1], case.counterparts, examine, case.profile.calibration.threshold())
    assert made is not None
    assert made.picture.pixels.shape == pixels.shape
    assert made.score < case.anomaly_map.score / 2


@pytest.mark.parametrize("size", [(1, 1), (4, 6)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    assert repair(case_of(np.full((*size, 3), 250, np.uint8))).statement
