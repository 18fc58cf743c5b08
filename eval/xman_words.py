"""Which classes a text names, by an explicit table: what it does not hold is counted, never guessed."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from xad_agent.prompts import vocabulary

_REACH = 5  # words that a negation reaches (NegEx: Chapman et al., Journal of Biomedical Informatics 2001)

_Phrase = tuple[str, ...]


class Reading(NamedTuple):
    """What a text says of the classes.

    Attributes:
        named: Those it names.
        denied: Those it only says are not there.
        unmapped: The words that belong to none; numbers are no words.
    """

    named: set[str]
    denied: set[str]
    unmapped: list[str]


class Synonyms:
    """Which classes a text names, by a table of phrases and the classes' own names; nothing is guessed.

    Letters count, not their case or the punctuation between words. What comes at most five words after a negation, in
    the same clause, is denied: "no bicycle", "nobody is running". Other ways to deny ("the bicycle is gone") are not
    understood.

    Args:
        classes: Names of the classes as the labels give them.
        phrases: Entry -> what it may be called; the classes of `prompts/xman.yaml` where none are given.
    """

    def __init__(self, classes: Sequence[str], phrases: Mapping[str, Sequence[str]] | None = None):
        table = vocabulary("xman")
        self._names = frozenset(classes)
        named = {words_of(name): name for name in classes}
        meanings: dict[_Phrase, set[str]] = defaultdict(set)
        for entry, called in (table["classes"] if phrases is None else phrases).items():
            if words_of(entry) in named:
                for phrase in called:
                    meanings[words_of(phrase)].add(named[words_of(entry)])
        self._ignored = frozenset(table["ignored"])
        self._negations = frozenset(map(words_of, table["negations"]))
        self._affirmations = frozenset(map(words_of, table["affirmations"]))
        self._turns = frozenset(table["turns"])
        self._classes = {phrase: next(iter(of)) for phrase, of in meanings.items() if len(of) == 1} | named
        self._longest = max(map(len, [*self._classes, *self._negations, *self._affirmations]))

    def class_of(self, label: str) -> str | None:
        """The class that a whole label means; None for none."""
        return label if label in self._names else self._classes.get(words_of(label))

    def read(self, text: str) -> Reading:
        """What a text says of the classes, the longest phrases first."""
        found = Reading(set(), set(), [])
        for clause in re.split(r"[.,;:!?\n]+|\s[-\u2013\u2014]\s", text):
            self._read(words_of(clause), found)
        return found._replace(denied=found.denied - found.named)

    def _read(self, words: _Phrase, found: Reading) -> None:
        place, denied_till = 0, -1
        while place < len(words):
            phrase = self._longest_at(words, place)
            if phrase in self._classes:
                (found.denied if place < denied_till else found.named).add(self._classes[phrase])
            elif phrase in self._negations:
                denied_till = place + len(phrase) + _REACH
            elif phrase[0] in self._turns:
                denied_till = -1
            elif not (phrase in self._affirmations or phrase[0] in self._ignored or phrase[0].isdecimal()):
                found.unmapped.append(phrase[0])
            place += len(phrase)

    def _longest_at(self, words: _Phrase, place: int) -> _Phrase:
        """The longest known phrase that begins at a place; the one word there where none does."""
        for length in range(min(self._longest, len(words) - place), 1, -1):
            phrase = words[place : place + length]
            if phrase in self._classes or phrase in self._negations or phrase in self._affirmations:
                return phrase
        return words[place : place + 1]


def words_of(text: str) -> _Phrase:
    """The words of a text, without case and punctuation."""
    return tuple(re.findall(r"[^\W_]+", text.casefold()))
