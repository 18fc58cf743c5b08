"""MMAD's layout: what is read, what is refused, and accuracy by hand and by another implementation."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xad_agent.errors import XadError
from xad_agent.eval.mmad import DETECTION, SUBTASKS, read_mmad, scored

GOOD, BAD = "DS-MVTec/screw/image/good/1.png", "DS-MVTec/screw/image/scratch/2.png"


def question(kind: str = DETECTION, answer: str = "A", **changes) -> dict:
    options = {"A": "Yes.", "B": "No."}
    return {"Question": "Is there any defect?", "Options": options, "Answer": answer, "type": kind, **changes}


def folder(tmp_path: Path, content: object) -> Path:
    tmp_path.joinpath("mmad.json").write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return tmp_path


def test_questions_are_read(tmp_path: Path) -> None:
    templates = {"random_templates": ["DS-MVTec/screw/a.png", GOOD], "similar_templates": ["DS-MVTec/screw/b.png"]}
    given = {
        GOOD: {"conversation": [question(answer="B"), question("Object Structure", extra=1)], **templates},
        BAD: {"mask_path": "x", "conversation": [question("Defect Localization")]},
    }
    found = read_mmad(folder(tmp_path, given))
    assert [one.subtask for one in found.questions] == [DETECTION, "Object Analysis", "Defect Localization"]
    assert [one.normal for one in found.questions] == [True, True, False]
    assert [one.name for one in found.questions] == [f"{GOOD}#1", f"{GOOD}#2", f"{BAD}#1"]
    assert (found.questions[0].group, found.questions[0].product) == ("DS-MVTec", "DS-MVTec/screw")
    assert found.normal == {"DS-MVTec/screw": (tmp_path / "DS-MVTec/screw/a.png", tmp_path / "DS-MVTec/screw/b.png")}


def test_normal_pictures_of_the_product_come_first_but_never_one_that_is_asked_about(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        path = tmp_path / "own/screw/train/good" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    asked = "own/screw/train/good/1.png"
    found = read_mmad(folder(tmp_path, {asked: {"conversation": [question()], "random_templates": ["own/x.png"]}}))
    assert found.normal == {"own/screw": (tmp_path / "own/screw/train/good/2.png",)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        (f'{{"{GOOD}": {{}}, "{GOOD}": {{}}}}', "is there twice"),
        ([], "holds no questions"),
        ({GOOD: {"conversation": []}}, "holds pictures but no question"),
        ({GOOD: []}, "has no conversation"),
        ({"1.png": {"conversation": [question()]}}, "no path of a set and product"),
        ({"a/../../b/1.png": {"conversation": [question()]}}, "no path of a set and product"),
        ({GOOD: {"conversation": ["why?"]}}, "question 1 of .*needs Question"),
        ({GOOD: {"conversation": [question(Question="")]}}, "needs Question"),
        ({GOOD: {"conversation": [question(Options={"A": "Yes."})]}}, "at least two Options"),
        ({GOOD: {"conversation": [question(Options={"A": "Yes.", "no": "No."})]}}, "must be letters"),
        (
            {GOOD: {"conversation": [question(), question(answer="C")]}},
            "question 2 of .*'C' is none of the options A, B",
        ),
        ({GOOD: {"conversation": [question(answer=["A"])]}}, "none of the options"),
        ({GOOD: {"conversation": [question("Defect Counting")]}}, "'Defect Counting' is no subtask"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(XadError, match=message) as caught:
        read_mmad(folder(tmp_path, content))
    assert "\n" not in str(caught.value)


def outcome(subtask: str, right: bool, normal: bool = False, group: str = "A", chosen: str | None = "A", n: int = 0):
    return {"group": group, "subtask": subtask, "normal": normal, "picture": f"{group}{n}",
            "chosen": chosen, "right": right}  # fmt: skip


def test_accuracy_by_hand() -> None:
    rows = [
        *(outcome(DETECTION, right, normal=True) for right in (True, True, True, False)),  # 3 of 4 normal
        *(outcome(DETECTION, right, n=1) for right in (True, False)),  # 1 of 2 anomalous: 62.5 % balanced
        outcome("Defect Localization", True, n=2),
        outcome("Defect Localization", False, chosen=None, n=2),  # 50 %; 100 % of those chosen
        outcome(DETECTION, True, group="B", normal=True),
        outcome(DETECTION, False, group="B"),  # 50 %
    ]
    found = scored(rows, seed=0)
    of_a = found["sets"]["A"]
    assert of_a[DETECTION]["value"] == 0.625 and of_a["Defect Localization"]["value"] == 0.5
    assert of_a["average"] == pytest.approx((0.625 + 0.5) / 2) and found["sets"]["B"]["average"] == 0.5
    assert found["average"]["value"] == pytest.approx((0.5625 + 0.5) / 2)
    assert (
        found["subtasks"][DETECTION] == pytest.approx((0.625 + 0.5) / 2)
        and found["subtasks"]["Object Analysis"] is None
    )
    assert found["of_chosen"]["sets"]["A"]["Defect Localization"]["value"] == 1
    assert found["of_chosen"]["average"]["value"] == pytest.approx(((0.625 + 1) / 2 + 0.5) / 2)
    assert (found["chosen"]["hits"], found["chosen"]["n"]) == (9, 10)
    assert found["average"]["low"] <= found["average"]["value"] <= found["average"]["high"]


def test_detection_needs_both_halves() -> None:
    found = scored([outcome(DETECTION, True, normal=True), outcome("Object Analysis", False)], seed=0)
    assert found["sets"]["A"][DETECTION]["value"] is None and found["average"]["value"] == 0


rows = st.lists(
    st.builds(
        outcome,
        st.sampled_from(SUBTASKS),
        st.booleans(),
        st.booleans(),
        st.sampled_from("AB"),
        st.sampled_from(["A", "B"]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=30)
@given(rows)
def test_it_agrees_with_the_published_formula(found: list[dict]) -> None:
    """Where every set has every subtask and both halves: there the published code counts nothing as 0."""
    whole = [*found]
    for group in {row["group"] for row in found}:
        whole += [outcome(subtask, False, group=group) for subtask in SUBTASKS]
        whole.append(outcome(DETECTION, True, normal=True, group=group))
    table = defaultdict(lambda: [0, 0])
    for row in whole:
        half = row["normal"] if row["subtask"] == DETECTION else None
        table[row["group"], row["subtask"], half][0] += row["right"]
        table[row["group"], row["subtask"], half][1] += 1
    averages = []
    for group in {row["group"] for row in whole}:
        share = {key[1:]: hits / n for key, (hits, n) in table.items() if key[0] == group}
        detection = (share[DETECTION, True] + share[DETECTION, False]) / 2
        averages.append((detection + sum(share[subtask, None] for subtask in SUBTASKS[1:])) / 7)
    assert scored(whole, seed=0)["average"]["value"] == pytest.approx(sum(averages) / len(averages))
