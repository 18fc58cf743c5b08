"""Windows that slide over a grid of patches, and what is known of patches from the windows that cover them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_RIDGE = 2e-3
_LEAST = 1e-30  # instead of 0, which has no reciprocal


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of one size over a grid, one patch apart, row by row.

    Attributes:
        patches: Which patches each holds, counted row by row, (N, side x side).
        covers: 1 where a window covers a patch, float32 (rows x columns, N).
        inner: The four windows one patch smaller within each, counted row by row, (N, 4).
        every_second: As on the dark squares of a chessboard, bool (N,).
    """

    patches: Tensor
    covers: Tensor
    inner: Tensor
    every_second: Tensor

    @classmethod
    def over(cls, grid: tuple[int, int], side: int) -> "Windows":
        """Those of side x side patches over a grid (rows, columns) that is no smaller."""
        rows, columns = grid
        patches = _squares(rows, columns, side)
        covers = torch.zeros(rows * columns, len(patches)).scatter_(0, patches.T, 1.0)
        inner = _squares(rows - side + 2, columns - side + 2, 2)
        top, left = torch.arange(rows - side + 1), torch.arange(columns - side + 1)
        return cls(patches, covers, inner, ((top[:, None] + left) % 2 == 0).flatten())

    def harmonic(self, scores: Tensor) -> Tensor:
        """Scores of windows (N,) to scores of patches (rows x columns,): the harmonic mean of those that cover each."""
        covers = self.covers.to(scores)
        return covers.sum(dim=1) / (covers @ (1 / scores.clamp_min(_LEAST)))

    def estimated(self, known: Tensor, tokens: Tensor, smaller: Tensor) -> Tensor:
        """Embeddings of all windows (N, D) from those of every second one (M, D), which stay as they are.

        Ridge regression on what is known of every window, fitted on the known ones of this very picture: the mean of
        its tokens, and that of the embeddings of the windows in it. Little is left to guess.

        Args:
            known: Embeddings where `every_second` is true.
            tokens: What enters the transformer for each patch, (rows x columns, W).
            smaller: Embeddings of all windows one patch smaller, (K, D).
        """
        seen = self.every_second
        kernel = _likeness(tokens[self.patches], seen) + _likeness(smaller[self.inner], seen)
        centre = known.double().mean(dim=0)
        ridge = _RIDGE * torch.eye(len(known)).to(kernel)
        found = kernel @ torch.linalg.solve(kernel[seen] + ridge, known.double() - centre) + centre
        found = found.to(known)
        found[seen] = known
        return found


def _squares(rows: int, columns: int, side: int) -> Tensor:
    """The cells of each square of side x side in a grid, both counted row by row, (N, side x side)."""
    numbers = torch.arange(rows * columns).view(1, rows, columns).float()
    return functional.unfold(numbers, side).T.long()


def _likeness(parts: Tensor, seen: Tensor) -> Tensor:
    """Scalar products of windows' mean parts, centred, of all with those seen, (N, M); one's own is 1 in the mean."""
    means = parts.mean(dim=1).double()
    means = means - means[seen].mean(dim=0)
    kernel = means @ means[seen].T
    return kernel / kernel[seen].diagonal().mean().clamp_min(_LEAST)
