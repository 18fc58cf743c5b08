"""How a picture is lit, focused and stored, apart from what it shows."""

import numpy as np

from xad_agent.media.picture import Picture, grey

_BLOCK = 8  # px, of JPEG


def look_at(picture: Picture) -> dict[str, float]:
    """Measure the look of a picture, over all its pixels.

    Returns:
        `brightness`, the median grey level, and `contrast`, from the 10th to the 90th percentile, both in % of white;
        `sharpness`, the detail of about 1 px in % of that of about 2 px; `noise`, the deviation of what no surface has
        (Immerkaer 1996) where it is least, in % of white; `blockiness`, how much larger the steps across a grid of 8 px
        are than others, in %.
    """
    import cv2

    levels = grey(picture.pixels).astype(np.float32)
    low, middle, high = np.percentile(levels, [10, 50, 90]) / 2.55
    one, two = (cv2.GaussianBlur(levels, (0, 0), sigma) for sigma in (1.0, 2.0))
    return {
        "brightness": float(middle),
        "contrast": float(high - low),
        "sharpness": 100 * float((levels - one).std()) / max(float((one - two).std()), 1e-3),
        "noise": _noise(levels),
        "blockiness": _blockiness(levels),
    }


def _noise(levels: np.ndarray) -> float:
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    squares = cv2.filter2D(levels, -1, kernel) ** 2 / 36
    rows, columns = (max(1, n // (2 * _BLOCK)) for n in levels.shape)
    blocks = cv2.resize(squares, (columns, rows), interpolation=cv2.INTER_AREA)
    return float(np.sqrt(np.percentile(blocks, 25))) / 2.55


def _blockiness(levels: np.ndarray) -> float:
    """At the phase at which it is highest: the picture may have been moved since it was compressed."""
    found = []
    for axis in (0, 1):
        steps = np.abs(np.diff(levels, axis=axis)).mean(axis=1 - axis)
        usable = len(steps) // _BLOCK * _BLOCK
        if not usable or not steps.any():
            return 0.0
        phases = steps[:usable].reshape(-1, _BLOCK).mean(axis=0)
        found.append(phases.max() / max(float(np.median(phases)), 1e-3) - 1)
    return 100 * float(np.mean(found))
