"""The second opinion by a small CLIP with seeded random weights: what is said is right, whatever it is worth."""

import pytest

from tests.normal import NormalProfile, case_of, picture, texture, with_square
from tests.small_clip import small_clip
from xad_agent.answer import Claim
from xad_agent.case import Case
from xad_agent.check import check
from xad_agent.detectors.winclip import WinCLIP
from xad_agent.evidence import Ledger
from xad_agent.perception.models import Models
from xad_agent.tools.score import score
from xad_agent.tools.zero_shot import zero_shot

SQUARE = (40, 20, 52, 32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return small_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def models(clip, monkeypatch):
    monkeypatch.setattr(Models, "clip", clip)
    return Models({"clip": "small"}, thing="plate")


def holds(evidence, case):
    return check(Claim(text=evidence.statement, kind="compare", evidence=(evidence.id,)), case.ledger) == ()


def test_a_second_opinion_is_beside_what_good_pictures_score(models):
    case = case_of(with_square(SQUARE), models=models)
    evidence = zero_shot(case)
    assert isinstance(case.zero_shot, WinCLIP)
    second = evidence.quantity("second score")
    assert second.value == pytest.approx(case.zero_shot.score(case.picture).score)
    others = [case.zero_shot.score(case.profile.exemplar(n)).score for n in range(4, 12)]
    assert second.normal == (pytest.approx(min(others)), pytest.approx(max(others)))
    assert second.p_value == pytest.approx((1 + sum(other >= second.value for other in others)) / 9)
    assert "in a quick mode" in evidence.statement
    assert holds(evidence, case)


def test_its_words_are_those_that_fit_the_place(models):
    case = case_of(with_square(SQUARE), models=models)
    evidence = zero_shot(case)
    place = evidence.regions[-1]
    words = case.zero_shot.explain(case.picture, place.mask(96, 96))
    assert evidence.labels == {
        next(w.word for w in words if w.kind == kind): pytest.approx(
            next(w.probability for w in words if w.kind == kind)
        )
        for kind in ("anomalous", "normal")
    }
    assert all(f'"{word}"' in evidence.statement for word in evidence.labels)


def test_references_are_looked_at_once_for_all_pictures(models, monkeypatch):
    profile, looked = NormalProfile(), []
    look = WinCLIP._look
    monkeypatch.setattr(
        WinCLIP, "_look", lambda self, asked, every: looked.append(asked.name) or look(self, asked, every)
    )
    zero_shot(case_of(with_square(SQUARE), profile, models))
    first = len(looked)
    zero_shot(case_of(with_square((10, 10, 30, 30)), profile, models))
    assert len(looked) == first + 1


def test_without_a_profile_clip_gives_the_score_and_the_words(models):
    case = Case(picture(texture(3)), None, Ledger(), models)
    said = score(case)
    assert said.verdict == "uncertain" and "CLIP takes it for damaged" in said.statement
    assert "in a quick mode" in said.statement
    assert case.detector == f"winclip ({case.zero_shot.mode})"
    assert holds(said, case)
    evidence = zero_shot(case)
    assert "second look" not in evidence.statement and len(evidence.labels) == 2
    assert holds(evidence, case)
