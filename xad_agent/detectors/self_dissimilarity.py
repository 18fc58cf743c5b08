"""Without any normal example: how unlike the rest of its own picture each patch is."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.patches import check_size, stages, working_side
from xad_agent.media.picture import Picture
from xad_agent.perception.backbone import Backbone, embedded_backbone

_STAGES = (1, 2)  # patches of 8 and of 16 px
_MARGIN = 32
_COMPARED = 1024
_ADJACENT = 2
_BLUR_CELLS = 0.6
_RIM_SHARE, _RIM_WEIGHT = 0.06, 0.6


class SelfDissimilarity:
    """Each patch against the others of the same picture, at two scales; what repeats is taken as normal.

    It knows no normal example: a lone but proper part of an object stands out as a defect would, and the score has no
    calibration. Nothing in it is scaled by the picture's own spread: a defect widens that, and would hide behind it.

    Args:
        backbone: Where features come from; the embedded one by default.
    """

    name = "self-dissimilarity"
    mode = ""

    def __init__(self, backbone: Backbone | None = None):
        self._backbone = backbone or embedded_backbone()

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and its maximum.

        At each scale a patch counts by 1 - cosine to the most similar one that is not adjacent, 0 to 2, among at most
        1,024 patches from all over the picture, so that time and memory do not grow with the picture. The map is the
        mean of the scales, lower towards the rim, where patches have fewer others around them.

        Raises:
            XadError: The picture is less than 8 px high or wide.
        """
        import cv2

        check_size(picture)
        side = working_side([(picture.height, picture.width)])
        pooled = stages(picture, self._backbone, side, _MARGIN)
        grids = [_smooth(dissimilarity(pooled[stage][0].permute(1, 2, 0)).numpy()) for stage in _STAGES]
        shape = grids[0].shape[::-1]
        values = np.mean([cv2.resize(grid, shape, interpolation=cv2.INTER_LINEAR) for grid in grids], axis=0)
        values = cv2.resize(
            values * _rim(*values.shape), (picture.width, picture.height), interpolation=cv2.INTER_LINEAR
        )
        return AnomalyMap(values.astype(np.float32, copy=False), float(values.max()), self.name)


def dissimilarity(grid: Tensor) -> Tensor:
    """How far each cell is from the most similar one that is not adjacent: half the square between unit vectors.

    That is 1 - cosine. Cells within two rows and columns are adjacent; a cell that has no other is at 0.

    Args:
        grid: float32 (rows, columns, channels).

    Returns:
        float32 (rows, columns), 0 to 2.
    """
    rows, columns = grid.shape[:2]
    flat = functional.normalize(grid.flatten(0, 1), dim=1)
    # Drawn, not every so many: a step would fall in with what repeats in the picture.
    drawn = torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))[:_COMPARED]
    halves = (flat * flat).sum(dim=1) / 2  # a half, or none where the network gives nothing
    squares = torch.addmm(halves[drawn], flat, flat[drawn].T, alpha=-1)
    squares[_adjacent(drawn, rows, columns)] = torch.inf
    nearest = squares.amin(dim=1)
    return torch.where(nearest.isinf(), 0, (nearest + halves).clamp_min(0)).view(rows, columns)


def _adjacent(drawn: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Pairs of a cell and the place in `drawn` of one that is adjacent to it."""
    reach = torch.arange(-_ADJACENT, _ADJACENT + 1)
    y = (drawn // columns)[:, None, None] + reach[:, None]
    x = (drawn % columns)[:, None, None] + reach
    inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
    return (y * columns + x)[inside], inside.nonzero()[:, 0]


def _smooth(values: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(values, (0, 0), _BLUR_CELLS, borderType=cv2.BORDER_REFLECT)


def _rim(rows: int, columns: int) -> np.ndarray:
    """Weights (rows, columns): 1 inside, falling over the outer 6 % of the longer side to 0.6 on the border."""
    y, x = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (rows, columns))
    inside = np.minimum(y[:, None], x) / (_RIM_SHARE * max(rows, columns))
    return (_RIM_WEIGHT + (1 - _RIM_WEIGHT) * inside.clip(0, 1)).astype(np.float32)
