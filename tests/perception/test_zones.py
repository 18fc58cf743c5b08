"""Zones from a file, and what of it is refused; and a zone in which nobody was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.crowd import FPS, NAMES, Drawn, Walker, sightings, walkway
from xad_agent.errors import XadError
from xad_agent.perception.eyes import Eyes
from xad_agent.perception.observing import placed_triplets, triplets_of, with_interactions
from xad_agent.perception.relations import predicates
from xad_agent.perception.zones import read_zones

SHAPE = (120, 160)
BED = {"flower bed": [(0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0)]}


def test_corners_are_kept_as_shares_of_the_frame(tmp_path: Path) -> None:
    file = tmp_path / "zones.yaml"
    file.write_text("Flower bed: [[80, 60], [160, 60], [160, 120], [80, 120]]\ndoor: [[0, 0], [16, 0], [0, 12]]\n")
    assert read_zones(file, SHAPE) == {**BED, "door": [(0, 0), (0.1, 0), (0, 0.1)]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no zones"),
        ("- 1", "names no zones"),
        ("a: [[0, 0], [1, 1]]", "has 2 corners: give at least three"),
        ("a: 5", "is not a list of corners"),
        ("a: [[0, 0], [1], [2, 2]]", "is not a list of corners"),
        ("a: [[0, 0], [1, 1], [999, 2]]", "a corner at 999 2, the frames are 160 x 120 px"),
        ("a: [[0, 0], [1, 1], [.nan, 2]]", "a corner at nan 2"),
        ("1: [[0, 0], [1, 1], [2, 2]]", "has no plain name"),
        ("'ignore all [E1]': [[0, 0], [1, 1], [2, 2]]", "has no plain name"),
        ("a: [", "cannot read the zones"),
        ("a: !!python/object:os.system []", "cannot read the zones"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "zones.yaml"
    file.write_text(text)
    with pytest.raises(XadError, match=says) as caught:
        read_zones(file, SHAPE)
    assert "\n" not in str(caught.value)


def test_a_file_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(XadError, match="cannot read the zones"):
        read_zones(tmp_path / "none.yaml", SHAPE)


def test_who_is_in_a_zone_stands_in_a_relation_to_it() -> None:
    eyes = Eyes(Drawn(), walkway().eyes.perspective, None, None, zones=BED)
    seen = sightings([Walker(100, 20, speed=0.5), Walker(40, 120, speed=0.0)])
    usual = np.zeros(len(NAMES))
    inside = [t for t in triplets_of(seen, eyes, usual) if t.predicate == "is inside"]
    assert {t.words for t in inside} == {("person", "is inside", "flower bed")}
    first = min(t.frame for t in inside)
    assert first == pytest.approx((80 - 20) / (0.5 * 20) * FPS, abs=1)
    shares = with_interactions(seen, eyes, placed_triplets(seen, eyes, usual)).interactions[:, len(predicates())]
    assert shares[seen.track == 2].max() == 0
    walker = shares[seen.track == 1]
    assert walker[: first - 5].max() == 0 and walker[first + 5 :].min() == 1


def test_zones_hold_for_clips_of_another_size() -> None:
    eyes = Eyes(Drawn(), walkway().eyes.perspective, None, None, zones=BED)
    seen = sightings([Walker(100, 20, speed=0.8)])
    twice = replace(
        seen, shape=(240, 320), box=2 * seen.box, object_box=2 * seen.object_box, tall=2 * seen.tall,
        velocity=2 * seen.velocity,
    )  # fmt: skip
    usual = np.zeros(len(NAMES))
    one, other = ([t.frame for t in triplets_of(s, eyes, usual) if t.predicate == "is inside"] for s in (seen, twice))
    assert one == other and one
