"""The matching place on normal pictures: what a region should look like."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xad_agent.evidence import Region
from xad_agent.media.picture import grey
from xad_agent.media.scaling import resize, shape_within
from xad_agent.normals import Normals, guarded

_RING_SHARE = 0.04
_SEARCH_SIDE = 256
_PLACES_PER_NORMAL = 2
_GRID = 6


@dataclass(frozen=True, eq=False)
class Match:
    """The counterpart of a region's window on one normal picture.

    Attributes:
        exemplar: Index of the normal picture in the profile; -1 for another place of the picture itself.
        name: What the normal picture is called.
        pixels: RGB uint8, as large as the window; in the pose of the picture in question.
        aligned: Whether the normal picture lies on the picture; else this is where the surroundings are most similar.
        cost: Mean difference of the surroundings in grey levels, light evened out; smaller is better.
    """

    exemplar: int
    name: str
    pixels: np.ndarray
    aligned: bool
    cost: float


@dataclass(frozen=True, eq=False)
class Window:
    """A region with its surroundings, cut from the working picture.

    Attributes:
        box: x0 y0 x1 y1 in the working picture.
        mask: Booleans, the region.
        ring: Booleans, its surroundings: near, but clear of every region.
    """

    box: tuple[int, int, int, int]
    mask: np.ndarray
    ring: np.ndarray

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """The window's part of an array (H, W, ...)."""
        x0, y0, x1, y1 = self.box
        return pixels[y0:y1, x0:x1]


class Counterparts:
    """What the regions of a picture look like where it is normal.

    On the nearest normal pictures that is the same place where they align with the picture, else the place with the
    most similar surroundings. Without a normal picture it is the rest of the picture itself.

    Args:
        normals: The nearest normal pictures.
        regions: The places to find counterparts for; those that `normals` disregards.

    Attributes:
        normals: As given.
        picture: The working picture.
        masks: The regions on it, booleans (H, W).
    """

    def __init__(self, normals: Normals, regions: Sequence[Region]):
        self.normals = normals
        self.picture = normals.picture
        self.masks = [normals.on_working(region) for region in regions]
        self._matches: dict[int, list[Match]] = {}

    def window(self, number: int) -> Window:
        """The window of region `number`, counted from 1."""
        mask = self.masks[number - 1]
        y, x = np.nonzero(guarded(mask))
        reach = max(2, round(_RING_SHARE * max(mask.shape)))
        x0, y0 = max(0, int(x.min()) - reach), max(0, int(y.min()) - reach)
        x1, y1 = min(mask.shape[1], int(x.max()) + 1 + reach), min(mask.shape[0], int(y.max()) + 1 + reach)
        cut = np.s_[y0:y1, x0:x1]
        return Window((x0, y0, x1, y1), mask[cut], ~self.normals.disregarded[cut])

    def matches(self, number: int) -> list[Match]:
        """The counterparts of region `number`, those with the most similar surroundings first."""
        if number not in self._matches:
            self._matches[number] = self.matching(self.window(number))
        return self._matches[number]

    def matching(self, window: Window) -> list[Match]:
        """The counterparts of any window, those with the most similar surroundings first."""
        found = self._normal_matches(window) if self.normals.nearest else self._other_places(window)
        return sorted(found, key=lambda match: match.cost)

    def _normal_matches(self, window: Window) -> list[Match]:
        laid = [match for i, matrix in self.normals.laid.items() for match in self._lay(i, matrix, window)]
        if laid and 2 * len(self.normals.laid) >= len(self.normals.nearest):
            return laid
        shown = {match.exemplar for match in laid}
        return laid + [match for i in self.normals.nearest if i not in shown for match in self._search(i, window)]

    def _lay(self, index: int, matrix: np.ndarray, window: Window) -> list[Match]:
        """The window on an aligned normal picture; nothing where it lies outside."""
        import cv2

        normal = self.normals.nearest[index]
        x0, y0, x1, y1 = window.box
        size = (x1 - x0, y1 - y0)
        shifted = matrix - [[0, 0, x0], [0, 0, y0]]
        inside = cv2.warpAffine(np.ones(normal.pixels.shape[:2], np.uint8), shifted, size, flags=cv2.INTER_NEAREST) > 0
        if not inside[window.mask].all():
            return []
        pixels = cv2.warpAffine(normal.pixels, shifted, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return [self._match(index, normal.name, pixels, window, aligned=True)]

    def _search(self, index: int, window: Window) -> list[Match]:
        """The places of a normal picture whose surroundings look most like the window's."""
        normal = self.normals.nearest[index]
        x0, y0, x1, y1 = window.box
        pixels = normal.pixels
        if pixels.shape[0] < y1 - y0 or pixels.shape[1] < x1 - x0:
            pixels = resize(pixels, (self.picture.height, self.picture.width))
        corners = _best_corners(pixels, window.of(self.picture.pixels), window, self._sides(window))
        cuts = [pixels[y : y + y1 - y0, x : x + x1 - x0] for x, y in corners]
        return [self._match(index, normal.name, cut, window, aligned=False) for cut in cuts]

    def _other_places(self, window: Window) -> list[Match]:
        """Windows of the same size elsewhere in the picture, on a grid, clear of the regions."""
        x0, y0, x1, y1 = window.box
        width, height = x1 - x0, y1 - y0
        found = []
        for y in _grid(self.picture.height - height):
            for x in _grid(self.picture.width - width):
                cut = np.s_[y : y + height, x : x + width]
                if not (self.normals.disregarded[cut] & window.mask).any():
                    pixels = self.picture.pixels[cut]
                    found.append(self._match(-1, self.picture.name, pixels, window, aligned=False))
        return found

    def _sides(self, window: Window) -> tuple[bool, bool, bool, bool]:
        """Which sides of the picture the window touches: left, top, right, bottom."""
        x0, y0, x1, y1 = window.box
        return x0 == 0, y0 == 0, x1 == self.picture.width, y1 == self.picture.height

    def _match(self, index: int, name: str, pixels: np.ndarray, window: Window, aligned: bool) -> Match:
        difference = window.of(self.picture.pixels).astype(np.float32) - pixels
        around = difference[window.ring]
        cost = float(np.abs(around - np.median(around, axis=0)).mean()) if len(around) else 0.0
        return Match(index, name, pixels, aligned, cost)


def _grid(room: int) -> list[int]:
    return sorted({round(room * step / (_GRID - 1)) for step in range(_GRID)})


def _best_corners(
    pixels: np.ndarray, wanted: np.ndarray, window: Window, sides: tuple[bool, bool, bool, bool]
) -> list[tuple[int, int]]:
    """Upper left corners in `pixels` where the ring fits best; a window at the picture's side stays at that side."""
    import cv2

    scale = min(1.0, _SEARCH_SIDE / max(pixels.shape[:2]))
    shape = shape_within(window.mask.shape, max(1, round(scale * max(window.mask.shape))))
    source = resize(grey(pixels), shape_within(pixels.shape, _SEARCH_SIDE)).astype(np.float32)
    template = resize(grey(wanted), shape).astype(np.float32)
    ring = resize(window.ring.astype(np.float32), shape)
    fits = np.s_[: source.shape[0], : source.shape[1]]  # rounding may leave the template a pixel too large
    cost = cv2.matchTemplate(source, template[fits], cv2.TM_SQDIFF, mask=ring[fits])
    left, top, right, bottom = sides
    allowed = np.zeros(cost.shape, dtype=bool)
    allowed[_span(cost.shape[0], top, bottom), _span(cost.shape[1], left, right)] = True
    cost[~allowed] = np.inf
    corners = []
    room_y, room_x = pixels.shape[0] - wanted.shape[0], pixels.shape[1] - wanted.shape[1]
    for _ in range(_PLACES_PER_NORMAL):
        y, x = np.unravel_index(int(np.argmin(cost)), cost.shape)
        if not np.isfinite(cost[y, x]):
            break
        corners.append((min(room_x, round(x / scale)), min(room_y, round(y / scale))))
        apart_y, apart_x = (max(1, n // 2) for n in template.shape)
        cost[max(0, y - apart_y) : y + apart_y + 1, max(0, x - apart_x) : x + apart_x + 1] = np.inf
    return corners


def _span(length: int, at_start: bool, at_end: bool) -> slice:
    if at_start and at_end:
        return slice(None)
    return slice(0, 1) if at_start else slice(length - 1, length) if at_end else slice(None)
