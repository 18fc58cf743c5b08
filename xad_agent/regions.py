"""From an anomaly map to a few places."""

from collections.abc import Sequence

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
_NEAR_SHARE = 0.02
_CONTRAST_FLOOR = 1.25
_CONTRAST_POWER = 0.15
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


def find_candidate(anomaly_map: AnomalyMap, picture: Picture, contrast: np.ndarray | None) -> Region:
    """The most salient place of a picture, whether or not it is strange enough to be a region.

    Args:
        anomaly_map: Values (H, W) of the picture.
        picture: For the place in words.
        contrast: See `Normals.contrast`.
    """
    import cv2

    salience = _salience(anomaly_map.values, contrast)
    small = resize(salience, shape_within(salience.shape, _WORK_SIDE))
    top, median = float(small.max()), float(np.median(small))
    _, labels = cv2.connectedComponents((small >= median + _CORE_SHARE * (top - median)).astype(np.uint8))
    mask = labels == labels.flat[small.argmax()]
    region = _region("candidate", mask, resize(anomaly_map.values, small.shape), picture)
    return _focused([region], salience, contrast)[0]


def by_salience(regions: Sequence[Region], anomaly_map: AnomalyMap, contrast: np.ndarray | None) -> tuple[Region, ...]:
    """The regions named anew, most salient first, each with its peak where it differs most from normal pictures.

    A map's cells see a place together with its surroundings: its peak is often beside the defect (where a tip is
    missing, on the stump), and a speck of dust can stand as high as a defect. Where normal pictures align with the
    picture, the difference from them says more. Without it the regions stay as they are.

    Args:
        regions: Of the map's picture.
        anomaly_map: Values (H, W).
        contrast: See `Normals.contrast`.
    """
    focused = _focused(regions, _salience(anomaly_map.values, contrast), contrast)
    return tuple(region.model_copy(update={"label": f"region {n}"}) for n, region in enumerate(focused, start=1))


def _salience(values: np.ndarray, contrast: np.ndarray | None) -> np.ndarray:
    """A map weighted by the contrast near by: a little, so that it decides between places about as strange."""
    import cv2

    if contrast is None:
        return values
    reach = max(1, round(_NEAR_SHARE * max(contrast.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    weights = (_CONTRAST_FLOOR + cv2.dilate(contrast, kernel)) ** _CONTRAST_POWER
    return values * resize(weights, values.shape)


def _focused(regions: Sequence[Region], salience: np.ndarray, contrast: np.ndarray | None) -> list[Region]:
    """The regions, most salient first, their peaks moved; as they are without contrast."""
    if contrast is None:
        return list(regions)
    found = []
    for region in regions:
        inside = np.where(region.mask(*salience.shape), salience, -np.inf)
        top = np.unravel_index(int(inside.argmax()), inside.shape)
        peak = _most_different_near(top, inside.shape, contrast)
        found.append((float(inside[top]), region.model_copy(update={"peak": peak})))
    return [region for _, region in sorted(found, key=lambda pair: -pair[0])]


def _most_different_near(at: tuple[np.intp, ...], shape: tuple[int, ...], contrast: np.ndarray) -> tuple[int, int]:
    """x y of the highest contrast near (row, column) of a picture of that shape, the nearer the better."""
    scale = np.array(contrast.shape) / shape
    y, x = (np.array(at) + 0.5) * scale - 0.5
    rows, columns = np.ogrid[: contrast.shape[0], : contrast.shape[1]]
    nearness = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * (_NEAR_SHARE * max(contrast.shape)) ** 2))
    best = np.unravel_index(int((contrast * nearness).argmax()), contrast.shape)
    row, column = (np.array(best) + 0.5) / scale
    return int(column), int(row)


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
    at = np.unravel_index(int(np.where(small, values, -np.inf).argmax()), small.shape)
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
