"""A tiny feature network with seeded random weights, for tests that need one and must not fetch any."""

from functools import cache
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

from xad_agent.perception.backbone import Backbone, load_backbone

ARCHITECTURE = "test_efficientnet"


def tiny_weights(folder: Path) -> Path:
    """The file of its weights."""
    torch.manual_seed(0)
    file = folder / "tiny.safetensors"
    save_file(timm.create_model(ARCHITECTURE).state_dict(), file)
    return file


def tiny_spec(folder: Path) -> str:
    """A spec for `load_backbone`."""
    return f"timm:{ARCHITECTURE}@{tiny_weights(folder)}"


@cache
def tiny_backbone() -> Backbone:
    """The network itself."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return load_backbone(tiny_spec(Path(folder)))
