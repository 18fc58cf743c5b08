"""The network: what goes in and out of each variant, and what the codebook holds back."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from xad_agent.detectors.vqunet.network import Architecture, Losses, Output, VquNetwork, losses
from xad_agent.detectors.vqunet.quantiser import Quantised
from xad_agent.errors import XadError

TINY = Architecture(width=2)
VARIANTS = [
    Architecture(2, task, codebook, skips)
    for task, codebook, skips in product(("prediction", "reconstruction"), (True, False), (True, False))
]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("architecture", VARIANTS)
def test_says_a_frame_of_the_same_size(architecture: Architecture) -> None:
    network = VquNetwork(architecture)
    output = network(noise(2, 3 * architecture.seen, 16, 24))
    assert output.frame.shape == (2, 3, 16, 24)
    assert output.frame.abs().max() <= 1
    skips = 3 * (architecture.quantised_skips and architecture.task == "prediction")
    assert len(output.quantised) == architecture.codebook + skips
    if architecture.codebook:
        assert output.quantised[0].features.shape == (2, 16, 2, 3)  # 8 x width, at an eighth of the size
        assert output.quantised[0].codes.shape == (2, 2, 3)
    parts = losses(output, noise(2, 3, 16, 24))
    parts.total.backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("width", [16, 32, 64])
def test_widths_of_the_paper(width: int) -> None:
    with torch.device("meta"):
        network = VquNetwork(Architecture(width))
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["codebook.book"] == (256, 8 * width)
    assert shapes["down.0.0.weight"] == (width, 15, 3, 3)
    assert shapes["bottom.3.weight"] == (8 * width, 8 * width, 3, 3)
    assert "bottom.4.weight" not in shapes  # no normalisation after the encoder's last convolution
    assert shapes["merge.0.0.weight"] == (4 * width, 8 * width, 3, 3)  # with its skip
    assert shapes["head.weight"] == (3, width, 3, 3)


def test_reconstruction_has_no_skips() -> None:
    with torch.device("meta"):
        network = VquNetwork(replace(TINY, task="reconstruction", quantised_skips=True))
    assert network.merge[0][0].in_channels == 4 * TINY.width
    assert not network.skip_codebooks


def test_features_reach_the_codebook_unclipped() -> None:
    network = VquNetwork(Architecture(2, codebook=False))
    seen: list[Tensor] = []
    network.bottom.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    network(noise(1, 15, 16, 16))
    assert (seen[0] < 0).any()


def test_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = VquNetwork(TINY, seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    same, other = VquNetwork(TINY, seed=1).state_dict(), VquNetwork(TINY, seed=2).state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["codebook.book"], other["codebook.book"])


def test_reconstruction_says_only_what_its_codes_tell() -> None:
    """Two frames whose features have the same codes give the same frame: the decoder sees nothing else."""
    network = VquNetwork(replace(TINY, task="reconstruction")).eval()
    assert network.codebook is not None
    network.codebook.book.data[1:] += 1e6  # one code for everything
    with torch.no_grad():
        a, b = (network(noise(1, 3, 16, 16, seed=seed)).frame for seed in (1, 2))
    assert torch.equal(a, b)


def test_quantised_skips_leave_the_decoder_nothing_but_codes() -> None:
    network = VquNetwork(replace(TINY, quantised_skips=True)).eval()
    assert network.codebook is not None
    for codebook in (network.codebook, *network.skip_codebooks):
        codebook.book.data[1:] += 1e6
    with torch.no_grad():
        a, b = (network(noise(1, 15, 16, 16, seed=seed)).frame for seed in (1, 2))
    assert torch.equal(a, b)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"task": "guess"}])
def test_impossible_networks_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(XadError, match="VQU-Net cannot"):
        replace(TINY, **wrong)


def test_losses_add_up() -> None:
    def quantised(*values: float) -> Quantised:
        return Quantised(torch.zeros(1), torch.zeros(1), *(torch.tensor(value) for value in values))

    frame, target = torch.tensor([[[[0.5, -0.5]]]]), torch.tensor([[[[0.0, 0.5]]]])
    parts = losses(Output(frame, (quantised(1.0, 2.0, 3.0), quantised(10.0, 20.0, 30.0))), target)
    assert [part.item() for part in parts] == [(0.25 + 1) / 2, 11, 22, 33]
    assert parts.total.item() == 66.625
    assert losses(Output(frame, ()), target) == Losses(parts.prediction, *3 * [torch.tensor(0.0)])


def test_bfloat16_agrees_with_float32() -> None:
    network = VquNetwork(Architecture(4)).eval()
    seen = noise(1, 15, 32, 32)
    with torch.no_grad():
        exact = network(seen).frame
        with torch.autocast("cpu", torch.bfloat16):
            fast = network(seen).frame
    assert fast.dtype == torch.float32
    assert not torch.equal(fast, exact)
    torch.testing.assert_close(fast, exact, atol=0.02, rtol=0)
