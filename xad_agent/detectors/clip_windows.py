"""Windows that slide over a grid of patches, and what is known of patches from the windows that cover them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_RIDGE = 1e-3
_LEAST_RIDGE = 1e-12  # of windows that are all alike
_LEAST = 1e-30  # a score of 0 has no reciprocal


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of one size over a grid, one patch apart, row by row.

    Attributes:
        side: Of a window, in patches.
        patches: Which patches each holds, counted row by row, (N, side x side).
        covers: 1 where a window covers a patch, float32 (rows x columns, N).
        every_second: As on the dark squares of a chessboard, bool (N,).
    """

    side: int
    patches: Tensor
    covers: Tensor
    every_second: Tensor

    @classmethod
    def over(cls, grid: tuple[int, int], side: int) -> "Windows":
        """Those of side x side patches over a grid (rows, columns) that is no smaller."""
        rows, columns = grid
        numbers = torch.arange(rows * columns).view(1, rows, columns).float()
        patches = functional.unfold(numbers, side).T.long()
        covers = torch.zeros(rows * columns, len(patches)).scatter_(0, patches.T, 1.0)
        top, left = torch.arange(rows - side + 1), torch.arange(columns - side + 1)
        return cls(side, patches, covers, ((top[:, None] + left) % 2 == 0).flatten())

    def harmonic(self, scores: Tensor) -> Tensor:
        """Scores of windows (N,) to scores of patches (rows x columns,): the harmonic mean of those that cover each."""
        covers = self.covers.to(scores)
        return covers.sum(dim=1) / (covers @ (1 / scores.clamp_min(_LEAST)))

    def estimated(self, known: Tensor, tokens: Tensor) -> Tensor:
        """Embeddings of all windows (N, D) from those of every second one (M, D), which stay as they are.

        Ridge regression from the mean token of a window to its embedding, fitted on the known windows of this very
        picture; neighbours share most of their patches, so little is left to guess.

        Args:
            known: Embeddings where `every_second` is true.
            tokens: What enters the transformer for each patch, (rows x columns, W).
        """
        seen = self.every_second
        means = tokens[self.patches].double().mean(dim=1)
        means = means - means[seen].mean(dim=0)
        centre = known.double().mean(dim=0)
        kernel = means @ means[seen].T
        own = kernel[seen]
        ridge = (_RIDGE * own.diagonal().mean()).clamp_min(_LEAST_RIDGE)
        weights = torch.linalg.solve(own + ridge * torch.eye(len(own)).to(own), known.double() - centre)
        found = (kernel @ weights + centre).to(known)
        found[seen] = known
        return found
