"""What a picture would be if all of it were normal, and other places of it that are as large as those named."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.counterfactual import FEATHER_SHARE, MAX_TRIES, Repair, light, repair_regions
from xad_agent.evidence import Region, run_lengths
from xad_agent.matching import Counterparts, Match, Window
from xad_agent.normals import Normals

if TYPE_CHECKING:
    from xad_agent.case import Case
    from xad_agent.picture_profile import PictureProfile

_PLACES = 500


def wholly_normal(case: "Case", profile: "PictureProfile") -> Repair | None:
    """The nearest normal picture in the place of all of this one, as the tool `repair` puts it into a region.

    A normal picture that aligns with the picture is laid on it, and where it does not reach, as in the corners of a
    turned one, the picture stays as it is; of one that does not align, the place is taken whose surroundings of the
    regions are most similar. Its light is fitted to these surroundings. As in a repair the most similar come first,
    until one falls to the threshold or below; of at most six the lowest is kept.

    Returns:
        The normal picture, in the size of this one; None where none fits.
    """
    from xad_agent.media import read_picture
    from xad_agent.media.scaling import resize

    normals, size = case.normals, (case.picture.height, case.picture.width)
    near = normals.disregarded
    whole = Window((0, 0, near.shape[1], near.shape[0]), near, ~near)
    best: Repair | None = None
    for tries, match in enumerate(Counterparts(normals, ()).matching(whole)[:MAX_TRIES], start=1):
        reach = _reach(match, normals)
        there = match.pixels + light(normals.picture.pixels, match, replace(whole, ring=~near & (reach > 0)))
        pixels = normals.picture.pixels + reach[..., None] * (there - normals.picture.pixels)
        laid = read_picture(resize(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), size), name=match.name)
        score = profile.examine(laid).score
        if best is None or score < best.score:
            best = Repair(laid, score, tries, (match.name,))
        if score <= profile.calibration.threshold():
            break
    return best


def _reach(match: Match, normals: Normals) -> np.ndarray:
    """Where a match covers the working picture, 0 to 1, float (H, W), fading out towards where it ends inside of it."""
    import cv2

    shape = normals.disregarded.shape
    if not match.aligned:
        return np.ones(shape, dtype=np.float32)
    frame = np.ones(normals.nearest[match.exemplar].pixels.shape[:2], dtype=np.uint8)
    covered = cv2.warpAffine(frame, normals.laid[match.exemplar], shape[::-1], flags=cv2.INTER_NEAREST)
    sigma = max(0.5, FEATHER_SHARE * max(shape))
    side = 2 * int(np.ceil(3 * sigma)) + 1  # nothing of what is repeated beyond the frame shows
    kept = cv2.erode(covered, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.GaussianBlur(kept.astype(np.float32), (side, side), sigma, borderType=cv2.BORDER_REPLICATE))


def moved(regions: Sequence[Region], avoid: np.ndarray, random: np.random.Generator) -> list[Region] | None:
    """The same regions at random places, clear of `avoid` and of each other.

    Args:
        regions: Of a picture.
        avoid: Booleans (H, W) of the picture.
        random: Draws the places.

    Returns:
        None where a region finds no place.
    """
    taken, found = avoid.copy(), []
    for region in regions:
        x0, y0, x1, y1 = region.box
        shape = region.mask(*avoid.shape)[y0:y1, x0:x1]
        corner = _free(shape, taken, random)
        if corner is None:
            return None
        y, x = corner
        mask = np.zeros_like(taken)
        mask[y : y + y1 - y0, x : x + x1 - x0] = shape
        taken |= mask
        box = (x, y, x + x1 - x0, y + y1 - y0)
        peak = (region.peak[0] - x0 + x, region.peak[1] - y0 + y)
        found.append(region.model_copy(update={"box": box, "peak": peak, "place": (), "rle": run_lengths(mask)}))
    return found


def _free(shape: np.ndarray, taken: np.ndarray, random: np.random.Generator) -> tuple[int, int] | None:
    height, width = shape.shape
    for _ in range(_PLACES):
        y = int(random.integers(taken.shape[0] - height + 1))
        x = int(random.integers(taken.shape[1] - width + 1))
        if not (taken[y : y + height, x : x + width] & shape).any():
            return y, x
    return None


def repaired_score(counterparts: Counterparts, case: "Case", profile: "PictureProfile") -> float | None:
    """The score with normal content in all of the regions of `counterparts`; None where there is none that fits."""
    numbers = range(1, len(counterparts.masks) + 1)
    made = repair_regions(case.picture, numbers, counterparts, profile.examine, profile.calibration.threshold())
    return made.score if made else None


def repaired_elsewhere(case: "Case", profile: "PictureProfile", random: np.random.Generator) -> float | None:
    """The score with normal content in random places as large as the regions; None where there is no room for them."""
    from xad_agent.media.scaling import resize_mask

    avoid = resize_mask(case.normals.disregarded, (case.picture.height, case.picture.width))
    places = moved(case.regions, avoid, random)
    if places is None:
        return None
    normals = Normals(case.picture, profile, [*case.regions, *places])
    return repaired_score(Counterparts(normals, places), case, profile)
