"""Simple visual attributes of a patch, and how far they are from those of normal patches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xad_agent.evidence import Quantity
from xad_agent.perception.foreground import principal_axes
from xad_agent.prompts import vocabulary

# The least spread of an attribute, in its own unit (grey levels, share of pixels), so that identical normals do not
# make an invisible difference look large.
_LEAST_SPREAD = {"edge density": 0.02, "redness": 0.5, "yellowness": 0.5, "saturation": 0.5}
_GREY_LEVEL = 1.0
_EDGE_SLOPE = 12.0
_COHERENT = 0.25
_COLOURED = 3.0
# How far outside its normal range an attribute must lie to be worth naming, by unit.
_LEAST_NAMED = {"sigma": 2.0, "degrees": 15.0}


@dataclass(frozen=True)
class Patch:
    """What was measured of one patch.

    Attributes:
        values: Attribute -> raw value: brightness and its kin in grey levels (0 to 255), edge density as a share.
        orientation: Direction that edges run in, degrees in [0, 180) clockwise from horizontal; None where they have
            no common direction.
    """

    values: dict[str, float]
    orientation: float | None


def measure_patch(pixels: np.ndarray, mask: np.ndarray, ring: np.ndarray) -> Patch:
    """Measure a patch of RGB uint8 pixels (H, W, 3).

    Args:
        pixels: The patch with its surroundings.
        mask: Booleans (H, W), what to measure; not empty.
        ring: Booleans (H, W), the surroundings. Brightness is counted from their median, so the light of the whole
            picture does not matter; an empty ring leaves it absolute.
    """
    import cv2

    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    grey = lab[..., 0]
    inside = grey[mask] - (np.median(grey[ring]) if ring.any() else 0.0)
    slope_x, slope_y = cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 4, cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 4
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 2)
    red, yellow = lab[..., 1][mask] - 128, lab[..., 2][mask] - 128
    values = {
        "brightness": inside.mean(),
        "contrast": inside.std(),
        "highlights": np.percentile(inside, 98),
        "shadows": -np.percentile(inside, 2),
        "texture": detail[mask].std(),
        "edge density": (np.hypot(slope_x, slope_y)[mask] > _EDGE_SLOPE).mean(),
        "redness": red.mean(),
        "yellowness": yellow.mean(),
        "saturation": np.hypot(red, yellow).mean(),
    }
    return Patch({name: float(value) for name, value in values.items()}, _orientation(slope_x[mask], slope_y[mask]))


def contrast_with(patch: Patch, normals: Sequence[Patch]) -> list[Quantity]:
    """Each attribute of a patch in sigmas of the normal patches, with their range and the share as extreme.

    Args:
        patch: The one in question.
        normals: At least two. Colour is left out where all patches are grey, orientation where edges have none.
    """
    coloured = max(p.values["saturation"] for p in (patch, *normals)) > _COLOURED
    names = [name for name in patch.values if coloured or name not in {"redness", "yellowness", "saturation"}]
    found = [_deviation(name, patch.values[name], np.array([p.values[name] for p in normals])) for name in names]
    return [*found, *_turned(patch, normals)]


def is_unusual(quantity: Quantity) -> bool:
    """Whether an attribute lies outside its normal range, and far enough off to be worth naming."""
    if quantity.normal is None or quantity.normal[0] <= quantity.value <= quantity.normal[1]:
        return False
    return abs(quantity.value) >= _LEAST_NAMED[quantity.unit]


def elongation(mask: np.ndarray) -> float:
    """How many times as long as wide a mask is: 4 for a bar of 40 x 10 px at any angle, 1 for a square or a disc."""
    _, _, (length, width) = principal_axes(mask)
    return length / width


def _deviation(name: str, value: float, normals: np.ndarray) -> Quantity:
    """In robust sigmas: from the median, by the MAD, but not less than half the standard deviation."""
    median = float(np.median(normals))
    spread = 1.4826 * float(np.median(np.abs(normals - median)))
    sigma = max(spread, float(normals.std()) / 2, _LEAST_SPREAD.get(name, _GREY_LEVEL))
    low, high = (np.percentile(normals, [5, 95]) - median) / sigma
    extreme = int((np.abs(normals - median) >= abs(value - median)).sum())
    return Quantity(
        name=name,
        value=(value - median) / sigma,
        unit=vocabulary("attributes")[name]["unit"],
        normal=(float(low), float(high)),
        p_value=(1 + extreme) / (1 + len(normals)),
    )


def _orientation(slope_x: np.ndarray, slope_y: np.ndarray) -> float | None:
    """The common direction of edges by the structure tensor: at a right angle to the mean slope, as a doubled angle."""
    real, imaginary = (slope_x**2 - slope_y**2).sum(), (2 * slope_x * slope_y).sum()
    total = (slope_x**2 + slope_y**2).sum()
    if total < _EDGE_SLOPE**2 / 4 * slope_x.size or np.hypot(real, imaginary) < _COHERENT * total:
        return None
    return float(np.degrees(np.arctan2(imaginary, real)) / 2 + 90) % 180


def _turned(patch: Patch, normals: Sequence[Patch]) -> list[Quantity]:
    """How far edges are turned from the normal direction, where both have one."""
    directions = np.array([p.orientation for p in normals if p.orientation is not None])
    if patch.orientation is None or len(directions) < max(2, len(normals) / 2):
        return []
    doubled = np.radians(2 * directions)
    usual = float(np.degrees(np.arctan2(np.sin(doubled).sum(), np.cos(doubled).sum())) / 2)
    off = _angle(patch.orientation - usual)
    normal_off = np.array([_angle(direction - usual) for direction in directions])
    p_value = (1 + int((normal_off >= off).sum())) / (1 + len(directions))
    limit = float(np.percentile(normal_off, 95))
    return [Quantity(name="edge orientation", value=off, unit="degrees", normal=(0.0, limit), p_value=p_value)]


def _angle(degrees: float) -> float:
    """Between two undirected lines, 0 to 90 degrees."""
    return float(abs((degrees + 90) % 180 - 90))
