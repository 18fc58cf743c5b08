"""The nearest normal pictures, how they lie on the picture in question, and where it differs from all of them."""

from collections.abc import Sequence
from functools import cached_property
from itertools import combinations

import numpy as np

from xad_agent.evidence import Box, Region
from xad_agent.media.picture import Picture, grey
from xad_agent.media.scaling import resize, resize_mask, shape_within, shrink
from xad_agent.picture_profile import PictureProfile
from xad_agent.registration import align

_WORK_SIDE = 512
_NEAREST = 12
_GUARD_SHARE = 0.012
_MIN_ALIGNED = 4
_LIGHT_SIDE = 64
_LIGHT_SIGMA = 8.0
_DETAIL_SIGMA = 1.0
_CONTRAST_SIDE = 256
_CONTRAST_FLOOR = 6.0  # grey levels


class Normals:
    """The normal pictures that are most like a picture.

    Works on the picture at most 512 px long, as large as a profile keeps its exemplars.

    Args:
        picture: The picture in question.
        profile: What is normal, None where it is not known: then there are no normal pictures.
        regions: Its anomalous places; they do not steer how the normal pictures are laid on it.

    Attributes:
        picture: The working picture.
        disregarded: Booleans (H, W) of it: the regions, and a little around.
    """

    def __init__(self, picture: Picture, profile: PictureProfile | None, regions: Sequence[Region]):
        self.picture = shrink(picture, _WORK_SIDE)
        self._picture, self._profile = picture, profile
        nowhere = np.zeros((self.picture.height, self.picture.width), dtype=bool)
        self.disregarded = guarded(np.logical_or.reduce([nowhere, *map(self.on_working, regions)]))

    def on_working(self, region: Region) -> np.ndarray:
        """The mask of a region on the working picture, booleans (H, W)."""
        mask = region.mask(self._picture.height, self._picture.width)
        return resize_mask(mask, (self.picture.height, self.picture.width))

    @cached_property
    def nearest(self) -> dict[int, Picture]:
        """The nearest normal pictures by their index in the profile, most similar first; empty without a profile."""
        if self._profile is None:
            return {}
        nearest = self._profile.nearest_pictures(self._picture, min(_NEAREST, self._profile.exemplars))
        return {int(index): self._profile.exemplar(index) for index in nearest}

    @cached_property
    def laid(self) -> dict[int, np.ndarray]:
        """Of those that align, by index: the matrix (2, 3) from their px to those of the working picture."""
        found = {i: align(normal, self.picture, self.disregarded) for i, normal in self.nearest.items()}
        return {i: alignment.matrix for i, alignment in found.items() if alignment is not None}

    def same_place(self, window: Box, shape: tuple[int, int]) -> tuple[str, np.ndarray] | None:
        """What the nearest normal picture of those that align shows in a window, with its name; None where none does.

        Args:
            window: x0 y0 x1 y1 in px of the picture in question.
            shape: Height and width to show it in.
        """
        if not self.laid:
            return None
        import cv2

        index, matrix = next(iter(self.laid.items()))
        x0, y0, x1, y1 = window
        down, across = shape[0] / (y1 - y0), shape[1] / (x1 - x0)
        large = self._picture.width / self.picture.width, self._picture.height / self.picture.height
        # Centres of px lie half a px off their corners, in each of the three frames.
        turn = np.array([[across * large[0], 0, -across * x0], [0, down * large[1], -down * y0]])
        turn[:, 2] += 0.5 * turn[:, :2].sum(axis=1) - 0.5
        onto = turn @ np.vstack([matrix, [0, 0, 1]])
        pixels = self.nearest[index].pixels
        laid = cv2.warpAffine(pixels, onto, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return self.nearest[index].name, np.asarray(laid)

    @cached_property
    def contrast(self) -> np.ndarray | None:
        """How far each place is from even the most similar aligned normal picture, float32, at most 256 px long.

        The unit is how far normal pictures are from each other there, and 6 grey levels. Slow changes of light do not
        count. None where too few normal pictures align to tell.
        """
        if len(self.laid) < _MIN_ALIGNED:
            return None
        import cv2

        shape = shape_within(self.picture.pixels.shape, _CONTRAST_SIDE)
        size = self.picture.pixels.shape[1::-1]
        asked = resize(grey(self.picture.pixels), shape).astype(np.float32)
        normals = []
        for index, matrix in self.laid.items():
            pixels = grey(self.nearest[index].pixels)
            laid = cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE)
            normals.append(resize(laid, shape).astype(np.float32))
        least = np.min([_difference(asked, normal) for normal in normals], axis=0)
        among = np.full((len(normals), *shape), np.inf, dtype=np.float32)
        for i, j in combinations(range(len(normals)), 2):
            among[[i, j]] = np.minimum(among[[i, j]], _difference(normals[i], normals[j]))
        return np.asarray(least / (_CONTRAST_FLOOR + among.mean(axis=0)))


def guarded(mask: np.ndarray) -> np.ndarray:
    """A mask grown by a little more than its outline may be off."""
    import cv2

    reach = max(2, round(_GUARD_SHARE * max(mask.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)) > 0


def _difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far two grey pictures are from each other, their light evened out."""
    import cv2

    light = cv2.resize(one - other, (_LIGHT_SIDE, _LIGHT_SIDE), interpolation=cv2.INTER_AREA)
    light = cv2.resize(cv2.GaussianBlur(light, (0, 0), _LIGHT_SIGMA), one.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(np.abs(one - other - light), (0, 0), _DETAIL_SIGMA))
