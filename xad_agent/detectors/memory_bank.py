"""A memory bank of normal patches of one grain, and how far other patches are from it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from xad_agent.detectors.neighbours import Neighbours, greedy_coreset
from xad_agent.detectors.patches import Grain, Whitening

_SCALE_SAMPLE = 15_000
_SCALE_NEIGHBOURS = 5
_OWN = 1_500
_APART_SHARE = 0.08
_RINGS = 3
_RING_QUANTILE = 0.9
_LONE_REACH = 2


class MemoryBank:
    """Normal patches, some chosen to cover all of them, and what distance from them is usual.

    Attributes:
        grain: What its patches are.
        whitening: Features to the space of the bank.
        sources: int64 (N, 3): picture index, row and column of each patch of the bank.
        rings: float32 (3, 3): how much farther than inside normal patches are from the bank on the outermost, the
            next and the other cells, by row and column. Near the border the network sees its own padding and fewer
            cells are averaged, so without this the strangest place of most normal pictures would be a corner.
        unit: The largest value usual in an unseen normal picture.
    """

    def __init__(
        self,
        grain: Grain,
        whitening: Whitening,
        points: Tensor,
        sources: Tensor,
        scales: Tensor,
        rings: Tensor | None = None,
        unit: float = 1.0,
    ):
        self.grain, self.whitening, self.sources = grain, whitening, sources
        self.rings = torch.ones(_RINGS, _RINGS) if rings is None else rings
        self.unit = unit
        self._neighbours = Neighbours(points, scales)

    @classmethod
    def fit(
        cls, grain: Grain, features: Tensor, sources: Tensor, seen: list[tuple[int, Tensor]], seed: int
    ) -> tuple["MemoryBank", list[np.ndarray], list[np.ndarray]]:
        """Choose the bank, and learn from pictures scored as if unseen what is usual.

        Args:
            grain: What the patches are.
            features: (N, D) candidates, in random order.
            sources: (N, 3) where they come from.
            seen: Index and features (rows, columns, D) of fitted pictures.
            seed: Of the choice.

        Returns:
            The bank, and of each seen picture what `values` and `singular` say, its own patches left out of the bank.
        """
        whitening = Whitening.fit(features)
        candidates = whitening(features)
        chosen = _chosen(candidates, grain.bank, seed)
        chosen = chosen[sources[chosen, 0].argsort(stable=True)]
        points, origin = candidates[chosen], sources[chosen]
        scales = _local_scales(points, origin, candidates[:_SCALE_SAMPLE], sources[:_SCALE_SAMPLE])
        bank = cls(grain, whitening, points, origin, scales)
        lone = bool((sources[:, 0] == sources[0, 0]).all())
        distances, alone = [], []
        for index, grid in seen:
            own = _close_by(origin, grid.shape) if lone else origin[:, 0] == index
            # A lone small picture may leave a patch nothing to be compared with: it is as far as is usual.
            distances.append(np.nan_to_num(bank._distances(grid.float(), own), posinf=1.0))
            alone.append(np.minimum(distances[-1], bank._elsewhere(grid.float())))
        bank.rings = _ring_factors(distances)
        maps = [bank._levelled(values) for values in distances]
        bank.unit = max(float(np.median([values.max() for values in maps])), 1e-6)
        return bank, [values / bank.unit for values in maps], [bank._levelled(one) / bank.unit for one in alone]

    def values(self, features: Tensor) -> np.ndarray:
        """How strange each patch of a grid (rows, columns, D) is, float32 (rows, columns).

        1 is the strangest place of a usual normal picture.
        """
        return self._levelled(self._distances(features)) / self.unit

    def singular(self, features: Tensor) -> np.ndarray:
        """The same, where a patch like one elsewhere in the grid counts as if that were normal."""
        return self._levelled(np.minimum(self._distances(features), self._elsewhere(features))) / self.unit

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Settings for JSON and arrays for safetensors; `from_state` makes the bank again."""
        tensors = {
            "mean": self.whitening.mean,
            "matrix": self.whitening.matrix,
            "points": self._neighbours.points,
            "sources": self.sources,
            "scales": self._neighbours.scales,
            "rings": self.rings,
        }
        return {"unit": self.unit}, {name: tensor.numpy() for name, tensor in tensors.items()}

    @classmethod
    def from_state(
        cls, grain: Grain, settings: dict[str, Any], arrays: dict[str, np.ndarray], channels: int
    ) -> "MemoryBank":
        """The bank that gave this state, for features of so many channels.

        Raises:
            KeyError, ValueError: Something is missing or has another shape.
        """
        t = {name: torch.from_numpy(array) for name, array in arrays.items()}
        size, dimensions = len(t["points"]), t["matrix"].shape[1]
        shapes = [tuple(t[name].shape) for name in ("mean", "points", "sources", "scales", "rings")]
        if shapes != [(channels,), (size, dimensions), (size, 3), (size,), (_RINGS, _RINGS)]:
            raise ValueError("the bank's arrays do not belong together")
        whitening = Whitening(t["mean"], t["matrix"])
        return cls(grain, whitening, t["points"], t["sources"], t["scales"], t["rings"], float(settings["unit"]))

    def _distances(self, features: Tensor, excluded: Tensor | None = None) -> np.ndarray:
        """Least distance to a normal patch over the one usual there, (rows, columns)."""
        flat = self.whitening(features).flatten(0, 1)
        return self._neighbours.nearest(flat, 1, excluded).view(features.shape[:2]).numpy()

    def _elsewhere(self, features: Tensor) -> np.ndarray:
        """Least distance to a patch farther off in the same grid, over the one usual in the bank, (rows, columns).

        At most 1,500 patches, evenly spread, are compared with; inf where none is far enough.
        """
        rows, columns = features.shape[:2]
        step = int(np.ceil(np.sqrt(rows * columns / _OWN)))
        whitened = self.whitening(features)
        places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).short()
        chosen = places.view(rows, columns, 2)[::step, ::step].flatten(0, 1)
        near = (places[:, None] - chosen).abs().amax(dim=2) <= max(1, round(_APART_SHARE * np.sqrt(rows * columns)))
        points = whitened[::step, ::step].flatten(0, 1)
        distances = Neighbours(points).nearest(whitened.flatten(0, 1), 1, near) / self._neighbours.scales.median()
        return distances.view(rows, columns).numpy()

    def _levelled(self, distances: np.ndarray) -> np.ndarray:
        import cv2

        rows, columns = _rings(distances.shape)
        values = distances / self.rings.numpy()[rows[:, None], columns]
        return cv2.GaussianBlur(values, (0, 0), self.grain.blur, borderType=cv2.BORDER_REFLECT)


def _chosen(candidates: Tensor, size: int, seed: int) -> Tensor:
    """Indices of a bank's patches: half of them a coreset, so that rare ones are covered, half the first others.

    A coreset alone spends itself on outliers, the more so the more candidates it has: what is usual is then covered
    thinly, and large faint defects drown in its distances.
    """
    cover = greedy_coreset(candidates, size // 2, seed)
    left = torch.ones(len(candidates), dtype=torch.bool)
    left[cover] = False
    return torch.cat([cover, left.nonzero()[: size - len(cover), 0]])


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
            excluded = sources[:, 0] == picture
        else:
            excluded = (origin[mine, None, 1:] == sources[None, :, 1:]).all(dim=2)
        distances = other.nearest(bank[mine], _SCALE_NEIGHBOURS, excluded)
        near[mine] = torch.where(distances.isinf(), torch.nan, distances).nanmean(dim=1)
    near = torch.where(near.isnan(), near.nanmedian(), near).nan_to_num(nan=1.0)
    return (near + near.median()).clamp_min(1e-6)


def _close_by(sources: Tensor, shape: torch.Size) -> Tensor:
    """For a lone picture: which patches of the bank lie too near to a patch to count as another one, bool (Q, N)."""
    grid = torch.cartesian_prod(torch.arange(shape[0]), torch.arange(shape[1]))
    return (grid[:, None] - sources[None, :, 1:]).abs().amax(dim=2) <= _LONE_REACH


def _rings(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """How many cells each row and each column is away from the border, at most 2."""
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]).clip(max=_RINGS - 1) for n in shape)
    return rows, columns


def _ring_factors(distances: list[np.ndarray]) -> Tensor:
    """See `MemoryBank.rings`; 1 where the border is no farther, or was not seen."""
    found: dict[int, list[np.ndarray]] = {}
    for values in distances:
        rows, columns = _rings(values.shape)
        ring = np.minimum(rows[:, None], columns) * _RINGS + np.maximum(rows[:, None], columns)
        for one in np.unique(ring):
            found.setdefault(int(one), []).append(values[ring == one])
    usual = {one: float(np.quantile(np.concatenate(parts), _RING_QUANTILE)) for one, parts in found.items()}
    inside = usual[max(usual)]
    factors = torch.ones(_RINGS, _RINGS)
    for one, value in usual.items():
        low, high = divmod(one, _RINGS)
        factors[low, high] = factors[high, low] = max(value / inside, 1.0) if inside > 0 else 1.0
    return factors
