"""The codebook: each vector of a feature map is replaced by the nearest of K learned ones.

After van den Oord et al., "Neural Discrete Representation Learning" (NIPS 2017), as Szymanowicz et al. use it (equation
1 and section 3.2). Ours, and not a library's: those update codes by moving averages, or restart and normalise them, and
keep the second nearest code, which the separation loss needs, to themselves.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

COMMITMENT = 0.25  # beta
SEPARATION = 0.01  # gamma
MARGIN = 1.0  # alpha
_ROWS = 2**15


class Quantised(NamedTuple):
    """A quantised feature map and what its codebook has to learn from it.

    Attributes:
        features: (N, D, H, W), codes in the forward pass; gradients pass to the quantised map unchanged.
        codes: int64 (N, H, W), which code each vector became.
        embedding: L_embed, how far the codes are from the vectors; moves the codes.
        commitment: L_commit, the same times beta; moves the vectors.
        separation: L_sep; moves the nearest code to the vectors and the second nearest away from them.
    """

    features: Tensor
    codes: Tensor
    embedding: Tensor
    commitment: Tensor
    separation: Tensor


class Quantiser(nn.Module):
    """K codes of D dimensions.

    The squared norms of L_embed, L_commit and L_sep are averaged over all elements, as L_pred's over all values of a
    frame: with L_sep summed over D, gamma would be D times the paper's beside L_embed, and codes are driven out of the
    features (perplexity 7 of 256 instead of 18 after 400 steps on normal clips that were held out). The paper prints
    L_sep without the hinge of Park et al. (CVPR 2020), from whom it is taken; without it the margin would have no
    effect. Of first values it says nothing: they are as is usual for van den Oord's.
    """

    def __init__(self, codes: int, dimensions: int):
        super().__init__()
        self.book = nn.Parameter(torch.empty(codes, dimensions).uniform_(-1 / codes, 1 / codes))

    @torch.autocast("cpu", enabled=False)
    def forward(self, features: Tensor) -> Quantised:
        """Quantise features (N, D, H, W), in float32 whatever they come in: bfloat16 cannot tell near codes apart."""
        vectors = features.float().permute(0, 2, 3, 1)
        nearest, second = self._nearest_two(vectors.detach())
        chosen, held = functional.embedding(nearest, self.book), vectors.detach()
        to_chosen = (held - chosen).square().sum(-1)
        to_second = (held - functional.embedding(second, self.book)).square().sum(-1)
        through = chosen.detach() + (vectors - held)  # exactly the codes, and the gradient of the vectors
        return Quantised(
            through.permute(0, 3, 1, 2),
            nearest,
            to_chosen.mean() / vectors.shape[-1],
            COMMITMENT * functional.mse_loss(vectors, chosen.detach()),
            SEPARATION * functional.relu(to_chosen - to_second + MARGIN).mean() / vectors.shape[-1],
        )

    @torch.no_grad()
    def _nearest_two(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Indices of the two codes nearest to each vector (..., D), in bounded memory."""
        norms = self.book.square().sum(1)
        parts = [
            torch.addmm(norms, rows, self.book.T, alpha=-2).topk(2, largest=False).indices
            for rows in vectors.reshape(-1, vectors.shape[-1]).split(_ROWS)
        ]
        both = torch.cat(parts).view(*vectors.shape[:-1], 2)
        return both[..., 0], both[..., 1]
