import pytest

from xad_agent.wording import count, listed, number, numbers, with_article


@pytest.mark.parametrize(
    ("value", "unit", "printed"),
    [
        (7.94, "", "7.9"),
        (321.4, "", "321"),
        (0.01234, "", "0.012"),
        (0, "", "0"),
        (0.298, "%", "0.3 %"),  # a second digit that says nothing is left out
        (2.0, "%", "2 %"),
        (61.4, "%", "61 %"),
        (-3.06, "sigma", "-3.1 sigma"),
        (24.8, "sigma", "+25 sigma"),
        (1024, "px", "1,024 px"),
        (1, "degrees", "1 degree"),
        (4.62, "times", "4.6 times"),
    ],
)
def test_number_is_printed_as_people_do(value: float, unit: str, printed: str) -> None:
    assert number(value, unit) == printed


def test_numbers_side_by_side_get_the_digits_that_tell_them_apart() -> None:
    assert numbers(4.23, 4.19) == ["4.23", "4.19"]
    assert numbers(31.2, 7.94) == ["31.2", "7.9"]
    assert numbers(4.2, 4.2) == ["4.2", "4.2"]


def test_count_and_list() -> None:
    assert [count(n, "place") for n in (1, 2, 40)] == ["one place", "two places", "40 places"]
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_articles():
    assert [with_article(word) for word in ("person", "elephant", "orange")] == ["a person", "an elephant", "an orange"]
