"""Two runs compared: what is paired, which way is better, what is said of settings and of runs that do not fit."""

import json

import pytest

from xad_agent.errors import XadError
from xad_agent.eval.diff import as_text, compare_runs
from xad_agent.eval.layout import GOOD


def result(scores, right=None, **more):
    items = [
        {"item": f"{n}.png", "kind": GOOD if n < 10 else "cut", "seconds": 0.1, "score": score}
        | ({"peak_in_mask": right[n]} if right and n >= 10 else {})
        for n, score in enumerate(scores)
    ]
    return {"task": "images", "category": "nut", "seed": 0, "items": items, **more}


def kept(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path.parent if path.name == "result.json" else path


A = result(
    [n % 7 for n in range(30)], [n % 2 == 0 for n in range(30)], image_auroc=0.5, versions={"torch": "1", "numpy": "2"}
)
B = result(
    [n for n in range(30)],
    [True] * 30,
    image_auroc=1.0,
    versions={"torch": "3", "numpy": "2"},
    machine={"load_average": 1},
)


def test_better_and_what_turned(tmp_path):
    found = compare_runs(kept(tmp_path / "a/result.json", A), kept(tmp_path / "b.json", B))
    of = found["sets"]["images nut"]
    assert of["n"] == {"both": 30, "only_a": 0, "only_b": 0}
    assert of["settings"] == {"versions.torch": ["1", "3"]}
    assert of["outcomes"]["image AUROC"]["after"] == 1 and of["outcomes"]["image AUROC"]["verdict"] == "better"
    pointing = of["outcomes"]["peak_in_mask"]
    assert (pointing["n"], pointing["before"], pointing["after"], pointing["verdict"]) == (20, 0.5, 1, "better")
    assert pointing["p_value"] == pytest.approx(2 / 2**10), "10 turned, all one way"
    assert of["turned"]["peak_in_mask"] == {"better": [f"{n}.png" for n in range(11, 30, 2)], "worse": []}
    assert of["outcomes"]["score"]["verdict"] == "changed", "more of a score is neither better nor worse"
    assert of["outcomes"]["seconds"]["verdict"] == "same"
    assert of["metrics"] == {"image_auroc": [0.5, 1.0]}
    text = as_text(found)
    assert "the same in both: seconds" in text
    assert "peak_in_mask turned better: 10: 11.png" in text and 'versions.torch: "1" -> "3"' in text
    assert json.loads(json.dumps(found)) == found


def test_the_other_way_round_is_worse(tmp_path):
    a, b = kept(tmp_path / "a.json", A), kept(tmp_path / "b.json", B)
    of = compare_runs(b, a)["sets"]["images nut"]["outcomes"]
    assert of["image AUROC"]["verdict"] == of["peak_in_mask"]["verdict"] == "worse"
    same = compare_runs(a, a)["sets"]["images nut"]
    assert {row["verdict"] for row in same["outcomes"].values()} == {"same"}
    assert not same["settings"] and not same["metrics"]


def test_of_seconds_less_is_better_and_nested_outcomes_are_named(tmp_path):
    def run(seconds, pointed):
        items = [
            {"item": str(n), "kind": "cut", "seconds": seconds + n / 100, "model": {"pointed": pointed}}
            for n in range(9)
        ]
        return {"task": "answers", "category": "nut", "items": items}

    of = compare_runs(kept(tmp_path / "a.json", run(2, False)), kept(tmp_path / "b.json", run(1, True)))["sets"]
    rows = of["answers nut"]["outcomes"]
    assert rows["seconds"]["verdict"] == "better" and rows["model.pointed"]["verdict"] == "better"


def test_verdicts_are_held_against_the_kind(tmp_path):
    def run(of_good):
        items = [
            {"item": str(n), "kind": GOOD if n % 2 else "cut", "anomalous": bool(n % 2 == 0 or of_good)}
            for n in range(16)
        ]
        return {"task": "images", "category": "nut", "items": items}

    of = compare_runs(kept(tmp_path / "a.json", run(True)), kept(tmp_path / "b.json", run(False)))["sets"]["images nut"]
    assert of["outcomes"]["right"]["verdict"] == "better" and of["turned"]["right"]["better"] == [
        str(n) for n in range(1, 16, 2)
    ]


def test_only_common_items_and_sets_are_compared(tmp_path):
    whole = {"task": "images", "categories": {"nut": A, "bolt": A | {"category": "bolt"}}}
    shorter = B | {"items": B["items"][5:]}
    found = compare_runs(kept(tmp_path / "a.json", whole), kept(tmp_path / "b/nut/result.json", shorter))
    assert list(found["sets"]) == ["images nut"]
    assert found["sets"]["images nut"]["n"] == {"both": 25, "only_a": 5, "only_b": 0}


@pytest.mark.parametrize(
    "content, what",
    [
        ("[]", "not a result of `xad eval`"),
        ("{", "cannot be read"),
        ('{"task": "planning"}', "has no items"),
        (json.dumps(A | {"task": "answers"}), "no set is in both|is of images"),
    ],
)
def test_what_cannot_be_compared_is_named(tmp_path, content, what):
    (tmp_path / "b.json").write_text(content)
    a = kept(tmp_path / "a.json", {"task": "images", "categories": {"nut": A, "bolt": A | {"category": "bolt"}}})
    with pytest.raises(XadError, match=what):
        compare_runs(a, tmp_path / "b.json")


def test_a_folder_without_a_result_is_named(tmp_path):
    with pytest.raises(XadError, match=r"no result\.json in it"):
        compare_runs(tmp_path, tmp_path)
