"""Tool `refute`: what a defect and a harmless change come to, in words that the checker bears."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.normal import NormalProfile, case_of, texture, with_square
from xad_agent.answer import Claim
from xad_agent.answering import verdict_of
from xad_agent.case import Case
from xad_agent.check import check
from xad_agent.draft import statement_claims
from xad_agent.eval.refutation import CHANGES as MADE
from xad_agent.evidence import Ledger
from xad_agent.media import read_picture
from xad_agent.picture_profile import PictureProfile
from xad_agent.refutation import CAUSES, TRIALS
from xad_agent.tools import tools_for
from xad_agent.tools.locate import locate
from xad_agent.tools.refute import refute
from xad_agent.tools.repair import repair
from xad_agent.tools.score import score

SQUARE = (40, 20, 52, 32)
PROFILE = NormalProfile()
CHANGES = {
    "as it is": lambda pixels: pixels,
    "brighter": lambda pixels: np.clip(pixels.astype(int) + 25, 0, 255).astype(np.uint8),
    "darker": lambda pixels: (0.8 * pixels).astype(np.uint8),
    "shifted": lambda pixels: np.pad(pixels, ((5, 0), (5, 0), (0, 0)), mode="edge")[:96, :96],
    "compressed": lambda pixels: cv2.imdecode(cv2.imencode(".jpg", pixels, [1, 40])[1], cv2.IMREAD_COLOR),
    "blurred": lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 1.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_defect_stands_under_each_change(change: str) -> None:
    case = case_of(CHANGES[change](with_square(SQUARE)), PROFILE)
    assert refute(case).verdict == score(case).verdict == "anomalous"
    assert case.regions


# Light above grey unfolds the noise, and a repeated border draws it into streaks: in this world both are defects.
@pytest.mark.parametrize("change", sorted(set(CHANGES) - {"brighter", "shifted"}))
def test_a_changed_good_picture_does_not(change: str) -> None:
    case = case_of(CHANGES[change](texture(99)), PROFILE)
    assert refute(case).verdict == score(case).verdict != "anomalous"
    assert case.regions == ()


@pytest.mark.parametrize("pixels", [texture(99), with_square(SQUARE)])
@pytest.mark.parametrize("change", CHANGES)
def test_every_sentence_passes_the_checker(change: str, pixels: np.ndarray) -> None:
    case = case_of(CHANGES[change](pixels), PROFILE)
    said = [tool(case) for tool in (score, locate, refute)]
    for claim in statement_claims(said):
        assert check(claim, case.ledger) == (), claim.text


def test_what_was_tried_is_in_the_evidence() -> None:
    case = case_of(with_square(SQUARE), PROFILE)
    evidence = refute(case)
    names = {quantity.name for quantity in evidence.quantities}
    assert {"overall brightness", "overall contrast", "sharpness", "noise", "blockiness"} <= names
    assert {"rise along the outermost rows", "score less rest", "score less elsewhere"} <= names
    tests_of_the_place = {"difference from good pictures", "score after repair"}
    assert tests_of_the_place & names == {"score after repair"}, "noise does not align"
    assert evidence.basis == (repair(case).id,)
    assert evidence.quantity("score after repair").value < evidence.quantity("threshold").value
    assert all(quantity.normal for quantity in evidence.quantities if quantity.unit == "%")
    assert refute(case) is evidence


def test_without_a_cause_the_score_stands() -> None:
    pixels = texture(95).astype(int)
    pixels[30:44, 50:64] += 5
    evidence = refute(case_of(pixels.astype(np.uint8), PROFILE))
    assert evidence.verdict == "anomalous"
    assert evidence.statement.startswith(
        "Nothing harmless explains it: brightness, contrast, sharpness, noise, compression and shift are as on good "
    )


def rim_alone() -> Case:
    """A picture whose score comes from a shift: its outermost columns are brighter from top to bottom."""
    pixels = texture(99)
    pixels[:, :5] = np.clip(pixels[:, :5].astype(int) + 8, 0, 255)
    return case_of(pixels, PROFILE)


def test_an_explained_score_is_no_verdict() -> None:
    case = rim_alone()
    bare, evidence, placed = score(case), refute(case), locate(case)
    assert case.anomaly_map.score > PROFILE.calibration.threshold()
    assert bare.statement.startswith("By itself it scores ")
    assert evidence.statement.startswith("Normal after all: less what all of the picture shares it scores ")
    assert "The rise along the outermost rows is " in evidence.statement
    assert placed.statement.startswith("No place stands out from the rest of the picture. ")
    assert verdict_of(case) == "normal" and case.regions == ()
    false = Claim(text="It is anomalous.", kind="verdict", evidence=(bare.id,))
    assert check(false, case.ledger) == ("the cited evidence does not say that it is anomalous",)
    for claim in statement_claims([bare, evidence, placed]):
        assert check(claim, case.ledger) == (), claim.text


def test_too_much_changed_is_uncertain() -> None:
    case = case_of(CHANGES["darker"](texture(99)), PROFILE)
    assert refute(case).verdict == "uncertain"
    assert refute(case).statement.startswith("Uncertain: half of it scores 26.4 or more, the limit is 5.1, so ")
    assert "The overall brightness is 40.0 %, and normally 49.8 % to 50.2 %." in refute(case).statement


@pytest.mark.data
def test_real_tiles(data: Path) -> None:
    normal = sorted((data / "magnetic_tile" / "train" / "good").iterdir())
    profile = PictureProfile.fit(normal[:40], alpha=0.05, progress=False)
    alarms, stand = np.zeros(2, int), 0
    for path in normal[60:63]:
        good = read_picture(path).pixels
        bad = good.copy()
        bad[40:60, 40:60] = 255 - bad[40:60, 40:60]
        for change in MADE.values():
            changed, spoiled = (Case(read_picture(change(pixels)), profile, Ledger()) for pixels in (good, bad))
            flagged = changed.anomaly_map.score > profile.calibration.threshold()
            alarms += flagged, changed.refutation.verdict == "anomalous"
            stand += spoiled.refutation.verdict == "anomalous"
    assert alarms[0] >= 5 and alarms[1] <= alarms[0] // 4, alarms
    assert stand >= 15, "of 18"


@settings(max_examples=20)
@given(
    st.sampled_from([texture(3), texture(99), with_square(SQUARE)]),
    st.dictionaries(
        st.sampled_from([*TRIALS, *CAUSES, "whole"]), st.integers(-10, 2000).map(lambda tenths: tenths / 10), max_size=5
    ),
)
def test_whatever_was_measured_is_said_so_that_it_holds(pixels: np.ndarray, figures: dict[str, float]) -> None:
    case = case_of(pixels, PROFILE)
    measured = {**case.refutation.figures, **figures}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NormalProfile, "figures", lambda *_: measured)
        case = case_of(pixels, PROFILE)
        said = [tool(case) for tool in (score, locate, refute)]
    assert said[0].verdict == said[2].verdict == verdict_of(case)
    assert bool(case.regions) == (verdict_of(case) == "anomalous")
    for claim in statement_claims(said):
        assert check(claim, case.ledger) == (), claim.text


def test_an_exception_below_the_limit_is_uncertain() -> None:
    profile = NormalProfile()
    profile.usual = {**profile.usual, "rest": np.zeros(48), "elsewhere": np.zeros(48)}
    case = case_of(texture(3), profile)
    said = [score(case), locate(case), refute(case)]
    assert verdict_of(case) == said[0].verdict == "uncertain"
    assert said[2].statement.startswith("Uncertain: the strongest candidate, ")
    for claim in statement_claims(said):
        assert check(claim, case.ledger) == (), claim.text


def test_before_normal_the_strongest_candidate_is_named() -> None:
    case = case_of(texture(3), PROFILE)
    evidence = refute(case)
    assert evidence.verdict == "normal"
    place = ", ".join(case.candidate.place)
    assert evidence.statement.startswith(f"The strongest candidate, {place}, is no exception either: less what all of ")
    assert evidence.regions == (case.candidate,)


def test_without_a_profile_it_is_a_limit_and_not_offered() -> None:
    case = Case(case_of(texture(0), PROFILE).picture, None, Ledger())
    evidence = refute(case)
    assert (evidence.kind, evidence.verdict) == ("limit", "uncertain")
    assert "refute" not in tools_for(case)
    assert "refute" in tools_for(case_of(texture(0), PROFILE))
