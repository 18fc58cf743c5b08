"""anomalib's WinCLIP with seeded random weights; `python -m tests.peers.anomalibs_winclip` times ours in turns with it.

anomalib 2.7 wants open_clip before 2.26.1, whose transformer takes the sequence first. Under a later one its windows
attend to each other instead of within themselves, and all come out alike (its issue 2571). Only for its windows,
therefore, the transformer here takes the sequence first again.
"""

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from xad_agent.detectors.winclip import WinCLIP
from xad_agent.eval.bench import quartiles, seconds, spread_as_text
from xad_agent.media import Picture, read_picture
from xad_agent.perception.clip import Clip, load_clip

ARCHITECTURE = "ViT-B-16-plus-240"
THING = "screw"
PAIRS = 10


def anomalibs() -> Any:
    """Its model, the weights random and seeded instead of fetched."""
    from anomalib.models.image.winclip import torch_model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_model, "PRETRAINED", None)
        torch.manual_seed(7)
        model = torch_model.WinClipModel().eval()
    windows, transformer = model._get_window_embeddings, model.clip.visual.transformer

    def sequence_first(*arguments: torch.Tensor) -> torch.Tensor:
        hooks = [
            transformer.register_forward_pre_hook(lambda _, inputs: (inputs[0].transpose(0, 1),)),
            transformer.register_forward_hook(lambda _module, _inputs, output: output.transpose(0, 1)),
        ]
        try:
            return windows(*arguments)
        finally:
            for hook in hooks:
                hook.remove()

    model._get_window_embeddings = sequence_first
    model.setup(THING)
    model.class_name = None  # else every later setup would embed the words anew, half a minute each
    return model


def through_our_loading(peer: Any, folder: Path) -> Clip:
    """The same weights as our own CLIP."""
    save_file(peer.clip.state_dict(), folder / "weights.safetensors")
    return load_clip(f"{ARCHITECTURE}@{folder / 'weights.safetensors'}")


def drawn(seed: int, height: int = 240, width: int = 240) -> Picture:
    """Soft blobs with a hard-edged mark and some grain: neither flat nor pure noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / height
    waves = [np.sin(x * random.uniform(3, 20) + y * random.uniform(3, 20) + random.uniform(0, 6)) for _ in range(3)]
    pixels = 128 + 60 * np.stack(waves, axis=-1) + random.normal(0, 6, (height, width, 3))
    top, left = random.integers(height - 30), random.integers(width - 30)
    pixels[top : top + 25, left : left + 12] = random.uniform(0, 255, 3)
    return read_picture(pixels.clip(0, 255).astype(np.uint8), name=f"{seed}.png")


def prepared(pictures: list[Picture]) -> torch.Tensor:
    """What anomalib's own preprocessing makes of them."""
    from anomalib.models import WinClip

    transform = WinClip.configure_pre_processor().transform
    return torch.cat([transform(torch.tensor(p.pixels).permute(2, 0, 1)[None].float() / 255) for p in pictures])


def shown(peer: Any, references: list[Picture]) -> None:
    """Give anomalib's model these references, or none."""
    peer.k_shot = 0
    if references:
        peer.setup(reference_images=prepared(references))


def main() -> None:
    torch.set_num_threads(1)
    peer = anomalibs()
    shown(peer, [])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XAD_HOME"] = folder
        ours = WinCLIP(through_our_loading(peer, Path(folder)), THING, exact=True)
    pairs = []
    for number in range(1 + PAIRS):  # the first warms up; a new picture each time, since ours remembers the last one
        picture = drawn(number)
        batch = prepared([picture])
        pairs.append((seconds(partial(ours.score, picture)), seconds(partial(peer, batch))))
    mine, theirs = zip(*pairs[1:], strict=True)
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    print("one thread, seeded random weights")
    for what, values, unit in (("ours", mine, "s"), ("anomalib", theirs, "s"), ("ours / anomalib", ratios, "times")):
        print(f"{what}: {spread_as_text(quartiles(values), unit)}")


if __name__ == "__main__":
    main()
