"""Answers in JSON lines: scores, free text, sampling, and what each mistake says."""

import json
from collections import Counter

import numpy as np
import pytest

from xad_agent.errors import XadError
from xad_agent.eval.xman_answers import Synonyms, read_answers
from xad_agent.prompts import vocabulary

CLASSES = ("run / jog", "bicycle", "vehicle (cart)")
FRAMES = {"01": [10, 11, 12, 13], "02": [0, 1, 2]}


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def whole(every=1):
    """An answer for every n-th frame."""
    return [
        {"clip": clip, "frame": number, "label_scores": {"bicycle": number / 10}}
        for clip, numbers in FRAMES.items()
        for number in numbers[::every]
    ]


def read(tmp_path, content):
    path = tmp_path / "answers.jsonl"
    path.write_text(content)
    return read_answers(path, CLASSES, FRAMES)


def test_scores(tmp_path):
    rows = whole()
    rows[0]["label_scores"] = {"Bike": 0.4, "bicycle": 0.3, "RUN/JOG": 0.9, "unicorn": 1}
    answers = read(tmp_path, lines(*rows[::-1]) + "\n")
    assert (answers.classes, answers.every, answers.unmapped) == (CLASSES, 1, {"unicorn": 1})
    assert answers.scores["01"].tolist() == [[0.9, 0.4, 0], [0, 1.1, 0], [0, 1.2, 0], [0, 1.3, 0]]
    assert answers.scores["02"][:, 1].tolist() == [0, 0.1, 0.2]


def test_free_text(tmp_path):
    rows = whole()
    rows[1] = {
        "clip": "01",
        "frame": 11,
        "text": "A man is riding a bike; behind him a golf-cart and a zebra, a zebra!",
    }
    answers = read(tmp_path, lines(*rows))
    assert answers.scores["01"][1].tolist() == [0, 1, 1]
    assert answers.unmapped == {"zebra": 2, "man": 1, "behind": 1, "him": 1}
    assert next(iter(answers.unmapped)) == "zebra", "the most frequent first"


def test_every_nth_frame_repeats_the_answer_before(tmp_path):
    answers = read(tmp_path, lines(*whole(every=2)))
    assert answers.every == 2
    assert answers.scores["01"][:, 1].tolist() == [1, 1, 1.2, 1.2]
    assert answers.scores["02"][:, 1].tolist() == [0, 0, 0.2]


def change(place, **what):
    rows = whole()
    rows[place] |= what
    return lines(*rows)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{\n", r"line 1: not JSON"),
        ("[1]\n", r"line 1: not an object with clip"),
        (change(0, clip="03"), r"line 1: names clip '03'; the clips there are 01, 02"),
        (change(0, frame=14), r"line 1: names frame 14 of clip 01, whose frames are 10 to 13"),
        (change(0, frame="10"), r"names frame '10' of clip 01"),
        (change(4, frame=True), r"names frame True of clip 02"),
        (change(1, frame=10), r"line 2: frame 10 of clip 01 is answered a second time"),
        (change(0, text="a bike"), r"needs either label_scores, an object of numbers, or text"),
        (change(0, label_scores=None), r"needs either label_scores"),
        (change(0, label_scores=None, text=3), r"needs either label_scores"),
        (change(0, label_scores={"bicycle": "high"}), r"the score of 'bicycle' is 'high'; give a finite number"),
        (change(0, label_scores={"bicycle": float("nan")}), r"the score of 'bicycle' is nan"),
        (change(0, label_scores={"bicycle": True}), r"the score of 'bicycle' is True"),
        (lines(*whole()[:-1]), r"frame 2 of clip 02 is not answered, while elsewhere every 1. frame"),
        (lines(*whole()[1:]), r"frame 10 of clip 01 is not answered"),
        (lines(*whole(every=2), whole()[1]), r"frame 13 of clip 01 is not answered"),
        (lines(*whole()[:4]), r"frame 0 of clip 02 is not answered"),
        ("", r"frame 10 of clip 01 is not answered"),
    ],
)
def test_mistakes_are_named(tmp_path, content, says):
    with pytest.raises(XadError, match=says) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(XadError, match=r"x.jsonl: cannot be read"):
        read_answers(tmp_path / "x.jsonl", CLASSES, FRAMES)


@pytest.mark.parametrize(
    ("classes", "text", "named", "unmapped", "why"),
    [
        (CLASSES, "two cyclists and a runner", {"bicycle", "run / jog"}, ["two"], "synonyms"),
        (CLASSES, "Riding a bike", {"bicycle"}, [], "the longest phrase first"),
        (("ride", "bicycle"), "riding a bike", {"bicycle"}, [], "also where a part of it names another class"),
        (("ride", "bicycle"), "riding past a bike", {"ride", "bicycle"}, [], "each by itself"),
        (CLASSES, "a truck", {"vehicle (cart)"}, [], "of the two entries with truck, one is a class here"),
        (("truck", "vehicle (cart)"), "trucks", set(), ["trucks"], "two entries are classes here: not guessed"),
        (("truck", "vehicle (cart)"), "a truck", {"truck"}, [], "but a class's own name is certain"),
        (CLASSES, "no bicycle", {"bicycle"}, ["no"], "negations are not understood, but visible"),
        (CLASSES, "an unheard-of thing", set(), ["unheard", "thing"], "nothing is guessed"),
        (("Quetzal dance",), "a quetzal-dance", {"Quetzal dance"}, [], "a class without entry, by its own name"),
        (CLASSES, "", set(), [], "no text"),
        ((), "a bike", set(), ["bike"], "no class"),
    ],
)
def test_synonyms(classes, text, named, unmapped, why):
    assert Synonyms(classes).read(text) == (named, unmapped), why


def test_the_table_is_well_formed():
    table = vocabulary("xman")
    assert set(table) == {"kinds", "ignored", "classes"}
    for entry, phrases in table["classes"].items():
        assert all(isinstance(phrase, str) and phrase == phrase.casefold() for phrase in [entry, *phrases]), entry
        assert max(Counter(phrases).values()) == 1, entry
        assert not set(phrases) & set(table["ignored"]), entry
        synonyms = Synonyms([entry])
        assert {synonyms.class_of(name) for name in [entry, *phrases]} == {entry}
    assert all(isinstance(word, str) for word in table["ignored"])


def test_answers_are_float_tables(tmp_path):
    scores = read(tmp_path, lines(*whole())).scores
    assert {clip: (rows.shape, rows.dtype) for clip, rows in scores.items()} == {
        "01": ((4, 3), np.float64),
        "02": ((3, 3), np.float64),
    }
