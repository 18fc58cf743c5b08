"""Choosing a memory bank, and finding nearest neighbours in it, on a CPU within a fraction of the network's time."""

import numpy as np
import torch
from torch import Tensor

_CHUNK = 512
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
    """Euclidean distances to a fixed set of points, where each point may have a scale of its own.

    One matrix product gives the scaled squares of all of them, in float32: half-precision products were no quicker on
    processors without matrix units.

    Args:
        points: (N, D) float32.
        scales: (N,) float32, above zero: a distance to a point counts in units of its scale; 1 by default.
    """

    def __init__(self, points: Tensor, scales: Tensor | None = None):
        self.points = points
        self.scales = torch.ones(len(points)) if scales is None else scales
        weights = (self.scales**-2)[:, None]
        # For a query x and a point p of scale s, a row makes (|x - p| / s)^2 of [x, 1, x.x].
        squares = (points * points).sum(dim=1, keepdim=True)
        self._columns = torch.cat([-2 * points * weights, squares * weights, weights], dim=1).T

    def nearest(self, queries: Tensor, k: int, excluded: Tensor | None = None) -> Tensor:
        """Scaled distances of each query to its k nearest points.

        Args:
            queries: (Q, D) float32.
            k: At least 1; fewer distances are given where there are fewer points.
            excluded: Points that do not count: bool (N,), or (Q, N) for each query its own.

        Returns:
            (Q, min(k, N)) float32, ascending, inf where no point is left.
        """
        rows = torch.cat([queries, torch.ones(len(queries), 1), (queries * queries).sum(dim=1, keepdim=True)], dim=1)
        found = []
        columns = excluded.nonzero()[:, 0] if excluded is not None and excluded.dim() == 1 else None
        room = torch.empty(min(_CHUNK, len(rows)), len(self.points))
        for at in range(0, len(rows), _CHUNK):
            chunk = rows[at : at + _CHUNK]
            squares = torch.mm(chunk, self._columns, out=room[: len(chunk)])
            if columns is not None:  # few: a mask over all of them would cost as much as half the product
                squares.index_fill_(1, columns, torch.inf)
            elif excluded is not None:
                squares.masked_fill_(excluded[at : at + _CHUNK], torch.inf)
            # The plain minimum is several times as quick as a sorted choice of one.
            least = (
                squares.amin(1, keepdim=True) if k == 1 else squares.topk(min(k, len(self.points)), largest=False)[0]
            )
            found.append(least.clamp_min_(0).sqrt_())
        return torch.cat(found)
