"""Rules: what the user says is allowed, forbidden or shown, read into something that can be tested.

A statement is data. It is read by the vocabularies of names and by prompts/rules.yaml, and changes nothing but through
that reading; one with a word in it that cannot be tested is kept, and said not to be applied.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from xad_agent.language import Mention, is_word, mentions, numbers, stem, tokens
from xad_agent.perception.zones import Polygon
from xad_agent.prompts import vocabulary
from xad_agent.quoting import quotable
from xad_agent.wording import listed, number

ANYTHING = "anything"
_LONGEST = 200


class Bound(BaseModel):
    """How much a rule is about: `measure` ("size", "area share", "duration", "speed") in `unit`, beside `value`."""

    model_config = ConfigDict(frozen=True)

    measure: str
    relation: str
    value: float
    unit: str


class Rule(BaseModel):
    """One statement of the user's.

    Attributes:
        number: In the order they were said, from 1.
        text: As said, without what could be taken for markup or a citation.
        allows: Whether it allows or forbids; None where it does neither.
        names: What it is about: names of the vocabularies, or `ANYTHING`.
        attributes: In what it is unusual, where it is about that.
        bound: How much of it; None for any.
        zone: In which zone of the profile, each corner in shares of width and height; empty for everywhere.
        words: In which places of a picture, as words of places.yaml; empty for everywhere.
        context: What the place is, where it says that; it allows what is usual in such a place, where that is known.
        problem: Why it is not applied; "" where it is.
    """

    model_config = ConfigDict(frozen=True)

    number: int = 1
    text: str
    allows: bool | None = None
    names: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    bound: Bound | None = None
    zone: tuple[tuple[float, float], ...] = ()
    words: tuple[str, ...] = ()
    context: str = ""
    problem: str = ""

    @property
    def applied(self) -> bool:
        """Whether it allows or forbids something that can be tested."""
        return self.allows is not None and not self.problem

    @property
    def reading(self) -> str:
        """What it was read as: "scratch at most 20 px"; "" where it is about nothing."""
        if not (self.names or self.attributes):
            return ""
        parts = [listed([plain(name) for name in (*self.names, *self.attributes)])]
        if self.bound:
            words = vocabulary("lexicon")["comparisons"][self.bound.relation]
            parts.append(f"{words[0]} {number(self.bound.value, self.bound.unit)}")
        if self.zone or self.words:
            parts.append("in that place")
        return " ".join(parts)


def read_rule(text: str, zones: Mapping[str, Polygon], contexts: Sequence[str] = ()) -> Rule:
    """What a statement allows or forbids.

    Args:
        text: As the user says it.
        zones: The profile's, by name.
        contexts: What the user said that the place is; "the boxing ring" is then all that is seen.
    """
    said, plain = vocabulary("rules"), " ".join(text.lower().split())
    rule = Rule(text=quotable(text, _LONGEST))
    if len(plain) > _LONGEST:
        return _unread(rule, "cut")
    if (context := re.match(said["context"], plain)) and not _known(context["what"]):
        return rule.model_copy(update={"context": context["what"], **_usual_in(context["what"])})
    return _read(rule, plain, zones, contexts)


def _usual_in(place: str) -> dict[str, Any]:
    """That a rule allows what is usual in a place, where that is known; the longest name of a place counts."""
    known = vocabulary("rules")["contexts"]
    found = max(mentions(tokens(place), {name: [name] for name in known}), key=lambda m: m.length, default=None)
    return {"allows": True, "names": tuple(known[found.entry])} if found else {}


def _read(rule: Rule, text: str, zones: Mapping[str, Polygon], contexts: Sequence[str]) -> Rule:
    said = vocabulary("rules")
    where, text = _place(text)
    words = tokens(text)
    if found := mentions(words, {word: [word] for word in (*said["conditions"], ";")}):
        return _unread(rule, "condition", word=found[0].entry)
    bound, covered = _bound(words)
    if bound is None and numbers(words):
        return _unread(rule, "number")
    allows, problem, modal = _allows(words, covered)
    stems = [stem(word) for word in words]
    named = [m for m in mentions(stems, _names()) if covered.isdisjoint(range(m.at, m.at + m.length))]
    free = {i for m in named for i in range(m.at, m.at + m.length)} | covered | modal
    attributes = [m for m in mentions(stems, _attributes()) if free.isdisjoint(range(m.at, m.at + m.length))]
    free |= {i for m in attributes for i in range(m.at, m.at + m.length)}
    left = [w for i, w in enumerate(words) if is_word(w) and i not in free and stem(w) not in _plain_stems()]
    if problem or allows is None:
        return _unread(rule, problem or "unsaid")
    names = tuple(dict.fromkeys(m.entry for m in named))
    names = tuple(name for name in names if name != ANYTHING) or names  # "nobody may run" is about running
    about = tuple(dict.fromkeys(m.entry for m in attributes))
    if bound and not names and (not about or bound.measure not in about):
        names = (ANYTHING,)
    rule = rule.model_copy(update={"allows": allows, "names": names, "attributes": about, "bound": bound})
    if left:
        return _unread(rule, "words", word=left[0])
    if names and about and not bound:  # "red bicycles"
        return _unread(rule, "words", word=words[attributes[0].at])
    if {"and", "or", ","} & set(words) and 0 < sum(map(is_action, names)) < len(names):
        return _unread(rule, "condition", word="and")
    if not names and not about:
        return _unread(rule, "nothing")
    return _placed(rule, where, zones, contexts)


def _unread(rule: Rule, why: str, **words: str) -> Rule:
    problem = str(vocabulary("rules")["why"][why]).format(**words)
    return rule.model_copy(update={"problem": problem, **({} if why == "place" else {"allows": None})})


def _allows(words: list[str], covered: set[int]) -> tuple[bool | None, str, set[int]]:
    """Whether it allows or forbids, why neither can be told, and where that is said."""
    said = vocabulary("rules")
    found = mentions(words, {kind: said[kind] for kind in ("allows", "forbids", "obliges", "may")})
    found = [m for m in found if m.at not in covered]
    denials = [i for i, word in enumerate(words) if word in vocabulary("lexicon")["negations"] and i not in covered]
    at = {i for m in found for i in range(m.at, m.at + m.length)} | set(denials)
    if not found:
        return (False if denials == [0] and words[:1] == ["no"] and "," not in words else None), "", at
    strong = [m for m in found if m.entry != "may"]
    if len(strong) > 1 or len(found) - len(strong) > 1 or not all(_denies(i, words, found) for i in denials):
        return None, "unsaid", at
    kind, denied = (strong[0].entry if strong else "allows"), len(denials) % 2 == 1
    if kind == "obliges":
        return (False, "", at) if denied else (None, "obliges", at)
    return (kind == "forbids") == denied, "", at


def _denies(at: int, words: list[str], found: list[Mention]) -> bool:
    """Whether a negation is of what is allowed: it begins the statement, or stands by that word."""
    follows = {m.at + m.length for m in found if m.entry in ("may", "obliges")}
    return at == 0 or at in follows or any(m.at - 2 <= at <= m.at for m in found)


def _bound(words: list[str]) -> tuple[Bound | None, set[int]]:
    """The one bound that is said, and where; None where there is none or it is not plain."""
    said, lexicon = vocabulary("rules"), vocabulary("lexicon")
    found = numbers(words)
    if len(found) != 1 or found[0].unit not in said["measures"]:
        return None, set()
    at, unit = found[0].at, found[0].unit
    table = {entry: [*lexicon["comparisons"].get(entry, ()), *said["bounds"][entry]] for entry in said["bounds"]}
    before = [m for m in mentions(words[:at], table) if m.at + m.length == at]
    if not before:
        return None, set()
    after = mentions(words[at + 1 :], {unit: lexicon["units"][unit]})
    end = at + 1 + after[0].length
    bound = Bound(measure=said["measures"][unit], relation=before[0].entry, value=found[0].value, unit=unit)
    return bound, set(range(before[0].at, end))


def _place(text: str) -> tuple[tuple[str, str], str]:
    """Where it holds, as "this" or "the" and what place, and the rest of the text."""
    found = re.search(vocabulary("rules")["place"], text)
    if found is None or (found["which"] == "the" and not found["place"]):
        return ("", ""), text
    return (found["which"], found["place"] or ""), f"{text[: found.start()]} {text[found.end() :]}"


def _placed(rule: Rule, where: tuple[str, str], zones: Mapping[str, Polygon], contexts: Sequence[str]) -> Rule:
    which, place = where
    if which != "the" or place in contexts:
        return rule
    if place in zones:
        return rule.model_copy(update={"zone": tuple((float(x), float(y)) for x, y in zones[place])})
    words = tokens(place)
    found = mentions(words, vocabulary("places"))
    if sum(mention.length for mention in found) == len(words):
        return rule.model_copy(update={"words": tuple(mention.entry for mention in found)})
    return _unread(rule, "place", place=place)


@cache
def _names() -> dict[str, list[str]]:
    """Every name a rule can be about, with the stems of what it is called."""
    named = vocabulary("names")
    names: dict[str, list[str]] = {name: [name] for name in (*vocabulary("coco"), *named["object"], *named["action"])}
    for name, entry in named["action"].items():
        names[name] = [name, str(entry.get("doing", name))]
    for name, words in vocabulary("defects").items():
        names[name] = [*names.get(name, ()), name, *words]
    for name, words in vocabulary("rules")["names"].items():
        names[name] = [*names.get(name, ()), *words]
    names[ANYTHING] = [ANYTHING, *vocabulary("rules")["anything"]]
    return {name: [_stemmed(word) for word in words] for name, words in names.items()}


@cache
def _attributes() -> dict[str, list[str]]:
    own = {name: [name] for name in (*vocabulary("attributes"), *vocabulary("clip_attributes"))}
    more = vocabulary("rules")["attributes"]
    return {name: [_stemmed(word) for word in (*words, *more.get(name, ()))] for name, words in own.items()}


@cache
def _plain_stems() -> frozenset[str]:
    return frozenset(stem(word) for phrase in vocabulary("rules")["plain"] for word in tokens(str(phrase)))


def _stemmed(phrase: str) -> str:
    return " ".join(stem(word) if is_word(word) else word for word in tokens(phrase))


def _known(phrase: str) -> bool:
    """Whether a phrase is the name of a thing, or a verdict, rather than of a place."""
    stems = [stem(word) for word in tokens(phrase)]
    verdicts = {word for words in vocabulary("lexicon")["verdicts"].values() for word in words}
    whole = any(m.length == len(stems) for m in mentions(stems, _names()))
    return whole or not verdicts.isdisjoint(tokens(phrase))


def members(name: str) -> frozenset[str]:
    """A name and, where it is one of a kind, those of that kind: a vehicle is a car, a bus, a train or a truck."""
    entry: dict[str, Any] = vocabulary("names")["object"].get(name, {})
    return frozenset({name, *entry.get("members", ())})


def is_action(name: str) -> bool:
    """Whether it is something done rather than a thing."""
    return name in vocabulary("names")["action"]


def plain(name: str) -> str:
    """A name as it is said: "running" for the action "run / jog"."""
    entry: dict[str, Any] = vocabulary("names")["action"].get(name, {})
    return str(entry.get("doing", name))
