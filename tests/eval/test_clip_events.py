"""Event-level F1: by hand, and against trying every one-to-one matching."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xad_agent.eval.clip_events import event_metrics, match_events, stretches


def flags(text):
    return np.array([mark == "#" for mark in text])


def test_stretches_are_maximal():
    assert stretches(flags("##.#..###")).tolist() == [[0, 2], [3, 4], [6, 9]]
    assert stretches(flags("....")).tolist() == [] == stretches(flags("")).tolist()


@pytest.mark.parametrize(
    ("true", "found", "at_01", "at_05", "why"),
    [
        (".####.....", ".####.....", (1, 1, 1), (1, 1, 1), "the same"),
        (".####.....", "..####....", (1, 1, 1), (1, 1, 1), "3 of 5"),
        (".####.....", "...####...", (1, 1, 1), (1, 1, 0), "2 of 6"),
        ("#.........", "##########", (1, 1, 1), (1, 1, 0), "exactly 0.1 is enough"),
        (".####.....", "......###.", (1, 1, 0), (1, 1, 0), "beside"),
        ("##########", "###.###.##", (1, 3, 1), (1, 3, 0), "in pieces: one counts, the others are false"),
        ("##.####.##", "##########", (3, 1, 1), (3, 1, 0), "one alarm over three events finds one"),
        ("####..####", "..######..", (2, 1, 1), (2, 1, 0), "and may be matched to either"),
        ("##########", "..........", (1, 0, 0), (1, 0, 0), "nothing found"),
        ("..........", "..######..", (0, 1, 0), (0, 1, 0), "nothing true"),
    ],
)
def test_matching_by_hand(true, found, at_01, at_05, why):
    scores = np.where(flags(found), 0.7, 0.5)
    assert match_events(flags(true), scores, 0.5, 0.1) == at_01, why
    assert match_events(flags(true), scores, 0.5, 0.5) == at_05, why


def test_a_score_at_the_limit_is_not_above_it():
    assert match_events(flags("#"), np.array([0.5]), 0.5, 0.1).found == 0


@settings(max_examples=200)
@given(st.lists(st.booleans(), min_size=1, max_size=24), st.data())
def test_as_many_match_as_can(labels, data):
    size = len(labels)
    scores = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    true, found = ([set(range(*one)) for one in stretches(np.array(of))] for of in (labels, scores))
    close = [[len(a & b) / len(a | b) >= 0.1 for b in found] for a in true]
    events = match_events(np.array(labels), np.array(scores, float), 0.5, 0.1)
    assert events == (len(true), len(found), most(close, frozenset()))


def most(close, taken):
    """How many rows can be matched, each with a column of its own, by trying everything."""
    if not close:
        return 0
    with_it = (
        1 + most(close[1:], taken | {place}) for place, near in enumerate(close[0]) if near and place not in taken
    )
    return max(most(close[1:], taken), *with_it, 0)


def test_metrics_are_over_all_events_of_all_clips():
    labels = [flags("##...##..."), flags(".........."), flags("#####.....")]
    scores = [flags("##........") * 1.0, flags("....#.....") * 3.0, flags("#####.....") * 1.0]
    result = event_metrics(labels, scores, [0.5, 2.0, 0.5], seed=0)
    assert result["event_f1_01"] == pytest.approx(2 * 2 / (3 + 3))
    recall, precision = result["event_recall_01"], result["event_precision_01"]
    assert (recall["hits"], recall["n"], precision["hits"], precision["n"]) == (2, 3, 2, 3)
    low, high = result["event_f1_01_interval"]
    assert 0 <= low < result["event_f1_01"] < high <= 1
    assert result == event_metrics(labels, scores, [0.5, 2.0, 0.5], seed=0)


def test_without_true_events_there_is_no_f1():
    result = event_metrics([flags("....")] * 2, [flags(".#..") * 1.0] * 2, [0.5] * 2, seed=0)
    assert result["event_f1_01"] is result["event_f1_01_interval"] is result["event_recall_01"]["value"] is None
    assert result["event_precision_01"]["value"] == 0
