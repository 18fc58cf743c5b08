"""Phrases: every one is asked for whole, whatever it is made of."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.finders import bert_tokenizer, clip_tokenizer
from xad_agent.errors import XadError
from xad_agent.perception.phrases import known_tokens, passes, pieces


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return bert_tokenizer(tmp_path_factory.mktemp("bert"))


@given(st.lists(st.integers(1, 9)), st.integers(1, 20))
def test_passes_take_all_in_order_within_the_budget(costs: list[int], budget: int) -> None:
    slices = passes(costs, budget)
    assert [index for some in slices for index in range(len(costs))[some]] == list(range(len(costs)))
    for some in slices:
        assert sum(costs[some]) <= budget or len(costs[some]) == 1


def test_what_is_the_same_once_cleaned_is_asked_for_once(bert: Any) -> None:
    asked = pieces(["dog", "Dog ", "dog", "dog.", "a  dog"], bert, 29, ".?")
    assert asked == {"dog": ["dog", "Dog ", "dog."], "a dog": ["a  dog"]}


@pytest.mark.parametrize(
    ("phrase", "piece"),
    [
        ("3.5 mm screw", "3 5 mm screw"),  # a dot would end the phrase
        ("dog?", "dog"),
        ("dog. . screw", "dog screw"),
        ("[SEP] dog", "[sep] dog"),  # to the tokenizer, letters and brackets
        ("dog\nscrew\tnut", "dog screw nut"),
    ],
)
def test_marks_are_no_part_of_a_phrase(bert: Any, phrase: str, piece: str) -> None:
    assert list(pieces([phrase], bert, 29, ".?")) == [piece]
    assert not {101, 102, 1012, 1029} & {token for token, _ in known_tokens(piece, bert)}


def test_special_tokens_in_a_phrase_are_left_out() -> None:
    clip = clip_tokenizer(16)
    assert list(pieces(["a <|endoftext|> dog <|startoftext|>"], clip, 14)) == ["a dog"]


@pytest.mark.parametrize("phrase", ["", "  ", "\n", "...", "?.", "\u200b"])
def test_an_empty_phrase_is_refused(bert: Any, phrase: str) -> None:
    with pytest.raises(XadError, match=r"empty|knows no word"):
        pieces(["dog", phrase], bert, 29, ".?")


def test_a_phrase_of_which_nothing_is_known_is_refused(bert: Any) -> None:
    with pytest.raises(XadError, match="knows no word or letter of '螺丝'"):
        pieces(["螺丝"], bert, 29, ".?")


def test_letters_of_other_scripts_are_asked_for_as_far_as_they_are_known(bert: Any) -> None:
    assert [token for token, _ in known_tokens("д о 螺 б", bert)] == bert.convert_tokens_to_ids(["д", "о", "б"])
    assert list(pieces(["Д о 螺 б"], bert, 29, ".?")) == ["д о 螺 б"]


@given(st.lists(st.sampled_from(["dog", "screws", "hex-nut", "5"]), min_size=1, max_size=80), st.integers(4, 12))
def test_a_long_phrase_is_cut_between_words_and_nothing_gets_lost(bert: Any, words: list[str], limit: int) -> None:
    found = pieces([" ".join(words)], bert, limit)
    assert all(len(known_tokens(piece, bert)) <= limit for piece in found)
    assert set(" ".join(found).split()) == set(words)


def test_pieces_stay_in_order(bert: Any) -> None:
    words = ["a", "red", "dog", "screw", "nut", "scratch", "3", "5", "mm"]
    assert " ".join(pieces([" ".join(words)], bert, 3)).split() == words


def test_a_word_that_is_longer_than_the_window_is_cut_too() -> None:
    clip = clip_tokenizer(16)
    found = pieces(["q" * 100], clip, 14)
    assert all(len(known_tokens(piece, clip)) <= 14 for piece in found)


def test_the_vocabulary_beside_a_checkpoint_is_read_either_way(bert: Any, tmp_path: Path) -> None:
    from xad_agent.perception.grounding_dino import _tokenizer

    bert.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert known_tokens("a red dog", _tokenizer(tmp_path)) == known_tokens("a red dog", bert)
