"""The nearest normal pictures, how they lie on the picture in question, and where it differs from all of them."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from xad_agent.evidence import Region
from xad_agent.media.picture import Picture, grey
from xad_agent.media.scaling import resize_mask, shrink
from xad_agent.profile import Profile
from xad_agent.registration import align

WORK_SIDE = 512
NEAREST = 12
_GUARD_SHARE = 0.012
_MIN_ALIGNED = 4
_LIGHT_SIDE = 64
_LIGHT_SIGMA = 8.0
_SLACK = 1
_DETAIL_SHARE = 0.004


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

    def __init__(self, picture: Picture, profile: Profile | None, regions: Sequence[Region]):
        self.picture = shrink(picture, WORK_SIDE)
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
        nearest = self._profile.nearest_pictures(self._picture, min(NEAREST, self._profile.exemplars))
        return {int(index): self._profile.exemplar(index) for index in nearest}

    @cached_property
    def laid(self) -> dict[int, np.ndarray]:
        """Of those that align, by index: the matrix (2, 3) from their px to those of the working picture."""
        found = {i: align(normal, self.picture, self.disregarded) for i, normal in self.nearest.items()}
        return {i: alignment.matrix for i, alignment in found.items() if alignment is not None}

    @cached_property
    def contrast(self) -> np.ndarray | None:
        """How far each pixel is from even the most similar aligned normal picture, grey levels, float32 (H, W).

        Light is evened out, and a shift of a pixel forgiven. None where too few normal pictures align to tell.
        """
        if len(self.laid) < _MIN_ALIGNED:
            return None
        asked = grey(self.picture.pixels).astype(np.float32)
        laid = [(grey(self.nearest[i].pixels), matrix) for i, matrix in self.laid.items()]
        return np.min([_difference(asked, normal, matrix) for normal, matrix in laid], axis=0)


def guarded(mask: np.ndarray) -> np.ndarray:
    """A mask grown by a little more than its outline may be off."""
    import cv2

    reach = max(2, round(_GUARD_SHARE * max(mask.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)) > 0


def _difference(asked: np.ndarray, normal: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """How far a grey picture is from a normal one laid on it; 0 where that one ends."""
    import cv2

    size = asked.shape[::-1]
    there = cv2.warpAffine(np.ones(normal.shape, np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    laid = cv2.warpAffine(normal, matrix, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    light = cv2.resize(asked - laid, (_LIGHT_SIDE, _LIGHT_SIDE), interpolation=cv2.INTER_AREA)
    laid += cv2.resize(cv2.GaussianBlur(light, (0, 0), _LIGHT_SIGMA), size, interpolation=cv2.INTER_LINEAR)
    shifts = np.ones((2 * _SLACK + 1, 2 * _SLACK + 1), np.uint8)
    outside = np.maximum(cv2.erode(laid, shifts) - asked, asked - cv2.dilate(laid, shifts)).clip(min=0)
    return np.asarray(cv2.GaussianBlur(outside * there, (0, 0), max(0.5, _DETAIL_SHARE * max(asked.shape))))
