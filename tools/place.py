"""Tool `place`: what is measured at one point of the picture."""

import numpy as np

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media.drawing import fitted, pointed
from xad_agent.media.figure import side_by_side
from xad_agent.media.overlay import window_around
from xad_agent.media.scaling import shape_within
from xad_agent.perception.foreground import WORK_SIDE
from xad_agent.places import place_words
from xad_agent.support import region_number
from xad_agent.tools.limits import limit
from xad_agent.tools.refute import difference, differs
from xad_agent.wording import number, numbers, side

_MARGIN_SHARE, _LEAST_MARGIN = 0.08, 16
_FIGURE_SIDE = 260


def place(case: Case, x: int, y: int) -> Evidence:
    """What the map reaches at a point beside the limit and good pictures, and the region it lies in or is nearest to.

    Args:
        case: The picture under question.
        x: px from the left.
        y: px from the top.
    """
    arguments = {"x": x, "y": y}
    known = case.measured("place", arguments)
    if known is not None:
        return known
    at = (Quantity(name="across", value=x, unit="px"), Quantity(name="down", value=y, unit="px"))
    width, height = case.picture.width, case.picture.height
    if not (0 <= x < width and 0 <= y < height):
        statement = f"{_there(x, y)} is not in the picture, which is {width:,} px wide and {height:,} px high."
        sizes = (Quantity(name="width", value=width, unit="px"), Quantity(name="height", value=height, unit="px"))
        return limit(case, "place", arguments, statement, *at, *sizes)
    holding = next((region for region in case.regions if _holds(case, region, x, y)), None)
    where, apart = _in_region(case, holding, x, y)
    strange, values = _strangeness(case, x, y)
    return case.ledger.add(
        tool="place",
        arguments=arguments,
        statement=f"{where} {strange}",
        quantities=(*at, *apart, *values),
        regions=(holding,) if holding else (),
        media=case.media,
        figure=_figure(case, x, y),
    )


def _there(x: int, y: int) -> str:
    return f"The place at {number(x, 'px')} across and {number(y, 'px')} down"


def _holds(case: Case, region: Region, x: int, y: int) -> bool:
    x0, y0, x1, y1 = region.box
    return x0 <= x < x1 and y0 <= y < y1 and bool(region.mask(case.picture.height, case.picture.width)[y, x])


def _in_region(case: Case, holding: Region | None, x: int, y: int) -> tuple[str, tuple[Quantity, ...]]:
    """Whether the place is in a region, and how far the nearest is where it is in none."""
    if holding is not None:
        return f"{_there(x, y)} lies in {holding.label} ({', '.join(holding.place)}).", ()
    words = f"{_there(x, y)} ({', '.join(_words(case, x, y))}) lies in no region"
    if not case.regions:
        return f"{words}, for no place stands out.", ()
    gap, nearest = min(((_gap(case, region, x, y), region) for region in case.regions), key=lambda pair: pair[0])
    quantities = (
        Quantity(name="region", value=region_number(nearest)),
        Quantity(name="distance to region", value=gap, unit="px"),
    )
    return f"{words}; {nearest.label} is {number(gap, 'px')} away.", quantities


def _words(case: Case, x: int, y: int) -> tuple[str, ...]:
    """Position words of a single point."""
    point = np.zeros(shape_within(case.picture.pixels.shape, WORK_SIDE), dtype=bool)
    down, across = point.shape[0] / case.picture.height, point.shape[1] / case.picture.width
    point[int((y + 0.5) * down), int((x + 0.5) * across)] = True
    return place_words(point, case.picture)


def _gap(case: Case, region: Region, x: int, y: int) -> float:
    """px from a point to the nearest of a region."""
    import cv2

    mask = region.mask(case.picture.height, case.picture.width).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return float(np.linalg.norm(np.concatenate(contours)[:, 0] - (x, y), axis=1).min())


def _strangeness(case: Case, x: int, y: int) -> tuple[str, tuple[Quantity, ...]]:
    """What the map reaches there, in words and numbers; without a profile beside the rest of the picture."""
    value = float(case.anomaly_map.values[y, x])
    if case.profile is None:
        share = 100 * float((case.anomaly_map.values >= value).mean())
        words = f"{number(share, '%')} of the picture is at least as strange"
        as_strange = Quantity(name="area share as strange", value=share, unit="%")
        return f"{words}; no normal example is known to compare it with.", (as_strange,)
    calibration = case.profile.calibration
    threshold, level = calibration.threshold(), calibration.level
    printed, limit_, usual = numbers(value, threshold, level)
    point = np.zeros(case.anomaly_map.values.shape, dtype=bool)
    point[y, x] = True
    differing = difference(case, point)
    words = (
        f"Its distance to the nearest normal place is {printed}, {side(value, threshold)} the limit {limit_}; "
        f"good pictures mostly stay below {usual}."
    )
    quantities = (
        Quantity(name="distance", value=value, normal=(0.0, level)),
        Quantity(name="threshold", value=threshold),
        *differing,
    )
    return " ".join(filter(None, (words, differs(differing)))), quantities


def _figure(case: Case, x: int, y: int) -> np.ndarray:
    """The place, and the same one on the nearest normal picture; that picture as a whole where none aligns."""
    shape = case.picture.pixels.shape
    margin = max(_LEAST_MARGIN, round(_MARGIN_SHARE * max(shape[:2])))
    x0, y0, x1, y1 = window = window_around((x, y, x + 1, y + 1), shape, margin)
    asked = case.picture.pixels[y0:y1, x0:x1]
    panels = [(f"{x}, {y} px", pointed(asked, (x - x0, y - y0), _FIGURE_SIDE))]
    same = case.normals.same_place(window, fitted(asked, _FIGURE_SIDE).shape[:2])
    if same is not None:
        panels.append(same)
    elif case.nearest_normal is not None:
        panels.append((case.nearest_normal.name, case.nearest_normal.pixels))
    return side_by_side(panels, _FIGURE_SIDE)
