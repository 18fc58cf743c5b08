"""PatchCore: a picture is as strange as its patch that is farthest from every normal patch.

After Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (CVPR 2022), with two changes: features
are whitened, and a distance counts relative to how far apart normal patches lie at that place of the bank.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.gathering import Gathered, Seen
from xad_agent.detectors.neighbours import Neighbours, greedy_coreset
from xad_agent.detectors.patches import Whitening, embed
from xad_agent.evidence import Box
from xad_agent.media.picture import Picture
from xad_agent.perception.backbone import Backbone

BANK = 10_000
_SCALE_SAMPLE = 15_000
_NEIGHBOURS = 3
_SCALE_NEIGHBOURS = 5
_BLUR_CELLS = 0.6
_LONE_REACH = 2
_SUMMARY_GRID = 4
_SUMMARY_DIMENSIONS = 32


@dataclass(frozen=True)
class NearestPatch:
    """A normal patch close to a place asked about.

    Attributes:
        picture: Index of its picture, in the order they were fitted in.
        box: x0 y0 x1 y1 in px of that picture.
        distance: Euclidean, between whitened features.
    """

    picture: int
    box: Box
    distance: float


@dataclass(frozen=True, eq=False)
class Unseen:
    """What the fitted pictures would have got had they not been fitted.

    Attributes:
        scores: Of up to 1,000 fitted pictures, each with its own patches left out of the bank.
        values: The map's values of their patches, one array for each.
    """

    scores: np.ndarray
    values: list[np.ndarray]


class PatchCore:
    """Scores patches by their distance to a bank of normal ones.

    Attributes:
        side: Pictures are looked at in about side x side px, see `patches.working_size`.
        sources: int64 (N, 3): picture index, row and column of each patch of the bank.
        shapes: int64 (P, 4): height and width in px, rows and columns, of each fitted picture.
    """

    name = "patchcore"

    def __init__(
        self,
        backbone: Backbone,
        side: int,
        whitening: Whitening,
        bank: Tensor,
        scales: Tensor,
        sources: Tensor,
        shapes: Tensor,
    ):
        self.backbone, self.side, self.whitening = backbone, side, whitening
        self.scales, self.sources, self.shapes = scales, sources, shapes
        self._neighbours = Neighbours(bank)
        self._last: tuple[str, Tensor] | None = None

    @classmethod
    def fit(
        cls, pictures: Iterable[Picture], backbone: Backbone, side: int, seed: int = 0
    ) -> tuple["PatchCore", Unseen]:
        """Learn what is normal.

        Memory is bounded: of all patches 50,000 random ones are candidates for the bank, and of all pictures 1,000
        random ones are scored as unseen.

        Args:
            pictures: Normal ones, any sizes; read once, one by one.
            backbone: Where features come from.
            side: See `patches.working_side`.
            seed: Of every random choice.

        Raises:
            XadError: There is no picture, or one is too small.
        """
        gathered = Gathered(backbone, side, seed)
        for picture in pictures:
            gathered.add(picture)
        features, sources = gathered.candidates()
        whitening = Whitening.fit(features)
        candidates = whitening(features)
        chosen = greedy_coreset(candidates, BANK, seed)
        chosen = chosen[sources[chosen, 0].argsort(stable=True)]
        bank, origin = candidates[chosen], sources[chosen]
        scales = _local_scales(bank, origin, candidates[:_SCALE_SAMPLE], sources[:_SCALE_SAMPLE])
        shapes = torch.tensor(gathered.shapes)
        detector = cls(backbone, side, whitening, bank, scales, origin, shapes)
        return detector, detector._score_unseen(gathered.seen)

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and the score (the map's maximum) of one picture.

        The unit is the distance to the nearest normal patch over the distance usual between normal patches there.

        Raises:
            XadError: The picture is too small.
        """
        features = self.whitening(embed(picture, self.backbone, self.side))
        self._last = (picture.sha256, features)
        values = _enlarged(self._values(features), picture.height, picture.width)
        return AnomalyMap(values, float(values.max()), self.name)

    def summary(self, picture: Picture) -> np.ndarray:
        """What the picture looks like as a whole, float32 (512,) at most; near pictures have near vectors."""
        features = self._features(picture)[..., -_SUMMARY_DIMENSIONS:].permute(2, 0, 1)
        return functional.adaptive_avg_pool2d(features, _SUMMARY_GRID).flatten().numpy()

    def nearest(self, picture: Picture, box: Box, k: int = 3) -> list[NearestPatch]:
        """The k normal patches nearest to the patch in the middle of a box (px of the picture), nearest first."""
        features = self._features(picture)
        rows, columns = features.shape[:2]
        x0, y0, x1, y1 = box
        row = min(int((y0 + y1) / 2 / picture.height * rows), rows - 1)
        column = min(int((x0 + x1) / 2 / picture.width * columns), columns - 1)
        distances, indices = self._neighbours.nearest(features[row, column][None], k)
        return [self._patch(int(i), float(d)) for i, d in zip(indices[0], distances[0], strict=True)]

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Settings for JSON and arrays for safetensors; `from_state` makes the detector again."""
        tensors = {
            "mean": self.whitening.mean,
            "matrix": self.whitening.matrix,
            "bank": self._neighbours.points,
            "scales": self.scales,
            "sources": self.sources,
            "shapes": self.shapes,
        }
        return {"side": self.side}, {name: tensor.numpy() for name, tensor in tensors.items()}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray], backbone: Backbone) -> "PatchCore":
        """The detector that gave this state, on the same backbone.

        Raises:
            KeyError, ValueError: Something is missing or has another shape.
        """
        t = {name: torch.from_numpy(array) for name, array in arrays.items()}
        whitening, size, dimensions = Whitening(t["mean"], t["matrix"]), len(t["bank"]), t["matrix"].shape[1]
        shapes = [tuple(t[name].shape) for name in ("mean", "bank", "scales", "sources")]
        if shapes != [(sum(backbone.channels),), (size, dimensions), (size,), (size, 3)]:
            raise ValueError("the bank's arrays do not belong together")
        return cls(backbone, int(settings["side"]), whitening, t["bank"], t["scales"], t["sources"], t["shapes"])

    def _features(self, picture: Picture) -> Tensor:
        if self._last is None or self._last[0] != picture.sha256:
            self._last = (picture.sha256, self.whitening(embed(picture, self.backbone, self.side)))
        return self._last[1]

    def _values(self, features: Tensor, excluded: Tensor | None = None) -> np.ndarray:
        """Distance over local scale for each patch of a grid (rows, columns, K)."""
        flat = features.flatten(0, 1)
        distances, indices = self._neighbours.nearest(flat, _NEIGHBOURS, excluded)
        values = (distances / self.scales[indices]).amin(dim=1)
        return _smoothed(values.view(features.shape[:2]).numpy())

    def _score_unseen(self, seen: list[Seen]) -> Unseen:
        maps = []
        for one in seen:
            own = self.sources[:, 0] == one.index
            excluded = own[:, None] if len(self.shapes) > 1 else _close_by(self.sources, one.features.shape)
            maps.append((one.size, self._values(self.whitening(one.features.float()), excluded)))
        scores = [float(_enlarged(values, *size).max()) for size, values in maps]
        return Unseen(np.array(scores), [values.ravel() for _, values in maps])

    def _patch(self, index: int, distance: float) -> NearestPatch:
        picture, row, column = (int(n) for n in self.sources[index])
        height, width, rows, columns = (int(n) for n in self.shapes[picture])
        box = (
            column * width // columns,
            row * height // rows,
            -(-(column + 1) * width // columns),
            -(-(row + 1) * height // rows),
        )
        return NearestPatch(picture, box, distance)


def _local_scales(bank: Tensor, origin: Tensor, sample: Tensor, sources: Tensor) -> Tensor:
    """How far each patch of the bank is from the nearest patches of other pictures, plus the bank's median of that.

    The median keeps a dense place from calling the least deviation strange.

    Returns:
        float32 (N,), above zero.
    """
    pictures = origin[:, 0].unique()
    other = Neighbours(sample)
    near = torch.empty(len(bank))
    for picture in pictures:
        mine = origin[:, 0] == picture
        if len(pictures) > 1:
            excluded = (sources[:, 0] == picture)[:, None]
        else:
            excluded = (sources[:, None, 1:] == origin[None, mine, 1:]).all(dim=2)
        distances, _ = other.nearest(bank[mine], _SCALE_NEIGHBOURS, excluded)
        near[mine] = torch.where(distances.isinf(), torch.nan, distances).nanmean(dim=1)
    near = torch.where(near.isnan(), near.nanmedian(), near).nan_to_num(nan=1.0)
    return (near + near.median()).clamp_min(1e-6)


def _close_by(sources: Tensor, shape: torch.Size) -> Tensor:
    """For a lone picture: which patches of the bank lie too near to a patch to count as another one, bool (N, Q)."""
    grid = torch.cartesian_prod(torch.arange(shape[0]), torch.arange(shape[1]))
    return (sources[:, None, 1:] - grid[None]).abs().amax(dim=2) <= _LONE_REACH


def _smoothed(values: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(values, (0, 0), _BLUR_CELLS, borderType=cv2.BORDER_REFLECT)


def _enlarged(values: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2

    return cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
