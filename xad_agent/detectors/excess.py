"""What stands out in one place: a map, less what all of its picture shares."""

import numpy as np

from xad_agent.media.scaling import resize, shape_within

_SIDE = 256
_RIM_SHARE = 0.16  # of the shorter side: as far as what a shift brings in at the border is seen


def excess(values: np.ndarray, usual: float) -> np.ndarray:
    """A map less how far its median is above the usual one and, near the border, that of a row or a column above its.

    Light, focus, noise and compression raise a map everywhere, a shift all along its border, a defect in one place.

    Args:
        values: (H, W) float.
        usual: Median of a good picture's map.

    Returns:
        (H, W) float, in the map's unit. A map that is not raised stays as it is.
    """
    rows, columns = _raised(values)
    return np.asarray(values - max(0.0, float(np.median(values)) - usual) - rows[:, None] - columns)


def figures(values: np.ndarray, singular: np.ndarray, usual: tuple[float, float]) -> dict[str, float]:
    """What tells a defect from a change of the whole picture, in the map's unit.

    Args:
        values: The picture's map, (H, W) float.
        singular: The map where what is alike elsewhere in the picture counts as normal, of the same shape.
        usual: Medians of a good picture's two maps.

    Returns:
        `rest` and `elsewhere`, the highest excess of the one map and of the other; `whole`, the median of the map; and
        `rim`, how far its highest row or column near the border is above that, at least 0.
    """
    shape = shape_within(values.shape, _SIDE)
    values, singular = resize(values, shape), resize(singular, shape)
    return {
        "rest": float(excess(values, usual[0]).max()),
        "elsewhere": float(excess(singular, usual[1]).max()),
        "whole": float(np.median(values)),
        "rim": float(max(line.max() for line in _raised(values))),
    }


def _raised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each row and each column near the border is above the map's median, at least 0; 0 elsewhere."""
    middle = float(np.median(values))
    reach = max(1, round(_RIM_SHARE * min(values.shape)))
    lines = []
    for axis in (1, 0):
        line = np.maximum(0.0, np.median(values, axis=axis) - middle)
        line[reach : len(line) - reach] = 0
        lines.append(line)
    return lines[0], lines[1]
