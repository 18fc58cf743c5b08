"""Tool `place`: what is said of one point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.normal import NormalProfile, case_of, examine, picture, texture, with_square
from xad_agent.answer import Claim
from xad_agent.case import Case
from xad_agent.check import check
from xad_agent.evidence import Evidence, Ledger
from xad_agent.tools.place import place

SQUARE = (40, 20, 52, 32)


def _accepted(case: Case, evidence: Evidence) -> bool:
    return check(Claim(text=evidence.statement, kind="where", evidence=(evidence.id,)), case.ledger) == ()


def test_a_point_in_a_region() -> None:
    case = case_of(with_square(SQUARE))
    evidence = place(case, 46, 26)
    (region,) = case.regions
    assert evidence.regions == (region,)
    assert evidence.statement.startswith("The place at 46 px across and 26 px down lies in region 1 (top")
    assert evidence.quantity("distance").value == pytest.approx(case.anomaly_map.values[26, 46])
    assert evidence.quantity("threshold").value == case.profile.calibration.threshold()
    assert ", above the limit " in evidence.statement


def test_a_point_beside_it_says_how_far_the_region_is() -> None:
    case = case_of(with_square(SQUARE))
    evidence = place(case, 80, 85)
    rows, columns = np.nonzero(case.regions[0].mask(96, 96))
    gap = np.hypot(rows - 85, columns - 80).min()
    assert evidence.regions == () and evidence.quantity("distance to region").value == pytest.approx(gap)
    assert f"(lower right, off the object) lies in no region; region 1 is {gap:.0f} px away. " in evidence.statement
    assert ", below the limit " in evidence.statement


def test_the_same_place_on_good_pictures_is_held_beside_it_where_they_align() -> None:
    base = np.kron(np.random.default_rng(0).integers(60, 200, (12, 12, 1), np.uint8), np.ones((8, 8, 3), np.uint8))
    noise = [np.random.default_rng(seed).integers(-3, 4, base.shape) for seed in range(7)]
    shown, *normals = [np.clip(base + one, 0, 255).astype(np.uint8) for one in noise]
    shown[20:32, 40:52] = 255
    case = case_of(shown, NormalProfile(normals))
    there, elsewhere = place(case, 46, 26), place(case, 80, 80)
    name = "difference from good pictures"
    assert there.quantity(name).value > 5 * elsewhere.quantity(name).value
    assert "There it differs from good pictures " in there.statement
    laid = case.normals.same_place((36, 16, 56, 36), (20, 20))
    assert laid is not None and laid[0] == "good 0.png"
    assert np.abs(laid[1].astype(int) - normals[0][16:36, 36:56]).mean() < 6


def test_nothing_stands_out() -> None:
    evidence = place(case_of(texture(3)), 0, 95)
    assert "(lower left, at the rim) lies in no region, for no place stands out." in evidence.statement


def test_without_a_profile_it_is_held_beside_the_rest_of_the_picture() -> None:
    case = Case(picture(with_square(SQUARE)), None, Ledger())
    case.__dict__["anomaly_map"] = found = examine(case.picture)
    evidence = place(case, 90, 90)
    share = 100 * (found.values >= found.values[90, 90]).mean()
    assert evidence.quantity("area share as strange").value == pytest.approx(share)
    assert evidence.statement.endswith("no normal example is known to compare it with.")


@pytest.mark.parametrize("point", [(96, 10), (10, 96), (4000, 4000)])
def test_outside_the_picture_there_is_no_place(point: tuple[int, int]) -> None:
    case = case_of(texture(3))
    evidence = place(case, *point)
    assert evidence.kind == "limit" and evidence.figure is None
    assert evidence.statement.endswith("is not in the picture, which is 96 px wide and 96 px high.")
    assert _accepted(case, evidence)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2), (5, 7)])
def test_tiny_and_thin_pictures(shape: tuple[int, int]) -> None:
    case = case_of(np.full((*shape, 3), 250, np.uint8))
    evidence = place(case, shape[1] - 1, shape[0] - 1)
    assert evidence.kind == "observation" and evidence.figure is not None and _accepted(case, evidence)


@settings(max_examples=60)
@given(st.integers(0, 95), st.integers(0, 63), st.sampled_from(["one", "two", "none", "unknown"]))
def test_whatever_the_point_the_checker_agrees(x: int, y: int, kind: str) -> None:
    case = _KNOWN[kind]
    evidence = place(case, x, y)
    assert _accepted(case, evidence), evidence.statement
    inside = [region for region in case.regions if region.mask(64, 96)[y, x]]
    assert list(evidence.regions) == inside[:1]


def _wide(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    pixels = texture(5, 64, 96)
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = 235
    return pixels


def _unknown() -> Case:
    case = Case(picture(_wide(SQUARE)), None, Ledger())
    case.__dict__["anomaly_map"] = examine(case.picture)
    return case


_KNOWN = {
    "one": case_of(_wide(SQUARE)),
    "two": case_of(_wide(SQUARE, (5, 40, 15, 60))),
    "none": case_of(texture(3, 64, 96)),
    "unknown": _unknown(),
}
