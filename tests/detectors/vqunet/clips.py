"""Small clips with known motion, for tests."""

from collections.abc import Iterator

import numpy as np


class MovingSquares:
    """A bright square that moves by one pixel a frame over a dim noisy ground, RGB uint8."""

    def __init__(self, count: int, seed: int = 0, height: int = 20, width: int = 28, name: str = "squares"):
        self.count, self.name = count, name
        random = np.random.default_rng(seed)
        self._ground = random.integers(20, 60, (height, width, 3)).astype(np.uint8)
        self._start = int(random.integers(width))

    def frames(self, start: int, stop: int, step: int) -> Iterator[np.ndarray]:
        for t in range(start, min(stop, self.count), step):
            frame = self._ground.copy()
            frame[6:12, [(self._start + t + i) % frame.shape[1] for i in range(6)]] = 220
            yield frame


def frames_of(clip: MovingSquares) -> list[np.ndarray]:
    return list(clip.frames(0, clip.count, 1))
