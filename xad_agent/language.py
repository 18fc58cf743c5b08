"""Reading a claim: its sentences, words, numbers with units, and the lexicon's words in it.

The vocabularies are data (prompts/lexicon.yaml, attributes.yaml, places.yaml); nothing here knows what is true.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from xad_agent.prompts import vocabulary

_CITATION = re.compile(r"\s*\[E\d+(?:\s*,\s*E\d+)*\]")
_TOKEN = re.compile(
    r"[0-9][0-9,]*\.?[0-9]*(?:e[+-]?[0-9]+)?|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\s\w]",
    re.IGNORECASE,
)
CLAUSE_ENDS = frozenset(",;:.!?")
# 0.77 may be printed as 0.8 but not as 1; px, degrees and sigmas are printed whole or to one digit whatever their size.
MAX_ROUNDING = 0.07
_FINE_UNITS = {"", "%", "times"}
_UNIT_WORDS = 4  # "body heights a second"
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")


@dataclass(frozen=True)
class Number:
    """A number as printed.

    Attributes:
        value: With its sign.
        signed: Whether a sign was printed.
        decimals: Digits after the point, which is the precision it claims.
        unit: Canonical unit of prompts/lexicon.yaml, "" for none.
        ratio: The second number of "1 in 320", else None.
        at: Index of its token in the sentence.
        comparison: "above", "below", "at most", "at least" when such a word stands right before it, else "".
    """

    value: float
    signed: bool
    decimals: int
    unit: str
    ratio: float | None
    at: int
    comparison: str = ""

    def equals(self, value: float) -> bool:
        """Whether `value` would be printed as this number at its precision, and not so coarsely that it misleads."""
        off = abs(self.value - value)
        coarse = self.unit in _FINE_UNITS and off > MAX_ROUNDING * abs(value) + 1e-9
        return off <= 0.5 * 10**-self.decimals + 1e-9 * max(1.0, abs(value)) and not coarse


@dataclass(frozen=True)
class Mention:
    """A word or phrase of a vocabulary: which entry it stands for, and where (token index, tokens long)."""

    entry: str
    at: int
    length: int


def sentences(text: str) -> list[str]:
    """The sentences of a text, without citations in brackets; a semicolon ends one too."""
    return [part for part in _SENTENCE_END.split(_CITATION.sub("", text).strip()) if part]


def tokens(sentence: str) -> list[str]:
    """Words, numbers and signs in order, lower case."""
    return [match.group().lower().replace("’", "'") for match in _TOKEN.finditer(sentence.replace("−", "-"))]


def clauses(words: list[str]) -> list[list[str]]:
    """A sentence's tokens, cut at commas, colons and full stops."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in CLAUSE_ENDS:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


@cache
def stem(word: str) -> str:
    """English stem by Snowball, so that "scores" supports "score"."""
    return str(_stemmer().stemWord(word.lower()))


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


def is_word(token: str) -> bool:
    """Whether a token is a word rather than a number or a sign."""
    return token[0].isalpha() and token not in vocabulary("lexicon")["units"]


@cache
def _phrase(text: str) -> list[str]:
    """The tokens of a vocabulary's phrase; the same few hundred are looked for in every sentence."""
    return tokens(text)


def mentions(words: list[str], entries: Mapping[str, Iterable[str]]) -> list[Mention]:
    """Where phrases of a vocabulary (entry -> its phrases) occur; the longest phrase wins, none overlap."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(words):
        places.setdefault(word, []).append(at)
    phrases = [
        (phrase, entry)
        for entry, alternatives in entries.items()
        for each in alternatives
        if (phrase := _phrase(str(each)))[0] in places  # few of them are, and this is asked for every sentence
    ]
    taken: set[int] = set()
    found = []
    for phrase, entry in sorted(phrases, key=lambda item: -len(item[0])):
        for at in places[phrase[0]]:
            span = range(at, at + len(phrase))
            if words[at : at + len(phrase)] == phrase and taken.isdisjoint(span):
                taken.update(span)
                found.append(Mention(entry, at, len(phrase)))
    return sorted(found, key=lambda mention: mention.at)


def numbers(words: list[str]) -> list[Number]:
    """The numbers among the tokens of a sentence, number words ("three") included."""
    return list(_numbers(words))


def _numbers(words: list[str]) -> Iterator[Number]:
    number_words = vocabulary("lexicon")["number_words"]
    comparisons = mentions(words, vocabulary("lexicon")["comparisons"])
    denominators: set[int] = set()
    for at, word in enumerate(words):
        if at in denominators:
            continue
        if not _is_number(word):
            counts = word == "one" and words[at + 1 : at + 2] and words[at + 1] in vocabulary("lexicon")["counted"]
            if counts:
                yield Number(1.0, False, 0, "", None, at)
            elif word in number_words:
                yield Number(float(number_words[word]), False, 0, _unit_after(words, at + 1), None, at)
            continue
        is_range = at > 1 and _is_number(words[at - 2])
        sign = words[at - 1] if at and words[at - 1] in "+-" and not is_range else ""
        ratio = None
        if words[at + 1 : at + 2] == ["in"] and at + 2 < len(words) and _is_number(words[at + 2]):
            ratio = _parse(words[at + 2])
            denominators.add(at + 2)
        start = at - 1 if sign else at
        before = next((m.entry for m in comparisons if m.at + m.length == start), "")
        value = _parse(word) * (-1 if sign == "-" else 1)
        yield Number(value, bool(sign), _decimals(word), _unit_after(words, at + 1), ratio, at, before)


def _is_number(word: str) -> bool:
    return word[0] in "0123456789"


def _parse(word: str) -> float:
    return float(word.replace(",", "").rstrip("."))


def _decimals(word: str) -> int:
    mantissa, _, exponent = word.partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


def _unit_after(words: list[str], at: int) -> str:
    """The unit of the number before `at`; "21 x 34 px" and "21 to 34 px" give both numbers px."""
    if words[at : at + 1] in (["x"], ["×"], ["to"]) and at + 2 < len(words) and _is_number(words[at + 1]):
        return _unit_after(words, at + 2)
    for mention in mentions(words[at : at + _UNIT_WORDS], vocabulary("lexicon")["units"]):
        if mention.at == 0:
            return mention.entry
    return ""
