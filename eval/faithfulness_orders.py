"""Deletion and insertion: how a score falls while a picture is made normal piece by piece, in an explanation's order.

Source: Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, where
pixels are replaced by grey and put back onto a blur. A detector of what is not normal finds both stranger than any
defect, so here the replacement is normal content.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xad_agent.counterfactual import FEATHER_SHARE
from xad_agent.errors import XadError

# Of the picture, replaced; narrower where it begins and where it ends, for a defect fills little of it. Symmetric, so
# that what is replaced last is seen as finely as what is replaced first.
SHARES = (0, 1 / 128, 1 / 32, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8, 31 / 32, 127 / 128, 1)


@dataclass(frozen=True, eq=False)
class Cells:
    """A picture cut into cells of about the same size, numbered row by row.

    Attributes:
        shape: (height, width) of the picture.
        grid: (rows, columns), neither more than the picture has.
    """

    shape: tuple[int, int]
    grid: tuple[int, int]

    @property
    def count(self) -> int:
        """How many cells there are."""
        return self.grid[0] * self.grid[1]

    @cached_property
    def counts(self) -> np.ndarray:
        """How many cells are replaced in each step, ascending int (steps,): `SHARES` of them, as near as can be."""
        half = [round(share * self.count) for share in SHARES if share <= 1 / 2]
        return np.unique([*half, *(self.count - n for n in half)])

    @cached_property
    def numbers(self) -> np.ndarray:
        """The cell of each pixel, int (H, W)."""
        rows, columns = (np.arange(n) * cells // n for n, cells in zip(self.shape, self.grid, strict=True))
        return np.asarray(rows[:, None] * self.grid[1] + columns)

    def order(self, values: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """The cells by the mean of `values` (H, W) in them, highest first; equal ones as `random` has them."""
        means = np.bincount(self.numbers.ravel(), values.ravel().astype(float)) / np.bincount(self.numbers.ravel())
        return np.asarray(np.lexsort((random.permutation(self.count), -means)))

    def mask(self, chosen: np.ndarray) -> np.ndarray:
        """Booleans (H, W), true in the chosen cells."""
        flags = np.zeros(self.count, dtype=bool)
        flags[chosen] = True
        return flags[self.numbers]


class Deletion:
    """The score of a picture while it becomes its normal counterpart.

    Args:
        pixels: The picture, uint8 (H, W, 3).
        normal: Its normal counterpart, of the same shape.
        cells: What is replaced at once.
        score: Of pixels as above.

    Attributes:
        start, end: The score of the picture, and of its counterpart.

    Raises:
        XadError: The counterpart does not score lower: there is nothing to explain by it; or a score is not finite.
    """

    def __init__(self, pixels: np.ndarray, normal: np.ndarray, cells: Cells, score: Callable[[np.ndarray], float]):
        self.pixels, self.normal, self.cells, self._score = pixels, normal, cells, score
        self.start, self.end = self._finite(pixels), self._finite(normal)
        if self.start <= self.end:
            raise XadError(
                f"wholly replaced by normal content it scores {self.end:.3g}, and {self.start:.3g} as it is: "
                "there is no fall to follow"
            )

    def replaced(self, chosen: np.ndarray) -> np.ndarray:
        """The picture with normal content in the chosen cells, seams feathered as in a repair; uint8 (H, W, 3)."""
        import cv2

        cover = self.cells.mask(chosen).astype(np.float32)
        sigma = max(0.5, FEATHER_SHARE * max(cover.shape))
        cover = cv2.GaussianBlur(cover, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)[..., None]
        return np.clip(np.rint(self.pixels + cover * (self.normal.astype(np.float32) - self.pixels)), 0, 255).astype(
            np.uint8
        )

    def curve(self, order: np.ndarray) -> np.ndarray:
        """The share of the fall that is left after each of `cells.counts`: 1 as it is, 0 where all is replaced.

        Args:
            order: Every cell once, what is replaced first at first.
        """
        between = [self._finite(self.replaced(order[:count])) for count in self.cells.counts[1:-1]]
        scores = np.array([self.start, *between, self.end])
        return (scores - self.end) / (self.start - self.end)

    def _finite(self, pixels: np.ndarray) -> float:
        score = self._score(pixels)
        if not np.isfinite(score):
            raise XadError(f"partly replaced by normal content the picture scores {score}: the detector is at fault")
        return score

    def both(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The curves of deletion and of insertion, each over the share of `cells.counts`.

        Insertion starts from the counterpart and puts the original back, in the order: after n cells the picture is
        that of which the other cells have been replaced, which are the first of the reversed order.
        """
        return self.curve(order), self.curve(order[::-1])[::-1]

    def area(self, curve: np.ndarray) -> float:
        """The area under a curve over the share of cells, by trapezoids."""
        from scipy.integrate import trapezoid

        return float(trapezoid(curve, self.cells.counts / self.cells.count))

    def sampled(self, curve: np.ndarray) -> np.ndarray:
        """A curve at `SHARES`, so that curves of pictures with other cells can be averaged."""
        return np.interp(SHARES, self.cells.counts / self.cells.count, curve)


def elsewhere(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A map moved cyclically by a random amount: as smooth and as high as it was, only not where it was."""
    return np.roll(values, [int(random.integers(n)) for n in values.shape], axis=(0, 1))
