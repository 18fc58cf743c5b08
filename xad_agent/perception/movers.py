"""What moves in a frame: places of foreground that move together, the fastest first."""

from dataclasses import dataclass

import numpy as np

from xad_agent.perception.perspective import Perspective

MOST = 12
SLOWEST = 0.01  # body heights a frame; slower than this is standing, or noise of the flow
_COVERED = 0.4  # share of a walker's window that must be foreground, so that noise around a walker does not count
_SEEN = 0.12  # and of a whole window, where the edge of the picture cuts it
_FAST = 0.55  # share of a mover's speed that a pixel of it has at least
_CORE = 0.6
_LEAST_PX = 8

_Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Mover:
    """One thing that moves.

    Attributes:
        box: x0 y0 x1 y1 in px, exclusive.
        speed: Body heights a frame, the mean over the walker-sized window that moves fastest.
        velocity: (x, y), px a frame, the median of its pixels.
        gait: Speed of its lower half over that of its upper half; walkers' legs swing, wheels and boards do not. NaN
            where a half is too small to tell.
        area: Pixels.
    """

    box: _Box
    speed: float
    velocity: tuple[float, float]
    gait: float
    area: int


def speed_map(flow: np.ndarray, foreground: np.ndarray, perspective: Perspective) -> np.ndarray:
    """Speed in body heights a frame at every pixel: the mean over the foreground of a walker-sized window.

    A mean over a body, for single pixels follow the swing of legs; 0 where too little of the window is foreground.

    Args:
        flow: float32 (H, W, 2), px a frame.
        foreground: bool (H, W).
        perspective: Of that picture.
    """
    import cv2

    pixels = perspective.window_sums(foreground)
    counts = (pixels > _COVERED * perspective.visible_area) & (pixels > _SEEN * perspective.window_area)
    speeds = perspective.window_sums(foreground * np.linalg.norm(flow, axis=2)) / np.maximum(pixels, 1)
    heights = speeds * counts / perspective.heights[:, None]
    return np.asarray(cv2.GaussianBlur(heights, (0, 0), 1) * counts, dtype=np.float32)


class Motion:
    """What moves in one frame; the arguments are those of `speed_map`."""

    def __init__(self, flow: np.ndarray, foreground: np.ndarray, perspective: Perspective):
        self.speeds = speed_map(flow, foreground, perspective)
        self._flow, self._foreground, self._perspective = flow, foreground, perspective
        self._pixel_speeds = np.linalg.norm(flow, axis=2)

    def movers(self) -> list[Mover]:
        """At most twelve, the fastest first: each the connected pixels that keep up with a peak of the speed map."""
        left, found = self.speeds.copy(), list[Mover]()
        explained = np.zeros_like(self._foreground)
        x0, y0, x1, y1 = self._perspective.windows
        while len(found) < MOST and left.max() > SLOWEST:
            row, column = np.unravel_index(int(left.argmax()), left.shape)
            window = slice(y0[row, column], y1[row, column]), slice(x0[row, column], x1[row, column])
            box, mask = self._grown(int(row), float(left[row, column]), window)
            fresh = mask & ~explained
            mover = self._measured(box, mask, float(left[row, column]))
            left[window] = 0
            left[box[1] : box[3], box[0] : box[2]] = 0
            # A large thing has many peaks, of which all but the first find it again.
            if mover is not None and fresh.sum() > 0.5 * mask.sum():
                found.append(mover)
            explained |= mask
        return found

    def of(self, box: np.ndarray) -> Mover | None:
        """How what is in a box x0 y0 x1 y1 moves; None where no foreground is in it."""
        x0, y0 = (max(int(value), 0) for value in box[:2])
        x1, y1 = (int(np.ceil(value)) for value in box[2:])
        mask = np.zeros_like(self._foreground)
        mask[y0:y1, x0:x1] = self._foreground[y0:y1, x0:x1]
        part = self.speeds[(y0 + y1) // 2 : (y0 + y1) // 2 + 1, (x0 + x1) // 2 : (x0 + x1) // 2 + 1]
        return self._measured((x0, y0, x1, y1), mask, float(part.max(initial=0.0)))

    def _grown(self, row: int, peak: float, window: tuple[slice, slice]) -> tuple[_Box, np.ndarray]:
        """Box and mask of the connected fast pixels that share most with a window; empty where none do."""
        import cv2

        height = float(self._perspective.heights[row])
        near = _dilate(self.speeds > _CORE * peak, 0.4 * height, 0.6 * height)
        fast = (self._foreground & (self._pixel_speeds > _FAST * peak * height) & near).astype(np.uint8)
        closed = cv2.morphologyEx(fast, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        _, parts, stats, _ = cv2.connectedComponentsWithStats(closed)
        shared = np.bincount(parts[window].ravel(), minlength=len(stats))
        shared[0] = 0
        best = int(shared.argmax())
        if not shared[best]:
            return (0, 0, 0, 0), np.zeros_like(self._foreground)
        x, y, width, height_px = (int(value) for value in stats[best][:4])
        return (x, y, x + width, y + height_px), parts == best

    def _measured(self, box: _Box, mask: np.ndarray, speed: float) -> Mover | None:
        x0, y0, x1, y1 = box
        cut = slice(y0, y1), slice(x0, x1)
        inside = mask[cut] & self._foreground[cut]
        if inside.sum() < _LEAST_PX:
            return None
        vx, vy = np.median(self._flow[cut][inside], axis=0)
        half = (y1 - y0) // 2
        upper, lower = (self._pixel_speeds[cut][part][inside[part]] for part in (slice(half), slice(half, None)))
        told = min(len(upper), len(lower)) >= _LEAST_PX // 2 and upper.mean() > 0
        gait = float(lower.mean() / upper.mean()) if told else float("nan")
        return Mover(box, speed, (float(vx), float(vy)), gait, int(inside.sum()))


def _dilate(mask: np.ndarray, width: float, height: float) -> np.ndarray:
    import cv2

    kernel = np.ones((max(1, int(height)), max(1, int(width))), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)) > 0
