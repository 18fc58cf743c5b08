"""What moves in a frame: places of foreground that move together, the fastest first."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xad_agent.perception.perspective import Perspective

MOST = 12
SLOWEST = 0.01  # body heights a frame; slower than this is standing, or noise of the flow
_COVERED = 0.4  # share of a walker's window that must be foreground, so that noise around a walker does not count
_SEEN = 0.12  # and of a whole window, where the edge of the picture cuts it
_FAST = 0.55  # share of a mover's speed that a pixel of it has at least
_CORE = 0.6  # and of its peak in the speed map, the places around which it is looked for
_CLOSE_PX = 5
_LEAST_PX = 8
_LEAST_HEIGHT, _STANDING = 0.25, 0.02  # body heights, and body heights a frame

_Box = tuple[int, int, int, int]
_Cut = tuple[slice, slice]


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


def speed_map(pixel_speeds: np.ndarray, foreground: np.ndarray, perspective: Perspective) -> np.ndarray:
    """Speed in body heights a frame at every pixel: the mean over the foreground of a walker-sized window.

    A mean over a body, for single pixels follow the swing of legs; 0 where too little of the window is foreground.

    Args:
        pixel_speeds: float32 (H, W), px a frame.
        foreground: bool (H, W).
        perspective: Of that picture.
    """
    import cv2

    pixels = perspective.window_sums(foreground)
    counts = (pixels > _COVERED * perspective.visible_area) & (pixels > _SEEN * perspective.window_area)
    speeds = perspective.window_sums(foreground * pixel_speeds) / np.maximum(pixels, 1)
    heights = speeds * counts / perspective.heights[:, None]
    return np.asarray(cv2.GaussianBlur(heights, (0, 0), 1) * counts, dtype=np.float32)


class Motion:
    """What moves in one frame.

    Args:
        flow: float32 (H, W, 2), px a frame.
        foreground: bool (H, W).
        perspective: Of that picture.

    Attributes:
        speeds: See `speed_map`.
    """

    def __init__(self, flow: np.ndarray, foreground: np.ndarray, perspective: Perspective):
        self._flow, self._foreground, self._perspective = flow, foreground, perspective
        self._pixel_speeds = np.linalg.norm(flow, axis=2)
        self.speeds = speed_map(self._pixel_speeds, foreground, perspective)

    def movers(self) -> list[Mover]:
        """At most twelve, the fastest first: each the connected pixels that keep up with a peak of the speed map."""
        left, found = self.speeds.copy(), list[Mover]()
        explained = np.zeros_like(self._foreground)
        x0, y0, x1, y1 = self._perspective.windows
        while len(found) < MOST and left.max() > SLOWEST:
            at = np.unravel_index(int(left.argmax()), left.shape)
            peak, height = float(left[at]), float(self._perspective.heights[at[0]])
            window = slice(y0[at], y1[at]), slice(x0[at], x1[at])
            box, mask = self._grown(height, peak, window)
            cut = _cut(box)
            fresh = mask & ~explained[cut]
            mover = self._measured(box, mask & self._foreground[cut], peak)
            left[window] = left[cut] = 0
            # A large thing has many peaks, of which all but the first find it again.
            if mover is not None and fresh.sum() > 0.5 * mask.sum():
                found.append(mover)
            explained[cut] |= mask
        return found

    def standing(self) -> list[Mover]:
        """Parts of the foreground that hardly move: what was put down, and people who stand.

        At least a quarter of a body height on both sides, so that noise is none.
        """
        parts, boxes = self._foreground_parts
        heights = self._perspective.body_height(boxes[:, 3])
        large = np.flatnonzero((boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= _LEAST_HEIGHT * heights)
        found = []
        for part in large[large > 0]:  # the first is what is not foreground
            x0, y0, x1, y1 = (int(value) for value in boxes[part])
            cut = slice(y0, y1), slice(x0, x1)
            inside = (parts[cut] == part) & self._foreground[cut]
            speed = float(self._pixel_speeds[cut][inside].mean()) / float(heights[part])
            mover = self._measured((x0, y0, x1, y1), inside, speed) if speed < _STANDING else None
            found += [mover] if mover is not None else []
        return found

    def of(self, box: np.ndarray) -> Mover | None:
        """How what is in a box x0 y0 x1 y1 moves; None where no foreground is in it."""
        height, width = self._foreground.shape
        x0, y0 = (int(value) for value in np.clip(box[:2], 0, (width, height)))
        x1, y1 = (int(value) for value in np.clip(np.ceil(box[2:]), 0, (width, height)))
        middle = self.speeds[(y0 + y1) // 2 :, (x0 + x1) // 2 :][:1, :1]
        within = x0, y0, x1, y1
        return self._measured(within, self._foreground[_cut(within)], float(middle.max(initial=0.0)))

    def _grown(self, height: float, peak: float, window: _Cut) -> tuple[_Box, np.ndarray]:
        """Box and mask in it of the connected fast pixels that share most with a window; empty where none do.

        Args:
            height: Body height there, px.
            peak: Speed there, body heights a frame.
            window: The walker-sized one.
        """
        import cv2

        cut, window = self._around(window, int(height))
        near = _dilate(self.speeds[cut] > _CORE * peak, 0.4 * height, 0.6 * height)
        fast = self._foreground[cut] & (self._pixel_speeds[cut] > _FAST * peak * height) & near
        _, parts, stats, _ = cv2.connectedComponentsWithStats(_closed(fast))
        shared = np.bincount(parts[window].ravel(), minlength=len(stats))
        shared[0] = 0
        best = int(shared.argmax())
        if not shared[best]:
            return (0, 0, 0, 0), np.zeros((0, 0), dtype=bool)
        x, y, wide, high = (int(value) for value in stats[best][:4])
        left, top = cut[1].start + x, cut[0].start + y
        return (left, top, left + wide, top + high), parts[y : y + high, x : x + wide] == best

    def _around(self, window: _Cut, margin: int) -> tuple[_Cut, _Cut]:
        """What can hang together with anything in a window, with a margin around it; and the window in there.

        It only saves time: fast pixels hang together only where the foreground does, and what dilating and closing add
        to them comes from less than a body height away.
        """
        parts, boxes = self._foreground_parts
        rows, columns = window
        touched = np.unique(parts[window])
        boxes = np.vstack([boxes[touched[touched > 0]], (columns.start, rows.start, columns.stop, rows.stop)])
        x0, y0 = np.maximum(boxes[:, :2].min(axis=0) - margin, 0).tolist()
        x1, y1 = (boxes[:, 2:].max(axis=0) + margin).tolist()
        inside = slice(rows.start - y0, rows.stop - y0), slice(columns.start - x0, columns.stop - x0)
        return (slice(y0, y1), slice(x0, x1)), inside

    @cached_property
    def _foreground_parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of the connected foreground that each pixel belongs to, and the box x0 y0 x1 y1 of each number."""
        import cv2

        _, parts, stats, _ = cv2.connectedComponentsWithStats(_closed(self._foreground))
        x, y, width, height = stats.T[:4]
        return parts, np.stack([x, y, x + width, y + height], axis=1)

    def _measured(self, box: _Box, inside: np.ndarray, speed: float) -> Mover | None:
        if inside.sum() < _LEAST_PX:
            return None
        cut = _cut(box)
        vx, vy = np.median(self._flow[cut][inside], axis=0)
        pixel_speeds, half = self._pixel_speeds[cut], len(inside) // 2
        upper, lower = pixel_speeds[:half][inside[:half]], pixel_speeds[half:][inside[half:]]
        told = min(len(upper), len(lower)) >= _LEAST_PX // 2 and upper.mean() > 0
        gait = float(lower.mean() / upper.mean()) if told else float("nan")
        return Mover(box, speed, (float(vx), float(vy)), gait, int(inside.sum()))


def _cut(box: _Box) -> _Cut:
    x0, y0, x1, y1 = box
    return slice(y0, y1), slice(x0, x1)


def _closed(mask: np.ndarray) -> np.ndarray:
    """A mask, uint8, with its small gaps closed."""
    import cv2

    kernel = np.ones((_CLOSE_PX, _CLOSE_PX), np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel))


def _dilate(mask: np.ndarray, width: float, height: float) -> np.ndarray:
    import cv2

    kernel = np.ones((max(1, int(height)), max(1, int(width))), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)) > 0
