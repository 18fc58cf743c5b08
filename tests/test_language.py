from hypothesis import given
from hypothesis import strategies as st

from xad_agent.language import mentions, numbers, sentences, tokens


def test_sentences_lose_their_citations():
    assert sentences("It scores 7.9 [E1, E2]. The limit is 4.2 [E1].") == ["It scores 7.9.", "The limit is 4.2."]


def test_numbers_know_sign_precision_unit_and_ratio():
    read = numbers(tokens("It is -3.10 sigma, 21 x 34 px, 1,234 %, at most 1 in 320, three"))
    assert [(n.value, n.decimals, n.unit) for n in read[:4]] == [
        (-3.1, 2, "sigma"),
        (21, 0, "px"),
        (34, 0, "px"),
        (1234, 0, "%"),
    ]
    assert (read[4].value, read[4].ratio, read[4].comparison) == (1, 320, "at most")
    assert read[5].value == 3


def test_a_range_is_not_a_sign():
    assert [n.value for n in numbers(tokens("from 2-6 px"))] == [2, 6]


def test_both_ends_of_a_range_have_its_unit():
    read = numbers(tokens("at 0.1 to 0.6 body heights a second, from 6.0 s to 12 px, to 3"))
    assert [n.unit for n in read] == ["body heights a second"] * 2 + ["s", "px", ""]


def test_the_longest_phrase_wins_and_none_overlap():
    found = mentions(tokens("more than the upper left"), {"above": ["more than"], "more": ["more"], "up": ["upper"]})
    assert [m.entry for m in found] == ["above", "up"]


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_printed_number_equals_what_it_was_printed_from(value, decimals):
    (read,) = numbers(tokens(f"it is {value:.{decimals}f} sigma"))
    assert read.equals(value)


@given(st.text(max_size=200))
def test_any_text_can_be_read(text):
    for sentence in sentences(text):
        numbers(tokens(sentence))
