"""Where a region lies, in words: in the picture, and on its object where it has a clear one."""

from typing import Any

import numpy as np

from xad_agent.media.picture import Picture
from xad_agent.media.scaling import resize_mask, shape_within
from xad_agent.perception.foreground import WORK_SIDE, Foreground, find_foreground
from xad_agent.prompts import vocabulary

_RIM_SHARE = 0.02
_SPAN_SHARE = 0.85
# An object that is mostly the region itself is a defect on a plain ground, such as a stain.
_DEFECT_SHARE = 0.25
_MIN_ELONGATION = 1.8
_END_SHARE, _MIDDLE_SHARE = 0.6, 0.25


def place_words(mask: np.ndarray, picture: Picture) -> tuple[str, ...]:
    """Phrases of prompts/placing.yaml that hold for a mask (H, W) of a picture, the place in the picture first."""
    mask = resize_mask(mask, shape_within(mask.shape, WORK_SIDE))
    words = [_in_picture(mask)]
    if _touches_rim(mask):
        words.append(vocabulary("placing")["rim"])
    found = find_foreground(picture)
    if found is not None and (found.mask & mask).sum() < _DEFECT_SHARE * found.mask.sum():
        words += _on_object(mask, found)
    return tuple(words)


def _in_picture(mask: np.ndarray) -> str:
    """The span of a region that reaches across the picture, else the field of a 3 x 3 grid that holds its centre."""
    height, width = mask.shape
    y, x = np.nonzero(mask)
    spans_height, spans_width = np.ptp(y) + 1 > _SPAN_SHARE * height, np.ptp(x) + 1 > _SPAN_SHARE * width
    spans = vocabulary("placing")["spans"]
    if spans_height and spans_width:
        return str(spans["both"])
    row, column = int(3 * y.mean() / height), int(3 * x.mean() / width)
    grid = vocabulary("placing")["picture"]
    if spans_height:
        return f"{grid[1][column]}, {spans['height']}"
    if spans_width:
        return f"{grid[row][1]}, {spans['width']}"
    return str(grid[row][column])


def _touches_rim(mask: np.ndarray) -> bool:
    margin = max(1, round(_RIM_SHARE * min(mask.shape)))
    return bool(mask[:margin].any() or mask[-margin:].any() or mask[:, :margin].any() or mask[:, -margin:].any())


def _on_object(mask: np.ndarray, found: Foreground) -> list[str]:
    names: dict[str, Any] = vocabulary("placing")["object"]
    share = float(found.mask[mask].mean())
    if share < 0.1:
        return [names["outside"]]
    words = [names["inside"] if share > 0.7 else names["outline"]]
    along = _along(mask, found)
    return [*words, along] if along else words


def _along(mask: np.ndarray, found: Foreground) -> str:
    """The end of a long object that a region is at, or its middle; "" for what lies between and for compact objects."""
    if found.elongation < _MIN_ELONGATION:
        return ""
    axis = np.array(found.axis)
    positions = (np.argwhere(found.mask)[:, ::-1] - found.centre) @ axis
    first, last = positions.min(), positions.max()
    where = (np.argwhere(mask)[:, ::-1].mean(axis=0) - found.centre) @ axis
    offset = (2 * where - first - last) / (last - first)
    placing = vocabulary("placing")
    if abs(offset) <= _MIDDLE_SHARE:
        return str(placing["along"]["middle"])
    if abs(offset) < _END_SHARE:
        return ""
    dx, dy = axis * np.sign(offset)
    direction = placing["directions"][round(np.degrees(np.arctan2(dy, dx)) / 45) % 8]
    return str(placing["along"]["end"].format(direction=direction))
