"""Randomised weights: which of them are drawn anew, and what becomes of the detector."""

import numpy as np
import pytest
import torch

from tests.detectors.test_patchcore import stripes
from tests.tiny import tiny_backbone, tiny_spec
from xad_agent.eval.faithfulness_sanity import ANEW, VARIANTS, randomised, randomised_detectors
from xad_agent.picture_profile import PictureProfile


def features(backbone) -> list[torch.Tensor]:
    with torch.inference_mode():
        return list(backbone(torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)))


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_only_the_last_stages_change(stages: int) -> None:
    before = features(tiny_backbone())
    changed = randomised(tiny_backbone(), stages, seed=0)
    same = [torch.allclose(a, b, atol=1e-4) for a, b in zip(before, features(changed), strict=True)]
    assert same == [True] * (3 - stages) + [False] * stages
    assert all(torch.equal(a, b) for a, b in zip(before, features(tiny_backbone()), strict=True)), "it is a copy"
    assert all(f.std() > 1e-3 and f.isfinite().all() for f in features(changed)), "random, not dead"
    assert not any(p.requires_grad for p in changed.parameters())


def test_every_weight_of_the_network_is_drawn_anew() -> None:
    old, new = (dict(b.trunk.named_parameters()) for b in (tiny_backbone(), randomised(tiny_backbone(), 3, seed=0)))
    kept = [name for name, weights in old.items() if weights.ndim > 1 and torch.equal(weights, new[name])]
    assert all(name.startswith("blocks.4.") for name in kept), "which come after the last stage, and bear on nothing"


def test_weights_follow_the_seed_and_leave_the_global_one_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (randomised(tiny_backbone(), 3, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert (one.mean, one.std) == (tiny_backbone().mean, tiny_backbone().std)


def test_detectors_on_randomised_networks(tmp_path) -> None:
    normal = [stripes(seed) for seed in range(5)]
    profile = PictureProfile.fit(normal, alpha=0.2, backbone=tiny_spec(tmp_path), progress=False)
    read = []

    def again():
        for picture in normal:
            read.append(picture)
            yield picture

    detectors = randomised_detectors(profile, again, seed=0)
    assert tuple(detectors) == VARIANTS
    assert len(read) == 5, "learned anew, once"
    asked = stripes(40, spot=True)
    maps = {name: examine(asked).values for name, examine in detectors.items()}
    true = profile.examine(asked).values
    assert all(values.shape == true.shape and np.isfinite(values).all() for values in maps.values())
    assert not any(np.allclose(values, true, rtol=1e-3) for values in maps.values())
    known, unseen = (detectors[ANEW](picture).score for picture in (normal[0], asked))
    assert known < unseen, "what was learned anew knows the normal pictures"
