"""Descriptions as triplets: each grammatical form once, on the real parser."""

import pytest

from xad_agent.errors import XadError
from xad_agent.llm import parser
from xad_agent.llm.parser import read_triplets

CASES = [
    ("One person is riding a bicycle.", {"person rides bicycle"}, "verb and object"),
    ("A man is riding a bicycle.", {"person rides bicycle"}, "a man is a person"),
    ("The third is standing near the door.", {"person stands near door"}, "a number stands for a person"),
    ("The person is walking away from the entrance.", {"person walks away from entrance"}, "adverb and preposition"),
    ("A person is walking out of the building.", {"person walks out of building"}, "two prepositions"),
    ("One person appears to be running.", {"person runs"}, "what only appears is taken as said"),
    ("There is a person pushing a cart.", {"person is there", "person pushes cart"}, "a participle after its noun"),
    ("The person who is carrying a bag is walking.", {"person carries bag", "person walks"}, "a relative clause"),
    (
        "The person is standing and looking at a phone.",
        {"person stands", "person looks at phone"},
        "one subject, two verbs",
    ),
    (
        "There are trees, a bench, and a trash bin in the image.",
        {"tree is there", "bench is there", "trash bin is there"},
        "a list; the image is no place",
    ),
    ("A group of people is crossing the road.", {"person crosses road"}, "a group of people is people"),
    ("A car is parked near the building.", {"car is parked near building"}, "what was done to it"),
    ("One person is walking, another is running.", {"person walks", "person runs"}, "clauses side by side"),
    ("Starting from the left, the person carries a suitcase.", {"person carries suitcase"}, "where the writer starts"),
    ("The person is not walking, and there are no people and no bicycle.", set(), "what is denied"),
    ("A person with a backpack is waiting.", {"person with backpack", "person waits"}, "a preposition between nouns"),
]


@pytest.mark.data
@pytest.mark.parametrize(("text", "expected", "reason"), CASES, ids=[case[2] for case in CASES])
def test_what_is_read(text: str, expected: set[str], reason: str) -> None:
    assert {str(triplet) for triplet in read_triplets([text])[0]} == expected


@pytest.mark.data
def test_each_text_has_its_own_list_in_order() -> None:
    first, empty, again = read_triplets(["A person is walking. A dog is running.", "", "A dog is running."])
    assert [str(triplet) for triplet in first] == ["person walks", "dog runs"]
    assert {triplet.frame for triplet in first} == {0}
    assert empty == []
    assert [(str(triplet), triplet.frame, triplet.tracks) for triplet in again] == [("dog runs", 2, ())]


@pytest.mark.parametrize(
    ("verb", "said"),
    [("ride", "rides"), ("cross", "crosses"), ("carry", "carries"), ("play", "plays"), ("be", "is"), ("go", "goes")],
)
def test_verbs_are_said_of_a_third_person(verb: str, said: str) -> None:
    assert parser._third_person(verb) == said


def test_missing_model_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("XAD_HOME", str(tmp_path))
    parser._parser.cache_clear()  # else a model loaded before would do
    with pytest.raises(XadError, match="xad models pull en-core-web-sm"):
        read_triplets(["A person walks."])
