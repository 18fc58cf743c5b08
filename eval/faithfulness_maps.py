"""How much of a map lies where it should, and how alike two maps are."""

import numpy as np

from xad_agent.eval.metrics import count_pixels, defect_levels, pixel_auroc

_SSIM_SIGMA, _SSIM_SIDE = 1.5, 11
_SSIM_FLOORS = (0.01**2, 0.03**2)


def energy(values: np.ndarray, mask: np.ndarray, usual: float = 0.0) -> float | None:
    """The share of a map's sum that lies inside a mask, 0 to 1; None where the map is nowhere above `usual`.

    Source: Wang et al., "Score-CAM", CVPR Workshops 2020, there with boxes for masks.

    Args:
        values: The map, (H, W).
        mask: Booleans (H, W).
        usual: Subtracted first; what is below then counts as 0.
    """
    above = np.clip(values.astype(float) - usual, 0, None)
    total = above.sum()
    return float(above[mask].sum() / total) if total > 0 else None


def boxes(mask: np.ndarray) -> np.ndarray:
    """The boxes around the 8-connected parts of a mask, as booleans (H, W)."""
    from scipy.ndimage import find_objects, label

    filled = np.zeros_like(mask)
    for place in find_objects(label(mask, structure=np.ones((3, 3)))[0]):
        filled[place] = True
    return filled


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's correlation of two maps' values, -1 to 1; None where one of them is the same everywhere."""
    from scipy.stats import rankdata

    first, second = (rankdata(values, axis=None) for values in (one, other))
    first, second = first - first.mean(), second - second.mean()
    norm = np.sqrt((first @ first) * (second @ second))
    return float(first @ second / norm) if norm > 0 else None


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Mean structural similarity of two maps, each brought to 0 to 1 by its lowest and highest value; at most 1.

    Source: Wang et al., "Image quality assessment", IEEE TIP 2004: Gaussian windows of 11 px, sigma 1.5, over the
    windows that lie inside; brought to 0 to 1 as in Adebayo et al., NeurIPS 2018. Maps less than 11 px high or wide:
    over all windows, mirrored at the border.
    """
    import cv2

    def mean(values: np.ndarray) -> np.ndarray:
        blurred = cv2.GaussianBlur(values, (_SSIM_SIDE, _SSIM_SIDE), _SSIM_SIGMA, borderType=cv2.BORDER_REFLECT_101)
        rim = _SSIM_SIDE // 2 if min(values.shape) >= _SSIM_SIDE else 0
        return np.asarray(blurred[rim : values.shape[0] - rim, rim : values.shape[1] - rim])

    a, b = _unit(one), _unit(other)
    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = _SSIM_FLOORS
    same = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((same / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))).mean())


def _unit(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return (values.astype(np.float64) - low) / (high - low) if high > low else np.zeros(values.shape)


def place_auroc(values: np.ndarray, mask: np.ndarray) -> float | None:
    """The pixel AUROC of one picture's map alone, 0 to 1; None where all or nothing of it is defective."""
    pair = (values, mask)
    return pixel_auroc(count_pixels([pair], defect_levels([pair])))


def peak(values: np.ndarray) -> tuple[int, int]:
    """Row and column of a map's highest value."""
    row, column = np.unravel_index(int(np.argmax(values)), values.shape)
    return int(row), int(column)
