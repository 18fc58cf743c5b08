"""Without any normal example: how unlike the rest of its own picture each patch is."""

from functools import cache

import numpy as np
import torch

from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.patches import Whitening, embed, working_side
from xad_agent.media.picture import Picture
from xad_agent.perception.backbone import DEFAULT, Backbone, load_backbone

_NEIGHBOURS = 5
_ADJACENT = 2
_BLUR_CELLS = 0.6


class SelfDissimilarity:
    """Each patch against the others of the same picture; what repeats is taken as normal.

    It knows no normal example: a lone but proper part of an object stands out as a defect would, and the score has no
    calibration.

    Args:
        backbone: Where features come from; the embedded one by default.
    """

    name = "self-dissimilarity"
    mode = ""

    def __init__(self, backbone: Backbone | None = None):
        self._backbone = backbone or _embedded()

    def score(self, picture: Picture) -> AnomalyMap:
        """The map, the mean whitened distance of each patch to its 5 nearest non-adjacent ones, and its maximum.

        Raises:
            XadError: The picture is too small.
        """
        import cv2

        features = embed(picture, self._backbone, working_side([(picture.height, picture.width)]))[0]
        rows, columns = features.shape[:2]
        flat = features.flatten(0, 1)
        flat = Whitening.fit(flat)(flat)
        distances = torch.cdist(flat, flat)
        grid = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
        distances[(grid[:, None] - grid[None]).abs().amax(dim=2) <= _ADJACENT] = torch.inf
        nearest = distances.topk(min(_NEIGHBOURS, len(flat)), dim=1, largest=False).values
        # A grid of few cells may leave a patch no other one that is not adjacent.
        far = torch.where(nearest.isinf(), torch.nan, nearest).nanmean(dim=1).nan_to_num(nan=0.0)
        values = cv2.GaussianBlur(far.view(rows, columns).numpy(), (0, 0), _BLUR_CELLS, borderType=cv2.BORDER_REFLECT)
        values = cv2.resize(values, (picture.width, picture.height), interpolation=cv2.INTER_LINEAR)
        return AnomalyMap(values.astype(np.float32), float(values.max()), self.name)


@cache
def _embedded() -> Backbone:
    return load_backbone(DEFAULT)
