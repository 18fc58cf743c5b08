"""How numbers and lists are printed, everywhere the same, so that a checker can read them back."""

import math
from collections.abc import Sequence

from xad_agent.prompts import vocabulary

_WHOLE_UNITS = {"px", "degrees"}
_MAX_DECIMALS = 6


def number(value: float, unit: str = "") -> str:
    """A number as people print it: whole px and degrees, signed sigmas, else about two significant digits.

    Example:
        >>> number(7.94), number(0.298, "%"), number(3.06, "sigma"), number(1024, "px"), number(1, "degrees")
        ('7.9', '0.3 %', '+3.1 sigma', '1,024 px', '1 degree')
    """
    return numbers(value, unit=unit)[0]


def numbers(*values: float, unit: str = "") -> list[str]:
    """Numbers that stand side by side, at one precision at which different ones look different.

    Example:
        >>> numbers(4.23, 4.19)
        ['4.23', '4.19']
    """
    decimals = max(_decimals(value, unit) for value in values)
    while decimals < _MAX_DECIMALS and len({_print(v, decimals, unit) for v in values}) < len(set(values)):
        decimals += 1
    return [_print(value, decimals, unit) for value in values]


def count(n: int, singular: str, plural: str = "") -> str:
    """A number of things, in words up to ten.

    Example:
        >>> count(1, "place"), count(3, "place"), count(40, "good picture")
        ('one place', 'three places', '40 good pictures')
    """
    words = {value: word for word, value in vocabulary("lexicon")["number_words"].items()}
    return f"one {singular}" if n == 1 else f"{words.get(n, f'{n:,}')} {plural or singular + 's'}"


def shown_by(n: int, thing: str) -> str:
    """What something is known from.

    Example:
        >>> shown_by(1, "good picture"), shown_by(3, "good picture")
        ('as the only good picture shows', 'as three good pictures show')
    """
    return f"as the only {thing} shows" if n == 1 else f"as {count(n, thing)} show"


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence, joined.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def with_article(word: str) -> str:
    """A thing's name with "a" or "an".

    Example:
        >>> with_article("person"), with_article("elephant")
        ('a person', 'an elephant')
    """
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def side(value: float, limit: float) -> str:
    """On which side of a limit a value is.

    Example:
        >>> side(4.1, 4.2), side(4.2, 4.2)
        ('below', 'at')
    """
    return "above" if value > limit else "below" if value < limit else "at"


def _decimals(value: float, unit: str) -> int:
    size = abs(value)
    if unit in _WHOLE_UNITS or size == 0 or size >= 100 or (unit in {"%", "sigma"} and size >= 10):
        return 0
    if unit != "%" and (size >= 1 or unit == "sigma"):
        return 1
    digits = 1 - math.floor(math.log10(size))
    return digits - 1 if round(size, digits) == round(size, digits - 1) else digits


def _print(value: float, decimals: int, unit: str) -> str:
    printed = f"{value:{'+' if unit == 'sigma' else ''},.{decimals}f}"
    if unit == "degrees" and printed == "1":
        unit = "degree"
    return f"{printed} {unit}" if unit else printed
