"""Which relations a thing stands in, in a world where two people walk side by side and a third rides past."""

import numpy as np

from tests.crowd import RIDER, Walker, sightings, walkway
from xad_agent.perception.observing import placed_triplets, with_interactions
from xad_agent.perception.relations import predicates

USUAL = np.array([0.9, 0.2, 0.2])
EYES = walkway().eyes


def test_a_thing_stands_in_a_relation_for_the_share_of_looks_around_in_which_it_holds() -> None:
    """The walker is seen for 4 s; whatever holds of it is counted over the eleven looks within half a second."""
    seen = sightings([Walker(70, 20, last=39), Walker(70, 150, speed=0.0, last=39)], frames=40)
    found = with_interactions(seen, EYES, placed_triplets(seen, EYES, USUAL))
    assert found.interactions.shape == (80, len(predicates()))
    walker, other = found.interactions[seen.track == 1], found.interactions[seen.track == 2]
    walks, stands = predicates().index("walks"), predicates().index("stands")
    np.testing.assert_array_equal(walker[:, walks], 1)
    np.testing.assert_array_equal(other[:, stands], 1)
    assert not walker[:, stands].any() and not other[:, walks].any()
    approaches = {t.frame for t, _ in placed_triplets(seen, EYES, USUAL) if t.predicate == "approaches"}
    assert approaches
    holds = np.array([frame in approaches for frame in range(40)])
    expected = [holds[max(0, at - 5) : at + 6].mean() for at in range(40)]
    for track in (walker, other):  # who is approached stands in that relation too
        np.testing.assert_allclose(track[:, predicates().index("approaches")], expected, atol=1e-3)


def test_what_no_track_holds_and_what_nobody_looked_at_has_no_interactions() -> None:
    seen = sightings([RIDER, Walker(70, 20)])
    placed = placed_triplets(seen, EYES, USUAL)
    free = with_interactions(type(seen)(**(vars(seen) | {"track": 0 * seen.track})), EYES, placed)
    assert np.isnan(free.interactions).all()
    nothing = with_interactions(sightings([]), EYES, [])
    assert nothing.interactions.shape == (0, len(predicates()))
