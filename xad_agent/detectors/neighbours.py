"""Choosing a memory bank, and finding nearest neighbours in it, on a CPU within a fraction of the network's time."""

import numpy as np
import torch
from torch import Tensor

_GROUP = 32
_SPARE = 2
_CHUNK = 784
_NEVER = -1e30
_FRONT = 128


def greedy_coreset(points: Tensor, size: int, seed: int) -> Tensor:
    """Indices of `size` points that cover the others: each next one is the farthest from those chosen so far.

    The same choice as PatchCore's (Roth et al. 2022, algorithm 1), without its random projection, which leaves rare
    normal patches uncovered. It is quick because the farthest few are chosen from together: as long as one of them is
    still farther than every other point was before, it is the next, whatever the others have come to be.

    Args:
        points: (N, D) float32.
        size: How many to choose; at least N gives them all.
        seed: Of the first point.

    Returns:
        int64 (min(size, N),), all different, in the order of choice.
    """
    if size >= len(points):
        return torch.arange(len(points))
    norms = (points * points).sum(dim=1)
    first = int(torch.randint(len(points), (1,), generator=torch.Generator().manual_seed(seed)))
    chosen, fresh = [first], torch.tensor([first])
    nearest = torch.full_like(norms, torch.inf)
    while len(chosen) < size:
        squares = torch.addmm(norms[:, None], points, points[fresh].T, alpha=-2).add_(norms[fresh])
        torch.minimum(nearest, squares.amin(dim=1), out=nearest)
        nearest[fresh] = -torch.inf
        front = nearest.topk(min(_FRONT, len(points)))
        order = _chosen_among(points[front.indices], front.values, size - len(chosen))
        fresh = front.indices[order]
        chosen += fresh.tolist()
    return torch.tensor(chosen)


def _chosen_among(points: Tensor, nearest: Tensor, most: int) -> list[int]:
    """Which of the farthest points, sorted by falling distance, are sure to be the next ones, in this order."""
    squares = torch.cdist(points, points).square_().numpy()
    left = nearest.clone().numpy()
    bound = left[-1]
    order: list[int] = []
    while len(order) < most:
        at = int(left.argmax())
        if (order and left[at] < bound) or left[at] == -np.inf:
            break
        order.append(at)
        np.minimum(left, squares[at], out=left)
        left[at] = -np.inf
    return order


class Neighbours:
    """Euclidean nearest neighbours among a fixed set of points, where each point may have a scale of its own.

    The best candidates come from one matrix product, in bfloat16 where the processor multiplies it natively; their
    distances are then computed again in float32.

    Args:
        points: (N, D) float32.
        scales: (N,) float32, above zero: a distance to a point counts in units of its scale; 1 by default.
    """

    def __init__(self, points: Tensor, scales: Tensor | None = None):
        self.points = points
        self.scales = torch.ones(len(points)) if scales is None else scales
        self._kind = torch.bfloat16 if _multiplies_bfloat16() else torch.float32
        # For a query x, a point p and its scale s a row makes -(|x - p| / s)^2 / 2 of [x, 1, 1, x.x in two parts, ...].
        weights = self.scales**-2
        high, low = self._split(-(points * points).sum(dim=1) / 2 * weights)
        weight_high, weight_low = self._split(-weights / 2)
        rows = torch.cat(
            [(points * weights[:, None]).to(self._kind)]
            + [column[:, None] for column in (high, low, weight_high, weight_high, weight_low)],
            dim=1,
        )
        # Rows are padded to whole groups; a padded one is never near.
        padding = rows.new_zeros(-len(points) % _GROUP, rows.shape[1])
        padding[:, points.shape[1]] = _NEVER
        self._rows = torch.cat([rows, padding])

    def nearest(self, queries: Tensor, k: int, excluded: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The k nearest points of each query, by scaled distance.

        Args:
            queries: (Q, D) float32.
            k: At most 8; fewer are given where there are fewer points.
            excluded: Points that do not count: bool (N, 1), or (N, Q) for each query its own.

        Returns:
            Scaled distances (Q, k), ascending, and indices (Q, k); a distance is inf where no point is left.
        """
        k = min(k, len(self.points))
        found = []
        for at in range(0, len(queries), _CHUNK):
            chunk = slice(at, at + _CHUNK)
            mask = excluded if excluded is None or excluded.shape[1] == 1 else excluded[:, chunk]
            found.append(self._chunk(queries[chunk], k, mask))
        return torch.cat([d for d, _ in found]), torch.cat([i for _, i in found])

    def _chunk(self, queries: Tensor, k: int, excluded: Tensor | None) -> tuple[Tensor, Tensor]:
        high, low = self._split((queries * queries).sum(dim=1))
        ones = torch.ones_like(high)
        extra = torch.stack([ones, ones, high, low, high], dim=1)
        likeness = self._rows @ torch.cat([queries.to(self._kind), extra], dim=1).T
        if excluded is not None and excluded.shape[1] == 1:
            likeness[excluded[:, 0].nonzero()[:, 0]] = -torch.inf
        elif excluded is not None:
            likeness[: len(self.points)].masked_fill_(excluded, -torch.inf)
        # The best k lie in the k groups with the best maxima, so only these are searched.
        grouped = likeness.view(-1, _GROUP, len(queries))
        maxima = grouped.amax(dim=1).T.contiguous()
        groups = maxima.topk(min(k, maxima.shape[1]), dim=1).indices
        members = grouped.permute(0, 2, 1)[groups, torch.arange(len(queries))[:, None]].flatten(1)
        values, places = members.float().topk(min(k + _SPARE, members.shape[1], len(self.points)), dim=1)
        rows = groups.gather(1, places // _GROUP) * _GROUP + places % _GROUP
        rows.clamp_max_(len(self.points) - 1)
        exact = (queries[:, None] - self.points[rows]).norm(dim=2) / self.scales[rows]
        distances, order = exact.masked_fill_(values < _NEVER / 2, torch.inf).topk(k, dim=1, largest=False)
        return distances, rows.gather(1, order)

    def _split(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Values as the sum of two of the kind that is multiplied, lest their rounding decide."""
        high = values.to(self._kind)
        return high, (values - high.float()).to(self._kind)


def _multiplies_bfloat16() -> bool:
    """Whether the processor has bfloat16 instructions; without them float32 is quicker."""
    for capability in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        if getattr(torch.cpu, capability, bool)():
            return True
    return False
