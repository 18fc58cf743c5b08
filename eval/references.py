"""Answers held against reference sentences by the embedded sentence model, beside chance: secondary to all else.

A similarity by itself says little, since all sentences about defects are alike. So each answer is also held against the
references of the other items, and what counts is how much nearer its own is.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.answer import Answer
from xad_agent.errors import XadError
from xad_agent.eval.intervals import mean_of
from xad_agent.eval.reading import read_json

References = Mapping[str, tuple[str, ...]]
Embed = Callable[[list[str]], np.ndarray]

NOTE = (
    "secondary: cosine of sentence embeddings (all-MiniLM-L6-v2) of the answer's text without its citations and of its "
    "reference, the nearest of several; by chance: the mean over the references of other items that read otherwise; "
    "nearer: the share of those that it is nearer to its own than to, 50 % for an answer that has nothing to do with it"
)


def read_references(path: str | Path, thing: str = "") -> References:
    """Reference sentences by item or by type of item.

    Args:
        path: JSON: {"scratch/003.png": "a sentence", "crack": ["one", "or several"]}; or one or two levels of such
            objects by product, as MMAD's domain knowledge is laid out.
        thing: The product.

    Raises:
        XadError: The file cannot be read, holds a key twice, does not know the product, or has no sentences.
    """
    found = _of_product(read_json(Path(path), 'sentences: {"scratch/003.png": "a sentence"}'), thing.lower())
    if not found:
        raise XadError(f"{path}: holds no reference sentences{f' for {thing}' if thing else ''} by item or type")
    return found


def _of_product(given: Any, thing: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, dict):
        return {}
    if sentences := {key: _sentences(value) for key, value in given.items() if _sentences(value)}:
        return sentences
    for key, value in given.items():
        if key.lower() == thing and (found := _of_product(value, thing)):
            return found
    return next((found for value in given.values() if (found := _of_groups(value, thing))), {})


def _of_groups(group: Any, thing: str) -> dict[str, tuple[str, ...]]:
    products = {key.lower(): value for key, value in group.items()} if isinstance(group, dict) else {}
    return _of_product(products.get(thing), thing)


def _sentences(value: Any) -> tuple[str, ...]:
    some = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(text.strip() for text in some if isinstance(text, str) and text.strip())


def spoken(answer: Answer) -> str:
    """An answer's text without its citations, which no reference has."""
    return " ".join(claim.text for claim in answer.claims)


def similarities(said: Sequence[str], references: Sequence[Sequence[str]], embed: Embed) -> list[dict[str, Any]]:
    """How near each text is to its own references, and to those of the others.

    Args:
        said: A text for each item.
        references: For each item one or more sentences that say what is true of it.
        embed: Texts to unit vectors (N, D).

    Returns:
        For each item `similarity` (cosine, -1 to 1), `by_chance`, `nearer` (0 to 1, ties count half); the last two None
        where no other item has another reference.
    """
    sets = list(dict.fromkeys(tuple(own) for own in references))
    known = list(dict.fromkeys(text for own in sets for text in own))
    vectors = embed([*said, *known])
    cosines = vectors[: len(said)] @ vectors[len(said) :].T
    columns = [[known.index(text) for text in own] for own in sets]
    nearest = np.stack([cosines[:, column].max(axis=1) for column in columns], axis=1)
    return [_of_one(row, sets.index(tuple(own))) for row, own in zip(nearest, references, strict=True)]


def _of_one(row: np.ndarray, own: int) -> dict[str, Any]:
    others = np.delete(row, own)
    if not len(others):
        return {"similarity": float(row[own]), "by_chance": None, "nearer": None}
    nearer = (others < row[own]).mean() + (others == row[own]).mean() / 2
    return {"similarity": float(row[own]), "by_chance": float(others.mean()), "nearer": float(nearer)}


def similarity_summary(rows: Sequence[Mapping[str, Any]], groups: Sequence[Any], seed: int) -> dict[str, Any]:
    """The means of what `similarities` gives, with intervals.

    Args:
        rows: Of each item.
        groups: Items of the same group are drawn together by the bootstrap.
        seed: Of the bootstrap.

    Returns:
        `n`; `similarity`, `by_chance`, `above_chance` and `nearer`: each {value, low, high}; `secondary` True.
    """
    contrasted = [row["by_chance"] is not None for row in rows]
    chosen = [row for row, kept in zip(rows, contrasted, strict=True) if kept]
    known = [group for group, kept in zip(groups, contrasted, strict=True) if kept]
    values = {
        "similarity": ([row["similarity"] for row in rows], groups),
        "by_chance": ([row["by_chance"] for row in chosen], known),
        "above_chance": ([row["similarity"] - row["by_chance"] for row in chosen], known),
        "nearer": ([row["nearer"] for row in chosen], known),
    }
    return {
        "n": len(rows),
        "secondary": True,
        **{key: mean_of(outcomes, of, seed) for key, (outcomes, of) in values.items()},
    }
