"""How tall a person is at each row of a fixed camera's picture: sizes and speeds are compared in body heights."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_LEAST_PX, _LEAST_PEOPLE, _MOST_PEOPLE = 8.0, 30, 2000
_LEAST_DEPTH = 0.5  # body heights between the feet of the nearest and the farthest, else the slope is chance
_WIDTH = 0.45  # of a walker's window, in body heights


@dataclass(frozen=True)
class Perspective:
    """A line: body height in px over the row of the feet, as for people on level ground (Hoiem et al. 2006).

    Attributes:
        height, width: Of the picture, px.
        intercept, slope: Body height in px = intercept + slope * row of the feet.
        people: How many people it was learned from; 0 where it is a guess.
    """

    height: int
    width: int
    intercept: float
    slope: float
    people: int

    @classmethod
    def fit(cls, shape: tuple[int, int], people: np.ndarray, seed: int = 0) -> "Perspective":
        """From boxes (N, 4) of people, by Theil and Sen's median of slopes, which a third of wrong boxes hardly sways.

        With fewer than 30 people, or all at one distance, it is the same everywhere: their median height, without any a
        tenth of the picture.
        """
        from scipy.stats import theilslopes

        height, width = shape
        feet, tall = people[:, 3], people[:, 3] - people[:, 1]
        level = float(np.median(tall)) if len(people) else max(_LEAST_PX, height / 10)
        if len(people) < _LEAST_PEOPLE or np.ptp(np.percentile(feet, [10, 90])) < _LEAST_DEPTH * level:
            return cls(height, width, level, 0.0, len(people))
        few = np.random.default_rng(seed).permutation(len(people))[:_MOST_PEOPLE]
        slope, intercept, *_ = theilslopes(tall[few], feet[few], method="joint")
        return cls(height, width, float(intercept), float(slope), len(people))

    def resized(self, shape: tuple[int, int]) -> "Perspective":
        """The same view in a picture of another height and width, px."""
        ratio = shape[0] / self.height
        return Perspective(*shape, self.intercept * ratio, self.slope, self.people)

    def body_height(self, feet: np.ndarray | float) -> np.ndarray:
        """Body height in px of who stands on a row of the picture, at least 8 px and at most the picture's height."""
        return np.clip(self.intercept + self.slope * np.asarray(feet, float), _LEAST_PX, max(self.height, _LEAST_PX))

    @cached_property
    def heights(self) -> np.ndarray:
        """float64 (height,): body height of the walker whose middle is on each row."""
        slope = min(self.slope, 1.0)
        middle = (self.intercept + slope * np.arange(self.height)) / (1 - slope / 2)
        return np.clip(middle, _LEAST_PX, max(self.height, _LEAST_PX))

    @cached_property
    def windows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x0, y0, x1, y1 of the walker-sized window around every pixel, int (height, width) each, cut at the edges."""
        rows, columns = np.mgrid[: self.height, : self.width]
        half_height = self.heights[:, None] / 2
        half_width = _WIDTH * half_height
        return (
            np.clip(np.rint(columns - half_width), 0, self.width).astype(int),
            np.clip(np.rint(rows - half_height), 0, self.height).astype(int),
            np.clip(np.rint(columns + half_width), 0, self.width).astype(int),
            np.clip(np.rint(rows + half_height), 0, self.height).astype(int),
        )

    @cached_property
    def window_area(self) -> np.ndarray:
        """float64 (height, 1): px of a window that no edge cuts."""
        return body_area(self.heights)[:, None]

    def window_sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of `values` (height, width) in the window around every pixel, float32."""
        import cv2

        sums = cv2.integral(values.astype(np.float32), sdepth=cv2.CV_64F).ravel()
        corners = [sums.take(corner) for corner in self._corners]
        return np.asarray(corners[0] - corners[1] - corners[2] + corners[3], dtype=np.float32)

    @cached_property
    def _corners(self) -> list[np.ndarray]:
        """Places in the flat integral image of each window's lower right, upper right, lower left and upper left."""
        x0, y0, x1, y1 = self.windows
        return [y * (self.width + 1) + x for y, x in ((y1, x1), (y0, x1), (y1, x0), (y0, x0))]

    @cached_property
    def visible_area(self) -> np.ndarray:
        """int (height, width): px of each window inside the picture."""
        x0, y0, x1, y1 = self.windows
        return np.asarray((x1 - x0) * (y1 - y0))


def body_area(tall: np.ndarray) -> np.ndarray:
    """Px of the window of a walker who is so many px tall."""
    return np.asarray(_WIDTH * tall**2)
