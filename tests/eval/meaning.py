"""A stand-in for the sentence model: unit vectors by the letters of a text, so that no weights are needed."""

import numpy as np


def by_letters(texts: list[str]) -> np.ndarray:
    """Counts of letters, (N, 26), of unit length."""
    counts = np.array([[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], float) + 1e-9
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)
