"""X-MAN's metric: hand-computed cases, sklearn, and the properties it must have."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score

from xad_agent.errors import XadError
from xad_agent.eval.xman_answers import Answers
from xad_agent.eval.xman_labels import Labels, read_labels
from xad_agent.eval.xman_report import as_text
from xad_agent.eval.xman_score import map_of_clip, score_answers

KINDS = {"run / jog": "action", "car": "object", "on grass": "location"}


def labels_of(truth, kinds=KINDS):
    """Labels from {clip: rows of class names}."""
    frames = {
        (clip, n): frozenset(row) for clip, rows in truth.items() for n, row in enumerate(rows) if row is not None
    }
    return Labels("own.json", kinds, frames, {place: f"{place[0]}_{place[1]}" for place in frames})


def text_of(result, labels="own.json"):
    """A result as it is printed, with what the command adds."""
    whole = result | {"labels": labels, "seed": 0, "failed": [], "note": "", "n": result["n"] | {"failed": 0}}
    return as_text(whole)


def answers_of(scores, **options):
    return Answers(tuple(KINDS), {clip: np.array(rows, float) for clip, rows in scores.items()}, **options)


RUN, CAR, GRASS = ({name} for name in KINDS)
TRUTH = labels_of({"a": [RUN, None, CAR, None], "b": [GRASS, RUN | CAR, None, None]})
SCORES = {  # run / jog, car, on grass
    "a": [[9, 1, 0], [8, 0, 0], [0, 5, 0], [0, 6, 9]],
    "b": [[0, 0, 8], [7, 4, 0], [0, 3, 0], [0, 0, 0]],
}


def test_by_hand():
    result = score_answers(TRUTH, answers_of(SCORES))
    run, car, grass = (1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2, 1 / 2  # precision at each true frame, mean
    assert result["per_class_ap"] == pytest.approx({"run / jog": run, "car": car, "on grass": grass})
    assert result["map"] == pytest.approx((run + car + grass) / 3)
    assert result["map_without_location"] == pytest.approx((run + car) / 2)
    assert result["map_per_kind"] == pytest.approx({"action": run, "location": grass, "object": car})
    row = result["classes"]["car"]
    ends = row.pop("ap_interval")
    assert row == {"kind": "object", "positive_frames": 2, "clips": 2, "prevalence": 0.25, "ap": pytest.approx(car)}
    assert ends[0] <= car <= ends[1]
    assert result["n"] == {"clips": 2, "frames": 8, "labelled_frames": 4}
    assert result["sampled"] == {"every": 1, "frames": 8, "share": 1, "map": pytest.approx(result["map"]), "lost": []}
    assert result["undefined"] == result["unmapped"] == result["denied"] == {}
    json.dumps(result)


@st.composite
def cases(draw):
    """One to three clips with frames of any classes, and scores with many ties."""
    lengths = draw(st.lists(st.integers(1, 8), min_size=1, max_size=3))
    truth = {str(c): [draw(st.sets(st.sampled_from(list(KINDS)))) for _ in range(n)] for c, n in enumerate(lengths)}
    scores = {str(c): draw(arrays(np.int64, (n, 3), elements=st.integers(0, 5))) for c, n in enumerate(lengths)}
    return truth, scores


@settings(max_examples=30)
@given(cases(), st.randoms(use_true_random=False))
def test_properties(case, random):
    truth, scores = case
    whole = score_answers(labels_of(truth), answers_of(scores))

    columns = np.array([[name in row for name in KINDS] for rows in truth.values() for row in rows])
    table = np.concatenate(list(scores.values()))
    for place, name in enumerate(KINDS):
        column = columns[:, place]
        if not column.any() or column.all():
            assert name in whole["undefined"] and name not in whole["per_class_ap"]
        else:
            expected = average_precision_score(column, table[:, place])
            assert whole["per_class_ap"][name] == pytest.approx(expected), "sklearn's"

    orders = {clip: random.sample(range(len(rows)), len(rows)) for clip, rows in truth.items()}
    permuted = score_answers(
        labels_of({clip: [truth[clip][i] for i in order] for clip, order in orders.items()}),
        answers_of({clip: scores[clip][order] for clip, order in orders.items()}),
    )
    assert permuted["per_class_ap"] == pytest.approx(whole["per_class_ap"]), "the order of frames"
    turned = score_answers(labels_of(truth), answers_of(dict(reversed(scores.items()))))
    assert turned["per_class_ap"] == pytest.approx(whole["per_class_ap"]), "the order of clips"

    perfect = {clip: [[name in row for name in KINDS] for row in rows] for clip, rows in truth.items()}
    assert set(score_answers(labels_of(truth), answers_of(perfect))["per_class_ap"].values()) <= {1}
    constant = score_answers(labels_of(truth), answers_of({clip: np.full((len(r), 3), 7) for clip, r in truth.items()}))
    assert constant["per_class_ap"] == pytest.approx(
        {name: whole["classes"][name]["prevalence"] for name in constant["per_class_ap"]}
    )


def test_a_perfect_answer_is_printed_as_100():
    rows = {"a": [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]], "b": [[0, 0, 1], [1, 1, 0], [0, 0, 0], [0, 0, 0]]}
    text = text_of(score_answers(TRUTH, answers_of(rows)))
    lines = [line.split() for line in text.splitlines()]
    assert ["mean", "(mAP)", "100.0", "(100.0", "to", "100.0)"] in lines
    assert ["car", "2", "25.0", "100.0", "(100.0", "to", "100.0)"] in lines


def test_classes_without_both_kinds_of_frames_are_apart():
    labels = labels_of({"a": [RUN, RUN | CAR, RUN]}, KINDS | {"van": "object"})
    answers = Answers((*KINDS, "van", "ufo"), {"a": np.zeros((3, 5))})
    result = score_answers(labels, answers)
    assert result["undefined"] == {
        "run / jog": "every frame has it",
        "on grass": "no frame has it",
        "van": "no frame has it",
        "ufo": "no frame has it",
    }
    assert result["per_class_ap"] == {"car": pytest.approx(1 / 3)}
    assert (result["map"], result["map_per_kind"]["action"]) == (pytest.approx(1 / 3), None)
    assert "run / jog: every frame has it, in no mean" in text_of(result)


def test_no_defined_class_has_no_mean():
    result = score_answers(labels_of({"a": [RUN]}, {"run / jog": "action"}), answers_of({"a": [[1, 1, 1]]}))
    assert (result["map"], result["map_interval"], result["map_without_location"]) == (None, None, None)
    assert "mean (mAP)" in text_of(result)


def test_sampling_is_told_with_its_effect():
    held = {clip: np.repeat(np.array(rows)[::2], 2, axis=0) for clip, rows in SCORES.items()}
    result = score_answers(TRUTH, answers_of(held, every=2))
    assert result["sampled"]["every"] == 2
    assert (result["sampled"]["frames"], result["sampled"]["share"]) == (4, 0.5)
    alone = (1 + 1 + 1) / 3  # at frames 0 and 2 of both clips each class is ranked first
    assert result["sampled"]["map"] == pytest.approx(alone)
    assert result["map"] < alone
    assert any("only every 2. frame was answered" in note for note in result["notes"])
    assert result["sampled"]["lost"] == [] and result["sampling"] == {}
    assert "mean over the 50.0 % of frames answered alone: 100.0" in text_of(result)


def test_what_sampling_would_do_is_told_of_dense_answers():
    """Every second answer, held for two frames, is what a file with every second frame would give."""
    result = score_answers(TRUTH, answers_of(SCORES))
    held = {clip: np.repeat(np.array(rows)[::2], 2, axis=0) for clip, rows in SCORES.items()}
    assert result["sampling"]["2"]["map"] == score_answers(TRUTH, answers_of(held, every=2))["map"]
    first = {clip: np.repeat(np.array(rows)[:1], 4, axis=0) for clip, rows in SCORES.items()}
    assert (
        result["sampling"]["5"]["map"]
        == result["sampling"]["10"]["map"]
        == score_answers(TRUTH, answers_of(first))["map"]
    )
    assert result["sampling"]["5"]["lost"] == ["car"], "of frames 0 of both clips none has it"
    assert "mean if only every n-th frame had been answered: 2. " in text_of(result)


def test_a_class_that_all_answered_frames_have_is_lost_by_sampling():
    truth = labels_of({"a": [RUN, None, RUN, None]}, {"run / jog": "action"})
    held = Answers(("run / jog",), {"a": np.array([[1.0], [1], [0], [0]])}, every=2)
    result = score_answers(truth, held)
    assert result["sampled"] == {"every": 2, "frames": 2, "share": 0.5, "map": None, "lost": ["run / jog"]}
    assert "none of them, or all, are run / jog" in text_of(result)


def test_oddities_of_labels_are_noted():
    labels = labels_of({"a": [{"cave"}, set(), CAR]}, {"cave": "where", "car": "object"})
    result = score_answers(labels, Answers(("cave", "car"), {"a": np.eye(3)[:, [0, 2]]}))
    assert result["notes"][0] == "coarse kinds that X-MAN does not have: where; none of them counts as location"
    assert result["notes"][1] == "1 labelled frames have an empty list and count as normal"
    assert result["n"]["labelled_frames"] == 3


def test_classes_that_are_spelled_alike_are_told():
    labels = labels_of({"a": [{"run / jog"}, {"Run/Jog"}, None]}, {"run / jog": "action", "Run/Jog": "action"})
    result = score_answers(labels, Answers(("run / jog", "Run/Jog"), {"a": np.eye(3)[:, :2]}))
    assert "classes that differ in spelling alone, each counted by itself: Run/Jog and run / jog" in result["notes"]


def test_unmapped_and_denied_words_are_listed():
    result = score_answers(TRUTH, answers_of(SCORES, unmapped={"zebra": 3, "gnu": 1}, denied={"car": 2}))
    assert result["denied"] == {"car": 2} and "said not to be there: car (2)" in text_of(result)
    assert (result["unmapped"], result["unmapped_total"]) == ({"zebra": 3, "gnu": 1}, 4)
    assert "unmapped, 4 in all: zebra (3), gnu (1)" in text_of(result)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda a: Answers(("run / jog", "car"), {c: r[:, :2] for c, r in a.scores.items()}),
            "classes on grass of own",
        ),
        (lambda a: answers_of({"a": a.scores["a"]}), r"key 'b_0' reads as clip 'b', frame 0, but the clips are a"),
        (lambda a: answers_of(dict(a.scores) | {"a": a.scores["a"] * np.nan}), "clip a: needs finite scores"),
        (lambda a: answers_of(dict(a.scores) | {"a": a.scores["a"][:, :2]}), r"clip a: .* an array of shape \(4, 2\)"),
    ],
)
def test_answers_that_do_not_fit_are_refused(change, says):
    with pytest.raises(XadError, match=says):
        score_answers(TRUTH, change(answers_of(SCORES)))


def test_frames_that_no_answer_has_are_named():
    with pytest.raises(XadError, match=r"clip a: needs finite scores for 5 frames and 3 classes; .* shape \(4, 3\)"):
        score_answers(TRUTH, answers_of(SCORES), {"a": range(5), "b": range(4)})
    with pytest.raises(XadError, match=r"clip c: .* the answers have none"):
        score_answers(TRUTH, answers_of(SCORES), {"a": range(4), "b": range(4), "c": range(2)})


def test_a_clip_s_own_mean_is_over_the_classes_that_are_defined_in_it():
    frames = {"a": range(4)}
    assert map_of_clip(TRUTH.of(["a"]), answers_of(SCORES), frames) == pytest.approx((1 + 1 / 2) / 2)
    assert map_of_clip(labels_of({"a": [None] * 4}), answers_of(SCORES), frames) is None


@pytest.mark.data
def test_true_names_of_ped2_give_100_and_a_constant_gives_the_prevalence(data):
    labels = read_labels(data / "ucsd_ped2/explanations.json")
    clips = data / "ucsd_ped2/testing/frames"
    frames = {folder.name: sorted(int(p.stem) for p in folder.iterdir()) for folder in clips.iterdir()}
    true = {
        clip: np.array([[name in labels.frames.get((clip, n), ()) for name in labels.classes] for n in numbers], float)
        for clip, numbers in frames.items()
    }
    perfect = score_answers(labels, Answers(labels.classes, true), frames)
    assert perfect["per_class_ap"] == {"bicycle": 1, "skateboard": 1, "vehicle (cart)": 1}
    constant = Answers(labels.classes, {clip: np.ones((len(n), 3)) for clip, n in frames.items()})
    chance = score_answers(labels, constant, frames)
    assert chance["per_class_ap"]["skateboard"] == pytest.approx(chance["classes"]["skateboard"]["prevalence"])
