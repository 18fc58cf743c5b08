"""How far a value lies from normal ones: one small density for each kind of attribute, in one form.

A density learns normal rows (N, columns) and then gives each row its rarity, float64 (N,): larger is rarer, without an
upper end, so that what is stranger than anything normal still has its order. NaN rows have no rarity: NaN.
"""

from typing import Protocol

import numpy as np

_NEIGHBOURS = 3
_AROUND = 64
_SECTOR = np.cos(np.pi / 4)


class Density(Protocol):
    """What every density can do."""

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """Float64 (N,) of rows (N, columns)."""
        ...


class Above:
    """One number of which only the high values are strange: the value itself; `rows` (N, 1)."""

    def __init__(self, rows: np.ndarray):
        pass

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """The value."""
        return rows[:, 0].astype(np.float64)


class Apart:
    """One number that can be too high or too low: distance from the median in spans to the far percentiles.

    Without a normal row nothing has a rarity.
    """

    def __init__(self, rows: np.ndarray):
        values = rows[~np.isnan(rows[:, 0]), 0]
        percentiles = np.percentile(values, [1, 50, 99]) if len(values) else np.full(3, np.nan)
        low, self._middle, high = map(float, percentiles)
        self._below, self._above = max(self._middle - low, 1e-6), max(high - self._middle, 1e-6)

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """1 at the 1st and the 99th percentile of normal."""
        off = rows[:, 0].astype(np.float64) - self._middle
        return np.where(off > 0, off / self._above, -off / self._below)


class Nearest:
    """Any numbers: mean distance to the three nearest normal rows (as in AI-VAD, Reiss and Hoshen 2022)."""

    def __init__(self, rows: np.ndarray):
        from scipy.spatial import KDTree

        rows = rows[~np.isnan(rows).any(axis=1)]
        self._tree = KDTree(rows) if len(rows) else None

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """Distance, in the rows' own unit."""
        known = ~np.isnan(rows).any(axis=1)
        result = np.full(len(rows), np.nan)
        if self._tree is not None and known.any():
            k = min(_NEIGHBOURS, self._tree.n)
            distances, _ = self._tree.query(rows[known], k=k)
            result[known] = distances if k == 1 else distances.mean(axis=1)
        return result


class Heading:
    """Where things go at a place: rows are x, y in body heights, and the direction's cosine and sine.

    The rarity is -log2 of the share, among the 64 nearest normal rows by place, that head the same way within 45
    degrees (one is added to both counts): 0 where all do, 6 where none does.
    """

    def __init__(self, rows: np.ndarray):
        from scipy.spatial import KDTree

        self._rows = rows[~np.isnan(rows).any(axis=1)]
        self._tree = KDTree(self._rows[:, :2]) if len(self._rows) else None

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """Bits."""
        known = ~np.isnan(rows).any(axis=1)
        result = np.full(len(rows), np.nan)
        if self._tree is not None and known.any():
            around = min(_AROUND, self._tree.n)
            _, places = self._tree.query(rows[known, :2], k=range(1, around + 1))
            agree = (self._rows[places, 2:] @ rows[known, 2:, None])[..., 0] >= _SECTOR
            result[known] = -np.log2((1 + agree.sum(axis=1)) / (1 + around))
        return result


class Surplus:
    """Scores of names: by how much the likeliest name exceeds what is usual for it on normal data.

    A detector says of anything what it knows: "skis" of a walker's legs. What counts is not the score but how much
    higher it is than the 99.9th percentile of that name's scores on normal data.
    """

    def __init__(self, rows: np.ndarray):
        self.usual = np.percentile(rows, 99.9, axis=0) if len(rows) else np.zeros(rows.shape[1])

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """From -1 to 1."""
        return (rows - self.usual).max(axis=1).astype(np.float64)
