"""The quantiser: equation 1, each loss by hand, and where gradients go."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from xad_agent.detectors.vqunet import quantiser
from xad_agent.detectors.vqunet.quantiser import Quantiser


def made(book: list[list[float]]) -> Quantiser:
    one = Quantiser(len(book), len(book[0]))
    one.book.data = torch.tensor(book)
    return one


def as_map(vectors: list[list[float]]) -> Tensor:
    """Vectors (W, D) as a feature map (1, D, 1, W) that wants gradients."""
    return torch.tensor(vectors).T[None, :, None].contiguous().requires_grad_()


def test_losses_by_hand() -> None:
    # Squared distances of (1, 0): 1 to the first code, 4 to the second; of (3, 1): 1 to the second, 10 to the first.
    found = made([[0.0, 0.0], [3.0, 0.0], [50.0, 50.0]])(as_map([[1.0, 0.0], [3.0, 1.0]]))
    assert found.codes.flatten().tolist() == [0, 1]
    assert found.embedding.item() == pytest.approx((1 + 1) / 4)  # over 2 vectors of 2 dimensions
    assert found.commitment.item() == pytest.approx(0.25 * (1 + 1) / 4)
    assert found.separation.item() == 0  # both margins are kept: 1 - 4 + 1 < 0, 1 - 10 + 1 < 0


def test_separation_counts_what_lacks_to_the_margin() -> None:
    # (1, 0): 1 to the first code, 1.44 to the second: 0.56 lacks. (5, 0): 0 to the third, 7.84 to the second: nothing.
    found = made([[0.0, 0.0], [2.2, 0.0], [5.0, 0.0]])(as_map([[1.0, 0.0], [5.0, 0.0]]))
    assert found.separation.item() == pytest.approx(
        0.01 * (1 - 1.44 + 1) / 2 / 2, rel=1e-4
    )  # two vectors of two dimensions


def test_gradients_pass_straight_through() -> None:
    features, one = as_map([[0.9, 0.1], [4.0, -1.0]]), made([[0.0, 0.0], [3.0, 0.0]])
    found = one(features)
    torch.testing.assert_close(found.features, torch.tensor([[[[0.0, 3.0]], [[0.0, 0.0]]]]))
    weights = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    (found.features * weights).sum().backward()
    torch.testing.assert_close(features.grad, weights)
    assert one.book.grad is None


def test_each_loss_moves_only_what_the_paper_says() -> None:
    def moved(loss: str) -> tuple[bool, list[bool]]:
        features, one = as_map([[1.0, 0.0]]), made([[0.0, 0.0], [2.2, 0.0], [9.0, 9.0]])
        getattr(one(features), loss).backward()
        book = one.book.grad
        return features.grad is not None, [] if book is None else book.any(1).tolist()

    assert moved("embedding") == (False, [True, False, False])
    assert moved("commitment") == (True, [])
    assert moved("separation") == (False, [True, True, False])


def test_separation_pulls_the_nearest_and_pushes_the_second() -> None:
    one = made([[0.0, 0.0], [2.2, 0.0]])
    one(as_map([[1.0, 0.0]])).separation.backward()
    assert one.book.grad is not None
    # Descent goes against the gradient: the nearest code towards x = 1, the second away from it.
    assert one.book.grad[0, 0].item() == pytest.approx(0.01 * -2 / 2)
    assert one.book.grad[1, 0].item() == pytest.approx(0.01 * -2 * 1.2 / 2)


def test_commitment_pulls_the_vector_by_a_quarter() -> None:
    features = as_map([[1.0, 2.0]])
    made([[0.0, 0.0], [9.0, 9.0]])(features).commitment.backward()
    assert features.grad is not None
    torch.testing.assert_close(features.grad.flatten(), 0.25 * 2 * torch.tensor([1.0, 2.0]) / 2)


@given(seed=st.integers(0, 10_000), codes=st.integers(2, 9), rows=st.integers(1, 7))
def test_codes_are_the_nearest_however_rows_are_split(seed: int, codes: int, rows: int) -> None:
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(2, 3, 4, 5, generator=random)
    one = Quantiser(codes, 3)
    one.book.data = torch.randn(codes, 3, generator=random)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantiser, "_ROWS", rows)
        found = one(features)
    vectors = features.permute(0, 2, 3, 1).reshape(-1, 3)
    exact = torch.cdist(vectors.double(), one.book.detach().double(), compute_mode="donot_use_mm_for_euclid_dist")
    chosen = exact.gather(1, found.codes.view(-1, 1))[:, 0]
    torch.testing.assert_close(chosen, exact.min(1).values, atol=1e-5, rtol=1e-5)
    assert 1 <= len(found.codes.unique()) <= codes
    torch.testing.assert_close(found.features.permute(0, 2, 3, 1), one.book[found.codes].detach(), atol=1e-5, rtol=1e-5)


def test_each_code_is_used_where_its_vectors_are() -> None:
    book = torch.arange(32.0).view(16, 2)
    one = made(book.tolist())
    found = one(as_map((book + 0.1).tolist()))
    assert found.codes.flatten().tolist() == list(range(16))


def test_vectors_in_bfloat16_are_quantised_in_float32() -> None:
    random = torch.Generator().manual_seed(0)
    one = Quantiser(64, 8)
    one.book.data = 1 + torch.randn(64, 8, generator=random) / 200  # mostly the same in bfloat16
    features = one.book.detach().T.reshape(1, 8, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        found = one(features)
        coarse = one(features.bfloat16())
    assert found.codes.flatten().tolist() == list(range(64))
    assert found.embedding.item() == 0
    assert torch.equal(found.features, features)
    assert coarse.features.dtype == torch.float32
