"""The counterfactual: the same picture with normal content in its anomalous places."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xad_agent.detectors.base import AnomalyMap
from xad_agent.matching import Counterparts, Match, Window
from xad_agent.media.picture import Picture
from xad_agent.media.reading import read_picture

MAX_TRIES = 6
FEATHER_SHARE = 0.006  # of the longer side
_GROWN_SHARE = 0.025
_LIGHT_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Repair:
    """A picture with normal content put in.

    Attributes:
        picture: The repaired picture, in the size of the original.
        score: Its score.
        tries: How many pieces of normal content were tried, of which this one scored lowest.
        sources: Names of the normal pictures that the content is from, one per region.
    """

    picture: Picture
    score: float
    tries: int
    sources: tuple[str, ...]


def repair_regions(
    picture: Picture,
    numbers: Sequence[int],
    counterparts: Counterparts,
    examine: Callable[[Picture], AnomalyMap],
    threshold: float,
) -> Repair | None:
    """Put matched normal content into regions until the score falls to the threshold or below.

    Regions that still stand out get their next best match; the lowest score is kept.

    Args:
        picture: The original.
        numbers: Regions of `counterparts` to replace, counted from 1; not empty.
        counterparts: Where normal content comes from.
        examine: Scores a picture.
        threshold: Where to stop.

    Returns:
        None where a region has no counterpart.
    """
    matches = {number: counterparts.matches(number) for number in numbers}
    if not all(matches.values()):
        return None
    chosen = dict.fromkeys(numbers, 0)
    best: Repair | None = None
    for tries in range(1, MAX_TRIES + 1):
        repaired = _paste(picture, counterparts, {n: matches[n][chosen[n]] for n in numbers})
        found = examine(repaired)
        if best is None or found.score < best.score:
            best = Repair(repaired, found.score, tries, tuple(matches[n][chosen[n]].name for n in numbers))
        if found.score <= threshold:
            break
        left = _still_standing(found, numbers, counterparts, threshold)
        more = [n for n in left if chosen[n] + 1 < len(matches[n])]
        if not more:
            break
        for number in more:
            chosen[number] += 1
    return Repair(best.picture, best.score, tries, best.sources) if best else None


def _still_standing(
    found: AnomalyMap, numbers: Sequence[int], counterparts: Counterparts, threshold: float
) -> list[int]:
    """The regions in whose window the map still reaches what keeps the score above the threshold."""
    import cv2

    size = (counterparts.picture.width, counterparts.picture.height)
    values = cv2.resize(found.values, size, interpolation=cv2.INTER_LINEAR)
    limit = float(values.max()) * threshold / found.score
    return [n for n in numbers if counterparts.window(n).of(values).max() >= limit]


def _paste(picture: Picture, counterparts: Counterparts, content: dict[int, Match]) -> Picture:
    """The picture with each region's match put in: its light fitted to the surroundings, its seam feathered."""
    import cv2

    layer = counterparts.picture.pixels.astype(np.float32)
    cover = np.zeros(layer.shape[:2], dtype=np.float32)
    for number, match in content.items():
        window = counterparts.window(number)
        alpha = _feathered(window, max(cover.shape))
        wins = alpha > window.of(cover)
        window.of(layer)[wins] = (match.pixels + light(window.of(counterparts.picture.pixels), match, window))[wins]
        window.of(cover)[wins] = alpha[wins]
    size = (picture.width, picture.height)
    if size != cover.shape[::-1]:
        layer, cover = (cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) for image in (layer, cover))
    pixels = picture.pixels + cover[..., None] * (layer - picture.pixels)
    return read_picture(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), name=picture.name)


def _feathered(window: Window, side: int) -> np.ndarray:
    """How much of the new content shows, 0 to 1: all of it in the region and near it, fading out around."""
    import cv2

    reach = max(1, round(_GROWN_SHARE * side))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    grown = cv2.dilate(window.mask.astype(np.float32), kernel)
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), max(0.5, FEATHER_SHARE * side), borderType=cv2.BORDER_REPLICATE))


def light(pixels: np.ndarray, match: Match, window: Window) -> np.ndarray:
    """What to add to the match so that its surroundings are as light as the picture's, carried smoothly inwards."""
    import cv2

    if not window.ring.any():
        return np.zeros(3, dtype=np.float32)
    ring = window.ring.astype(np.float32)
    difference = (pixels.astype(np.float32) - match.pixels) * ring[..., None]
    sigma = _LIGHT_SHARE * max(ring.shape)
    around, weight = cv2.GaussianBlur(difference, (0, 0), sigma), cv2.GaussianBlur(ring, (0, 0), sigma)
    return np.asarray(around / np.maximum(weight, 1e-3)[..., None])
