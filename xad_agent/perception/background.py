"""What a fixed camera sees when nobody is there, and what stands before it."""

from collections.abc import Sequence

import numpy as np

# Grey levels (of 255): well above the noise of cameras and of JPEG, well below the contrast of most clothes.
FOREGROUND_LEVEL = 15.0
_SAMPLE = 4
_FIT_STEPS = 4
_MOST_GAIN, _OTHER_SHARE = 2.0, 0.25
# A camera that pans or shakes moves most of what it sees; walkers never cover half of a picture for long.
_STEADY_PX = 0.3
_STEADY_SHARE = 0.8


class Background:
    """The temporal median of a fixed camera's frames.

    Args:
        image: Grey float32 (H, W).

    Example:
        >>> frames = np.full((5, 8, 8), 100, np.uint8); frames[2, 3, 3] = 200
        >>> background = Background.learn(frames)
        >>> int(background.difference(frames[2]).max())
        100
    """

    def __init__(self, image: np.ndarray):
        self.image = np.asarray(image, dtype=np.float32)

    @classmethod
    def learn(cls, frames: Sequence[np.ndarray] | np.ndarray) -> "Background":
        """From grey frames (H, W) spread over as long a time as can be had."""
        return cls(np.median(np.stack(list(frames)), axis=0))

    def difference(self, frame: np.ndarray) -> np.ndarray:
        """Absolute difference in grey levels, float32 (H, W), of a grey frame once its brightness is fitted.

        Cameras change their exposure as soon as something large and bright comes in: gain and offset are fitted on
        what shows the background (iteratively, without the pixels that differ most).
        """
        gain, offset = self._exposure(frame)
        return np.abs(frame - (gain * self.image + offset))

    def foreground(self, frame: np.ndarray) -> np.ndarray:
        """Boolean mask (H, W) of what stands before the background."""
        import cv2

        return cv2.GaussianBlur(self.difference(frame), (0, 0), 1) > FOREGROUND_LEVEL

    def matches(self, frame: np.ndarray) -> bool:
        """Whether a frame (better: a median of frames) shows this background, under a light of half to twice its own.

        Three quarters of it agree. Where contrast is less than half, another view or none, all grey, would pass too.
        """
        if frame.shape != self.image.shape:
            return False
        gain, _ = self._exposure(frame)
        return 1 / _MOST_GAIN <= gain <= _MOST_GAIN and float(self.foreground(frame).mean()) < _OTHER_SHARE

    def _exposure(self, frame: np.ndarray) -> tuple[float, float]:
        seen = frame[::_SAMPLE, ::_SAMPLE].astype(np.float32).ravel()
        known = self.image[::_SAMPLE, ::_SAMPLE].ravel()
        gain, offset, kept = 1.0, 0.0, np.ones(len(seen), dtype=bool)
        for _ in range(_FIT_STEPS):
            if np.ptp(known[kept]) < 1:
                return 1.0, float(np.median(seen[kept] - known[kept]))
            gain, offset = np.polyfit(known[kept], seen[kept], 1)
            residual = np.abs(seen - (gain * known + offset))
            kept = residual <= max(4.0, 1.5 * float(np.median(residual)))
        return float(gain), float(offset)


def is_steady(flows: Sequence[np.ndarray]) -> bool:
    """Whether a camera stands still: hardly anything moves in most places, in at least four fifths of the flows.

    Args:
        flows: A few flows (H, W, 2) in px a frame, spread over the clip.
    """
    medians = [float(np.median(np.linalg.norm(flow, axis=2))) for flow in flows]
    return bool(np.mean([median < _STEADY_PX for median in medians]) >= _STEADY_SHARE)
