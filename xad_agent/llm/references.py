"""What a follow-up refers to, and which question it repeats: "and the third?", "that one", "the other one"."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from xad_agent.prompts import vocabulary

_MOST = 99  # the highest number that tools take


def named_region(question: str, focus: int = 1, regions: int = 0) -> int | None:
    """The number of the region or event that a question names; None where it names none. It may not exist.

    Args:
        question: The user's words.
        focus: What was talked about last, which "the other one" and "the next one" are not.
        regions: How many there are, for "the last one".

    Example:
        >>> named_region("How big is the second one?"), named_region("And event 3?"), named_region("Why?")
        (2, 3, None)
        >>> named_region("What about the other one?", focus=2, regions=2), named_region("the last picture")
        (1, None)
    """
    question = _without_points(question)
    for pattern in _named():
        match = pattern.search(question)
        if match:
            parts = match.groupdict()
            number = parts.get("number") or _counted()[parts["word"].lower()]
            if number == "last":
                return max(regions, 1)
            if number == "next":
                return min(focus + 1, _MOST)
            if number == "other":
                return focus - 1 if focus == regions > 1 else min(focus + 1, _MOST)
            return int(number)
    return None


def named_point(question: str) -> tuple[int, int] | None:
    """The x and y, px of the picture, of the point that a question names; None where it names none.

    Example:
        >>> named_point("What about the place at 120, 80 px?"), named_point("Is it larger than 1,024 px?")
        ((120, 80), None)
    """
    match = next((found for pattern in _points() if (found := pattern.search(question))), None)
    return (int(match["x"]), int(match["y"])) if match else None


def refers_back(question: str) -> bool:
    """Whether a question speaks of what was talked about last ("how big is it?")."""
    return not _words(question).isdisjoint(vocabulary("references")["back"])


def meant(question: str, before: Sequence[str], things: Iterable[str], times: Iterable[str]) -> str:
    """The question whose intent a question has: itself or, where it is elliptic, one before it, the last that is not.

    Args:
        question: The user's words.
        before: The questions before it.
        things: What it names that could be looked for.
        times: Patterns of the times that it may name.
    """
    words = vocabulary("references")
    rest = question
    for pattern in [*_named(), *(re.compile(time, re.IGNORECASE) for time in times)]:
        rest = pattern.sub(" ", rest)
    timed, things = rest != question and named_region(question) is None, list(things)
    for thing in things:
        rest = re.sub(rf"\b{re.escape(thing)}(e?s)?\b", " ", rest, flags=re.IGNORECASE)
    if not _words(rest) <= {*words["fillers"], *words["back"]} or (rest == question and not refers_back(question)):
        return question
    if things:
        return str(words["of_a_thing"].format(thing=things[0]))
    if before:
        earlier = before[-1]
        return meant(earlier, before[:-1], (), times)
    return str(words["of_a_time"]) if timed else question


def pointed_at(question: str, thing: str) -> bool:
    """Whether a thing is "that" or "this" one: what stands out, whatever it is called."""
    before = "|".join(vocabulary("references")["that"])
    return bool(re.search(rf"\b({before})( \w+)? {re.escape(thing)}", question, re.IGNORECASE))


def _without_points(question: str) -> str:
    for pattern in _points():
        question = pattern.sub(" ", question)
    return question


@cache
def _points() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in vocabulary("references")["points"])


@cache
def _named() -> tuple[re.Pattern[str], ...]:
    words = vocabulary("references")
    filled = {name: "|".join(words[name]) for name in ("ordinals", "cardinals")} | {"others": words["others"]}
    patterns = list(words["named"])
    for name, value in filled.items():
        patterns = [pattern.replace(f"{{{name}}}", value) for pattern in patterns]
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _counted() -> dict[str, int | str]:
    """What a word of a number stands for: a number, or "last", "other" or "next"."""
    words = vocabulary("references")
    return {**words["ordinals"], **words["cardinals"]}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+|\d+", text.lower()))
