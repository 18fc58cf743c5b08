"""Phrases as a text encoder can take them: cleaned, cut to its window, none twice."""

from collections.abc import Callable, Sequence
from typing import Any

from xad_agent.errors import XadError, clean


def pieces(phrases: Sequence[str], tokenizer: Any, limit: int, marks: str = "") -> dict[str, list[str]]:
    """What to ask a model for, so that every phrase is asked for whole.

    A phrase that is longer than the window is cut at words into pieces, each of which is asked for. What two phrases
    have in common once they are cleaned is asked for once.

    Args:
        phrases: As they were asked.
        tokenizer: The model's, of transformers.
        limit: Most tokens of one piece.
        marks: Characters that mean something to the model, and are no part of a phrase to it.

    Returns:
        The pieces in lower case, each with the phrases that it belongs to.

    Raises:
        XadError: A phrase is empty, or the tokenizer knows nothing of it: that the model finds nothing then would not
            mean that nothing is there.
    """

    def fits(text: str) -> bool:
        return len(known_tokens(text, tokenizer)) <= limit

    found: dict[str, list[str]] = {}
    for phrase in dict.fromkeys(phrases):
        text = _cleaned(phrase, tokenizer, marks)
        if not text:
            raise XadError("a phrase to look for is empty, or made of marks alone: name a thing", exit_code=2)
        if not known_tokens(text, tokenizer):
            raise XadError(
                f"the model's text encoder knows no word or letter of {clean(phrase)!r}: ask in another language, "
                "most were trained on English",
                exit_code=2,
            )
        for piece in _cut(text, fits):
            if known_tokens(piece, tokenizer):
                found.setdefault(piece, []).append(phrase)
    return found


def known_tokens(text: str, tokenizer: Any) -> list[tuple[int, int]]:
    """The tokens of a text, each with the character it starts at, without those that stand for the unknown."""
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False)
    pairs = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [(token, start) for token, (start, _) in pairs if token != tokenizer.unk_token_id]


def passes(costs: Sequence[int], budget: int) -> list[slice]:
    """Which neighbours to ask for together, so that what they cost together stays within the budget of one pass.

    Example:
        >>> passes([3, 3, 5, 9, 1], 8)
        [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None), slice(4, 5, None)]
    """
    slices, start, total = [], 0, 0
    for index, cost in enumerate(costs):
        if index > start and total + cost > budget:
            slices.append(slice(start, index))
            start, total = index, 0
        total += cost
    return [*slices, slice(start, len(costs))] if costs else []


def _cleaned(phrase: str, tokenizer: Any, marks: str) -> str:
    """A phrase on one line; what the tokenizer would read as a command ("[SEP]") is data, and left out."""
    text = phrase.lower()
    for mark in (*tokenizer.all_special_tokens, *marks):
        text = text.replace(mark, " ")
    return " ".join(text.split())


def _cut(text: str, fits: Callable[[str], bool]) -> list[str]:
    """The text in pieces that fit, about equally long, cut between words where there are words."""
    if len(text) < 2 or fits(text):
        return [text]
    middle = len(text) // 2
    gaps = [index for index, character in enumerate(text) if character == " "] or [middle]
    gap = min(gaps, key=lambda index: abs(index - middle))
    return _cut(text[:gap].strip(), fits) + _cut(text[gap:].strip(), fits)
