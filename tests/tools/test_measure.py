import numpy as np
import pytest

from tests.normal import case_of, with_square
from xad_agent.tools.measure import measure


@pytest.mark.parametrize(
    ("value", "word", "sign"), [(220, "brighter (+", 1), (30, "darker (-", -1), ((230, 90, 90), "redder (+", 1)]
)
def test_the_words_agree_with_the_numbers(value: int | tuple[int, int, int], word: str, sign: int) -> None:
    evidence = measure(case_of(with_square((40, 20, 56, 36), value=value)))
    assert word in evidence.statement
    name = "redness" if isinstance(value, tuple) else "brightness"
    assert np.sign(evidence.quantity(name).value) == sign
    low, high = evidence.quantity(name).normal or (0, 0)
    assert not low <= evidence.quantity(name).value <= high


def test_shape_and_size() -> None:
    case = case_of(with_square((20, 45, 80, 50)))
    evidence = measure(case)
    x0, y0, x1, y1 = case.regions[0].box
    assert evidence.quantity("width").value == x1 - x0
    assert evidence.quantity("height").value == y1 - y0
    assert evidence.quantity("elongation").value > 4
    assert "Its shape is thin: " in evidence.statement
    assert "12 good pictures" in evidence.statement or "twelve good pictures" in evidence.statement


def test_at_most_three_attributes_are_named() -> None:
    evidence = measure(case_of(with_square((40, 20, 56, 36), value=(255, 40, 40))))
    assert 1 <= evidence.statement.count("sigma") <= 3
