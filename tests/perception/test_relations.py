"""Relations: each predicate's geometry, how long it must hold, and the scale that thresholds are in.

A person is 100 px high and 40 wide here, so 1 body height is 100 px and a walker makes 80 px a second.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.errors import XadError
from xad_agent.perception.perspective import Perspective
from xad_agent.perception.relations import MEASURES, Observed, Triplet, relations
from xad_agent.prompts import vocabulary

FPS = 10
BODY = Perspective(1000, 1000, 100.0, 0.0, 0)
STILL, WALK, RUN, RIDE = (0.0, 0.0), (80.0, 0.0), (160.0, 0.0), (300.0, 0.0)


def seen(
    track: int,
    name: str,
    foot: tuple[float, float],
    velocity: tuple[float, float] = STILL,
    size: tuple[float, float] = (40, 100),
) -> Observed:
    (x, y), (width, height) = foot, size
    return Observed(track, name, (x - width / 2, y - height, x + width / 2, y), velocity)


def lasting(*objects: Observed, seconds: float = 6) -> list[list[Observed]]:
    """The same frame for so long: what holds at one moment, held."""
    return [list(objects)] * round(seconds * FPS)


def said(*objects: Observed) -> set[str]:
    return {str(triplet) for triplet in relations(lasting(*objects), FPS, BODY)}


def person(track: int, foot: tuple[float, float], velocity: tuple[float, float] = STILL) -> Observed:
    return seen(track, "person", foot, velocity)


BIKE = (80.0, 60.0)

CASES = [
    # reason, objects, said, not said
    (
        "a bicycle under a person, moving with them",
        [person(1, (200, 290), RIDE), seen(2, "bicycle", (200, 300), RIDE, BIKE)],
        {"person rides bicycle", "person moves fast"},
        {"person runs", "person pushes bicycle", "person carries bicycle"},
    ),
    (
        "passing a parked bicycle is not riding it",
        [person(1, (200, 290), WALK), seen(2, "bicycle", (200, 300), STILL, BIKE)],
        {"person walks"},
        {"person rides bicycle", "person pushes bicycle"},
    ),
    (
        "standing over a bicycle is not riding it",
        [person(1, (200, 290)), seen(2, "bicycle", (200, 300), STILL, BIKE)],
        {"person stands"},
        {"person rides bicycle"},
    ),
    (
        "a skateboard is under the feet, hardly touching the person's box",
        [person(1, (200, 295), RUN), seen(2, "skateboard", (200, 305), RUN, (60, 12))],
        {"person rides skateboard"},
        {"person runs"},
    ),
    (
        "a cart is no thing to ride",
        [person(1, (200, 290), WALK), seen(2, "cart", (200, 300), WALK, BIKE)],
        {"person walks"},
        {"person rides cart"},
    ),
    (
        "a stroller right before a walker",
        [person(1, (200, 300), WALK), seen(2, "stroller", (250, 300), WALK, (50, 60))],
        {"person pushes stroller", "person walks"},
        {"person carries stroller"},
    ),
    (
        "what is behind the walker is not pushed",
        [person(1, (200, 300), WALK), seen(2, "suitcase", (150, 300), WALK, (30, 50))],
        {"person walks"},
        {"person pushes suitcase"},
    ),
    (
        "a backpack within the outline, off the ground",
        [person(1, (200, 300), WALK), seen(2, "backpack", (185, 255), WALK, (25, 35))],
        {"person carries backpack"},
        {"person pushes backpack"},
    ),
    (
        "a bag on the ground at someone's feet is not carried",
        [person(1, (200, 300)), seen(2, "bag", (190, 300), STILL, (20, 25))],
        {"person stands"},
        {"person carries bag"},
    ),
    (
        "two in line, the same way, at one pace",
        [person(1, (200, 300), WALK), person(2, (350, 300), WALK)],
        {"person follows person"},
        {"person approaches person", "person walks beside person"},
    ),
    (
        "towards someone who stands",
        [person(1, (200, 300), WALK), person(2, (400, 300))],
        {"person approaches person"},
        {"person follows person"},
    ),
    (
        "away from someone",
        [person(1, (200, 300), (-80, 0)), person(2, (400, 300))],
        {"person walks", "person stands"},
        {"person approaches person"},
    ),
    (
        "too far off to tell what someone heads for",
        [person(1, (200, 300), WALK), person(2, (800, 300))],
        set(),
        {"person approaches person"},
    ),
    (
        "abreast at a walk",
        [person(1, (200, 300), WALK), person(2, (200, 350), WALK)],
        {"person walks beside person"},
        {"person follows person", "person runs beside person", "person stands beside person"},
    ),
    (
        "abreast at a run",
        [person(1, (200, 300), RUN), person(2, (200, 350), RUN)],
        {"person runs beside person", "person runs"},
        {"person walks beside person", "person walks"},
    ),
    (
        "abreast, opposite ways",
        [person(1, (200, 300), WALK), person(2, (200, 350), (-80, 0))],
        {"person walks"},
        {"person walks beside person"},
    ),
    (
        "a rider does not walk beside anyone",
        [person(1, (200, 290), WALK), seen(2, "bicycle", (200, 300), WALK, BIKE), person(3, (200, 350), WALK)],
        {"person rides bicycle"},
        {"person walks beside person"},
    ),
    (
        "two who talk",
        [person(1, (200, 300)), person(2, (260, 300))],
        {"person stands beside person", "person stands"},
        {"person walks beside person"},
    ),
    (
        "feet on a bench's seat",
        [person(1, (200, 260)), seen(2, "bench", (200, 300), STILL, (120, 45))],
        {"person stands on bench"},
        {"person stands"},
    ),
    (
        "before a bench, feet on the ground",
        [person(1, (200, 305)), seen(2, "bench", (200, 300), STILL, (120, 45))],
        {"person stands"},
        {"person stands on bench"},
    ),
    (
        "a bag with nobody within two body heights",
        [seen(1, "bag", (200, 300), STILL, (30, 30)), person(2, (450, 300))],
        {"bag is left unattended"},
        set(),
    ),
    (
        "its owner one body height away",
        [seen(1, "bag", (200, 300), STILL, (30, 30)), person(2, (300, 300))],
        set(),
        {"bag is left unattended"},
    ),
    (
        "wider than high and still",
        [seen(1, "person", (200, 300), STILL, (100, 40))],
        {"person lies"},
        {"person stands"},
    ),
    ("a fast car", [seen(1, "car", (200, 300), RIDE, (200, 90))], {"car moves fast"}, {"car runs"}),
]


@pytest.mark.parametrize(
    ("objects", "expected", "excluded"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_said(objects: list[Observed], expected: set[str], excluded: set[str]) -> None:
    found = said(*objects)
    assert expected <= found
    assert found.isdisjoint(excluded)


def test_every_predicate_is_tried_above() -> None:
    rules = vocabulary("relations")
    expected = " / ".join(sentence for _, _, sentences, _ in CASES for sentence in sentences)
    assert not [name for name in rules["pairs"] | rules["alone"] if f" {name}" not in expected]


def test_rules_use_known_measures_and_kinds() -> None:
    rules = vocabulary("relations")
    for rule in (rules["pairs"] | rules["alone"]).values():
        assert set(rule["when"]) <= set(MEASURES)
        assert {*rule["subject"], *rule.get("object", [])} <= {"any", *rules["kinds"]}
        assert rule["meaning"]


def test_a_symmetric_pair_is_named_once() -> None:
    found = relations(lasting(person(7, (200, 300)), person(3, (260, 300))), FPS, BODY)
    beside = [t for t in found if t.predicate == "stands beside"]
    assert beside[0] == Triplet("person", "stands beside", "person", 0, (3, 7))
    assert len(beside) == 6 * FPS


def test_thresholds_grow_with_the_body_height() -> None:
    """80 px a second is a walk where people are 100 px high, and a run where they are 50."""
    far = Perspective(1000, 1000, 50.0, 0.0, 0)
    frames = lasting(person(1, (200, 300), WALK))
    assert {t.predicate for t in relations(frames, FPS, BODY)} == {"walks"}
    assert {t.predicate for t in relations(frames, FPS, far)} == {"runs"}


@pytest.mark.parametrize(
    ("pattern", "frames", "reason"),
    [
        ("1111", [], "0.4 s are too short"),
        ("11111", [0, 1, 2, 3, 4], "0.5 s are enough"),
        ("1110111", [0, 1, 2, 3, 4, 5, 6], "a frame missed by the detector is bridged"),
        ("11100001111", [], "an interruption of 0.4 s is not bridged"),
        ("000111110", [3, 4, 5, 6, 7], "frames are those at which it holds"),
    ],
)
def test_holds_for_half_a_second(pattern: str, frames: list[int], reason: str) -> None:
    clip = [[person(1, (200, 300), WALK)] if mark == "1" else [] for mark in pattern]
    assert [t.frame for t in relations(clip, FPS, BODY)] == frames, reason


def test_at_one_frame_a_second_each_frame_counts() -> None:
    assert [str(t) for t in relations([[person(1, (200, 300), WALK)]], 1, BODY)] == ["person walks"]


def test_a_track_has_one_name() -> None:
    clip = [[seen(1, "dog" if index % 3 == 0 else "person", (200, 300), WALK)] for index in range(12)]
    assert {str(t) for t in relations(clip, FPS, BODY)} == {"person walks"}


def test_zones_are_entered_by_foot() -> None:
    zones = {"lawn": [(100, 250), (300, 250), (300, 350), (100, 350)]}
    clip = lasting(person(1, (200, 300)), person(2, (400, 300)), person(3, (200, 240)))
    found = {(str(t), t.tracks) for t in relations(clip, FPS, BODY, zones) if t.predicate == "is inside"}
    assert found == {("person is inside lawn", (1,))}


def test_bad_input_is_named() -> None:
    with pytest.raises(XadError, match="frame rate"):
        relations([], 0, BODY)
    with pytest.raises(XadError, match=r"'lawn'.*three corners"):
        relations([], FPS, BODY, {"lawn": [(0, 0), (1, 1)]})


def test_no_frames_and_empty_frames_say_nothing() -> None:
    assert relations([], FPS, BODY) == []
    assert relations([[], [], []], FPS, BODY) == []


coordinate = st.integers(0, 500)
objects = st.lists(
    st.tuples(st.sampled_from(["person", "bicycle", "bag"]), coordinate, coordinate, coordinate, coordinate), max_size=5
)


@given(objects)
def test_neither_order_nor_place_matters(drawn: list[tuple[str, int, int, int, int]]) -> None:
    def found(shift: int, step: int = 1) -> list[Triplet]:
        frame = [seen(i, name, (x + shift, y), (u - 250, v - 250)) for i, (name, x, y, u, v) in enumerate(drawn)]
        return relations([frame[::step]], 1, BODY)

    assert found(0) == found(0, step=-1) == found(64)
