"""Tool `name` for clips: what it says is what the numbers bear, beside normal, and passes the checker."""

import numpy as np
import pytest

from tests.things import FRAMES, HEIGHT, WIDTH, ThingsProfile, sightings, thing
from xad_agent.check import check
from xad_agent.clip_case import ClipCase
from xad_agent.draft import statement_claims
from xad_agent.evidence import Ledger
from xad_agent.media import read_clip
from xad_agent.tools.clips.name import name

SAID = thing(speed=2.5, width=0.9, gait=0.7, says={"person": 0.7, "bicycle": 0.8})
UNSAID = thing(speed=2.5, gait=0.5)
ANIMAL = thing(speed=1.2, width=1.4, height=1.3, says={"elephant": 0.9})


def case_of(*things):
    clip = read_clip(np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8))
    return ClipCase(clip, ThingsProfile({clip.name: sightings(*things)}), Ledger())


@pytest.mark.parametrize(
    ("strange", "says", "quantity", "label", "action", "doing"),
    [
        (SAID, "a bicycle: the object detector gives that name 0.8, and normally 0.4", "name score", "bicycle",
         "ride", "What it does looks like riding: the likeness is "),
        (ANIMAL, "an elephant: the object detector gives that name 0.9, and normally", "name score", "elephant",
         None, "in event 1 looks like an elephant"),  # which neither rides nor is driven
        (UNSAID, "looks like a skateboard: by its shape and motion its likeness is", "likeness", "skateboard",
         "glide on a board", "What it does looks like gliding on a board: the likeness is "),
    ],
)  # fmt: skip
def test_statement_has_its_contrast(strange, says, quantity, label, action, doing):
    case = case_of(thing(), strange)
    evidence = name(case)
    assert says in evidence.statement and doing in evidence.statement
    assert ("What it does" in evidence.statement) == (action in evidence.labels)
    assert evidence.quantity(quantity).value > evidence.quantity(quantity).normal[1]
    assert 0 < evidence.labels[label] <= 1
    assert [check(claim, case.ledger) for claim in statement_claims([evidence])] == [()]
    assert name(case) is evidence, "measured once"


def test_what_fits_no_name_better_than_normal_is_not_named(monkeypatch):
    case = case_of(thing(), UNSAID)
    usual = np.full(len(case.reference.namer.classes), 1e3)
    monkeypatch.setattr(type(case.reference), "usual_scores", usual)
    evidence = name(case)
    assert "cannot be told" in evidence.statement and "What it does" not in evidence.statement
    assert [check(claim, case.ledger) for claim in statement_claims([evidence])] == [()]


def test_label_scores_hold_every_class_with_the_most_of_any_event():
    case = case_of(SAID, thing(), UNSAID | {"speed": 1.8})
    assert len(case.events) == 2
    scores = case.label_scores
    assert tuple(scores) == case.reference.namer.classes
    each = [case.class_scores(event) for event in case.events]
    assert list(scores.values()) == pytest.approx(np.max(each, axis=0))
    assert scores["bicycle"] > 1 and scores["skateboard"] > 1 > scores["vehicle"]
    assert not any(case_of(thing()).label_scores.values()), "no event, no names"
