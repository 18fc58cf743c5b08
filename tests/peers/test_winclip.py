"""WinCLIP in its exact mode against anomalib's, on the same seeded random weights.

anomalib 2.7 wants open_clip before 2.26.1, whose transformer takes the sequence first. Under a later one its windows
attend to each other instead of within themselves, and all come out alike (its issue 2571). Only for its windows,
therefore, the transformer here takes the sequence first again.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from xad_agent.detectors.winclip import WinCLIP
from xad_agent.media import Picture, read_picture
from xad_agent.perception.clip import Clip, load_clip

pytestmark = pytest.mark.peers
ARCHITECTURE = "ViT-B-16-plus-240"
TOLERANCE = 1e-4
THING = "screw"


@pytest.fixture(scope="module")
def peer() -> Any:
    """anomalib's model, its weights random and seeded instead of fetched."""
    pytest.importorskip("anomalib", reason="NOT RUN: needs anomalib (`make peers`)")
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


@pytest.fixture(scope="module")
def clip(peer: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clip]:
    """The same weights, through our own loading."""
    file = tmp_path_factory.mktemp("clip") / "weights.safetensors"
    save_file(peer.clip.state_dict(), file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XAD_HOME", str(file.parent / "home"))
        yield load_clip(f"{ARCHITECTURE}@{file}")


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


@pytest.mark.parametrize("shots", [0, 1, 4])
def test_scores_and_maps_are_anomalibs(peer: Any, clip: Clip, shots: int) -> None:
    references = [drawn(100 + i) for i in range(shots)]
    shown(peer, references)
    ours = WinCLIP(clip, THING, references, exact=True)
    for seed in (0, 1):
        theirs = peer(prepared([drawn(seed)]))
        found = ours.score(drawn(seed))
        assert found.score == pytest.approx(float(theirs.pred_score), abs=TOLERANCE)
        np.testing.assert_allclose(found.values, theirs.anomaly_map[0].numpy(), atol=TOLERANCE, rtol=0)
        assert np.ptp(found.values) > 10 * TOLERANCE  # so that agreement means something


def test_another_size_is_seen_as_anomalib_sees_it(peer: Any, clip: Clip) -> None:
    picture = drawn(5, 300, 420)
    shown(peer, [])
    theirs = peer(prepared([picture]))
    found = WinCLIP(clip, THING, exact=True).score(picture)
    assert found.score == pytest.approx(float(theirs.pred_score), abs=TOLERANCE)
    grid = torch.nn.functional.interpolate(theirs.anomaly_map[:, None], (300, 420), mode="bilinear")[0, 0]
    assert np.corrcoef(found.values.ravel(), grid.numpy().ravel())[0, 1] > 0.999  # theirs was enlarged twice


def test_takes_no_more_time_than_anomalib(peer: Any, clip: Clip) -> None:
    shown(peer, [])
    ours, picture = WinCLIP(clip, THING, exact=True), drawn(2)
    pictures = iter([drawn(30 + i) for i in range(4)])  # ours remembers the last one
    batch = prepared([picture])
    pairs = [(seconds(lambda: ours.score(next(pictures))), seconds(lambda: peer(batch))) for _ in range(4)]
    mine, theirs = np.array(pairs).min(axis=0)
    assert mine <= 1.05 * theirs, json.dumps({"ours": mine, "anomalib": theirs})


def seconds(work: Callable[[], object]) -> float:
    """Of CPU time, which other processes disturb least."""
    start = time.process_time()
    work()
    return time.process_time() - start
