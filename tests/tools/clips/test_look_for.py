"""A thing asked for by its name: seen, not seen, not known."""

from dataclasses import replace

import numpy as np
import pytest

from tests.crowd import RIDER, case_of, scene, walk, walkway
from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.clip_case import ClipCase
from xad_agent.perception.sightings import Sightings
from xad_agent.tools.clips.look_for import look_for


def found(seen: Sightings, scores: list[list[float]]) -> Sightings:
    """The detector gives person, bicycle and dog these scores, one row every half second."""
    table = np.array(scores, np.float32).reshape(-1, 3)
    boxes = np.zeros((len(table), 4), np.float32)
    return replace(seen, object_frame=5 * np.arange(len(table)), object_box=boxes, object_scores=table)


def case(scores: list[list[float]]) -> ClipCase:
    """In normal clips a bicycle reaches 0.3 for a second, and 0.9 once; a person 0.7."""
    profile = walkway()
    profile.normal = (found(walk(0), [[0.7, 0.9, 0.1], [0.7, 0.3, 0.1], [0.7, 0.1, 0.1]]),)
    return case_of(found(scene(RIDER), scores), profile)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (
            "bicycle",
            "A bicycle is seen, most clearly at 1.0 s: its score, held for 1 s, is 0.6, and normally 0.3 at most.",
        ),
        (
            "dog",
            "No dog is seen: its score, held for 1 s, is 0.2, and normally 0.1 at most.",
        ),  # 0.9 but once, then weak
        (
            "person",
            "A person is seen, most clearly at 0 s: its score, held for 1 s, is 0.6, and normally 0.7 at most.",
        ),
    ],
)
def test_what_is_seen_for_a_second(what: str, says: str) -> None:
    asked = case([[0.6, 0.1, 0.9], [0.6, 0.6, 0.2], [0.4, 0.8, 0.1]])
    evidence = look_for(asked, what)
    assert evidence.statement == says
    assert check(Claim(text=evidence.statement, kind="what", evidence=(evidence.id,)), asked.ledger) == ()
    assert look_for(asked, what) is evidence


def test_nothing_found_and_a_thing_not_known() -> None:
    asked = case([])
    assert look_for(asked, "dog").statement.startswith("No dog is seen: its score, held for 1 s, is 0")
    unknown = look_for(asked, "unicorn")
    assert unknown.kind == "limit" and "cannot tell" in unknown.statement
