"""Tool `normal` for clips: its numbers are those of the normal clips, and what is falsified is caught."""

from functools import cache

import numpy as np
import pytest

from tests.crowd import RIDER, WIDTH, Walker, case_of, film, profile_of, scene, sightings, walk, walkway
from tests.tools.clips.test_relate import encode
from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.clip_case import ClipCase
from xad_agent.detectors.scene_graph import SceneGraph
from xad_agent.evidence import Ledger
from xad_agent.perception.relations import Triplet
from xad_agent.tools.clips.normal import normal

world = cache(walkway)


@cache
def related() -> ClipCase:
    """A case whose normal clips have relations."""
    case = case_of(walk(50), walkway())
    triplets = [Triplet("person", "walks")] * 40 + [Triplet("person", "walks beside", "person")] * 2
    case.reference.scene_graph = SceneGraph.fit([triplets] * 3, encode)
    return case


def holds(case: ClipCase, text: str) -> tuple[str, ...]:
    return check(Claim(text=text, kind="compare", evidence=(normal(case).id,)), case.ledger)


def test_the_numbers_are_those_of_the_normal_clips() -> None:
    case = related()
    evidence, clips = normal(case), case.reference.normal
    speeds = np.concatenate([seen.speed for seen in clips])
    assert evidence.quantity("speed").normal == pytest.approx(tuple(np.percentile(speeds, [1, 99])))
    left = np.concatenate([seen.velocity[:, 0] < 0 for seen in clips])
    assert evidence.quantity("leftwards").value == pytest.approx(100 * left.mean())
    middles = np.concatenate([(seen.box[:, 0] + seen.box[:, 2]) / 2 for seen in clips])
    feet = np.concatenate([seen.box[:, 3] for seen in clips])
    bottom = (feet == 100) & (middles >= WIDTH / 3) & (middles < 2 * WIDTH / 3)
    assert evidence.quantity("bottom").value == pytest.approx(100 * bottom.mean())
    assert evidence.quantity("person").value == 100
    assert [evidence.quantity(name).value for name in ("clips", "length", "sightings")] == [10, 120, 3600]
    assert [evidence.quantity(name).value for name in ("relations", "person walks")] == [126, 120]
    assert evidence.statement == (
        "Things here normally move at 0.41 to 0.59 body heights a second, heading rightwards (67 %) and leftwards "
        "(33 %). They are seen most often in these places: bottom (16 %), centre (15 %) and top (15 %). The object "
        "detector calls 100 % of them person. No bicycle was seen in 3,600 sightings. The most frequent of 126 "
        "relations: person walks (120) and person walks beside person (6). This is from ten normal clips, 120 s "
        "in all, with 3,600 sightings."
    )
    assert holds(case, evidence.statement) == () and normal(case) is evidence
    assert evidence.figure is not None and evidence.figure.std() > 10


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("0.41 to 0.59 body heights a second", "0.41 to 0.79 body heights a second"),
        ("0.41 to 0.59 body heights a second", "0.41 to 0.59 px"),
        ("rightwards (67 %)", "rightwards (33 %)"),
        ("bottom (16 %)", "bottom (15 %)"),
        ("top (15 %)", "lower left (15 %)"),
        ("calls 100 % of them person", "calls 67 % of them person"),
        ("person walks (120)", "person walks (126)"),
        ("ten normal clips", "eight normal clips"),
        ("3,600 sightings", "120 sightings"),
    ],
)
def test_what_is_falsified_is_caught(true: str, false: str) -> None:
    statement = normal(related()).statement
    assert true in statement and holds(related(), statement.replace(true, false))


def test_at_most_three_each_and_none_below_five_percent() -> None:
    """Of 40 walkers 20 go right, 10 left, 8 down and 2 up, which is 5 % and one name too many."""
    ways = [(1, 0)] * 20 + [(-1, 0)] * 10 + [(0, 1)] * 8 + [(0, -1)] * 2
    seen = sightings([Walker(60, 80) for _ in ways], frames=1)
    seen.velocity[:] = 20 * np.array(ways, np.float32)
    shares = {q.name: q.value for q in normal(case_of(walk(50), profile_of([seen, seen]))).quantities if q.unit == "%"}
    assert shares == pytest.approx({"rightwards": 50, "leftwards": 25, "downwards": 20, "centre": 100, "person": 100})


def test_without_a_profile_it_is_said_of_the_clip_itself() -> None:
    case = ClipCase(film(scene(RIDER)), None, Ledger())
    case.__dict__["reference"] = profile_of([scene(RIDER)])
    statement = normal(case).statement
    assert statement.startswith("No normal clip is known, so this is from the clip itself, 12.0 s in all, with 285 ")
    assert "normally" not in statement and "Things here mostly move at " in statement
    assert holds(case, statement) == ()


def test_where_nothing_was_seen_and_where_motion_was_not_measured() -> None:
    empty = case_of(scene(RIDER), profile_of([sightings([]) for _ in range(3)]))
    assert normal(empty).statement == (
        "Nothing was ever seen here. This is from three normal clips, 36.0 s in all, with 0 sightings."
    )
    still = [walk(seed) for seed in range(3)]
    for seen in still:
        seen.speed[:], seen.velocity[:] = np.nan, np.nan
    blind = case_of(walk(50), profile_of(still))
    assert normal(blind).statement.startswith("How things move could not be measured. They are seen most often in ")
    assert holds(empty, normal(empty).statement) == holds(blind, normal(blind).statement) == ()


def test_names_count_as_far_as_they_are_believed() -> None:
    """Half of what is seen the detector does not name."""
    scores = [(0.6, 0.0, 0.0)] * 10 + [(0.0, 0.0, 0.0)] * 10
    seen = sightings([Walker(60, 80, scores=score) for score in scores], frames=1)
    evidence = normal(case_of(walk(50), profile_of([seen, seen])))
    assert evidence.quantity("person").value == 50 and "calls 50 % of them person." in evidence.statement
