"""How far a value lies from normal ones: one small density for each kind of attribute, in one form.

A density learns normal rows (N, columns) and then gives each row its rarity, float64 (N,): larger is rarer, without an
upper end, so that what is stranger than anything normal still has its order. NaN rows have no rarity: NaN.
"""

from typing import Protocol

import numpy as np

_NEIGHBOURS = 3
_BANK = 20_000
_COMPONENTS, _FITTED = 8, 5000
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


class Lasting:
    """How long something lasts, of which only the long is strange; `rows` (N, 2): that time, and how long the clip ran.

    Beyond the longest that a normal clip ran nothing is known, so that no time is rarer than that one.
    """

    def __init__(self, rows: np.ndarray):
        self._known = float(np.nanmax(rows[:, 1], initial=0)) if len(rows) else 0.0

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """The time, as far as it is known."""
        return np.minimum(rows[:, 0], self._known)


class Nearest:
    """Any numbers: mean distance to the three nearest normal rows (as in AI-VAD, Reiss and Hoshen 2022).

    Of more than 20,000 normal rows so many are drawn.
    """

    def __init__(self, rows: np.ndarray):
        from sklearn.neighbors import NearestNeighbors

        rows = _drawn(rows, _BANK)
        self._bank = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(rows))).fit(rows) if len(rows) else None

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """Distance, in the rows' own unit."""
        known = ~np.isnan(rows).any(axis=1)
        result = np.full(len(rows), np.nan)
        if self._bank is not None and known.any():
            result[known] = self._bank.kneighbors(rows[known])[0].mean(axis=1)
        return result


class Mixture:
    """Numbers of different kinds together: a mixture of at most eight Gaussians (X-MAN, Szymanowicz et al. 2021).

    Each axis has a spread of its own in each Gaussian, never below 1: the rows' unit is what does not count. Fitted to
    at most 5,000 rows, drawn at random.
    """

    def __init__(self, rows: np.ndarray):
        from sklearn.mixture import GaussianMixture

        rows = _drawn(rows, _FITTED)
        components = min(_COMPONENTS, len(np.unique(rows, axis=0)))
        mixture = GaussianMixture(max(components, 1), covariance_type="diag", reg_covar=1.0, random_state=0)
        self._mixture = mixture.fit(rows) if len(rows) > 1 else None

    def rarity(self, rows: np.ndarray) -> np.ndarray:
        """Negative log likelihood, nats."""
        known = ~np.isnan(rows).any(axis=1)
        result = np.full(len(rows), np.nan)
        if self._mixture is not None and known.any():
            result[known] = -self._mixture.score_samples(rows[known])
        return result

    def deviations(self, rows: np.ndarray) -> np.ndarray:
        """How far each number is from the middle of the likeliest Gaussian, in its spreads, (N, columns)."""
        result = np.full(rows.shape, np.nan)
        known = ~np.isnan(rows).any(axis=1)
        if self._mixture is not None and known.any():
            likeliest = self._mixture.predict(rows[known])
            spread = np.sqrt(self._mixture.covariances_[likeliest])
            result[known] = (rows[known] - self._mixture.means_[likeliest]) / spread
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


def _drawn(rows: np.ndarray, most: int) -> np.ndarray:
    """The rows without NaN or, of more than so many, as many drawn at random."""
    rows = rows[~np.isnan(rows).any(axis=1)]
    return np.random.default_rng(0).choice(rows, most, replace=False) if len(rows) > most else rows
