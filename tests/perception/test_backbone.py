"""Backbones: which stages they give, and one clear line for what cannot be loaded."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from tests.tiny import ARCHITECTURE, tiny_backbone, tiny_spec, tiny_weights
from xad_agent.errors import XadError
from xad_agent.perception.backbone import _fused, load_backbone


def test_gives_strides_4_8_and_16() -> None:
    backbone = tiny_backbone()
    stages = backbone(backbone.prepare(np.zeros((64, 96, 3), np.uint8)))
    grids = [(16, 24), (8, 12), (4, 6)]
    assert [tuple(stage.shape) for stage in stages] == [
        (1, channels, *grid) for channels, grid in zip(backbone.channels, grids, strict=True)
    ]


def test_features_are_those_of_the_whole_model(tmp_path: Path) -> None:
    backbone = load_backbone(tiny_spec(tmp_path))
    torch.manual_seed(0)
    whole = timm.create_model(ARCHITECTURE).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = whole.forward_intermediates(image, intermediates_only=True)
        for features in backbone(image):
            same = [e for e in expected if e.shape == features.shape]
            assert any(torch.allclose(features, e, atol=1e-4) for e in same)


def test_fused_network_gives_what_the_plain_one_does() -> None:
    backbone = tiny_backbone()
    assert backbone._forward is not backbone.trunk
    images = torch.randn(1, 3, 48, 208, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for fused, plain in zip(backbone(images), backbone.trunk(images), strict=True):
            torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-4)


def test_a_trace_that_holds_at_one_size_only_is_not_used() -> None:
    class Sized(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
            return [images / int(images.shape[3])]

    trunk = Sized().eval()
    assert _fused(trunk) is trunk


def test_a_network_that_cannot_be_traced_is_left_as_it_is() -> None:
    class Texts(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> list[str]:
            return ["no tensor"]

    trunk = Texts().eval()
    assert _fused(trunk) is trunk


def test_prepare_normalises_as_the_model_wants() -> None:
    backbone = tiny_backbone()
    config = timm.get_pretrained_cfg(ARCHITECTURE)
    prepared = backbone.prepare(np.full((16, 16, 3), 51, np.uint8))
    expected = (0.2 - np.array(config.mean)) / np.array(config.std)
    np.testing.assert_allclose(prepared[0, :, 3, 5].numpy(), expected, rtol=1e-5)


def test_fingerprint_tells_weights_apart(tmp_path: Path) -> None:
    torch.manual_seed(1)
    torch.save(timm.create_model(ARCHITECTURE).state_dict(), tmp_path / "other.pth")
    other = load_backbone(f"timm:{ARCHITECTURE}@{tmp_path / 'other.pth'}")
    assert other.fingerprint != tiny_backbone().fingerprint
    assert load_backbone(tiny_spec(tmp_path)).fingerprint == tiny_backbone().fingerprint


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("resnet", "unknown backbone"),
        ("timm:", "unknown backbone"),
        ("timm:no_such_model", "has no model"),
        ("timm:vit_tiny_patch16_224", "strides 4, 8 and 16"),
        (f"timm:{ARCHITECTURE}@/nowhere/w.pth", "no such weights file"),
    ],
)
def test_says_what_is_wrong(spec: str, says: str) -> None:
    with pytest.raises(XadError, match=says) as caught:
        load_backbone(spec)
    assert "\n" not in str(caught.value)


def test_refuses_weights_of_another_model(tmp_path: Path) -> None:
    file = tiny_weights(tmp_path)
    with pytest.raises(XadError, match="do not fit"):
        load_backbone(f"timm:test_resnet@{file}")


@pytest.mark.data
def test_embedded_backbone() -> None:
    assert load_backbone().channels == (24, 40, 112)
