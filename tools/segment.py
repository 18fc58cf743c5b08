"""Tool `segment`: the outline of a region."""

import numpy as np

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity, Region, run_lengths
from xad_agent.media.overlay import overlay
from xad_agent.perception.masks import Mask
from xad_agent.tools.limits import limit, no_region
from xad_agent.wording import number


def segment(case: Case, region: int = 1) -> Evidence:
    """Cut out what a region's box shows: the mask, its area and size, and the overlap the segmenter expects of it.

    Args:
        case: The picture under question.
        region: Which region, counted from 1.
    """
    arguments = {"region": region}
    known = case.measured("segment", arguments)
    if known is not None:
        return known
    found = case.region(region)
    if found is None:
        return no_region(case, "segment", arguments)
    x0, y0, x1, y1 = found.box
    mask = case.models.segmenter.segment(case.picture, box=(x0, y0, x1, y1))[0]
    if not mask.pixels.any():
        return limit(
            case, "segment", arguments, "The segmenter finds no outline there, so its exact shape is not known."
        )
    outlined = _outlined(found, mask)
    calibration = case.profile.calibration if case.profile else None
    return case.ledger.add(
        tool="segment",
        arguments=arguments,
        statement=_statement(outlined, mask),
        quantities=_quantities(outlined, mask),
        regions=(outlined,),
        media=case.media,
        figure=overlay(case.picture, case.anomaly_map, calibration, (outlined,)),
    )


def _outlined(found: Region, mask: Mask) -> Region:
    """The region with that mask."""
    y, x = np.nonzero(mask.pixels.any(axis=1))[0], np.nonzero(mask.pixels.any(axis=0))[0]
    box = (int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1)
    share = float(mask.pixels.mean())
    return found.model_copy(update={"box": box, "area_share": share, "rle": run_lengths(mask.pixels)})


def _statement(region: Region, mask: Mask) -> str:
    x0, y0, x1, y1 = region.box
    expected = ""
    if mask.score is not None:
        expected = f"; the model expects an overlap of {number(mask.score)} with the true shape"
    return (
        f"Cut out, {region.label} ({region.place[0]}) covers {number(mask.pixels.sum(), 'px')}, "
        f"{number(100 * region.area_share, '%')} of the picture, and is {x1 - x0} x {y1 - y0} px large{expected}."
    )


def _quantities(region: Region, mask: Mask) -> tuple[Quantity, ...]:
    area = Quantity(name="area", value=float(mask.pixels.sum()), unit="px")
    share = Quantity(name="area share", value=100 * region.area_share, unit="%")
    return (area, share) if mask.score is None else (area, share, Quantity(name="overlap", value=mask.score))
