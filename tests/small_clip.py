"""A small CLIP with seeded random weights, in a folder as the hub would hold it, for tests that must not fetch any."""

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

from xad_agent.perception.clip import Clip, load_clip

MODEL: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 48, "layers": 3, "width": 64, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def small_network(seed: int = 0, image_size: int | tuple[int, int] = 48, **vision: Any) -> open_clip.CLIP:
    """As open_clip builds it; the image is 6 x 6 patches unless told otherwise."""
    torch.manual_seed(seed)
    settings = MODEL["vision_cfg"] | {"image_size": image_size} | vision
    network = open_clip.CLIP(MODEL["embed_dim"], settings, open_clip.CLIPTextCfg(**MODEL["text_cfg"]))
    return network.eval().requires_grad_(False)


def small_folder(folder: Path, network: open_clip.CLIP, image_size: int | tuple[int, int] = 48, **vision: Any) -> Path:
    """The folder with its weights and configuration."""
    model = MODEL | {"vision_cfg": MODEL["vision_cfg"] | {"image_size": image_size} | vision}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": {}}))
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def small_clip(folder: Path, seed: int = 0, image_size: int | tuple[int, int] = 48, **vision: Any) -> Clip:
    """Loaded as a user's would be."""
    network = small_network(seed, image_size, **vision)
    return load_clip(str(small_folder(folder / f"clip{seed}", network, image_size, **vision)))
