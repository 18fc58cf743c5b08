"""Does a map depend on what the network has learned? The same detector on randomised weights.

Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: the weights are randomised from the last layers
on, and a map that stays the same explains the picture's edges, not the model.
"""

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from xad_agent.detectors.base import AnomalyMap
    from xad_agent.media import Picture
    from xad_agent.perception.backbone import Backbone
    from xad_agent.picture_profile import PictureProfile

Examine = Callable[["Picture"], "AnomalyMap"]

LAST, LAST_TWO, ALL, ANEW = "last stage", "last two stages", "all stages", "all stages, normal learned anew"
VARIANTS = (LAST, LAST_TWO, ALL, ANEW)


def randomised(backbone: "Backbone", stages: int, seed: int) -> "Backbone":
    """The network with the weights of its last stages drawn anew, as He et al. (2015) start a training.

    A stage's weights are those that its output depends on, and no earlier stage's.

    Args:
        backbone: Stays as it is.
        stages: How many, 1 to 3.
        seed: Of the weights.
    """
    import torch

    from xad_agent.perception.backbone import Backbone

    trunk = copy.deepcopy(backbone.trunk)
    first = len(backbone.channels) - stages
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module, stage in _stages(trunk).items():
            if stage >= first:
                _reset(module)
    return Backbone(trunk, f"{backbone.spec}, last {stages} of 3 stages randomised", backbone.mean, backbone.std)


def _stages(trunk: nn.Module) -> dict[nn.Module, int]:
    """The modules that have weights of their own, in their order, each with the earliest stage that it bears on."""
    import torch

    owners = {p: module for module in trunk.modules() for p in module.parameters(recurse=False)}
    trunk.requires_grad_(True)
    stages: dict[nn.Module, int] = {}
    for number, output in enumerate(trunk(torch.rand(1, 3, 64, 64))):
        gradients = torch.autograd.grad(output.sum(), list(owners), retain_graph=True, allow_unused=True)
        for module, gradient in zip(owners.values(), gradients, strict=True):
            if gradient is not None:
                stages.setdefault(module, number)
    trunk.requires_grad_(False)
    return stages


def _reset(module: nn.Module) -> None:
    for name, weights in module.named_parameters(recurse=False):
        if weights.ndim > 1:
            nn.init.kaiming_normal_(weights, nonlinearity="relu")
        else:
            nn.init.zeros_(weights) if name == "bias" else nn.init.ones_(weights)
    if isinstance(module, nn.modules.batchnorm._NormBase):
        module.reset_running_stats()


def randomised_detectors(
    profile: "PictureProfile", normal: Callable[[], Iterable["Picture"]], seed: int
) -> dict[str, Examine]:
    """The profile's detector on networks with randomised weights, by `VARIANTS`.

    Args:
        profile: Whose detector it is.
        normal: Gives the normal pictures it was fitted on; the last variant learns from them again.
        seed: Of the weights and of that fit.
    """
    from xad_agent.detectors.patchcore import PatchCore

    detector = profile.detector
    networks = [randomised(detector.backbone, stages, seed) for stages in (1, 2, 3)]
    kept = [PatchCore(network, detector.side, detector.banks, detector.usual) for network in networks]
    anew, _ = PatchCore.fit(normal(), networks[-1], detector.side, seed)
    return {name: one.score for name, one in zip(VARIANTS, [*kept, anew], strict=True)}
