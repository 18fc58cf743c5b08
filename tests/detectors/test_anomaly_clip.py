"""AnomalyCLIP's learned prompts, in the format its training writes, against a plain recomputation."""

import math
import pickle
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn.functional import interpolate

from tests.small_clip import small_clip, small_network
from xad_agent.detectors.anomaly_clip import AnomalyCLIP
from xad_agent.errors import XadError
from xad_agent.media import Picture, read_picture
from xad_agent.perception.clip import Clip, load_clip

LAYERS, PATCH, SIDE, WINDOW = 24, 37, 111, 24
VISION = {"layers": LAYERS, "patch_size": PATCH, "image_size": SIDE}
LEARNED, DEEP = 12, 4


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return small_clip(tmp_path_factory.mktemp("clip"), **VISION)


def prompt_learner(seed: int = 0) -> dict[str, Tensor]:
    """What `torch.save({"prompt_learner": ...})` of AnomalyCLIP's training holds, for the small text tower."""
    torch.manual_seed(seed)
    network = small_network(**VISION)
    state: dict[str, Tensor] = {}
    for kind, words in (("pos", "object."), ("neg", "damaged object.")):
        tokens = open_clip.get_tokenizer("ViT-B-16")([" ".join(["X"] * LEARNED) + " " + words], context_length=WINDOW)
        embedded = network.token_embedding(tokens)[:, None]
        state[f"ctx_{kind}"] = 0.2 * torch.randn(1, 1, LEARNED, 32)
        state[f"token_prefix_{kind}"] = embedded[:, :, :1].clone()
        state[f"token_suffix_{kind}"] = embedded[:, :, 1 + LEARNED :].clone()
        state[f"tokenized_prompts_{kind}"] = tokens[:, None].int()
    state["compound_prompts_text.0"] = 0.2 * torch.randn(DEEP, 32)
    state["compound_prompt_projections.0.weight"] = torch.randn(896, 32)  # stored, but never used
    state["compound_prompt_projections.0.bias"] = torch.randn(896)
    return state


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("prompts") / "epoch_15.pth"
    torch.save({"prompt_learner": prompt_learner()}, file)
    return file


def drawn(seed: int, height: int = 518, width: int = 518) -> Picture:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / height
    pixels = 128 + 90 * np.stack([np.sin(9 * x + seed), np.cos(11 * y * x), np.sin(20 * y)], axis=-1)
    return read_picture((pixels + random.normal(0, 5, pixels.shape)).clip(0, 255).astype(np.uint8), name="drawn.png")


def unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)


def attended(block: torch.nn.Module, x: Tensor, by_values: bool) -> Tensor:
    """What attention adds to tokens (L, W), head by head."""
    attention = block.attn
    q, k, v = (x @ attention.in_proj_weight.T + attention.in_proj_bias).chunk(3, dim=-1)
    if by_values:
        q = k = v
    side = x.shape[-1] // attention.num_heads
    heads = []
    for head in range(attention.num_heads):
        part = slice(head * side, (head + 1) * side)
        weights = (q[:, part] @ k[:, part].T / math.sqrt(side)).softmax(dim=-1)
        heads.append(weights @ v[:, part])
    return torch.cat(heads, dim=-1) @ attention.out_proj.weight.T + attention.out_proj.bias


def plain_text(state: dict[str, Tensor]) -> Tensor:
    network, found = small_network(**VISION), []
    for kind in ("pos", "neg"):
        x = torch.cat([state[f"token_prefix_{kind}"], state[f"ctx_{kind}"], state[f"token_suffix_{kind}"]], dim=2)
        x = x.view(1, WINDOW, 32) + network.positional_embedding
        mask = torch.full((WINDOW, WINDOW), -math.inf).triu(1)
        for number, block in enumerate(network.transformer.resblocks):
            if number == 1:
                x[:, 1 : 1 + DEEP] = state["compound_prompts_text.0"].half().float()
            y = block.ln_1(x)
            x = x + block.attn(y, y, y, attn_mask=mask)[0]
            x = x + block.mlp(block.ln_2(x))
        end = int(state[f"tokenized_prompts_{kind}"].flatten().argmax())
        found.append(network.ln_final(x)[0, end] @ network.text_projection)
    return unit(torch.stack(found))


def plain_score(picture: Picture, text: Tensor) -> tuple[float, np.ndarray]:
    visual = small_network(**VISION).visual
    pixels = torch.tensor(picture.pixels / 255.0, dtype=torch.float32).permute(2, 0, 1)[None]
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)
    patches = visual.conv1((pixels - mean) / std).flatten(2)[0].T
    places = visual.positional_embedding[1:].view(1, 3, 3, 64).permute(0, 3, 1, 2)
    places = interpolate(places, (14, 14), mode="bilinear").view(64, 196).T
    ours = torch.cat([visual.class_embedding[None] + visual.positional_embedding[:1], patches + places])
    ours = visual.ln_pre(ours)
    maps = []
    for number, block in enumerate(visual.transformer.resblocks, start=1):
        before = block.ln_1(ours)
        if number == 6:  # the second path is that of the last 19 layers of 24
            second = ours
        if number >= 6:
            second = second + attended(block, before, by_values=True)
        ours = ours + attended(block, before, by_values=False)
        ours = ours + block.mlp(block.ln_2(ours))
        if number in (6, 12, 18, 24):
            seen = unit(visual.ln_post(second) @ visual.proj)[1:]
            share = (seen @ text.T / 0.07).softmax(dim=-1).T.reshape(1, 2, 14, 14)
            normal, damaged = interpolate(share, (518, 518), mode="bilinear")[0]
            maps.append((damaged + 1 - normal) / 2)
    image = unit(ours[0] @ visual.proj)
    values = gaussian_filter((sum(maps) / 4).numpy(), sigma=4)
    return float((image @ text.T / 0.07).softmax(dim=-1)[1]), values


def test_text_and_map_are_the_plain_recomputation(clip: Clip, checkpoint: Path) -> None:
    detector, text = AnomalyCLIP(clip, checkpoint), plain_text(prompt_learner())
    torch.testing.assert_close(detector.text, text, atol=1e-5, rtol=0)
    score, values = plain_score(drawn(0), text)
    found = detector.score(drawn(0))
    assert found.score == pytest.approx(score, abs=1e-5)
    np.testing.assert_allclose(found.values, values, atol=1e-5)
    assert np.ptp(found.values) > 1e-3


def test_every_part_of_the_prompts_counts(clip: Clip, checkpoint: Path, tmp_path: Path) -> None:
    text = AnomalyCLIP(clip, checkpoint).text
    for name in ("ctx_pos", "ctx_neg", "compound_prompts_text.0"):
        state = prompt_learner()
        state[name] = torch.randn_like(state[name])
        save_file(state, tmp_path / "changed.safetensors")
        assert not torch.allclose(AnomalyCLIP(clip, tmp_path / "changed.safetensors").text, text, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(300, 40), (8, 8)])
def test_map_has_the_size_of_the_picture(clip: Clip, checkpoint: Path, height: int, width: int) -> None:
    found = AnomalyCLIP(clip, checkpoint).score(drawn(1, height, width))
    assert found.values.shape == (height, width)
    assert found.values.dtype == np.float32


def test_bad_checkpoints_are_refused_in_one_line(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "code.pth").write_bytes(pickle.dumps({"prompt_learner": Path}))
    torch.save({"prompt_learner": {"a": torch.zeros(1)}}, tmp_path / "other.pth")
    wide = {name: torch.cat([tensor] * 2, dim=-1) for name, tensor in prompt_learner().items()}
    torch.save({"prompt_learner": wide}, tmp_path / "wide.pth")
    for name, match in (("code", "never run"), ("other", "no prompts"), ("wide", "no prompts"), ("none", "no such")):
        with pytest.raises(XadError, match=match) as caught:
            AnomalyCLIP(clip, tmp_path / f"{name}.pth")
        assert "\n" not in str(caught.value)


def test_a_model_it_cannot_be_of_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(XadError, match="no CLIP that"):
        AnomalyCLIP(small_clip(tmp_path), checkpoint)


def test_the_model_may_come_from_a_file(tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.small_clip import MODEL

    model = MODEL | {"vision_cfg": MODEL["vision_cfg"] | VISION}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "small", model)
    save_file(small_network(**VISION).state_dict(), tmp_path / "clip.safetensors")
    loaded = load_clip(f"small@{tmp_path / 'clip.safetensors'}")
    torch.testing.assert_close(AnomalyCLIP(loaded, checkpoint).text, plain_text(prompt_learner()), atol=1e-5, rtol=0)
