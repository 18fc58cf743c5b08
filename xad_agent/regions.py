"""From an anomaly map to a few places."""

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.detectors.base import AnomalyMap
from xad_agent.evidence import Region, run_lengths
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import resize, resize_mask, shape_within
from xad_agent.places import place_words

MAX_REGIONS = 5
_WORK_SIDE = 1024
_JOIN_SHARE = 0.02
_SPECK_SHARE = 0.0002
_CORE_SHARE = 0.5
_PEAK_SHARE = 0.01
_OUTLIER_SIGMAS = 3.0


def find_regions(anomaly_map: AnomalyMap, picture: Picture, calibration: Calibration | None) -> list[Region]:
    """The anomalous places of a picture, strongest first.

    With a calibration the score has the last word: a picture below the threshold has no region, and each region of one
    above it would put it there alone. Without, a region is an outlier among the picture's own values (median and MAD).

    Args:
        anomaly_map: Values (H, W) of the picture.
        picture: For the place in words.
        calibration: Gives the level above which a pixel counts as anomalous.

    Returns:
        At most `MAX_REGIONS`, named "region 1" (strongest) and on.
    """
    values = resize(anomaly_map.values, shape_within(anomaly_map.values.shape, _WORK_SIDE))
    level = _level(values, anomaly_map.score, calibration)
    if level is None:
        return []
    pieces, limit = _pieces(values > level), np.inf
    if calibration is not None:
        limit = float(values.max()) * calibration.threshold() / anomaly_map.score
        pieces = [piece for piece in pieces if values[piece].max() > limit]
    cores = [_core(values, piece, level, limit) for piece in pieces]
    strongest = sorted(cores, key=lambda mask: -float(values[mask].max()))[:MAX_REGIONS]
    return [_region(f"region {n}", mask, values, picture) for n, mask in enumerate(strongest, start=1)]


def _level(values: np.ndarray, score: float, calibration: Calibration | None) -> float | None:
    """The value above which a pixel belongs to a region; None when there is to be no region."""
    if calibration is None:
        median = float(np.median(values))
        deviation = 1.4826 * float(np.median(np.abs(values - median)))
        return median + _OUTLIER_SIGMAS * max(deviation, 1e-6)
    if score <= calibration.threshold():
        return None
    # A score that is not the map's maximum can be above its threshold while no pixel is above the level.
    return calibration.level if values.max() > calibration.level else float(np.quantile(values, 1 - _JOIN_SHARE**2))


def _pieces(above: np.ndarray) -> list[np.ndarray]:
    """Masks of what hangs together, or nearly so; specks are dropped unless there is nothing else."""
    import cv2

    reach = max(1, round(_JOIN_SHARE * max(above.shape) / 2))
    joined = cv2.dilate(above.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    count, labels = cv2.connectedComponents(joined)
    labels[~above] = 0
    areas = np.bincount(labels.ravel(), minlength=count)[1:]
    big = [n for n in range(1, count) if areas[n - 1] >= _SPECK_SHARE * above.size]
    return [labels == n for n in big or range(1, count)]


def _core(values: np.ndarray, piece: np.ndarray, level: float, limit: float) -> np.ndarray:
    """The part of a piece above half its height, and of each of its parts above the limit the same.

    A map is smooth, so the level alone draws a small defect too wide; half the height of the highest part alone would
    lose the others.
    """
    import cv2

    parts, labels = cv2.connectedComponents((piece & (values > limit)).astype(np.uint8))
    core = np.zeros_like(piece)
    for part in [piece, *(labels == n for n in range(1, parts))]:
        core |= part & (values > level + _CORE_SHARE * (float(values[part].max()) - level))
    return core


def _region(label: str, small: np.ndarray, values: np.ndarray, picture: Picture) -> Region:
    import cv2

    # The map is coarse, so the middle of the highest part is a better peak than the highest pixel.
    smooth = cv2.GaussianBlur(values, (0, 0), _PEAK_SHARE * max(values.shape))
    at = np.unravel_index(int(np.where(small, smooth, -np.inf).argmax()), small.shape)
    mask = resize_mask(small, (picture.height, picture.width))
    y, x = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    scale = picture.width / small.shape[1], picture.height / small.shape[0]
    return Region(
        label=label,
        box=(int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1),
        score=float(values[small].max()),
        peak=(int((at[1] + 0.5) * scale[0]), int((at[0] + 0.5) * scale[1])),
        area_share=float(mask.mean()),
        place=place_words(small, picture),
        rle=run_lengths(mask),
    )
