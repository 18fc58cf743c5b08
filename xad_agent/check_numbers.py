"""The claim checker's reading of numbers: is a printed number one that the cited evidence measured, and of what?"""

from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise

from xad_agent.language import CLAUSE_ENDS, Mention, Number, mentions, numbers, tokens
from xad_agent.prompts import vocabulary
from xad_agent.support import Fact, Support, region_number

_LABELLED = frozenset({"region", "place", "event"})

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "above": lambda a, b: a > b,
    "below": lambda a, b: a < b,
    "at most": lambda a, b: a <= b,
    "at least": lambda a, b: a >= b,
    "falls": lambda a, b: a > b,
    "rises": lambda a, b: a < b,
}


@cache
def _names() -> dict[str, tuple[str, ...]]:
    """What quantities are called, directions ("darker") included: canonical name -> words."""
    names = {name: tuple(words) for name, words in vocabulary("lexicon")["quantities"].items()}
    for name, entry in vocabulary("attributes").items():
        names[name] = (*names.get(name, ()), name, *entry["more"], *entry["less"])
    return names


def name_mentions(words: list[str], support: Support) -> list[Mention]:
    """Where words name a quantity, of the vocabulary or of the evidence."""
    own = {fact.name: (fact.name,) for fact in support.facts if fact.quantity}
    return mentions(words, {**own, **_names()})


def _compatible(fact: Fact, name: str) -> bool:
    have, wanted = set(fact.name.split()), set(name.split())
    return have <= wanted or wanted <= have


def clause_at(words: list[str], at: int) -> tuple[int, int]:
    """The clause around token `at`, as a range of indices."""
    stops = [i for i, word in enumerate(words) if word in CLAUSE_ENDS]
    before = max((i + 1 for i in stops if i < at), default=0)
    after = min((i for i in stops if i > at), default=len(words))
    return before, after


def region_at(words: list[str], at: int) -> int:
    """The region or event a token speaks of: the last "region N" before it in the sentence, 0 for none."""
    named = [n for n in numbers(words) if n.at and n.at <= at and words[n.at - 1] in _LABELLED]
    return int(named[-1].value) if named else 0


def _matching(number: Number, words: list[str], support: Support) -> list[Fact]:
    """The cited facts that this printed number can be."""
    region = region_at(words, number.at)
    of_normal = _speaks_of_normal(number, words)
    near = [
        fact
        for fact in support.facts
        if (not (fact.region and region) or fact.region == region)
        and (fact.name.startswith("p-value") or of_normal == fact.name.startswith("normal "))
    ]
    if number.ratio is not None:
        return [fact for fact in near if fact.name == "p-value" and _ratio_holds(number, fact.value)]
    return [
        fact
        for fact in near
        if fact.unit == number.unit
        and (number.equals(fact.value) or _unsigned(number, fact, words) or _is_bound(number, fact))
    ]


def _speaks_of_normal(number: Number, words: list[str]) -> bool:
    """Whether a number is said to be a bound of what is normal: "normal up to 18", "mostly stay below 24.8"."""
    start, end = clause_at(words, number.at)
    clause = words[start:end]
    if not {"normally", "usually", "usual", "mostly", "range"}.isdisjoint(clause):
        return True
    near = ["", *clause[max(0, number.at - start - 5) : number.at - start]]
    named = set(vocabulary("lexicon")["called_normal"])
    return any(word == "normal" and before != "than" and named.isdisjoint(near) for before, word in pairwise(near))


def _is_bound(number: Number, fact: Fact) -> bool:
    """Whether "at most 5 %" bounds a p-value, and no more loosely than its precision."""
    if not (number.comparison in RELATIONS and fact.name.startswith("p-value of") and number.unit == "%"):
        return False
    near = abs(number.value - fact.value) <= 10**-number.decimals
    return near and RELATIONS[number.comparison](fact.value, number.value)


def _ratio_holds(number: Number, p_value: float) -> bool:
    assert number.ratio is not None
    if number.ratio <= 0:
        return False
    printed = number.value / number.ratio
    if number.comparison in RELATIONS and number.comparison != "at most":
        # "fewer than 1 in 320" is said of a p-value of 1 in 321; a looser bound would be true and misleading.
        strict = number.comparison == "below" or p_value != printed
        return strict and RELATIONS[number.comparison](p_value, printed) and abs(1 / p_value - 1 / printed) <= 1.5
    return number.value > 0 and round(number.value / p_value) == number.ratio


def _unsigned(number: Number, fact: Fact, words: list[str]) -> bool:
    """Whether "darker by 3.1 sigma" prints a brightness of -3.1: the word carries the sign."""
    if number.signed or fact.value >= 0 or fact.name not in vocabulary("attributes"):
        return False
    less = vocabulary("attributes")[fact.name]["less"]
    return number.equals(-fact.value) and bool(mentions(words, {fact.name: less}))


def check_numbers(words: list[str], support: Support) -> Iterable[str]:
    """Whether each number is a cited one, and of what the words beside it say."""
    named = name_mentions(words, support)
    for number in numbers(words):
        matching = _matching(number, words, support)
        if number.at and words[number.at - 1] in {"region", "event"}:
            matching = [fact for fact in matching if fact.name == "region" and not number.decimals]
        elif not number.at or words[number.at - 1] not in _LABELLED:
            matching = [fact for fact in matching if fact.name != "region"]  # a label's number counts nothing
        if not any(mention.entry == "p-value" for mention in named) and number.ratio is None:
            matching = [fact for fact in matching if fact.name != "p-value"]
        printed = " ".join(words[number.at : number.at + 1]) + (f" {number.unit}" if number.unit else "")
        if not matching:
            yield f"no cited quantity is {printed}"
            continue
        if any(fact.name == "region" for fact in matching) and words[number.at - 1] in _LABELLED:
            continue
        if words[number.at + 1 : number.at + 2] in (["x"], ["×"]) and not _is_size(number, words, support):
            yield f"no cited region measures {' '.join(words[number.at : number.at + 3])}"
        start, end = clause_at(words, number.at)
        near = [m for m in named if start <= m.at < end]
        before = [m for m in near if m.at < number.at][-1:]
        after = [m for m in near if m.at > number.at][:1]
        in_brackets = "(" in words[max(0, number.at - 2) : number.at]
        governing = before if in_brackets else before + after
        if governing and not any(_compatible(fact, m.entry) or fact.name.startswith(("p-value", "normal"))
                                 for fact in matching for m in governing):  # fmt: skip
            yield f"{printed} is the {matching[0].name}, not the {governing[0].entry}"


def check_order(words: list[str], support: Support) -> Iterable[str]:
    """A part is no larger than the whole it is "of", and a range runs upwards where nothing goes "from" its start."""
    for one, other in pairwise(numbers(words)):
        between = words[one.at + 1 : other.at]
        is_range = between in (["to"], [*tokens(one.unit), "to"]) and words[max(one.at - 1, 0)] != "from"
        if one.value > other.value and (between == ["of"] or is_range):
            yield f"{words[one.at]} {between[-1]} {words[other.at]} is the wrong way round"


def _is_size(number: Number, words: list[str], support: Support) -> bool:
    """Whether "21 x 34 px" is the width and height of one cited region."""
    height = next((n for n in numbers(words) if n.at == number.at + 2), None)
    regions = [region for entry in support.evidence for region in entry.regions]
    wanted = region_at(words, number.at)
    return height is not None and any(
        number.equals(x1 - x0) and height.equals(y1 - y0)
        for region in regions
        for x0, y0, x1, y1 in [region.box]
        if not wanted or region_number(region) == wanted
    )
