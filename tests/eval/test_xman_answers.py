"""Answers in JSON lines: scores, free text, events, sampling, our own answers, and what each mistake says."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xad_agent.errors import XadError
from xad_agent.eval.xman_answers import Answers, read_answers

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


def read(tmp_path, content, **options):
    path = tmp_path / "answers.jsonl"
    path.write_text(content)
    return read_answers(path, CLASSES, FRAMES, **options)


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
        (lines({"media": "01", "error": "cannot be read"}), r"line 1: not an answer but an error \(cannot be read\)"),
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


def event(start, end, **answer):
    return {"start": start, "end": end, **answer}


BIKE, RUNNER = {"label_scores": {"bike": 0.5}}, {"text": "a runner, no bike"}


@pytest.mark.parametrize(
    "rows",
    [
        [
            {"clip": "01", **event(11, 12, **BIKE)},
            {"clip": "01", **event(12, 13, **RUNNER)},
            {"clip": "02", "events": []},
        ],
        [{"clip": "01", "events": [event(12, 13, **RUNNER), event(11, 12, **BIKE)]}, {"clip": "02", "events": []}],
    ],
)
def test_events_are_spread_over_their_frames_and_others_are_normal(tmp_path, rows):
    answers = read(tmp_path, lines(*rows))
    assert answers.scores["01"].tolist() == [[0, 0, 0], [0, 0.5, 0], [1, 0.5, 0], [1, 0, 0]]
    assert not answers.scores["02"].any() and answers.every == 1
    assert (answers.unmapped, answers.denied) == ({}, {"bicycle": 1})
    assert answers.notes == (
        "2 clips were answered by 2 events, which cover 3 of 7 frames; the others count as answered normal, 0 for "
        "every class",
    )


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(-3, 5)), min_size=1, max_size=5))
def test_of_overlapping_events_the_highest_score_counts(spans):
    rows = [
        {"clip": "01", "start": min(a, b), "end": max(a, b), "label_scores": {"bicycle": score}}
        for a, b, score in spans
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "answers.jsonl"
        path.write_text(lines(*rows))
        scores = read_answers(path, ("bicycle",), {"01": range(10)}).scores["01"][:, 0].tolist()
    for frame, score in enumerate(scores):
        over = [one for a, b, one in spans if min(a, b) <= frame <= max(a, b)]
        assert score == max(over, default=0), frame


def test_clips_that_no_line_is_of_count_as_normal_and_are_named(tmp_path):
    answers = read(tmp_path, lines({"clip": "01", **event(11, 12, **BIKE)}))
    assert not answers.scores["02"].any()
    assert answers.notes[-1] == "no line is of 02: counted as answered normal"


def test_one_clip_by_frames_and_another_by_events(tmp_path):
    answers = read(tmp_path, lines(*whole()[:4], {"clip": "02", **event(1, 2, **BIKE)}))
    assert answers.scores["01"][:, 1].tolist() == [1, 1.1, 1.2, 1.3]
    assert answers.scores["02"][:, 1].tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"clip": "01", "start": 10}], "needs a frame, start and end, or events"),
        ([{"clip": "01", "events": "none"}], "needs a frame, start and end, or events"),
        ([{"clip": "01", "events": [3]}], "needs a frame, start and end, or events"),
        ([{"clip": "01", "events": [event(10, None, **BIKE)]}], "names frame None of clip 01"),
        ([{"clip": "01", "events": [event(10, 14, **BIKE)]}], "names frame 14 of clip 01, whose frames are 10 to 13"),
        ([{"clip": "01", "events": [event(12, 11, **BIKE)]}], "an event ends at frame 11, before its start at 12"),
        ([{"clip": "01", "events": [event(10, 11)]}], "needs either label_scores"),
        ([{"clip": "01", "events": [event(10, 11, label_scores={"bike": float("inf")})]}], "score of 'bike' is inf"),
        ([whole()[0], {"clip": "01", **event(11, 12, **BIKE)}], "line 2: clip 01 is answered both by frames and by"),
        ([{"clip": "01", **event(11, 12, **BIKE)}, whole()[0]], "line 2: clip 01 is answered both by frames and by"),
        ([{"clip": "01", "events": []}, whole()[0]], "line 2: clip 01 is answered both by frames and by"),
        ([whole()[0], {"clip": "01", "events": []}], "line 2: clip 01 is answered both by frames and by"),
    ],
)
def test_mistakes_in_events_are_named(tmp_path, rows, says):
    with pytest.raises(XadError, match=says) as caught:
        read(tmp_path, lines(*rows))
    assert "\n" not in str(caught.value)


def ours(clip_frames, **more):
    """What `xad scan` and `xad ask` say of a clip: events in seconds, regions with frames."""
    events = [{"label": f"event {n}", "start": a / 10, "end": b / 10} for n, (a, b) in enumerate(clip_frames, 1)]
    regions = [{"label": f"event {n}", "frames": [a, b, a]} for n, (a, b) in enumerate(clip_frames, 1)]
    return {"verdict": "anomalous", "events": events, "regions": regions, **more}


REASON = (
    "Two events stand out. The thing in event 1 looks like a bicycle: 0.8. What it does looks like riding. "
    "The thing in event 2 looks like a runner."
)


def test_what_scan_writes_can_be_scored(tmp_path):
    rows = [ours([(0, 1), (1, 2)], media="clips/01", reason=REASON), ours([], media="02.avi", reason="Nothing.")]
    answers = read(tmp_path, lines(*rows))
    assert answers.scores["01"].tolist() == [[0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]], "each event its sentences"
    assert not answers.scores["02"].any() and answers.notes[0].startswith("2 clips were answered by 2 events")


def test_what_ask_prints_is_known_by_its_clip_or_its_media(tmp_path):
    said = {"question": "why?", "text": "a runner", "label_scores": {"bicycle": 3.5, "person": 2}}
    rows = [
        ours([(0, 1), (3, 3)], evidence=[{"id": "E1", "media": "sha of 01"}], **said),
        ours([(0, 0)], clip="02", **said | {"label_scores": {}}),
    ]
    answers = read(tmp_path, lines(*rows), sha256=lambda clip: f"sha of {clip}")
    assert answers.scores["01"][:, 1].tolist() == [3.5, 3.5, 0, 3.5] and answers.unmapped == {"person": 2}
    assert answers.scores["02"].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]], "its text, where it has no scores"
    with pytest.raises(XadError, match="its evidence is of none of the clips 01, 02; add the key clip"):
        read(tmp_path, lines(rows[0]), sha256=lambda clip: "another")


def test_an_answer_that_cannot_tell_is_told(tmp_path):
    row = ours([], media="01", reason="Measuring broke off.") | {"verdict": "uncertain"}
    answers = read(tmp_path, lines(row, ours([], media="02")))
    assert answers.notes[-1] == "the answer cannot tell of 01: counted as answered normal"


@pytest.mark.parametrize(
    ("region", "says"),
    [
        ({"label": "event 1", "frames": None}, "its region no frames; it is not of a clip"),
        ({"label": "event 1", "frames": [0, 4, 1]}, "an event has frames 0 to 4, but clip 01 has 4"),
    ],
)
def test_answers_of_ours_that_are_of_something_else(tmp_path, region, says):
    with pytest.raises(XadError, match=says):
        read(tmp_path, lines(ours([(0, 1)], media="01", reason="a bike") | {"regions": [region]}))


def test_frames_and_clips_may_be_named_as_the_labels_name_them(tmp_path):
    rows = [{"clip": "Test001", **event(1, 2, **BIKE)}, {"clip": "02", "events": []}]
    answers = read(tmp_path, lines(*rows), first=1, aliases={"Test001": "01"})
    assert answers.scores["01"][:, 1].tolist() == [0.5, 0.5, 0, 0]
    with pytest.raises(XadError, match="names frame 0 of clip 01, whose frames are 1 to 4"):
        read(tmp_path, lines({"clip": "01", **event(0, 2, **BIKE)}), first=1)


def test_sampling_holds_the_answer_before(tmp_path):
    answers = Answers(("a",), {"01": np.arange(5.0)[:, None]}).sampled(2)
    assert answers.scores["01"][:, 0].tolist() == [0, 0, 2, 2, 4] and answers.every == 2


def test_no_file(tmp_path):
    with pytest.raises(XadError, match=r"x.jsonl: cannot be read"):
        read_answers(tmp_path / "x.jsonl", CLASSES, FRAMES)


def test_answers_are_float_tables(tmp_path):
    scores = read(tmp_path, lines(*whole())).scores
    assert {clip: (rows.shape, rows.dtype) for clip, rows in scores.items()} == {
        "01": ((4, 3), np.float64),
        "02": ((3, 3), np.float64),
    }
