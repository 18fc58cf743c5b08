"""Similarity to references: hand-computed with made-up vectors, beside chance; and how files are read."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.errors import XadError
from xad_agent.eval.references import read_references, similarities, similarity_summary

# Unit vectors by text: "a" and "A" are the same, "b" is at a right angle, "half" between them.
VECTORS = {"a": (1, 0), "A": (1, 0), "b": (0, 1), "c": (0, -1), "half": (0.6, 0.8)}


def embed(texts: list[str]) -> np.ndarray:
    return np.array([VECTORS[text] for text in texts], np.float32)


def test_each_is_held_against_its_own_and_the_others() -> None:
    rows = similarities(["half", "A", "b"], [["a", "b"], ["a"], ["c"]], embed)
    # half: own is the nearer of a (.6) and b (.8); others are a (.6) and c (-.8).
    assert rows[0] == pytest.approx({"similarity": 0.8, "by_chance": (0.6 - 0.8) / 2, "nearer": 1.0})
    # A: own a (1); others {a, b} (1, a tie that counts half) and c (0).
    assert rows[1] == pytest.approx({"similarity": 1.0, "by_chance": 0.5, "nearer": 0.75})
    # b: own c (-1); others {a, b} (1) and a (0): nothing is farther.
    assert rows[2] == pytest.approx({"similarity": -1.0, "by_chance": 0.5, "nearer": 0.0})


def test_the_same_reference_of_another_item_is_not_another() -> None:
    rows = similarities(["a", "b"], [["a"], ["a"]], embed)
    assert [row["by_chance"] for row in rows] == [None, None]
    summary = similarity_summary(rows, ["1", "2"], seed=0)
    assert summary["similarity"]["value"] == 0.5 and summary["above_chance"]["value"] is None
    assert summary["secondary"] and summary["n"] == 2


@given(st.lists(st.sampled_from(["a", "b", "c", "half"]), min_size=3, max_size=8), st.randoms())
def test_an_answer_that_does_not_depend_on_the_item_is_at_chance(references: list[str], rng) -> None:
    """One constant answer: over all orders of references, nearer is 50 % where each reference comes once."""
    own = list(dict.fromkeys(references))
    rows = similarities(["half"] * len(own), [[text] for text in own], embed)
    if len(own) > 1:
        assert np.mean([row["nearer"] for row in rows]) == pytest.approx(0.5)
        assert np.mean([row["similarity"] - row["by_chance"] for row in rows]) == pytest.approx(0, abs=1e-6)


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "references.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_the_layouts_of_references(tmp_path: Path) -> None:
    flat = {"crack/1.png": " One. ", "crack": ["One.", "Two.", 3], "bad": 7}
    assert read_references(written(tmp_path, flat)) == {"crack/1.png": ("One.",), "crack": ("One.", "Two.")}
    products = {"screw": {"scratch": "S."}, "nut": {"crack": "N."}}
    assert read_references(written(tmp_path, products), "Nut") == {"crack": ("N.",)}
    groups = {"MVTec": products, "VisA": {"pcb": {"melt": "P."}}}
    assert read_references(written(tmp_path, groups), "pcb") == {"melt": ("P.",)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ('{"a": "x", "a": "y"}', "key 'a' is there twice"),
        ([], "no reference sentences for screw"),
        ({"nut": {"crack": "N."}}, "no reference sentences for screw"),
    ],
)
def test_wrong_files_are_one_line(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(XadError, match=message) as caught:
        read_references(written(tmp_path, content), "screw")
    assert "\n" not in str(caught.value)
