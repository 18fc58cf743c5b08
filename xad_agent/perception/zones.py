"""Zones: places of a camera's view that the user names, such as a flower bed, each a polygon."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xad_agent.errors import XadError, reason

Polygon = Sequence[tuple[float, float]]
_MOST, _LONGEST = 50, 40


def read_zones(file: str | Path, shape: tuple[int, int]) -> dict[str, Polygon]:
    """The zones that a YAML file gives, such as `flower bed: [[10, 200], [60, 200], [60, 239]]`, in px of the frames.

    Args:
        file: Of names, and of each the corners x y.
        shape: Height and width of the frames.

    Returns:
        Name -> corners x y, in shares of width and height, so that they hold for clips of another size.

    Raises:
        XadError: The file cannot be read, or a zone has no plain name, fewer than three corners, or corners outside
            the frame.
    """
    import yaml

    try:
        given = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise XadError(
            f"cannot read the zones in {file} ({reason(error)}): give a YAML file of names and corners"
        ) from error
    if not isinstance(given, Mapping) or not 0 < len(given) <= _MOST:
        raise XadError(f"{file} names no zones: give 1 to {_MOST}, as `flower bed: [[10, 200], [60, 200], [60, 239]]`")
    return {_name(name, file): _corners(name, corners, file, shape) for name, corners in given.items()}


def _name(name: Any, file: str | Path) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or not name.replace(" ", "").isalpha():
        raise XadError(f"the zone {str(name)[:_LONGEST]!r} in {file} has no plain name: give words of letters")
    return name.lower()


def _corners(name: str, corners: Any, file: str | Path, shape: tuple[int, int]) -> Polygon:
    height, width = shape
    try:
        points = [(float(x), float(y)) for x, y in corners]
    except (TypeError, ValueError) as error:
        raise XadError(f"the zone {name!r} in {file} is not a list of corners: give [[x, y], ...] in px") from error
    if len(points) < 3:
        raise XadError(f"the zone {name!r} in {file} has {len(points)} corners: give at least three")
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= width and 0 <= y <= height):
            raise XadError(
                f"the zone {name!r} in {file} has a corner at {x:g} {y:g}, the frames are {width} x {height} px"
            )
    return [(x / width, y / height) for x, y in points]
