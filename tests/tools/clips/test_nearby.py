"""Tool `nearby`: who comes how near to an event's thing, and when, in a world where the distances are known."""

from dataclasses import replace

import numpy as np
import pytest

from tests.crowd import FPS, TALL, Walker, case_of, scene, walk, walkway
from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.clip_case import ClipCase
from xad_agent.tools.clips.nearby import REACH, nearby

FAST = Walker(70, 20, speed=1.5, first=40, last=84, size=(14, TALL), gait=1.0, scores=(0.4, 0.7, 0.1))
BESIDE = replace(FAST, feet=70 + TALL, size=(8, TALL), scores=(0.6, 0.05, 0.02))  # one body height nearer, all along


def holds(case: ClipCase, text: str) -> tuple[str, ...]:
    return check(Claim(text=text, kind="what", evidence=("E1",)), case.ledger)


def seen_with(*others: Walker) -> ClipCase:
    """The rider alone with these; what walks elsewhere is far off."""
    seen = scene(FAST, *others)
    far = {1: 400.0, 2: 600.0}
    shift = np.array([[far.get(int(track), 0.0)] * 2 for track in seen.track], np.float32)
    box = seen.box.copy()
    box[:, [0, 2]] += shift
    return case_of(replace(seen, box=box), walkway())


def test_the_least_distance_and_when_it_is_near() -> None:
    """One stands at x = 80: the rider, 3 px a frame from x = 20, is 60 px away at frame 40 and passes it at 60."""
    case = seen_with(Walker(70 + TALL, 80, speed=0.0))
    evidence = nearby(case)
    assert evidence.quantity("distance").value == pytest.approx(1.0)  # one lane down
    ends = [q.value for q in evidence.quantities if q.name == "near"]
    # 20 px down leave sqrt(40^2 - 20^2) = 34.6 px along, that is 11 frames before and after
    assert ends == pytest.approx([(60 - 11) / FPS, (60 + 11) / FPS])
    assert evidence.quantity("nearest").value == 60 / FPS
    assert evidence.statement == (
        "One other comes within 2 body heights of the thing in event 1. It is neighbour A, a person: "
        "1.0 body heights away at 6.0 s, near from 4.9 s to 7.1 s."
    )
    assert evidence.labels == pytest.approx({"person": 0.6}) and holds(case, evidence.statement) == ()
    event, neighbour = evidence.regions
    assert (event.label, neighbour.label) == ("event 1", "neighbour A")
    assert neighbour.box == (76, 70, 84, 90) and neighbour.frames == (40, 84, 60)
    assert evidence.figure is not None and nearby(case) is evidence


def test_others_at_once_the_nearest_first_and_three_of_them_told() -> None:
    walkers = [Walker(70 + TALL * n / 2, 40 + 10 * n, speed=0.0, size=(4, 4)) for n in (3, 2, 1)]
    late = Walker(75, 150, speed=0.0)  # when the others are out of reach again
    case = seen_with(*walkers, late)
    evidence = nearby(case)
    distances = [q.value for q in evidence.quantities if q.name == "distance"]
    assert distances == sorted(distances) == pytest.approx([0.25, 0.5, 1.0], abs=0.06)
    assert evidence.quantity("at once").value == 3
    assert evidence.statement.startswith(
        "Others, three of them at once, come within 2 body heights of the thing in event 1"
    )
    assert evidence.statement.count("near from") == 3 and holds(case, evidence.statement) == ()
    assert holds(case, "Others, four of them at once, come within 2 body heights.")
    assert holds(case, "Others come within 3 body heights of the thing in event 1.")
    assert holds(case, evidence.statement.replace("0.25", "0.95"))


def test_one_after_the_other() -> None:
    case = seen_with(Walker(90, 55, speed=0.0), Walker(90, 140, speed=0.0))
    assert "Others, one at a time, come within " in nearby(case).statement


def test_nobody_near_and_the_next_nearest() -> None:
    case = seen_with(Walker(70 + 2.5 * TALL, 80, speed=0.0))
    evidence = nearby(case)
    assert evidence.statement == (
        "Nobody else comes within 2 body heights of the thing in event 1. "
        "The next is a person, 2.5 body heights away at 6.0 s."
    )
    assert evidence.quantity("distance").value > REACH and holds(case, evidence.statement) == ()
    assert holds(case, "Others come within 2 body heights of the thing in event 1.")


def test_nothing_else_at_all() -> None:
    seen = scene(FAST)
    case = case_of(replace(seen, track=np.where(seen.track == 3, 3, 0)), walkway())  # what no track holds is noise
    evidence = nearby(case)
    assert evidence.statement.endswith(" of the thing in event 1: nothing else is seen meanwhile.")
    assert evidence.regions == case.regions and holds(case, evidence.statement) == ()


def test_parts_of_the_thing_and_short_glimpses_are_nobody() -> None:
    part = replace(FAST, size=(6, 6))
    glimpse = Walker(90, 80, speed=0.0, first=60, last=62)
    assert nearby(seen_with(part, glimpse)).statement.startswith("Nobody else comes within 2 body heights")


def test_a_companion_who_does_not_overlap_is_somebody() -> None:
    assert "near from 4.0 s to 8.4 s" in nearby(seen_with(BESIDE)).statement


@pytest.mark.parametrize(
    ("scores", "called"),
    [
        ((0.0, 0.3, 0.0), "neighbour A, a bicycle: "),
        ((0.5, 0.3, 0.0), "neighbour A, a person: "),  # likelier, and of people that is believed as it is
        ((0.0, 0.04, 0.02), "neighbour A, a thing that the object detector does not name: "),  # as of any normal person
    ],
)
def test_a_name_is_believed_beyond_what_is_usual(scores: tuple[float, float, float], called: str) -> None:
    case = seen_with(Walker(90, 80, speed=0.0, scores=scores))
    assert called in nearby(case).statement and holds(case, nearby(case).statement) == ()


def test_no_event() -> None:
    assert nearby(case_of(walk(50), walkway())).kind == "limit"
    assert nearby(case_of(scene(FAST), walkway()), event=7).statement == "There is no event 7: one event stands out."
