"""CLIP: loaded in every way, it is the network that open_clip built; its text is computed once."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from tests.small_clip import MODEL, small_clip, small_folder, small_network
from xad_agent.errors import XadError
from xad_agent.media import Picture, read_picture
from xad_agent.perception import clip_loading
from xad_agent.perception.clip import Clip, load_clip

LONG = "a photo of a very long and rather tedious description of a screw, its head, its neck and its thread " * 3


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAD_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return small_clip(tmp_path_factory.mktemp("clip"))


def noise(seed: int, height: int = 48, width: int = 48) -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return read_picture(pixels, name=f"{seed}.png")


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)


def test_text_is_what_open_clip_makes_of_it(clip: Clip) -> None:
    prompts = ["a screw", "a photo of a damaged screw with a scratch.", "ein Riß", "ネジの傷", "🔩"]
    expected = small_network().encode_text(open_clip.get_tokenizer("ViT-B-16")(prompts, context_length=24))
    np.testing.assert_allclose(clip.text(prompts), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("size", [48, (48, 80)])
def test_images_are_what_open_clip_makes_of_them(tmp_path: Path, size: int | tuple[int, int]) -> None:
    clip = small_clip(tmp_path, image_size=size)
    height, width = clip.tower.size
    pictures = [noise(seed, height, width) for seed in range(17)]
    transform = open_clip.image_transform((height, width), is_train=False, resize_mode="squash")
    batch = torch.stack([transform(Image.fromarray(p.pixels)) for p in pictures])
    expected = small_network(image_size=size).encode_image(batch)
    np.testing.assert_allclose(clip.images(pictures), expected.numpy(), atol=1e-5)
    whole = clip.tower.encode(clip.embed(pictures[0])[None])[0]
    np.testing.assert_allclose(whole.numpy(), expected[:1].numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "vision",
    [
        {},
        {"pool_type": "avg"},
        {"final_ln_after_pool": True},
        {"no_ln_pre": True, "ls_init_value": 0.1},
        {"attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True, "pool_type": "tok"},
    ],
    ids=str,
)
def test_summaries_are_the_embeddings(tmp_path: Path, vision: dict[str, Any]) -> None:
    clip = small_clip(tmp_path, **vision)
    tokens = clip.embed(noise(0))[torch.tensor([[0, 1, 2, 7, 8], [0, 20, 21, 26, 27]])]
    np.testing.assert_allclose(clip.tower.summarise(tokens), clip.tower.encode(tokens)[0], atol=1e-5)
    exact, quick = clip.tower.encode(tokens)[0], clip.tower.encode(tokens, quick=True)[0]
    assert 0 < float((exact - quick).norm() / exact.norm()) < 0.02


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 500), (1200, 2500)])
def test_pictures_of_any_size_are_seen(clip: Clip, height: int, width: int) -> None:
    assert np.isfinite(clip.images([noise(0, height, width)])).all()


def test_text_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = small_clip(tmp_path).text(["a screw", "a bolt"])
    again, other = small_clip(tmp_path), small_clip(tmp_path, seed=1)

    def none(*_: object) -> None:
        raise AssertionError("the text tower ran")

    monkeypatch.setattr("xad_agent.perception.clip_text.TextTower.__call__", none)
    np.testing.assert_array_equal(again.text(["a screw", "a bolt"]), first)
    for model, prompts in ((again, ["a bolt", "a screw"]), (other, ["a screw", "a bolt"])):
        with pytest.raises(AssertionError, match="ran"):
            model.text(prompts)


def test_a_long_prompt_is_the_mean_of_its_pieces(clip: Clip) -> None:
    pieces = clip._text_tower.pieces(LONG)
    assert len(pieces) > 2
    np.testing.assert_allclose(clip.text([LONG])[0], clip.text(pieces).mean(axis=0), atol=1e-5)
    tail = LONG + " with one hair crack"
    assert not np.allclose(clip.text([LONG]), clip.text([tail]))  # nothing is cut off


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_pieces_fit_and_lose_nothing(clip: Clip, prompt: str) -> None:
    pieces = clip._text_tower.pieces(prompt)
    assert "".join("".join(pieces).split()) == "".join(prompt.split())
    assert all(clip._text_tower._fits(piece) for piece in pieces)


def test_five_hundred_phrases(clip: Clip) -> None:
    phrases = [f"thing number {i}" for i in range(500)]
    many = clip.text(phrases)
    assert many.shape == (500, 32)
    np.testing.assert_allclose(many[[3, 499]], clip.text([phrases[3], phrases[499]]), atol=1e-5)


@pytest.mark.parametrize("prompts", [[], ["a screw", " "], [""]])
def test_empty_phrases_are_refused(clip: Clip, prompts: list[str]) -> None:
    with pytest.raises(XadError, match="empty"):
        clip.text(prompts)
    with pytest.raises(XadError, match="empty"):
        clip.label_scores([noise(0)], prompts)


def test_label_scores_are_a_softmax_over_the_names(clip: Clip) -> None:
    pictures, names = [noise(0), noise(1)], ["screw", "{odd} name", "tile"]
    network = small_network()
    templates = ["a photo of a {}.", "a photo of the {}.", "a close-up photo of a {}.", "a cropped photo of a {}."]
    labels = []
    for name in names:
        texts = [template.replace("{}", name) for template in templates]
        text = network.encode_text(open_clip.get_tokenizer("ViT-B-16")(texts, context_length=24))
        labels.append(unit(unit(text).mean(dim=0)))
    images = unit(torch.from_numpy(clip.images(pictures)))
    expected = (network.logit_scale.exp() * images @ torch.stack(labels).T).softmax(dim=-1)
    found = clip.label_scores(pictures, names)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", ["custom_text", "coca"])
def test_models_with_a_text_tower_apart(tmp_path: Path, kind: str) -> None:
    from open_clip.coca_model import CoCa
    from open_clip.model import CustomTextCLIP

    torch.manual_seed(0)
    decoder = {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    pool = {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True}
    text = MODEL["text_cfg"] | ({"embed_cls": True, "output_tokens": True} if kind == "coca" else {})
    model = MODEL | {"text_cfg": text}
    if kind == "coca":
        model |= {"multimodal_cfg": decoder, "vision_cfg": MODEL["vision_cfg"] | pool}
    network = (CoCa if kind == "coca" else CustomTextCLIP)(**model).eval().requires_grad_(False)
    folder = tmp_path / kind
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model | {"custom_text": True}}))
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    tokens = open_clip.get_tokenizer("ViT-B-16")(["a bent screw"], context_length=24)
    clip = load_clip(str(folder))
    expected = network.encode_text(tokens, normalize=False)
    np.testing.assert_allclose(clip.text(["a bent screw"]), expected.numpy(), atol=1e-5)
    image = network.encode_image(clip.prepared(noise(0)), normalize=False)
    np.testing.assert_allclose(clip.images([noise(0)]), image.numpy(), atol=1e-5)


@pytest.fixture
def small_architecture(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "small", MODEL)
    return "small"


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_file_of_an_architecture(small_architecture: str, tmp_path: Path, suffix: str, prefix: str) -> None:
    file = tmp_path / f"weights{suffix}"
    state = {prefix + name: tensor for name, tensor in small_network().state_dict().items()}
    save_file(state, file) if suffix == ".safetensors" else torch.save({"state_dict": state}, file)
    loaded = load_clip(f"{small_architecture}@{file}")
    assert loaded.fingerprint == small_clip(tmp_path).fingerprint
    assert loaded.name == f"small@{file}"


def test_a_tag_of_open_clips_registry(small_architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, asked = small_folder(tmp_path / "hub", small_network()), []
    published = {"hf_hub": "someone/small.tag/", "quick_gelu": True, "mean": (0.5,) * 3, "std": (0.25,) * 3}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "small", {"tag": published, "gone": {"url": "place"}})
    monkeypatch.setattr(clip_loading, "hub_folder", lambda name: asked.append(name) or folder)
    loaded = load_clip("small@tag")
    assert asked == ["someone/small.tag"]
    quick = open_clip.CLIP(**MODEL, quick_gelu=True).eval()
    quick.load_state_dict(small_network().state_dict())
    pixels = (torch.from_numpy(noise(0).pixels.copy()).permute(2, 0, 1)[None] / 255 - 0.5) / 0.25
    with torch.no_grad():
        np.testing.assert_allclose(loaded.images([noise(0)]), quick.encode_image(pixels).numpy(), atol=1e-5)
    with pytest.raises(XadError, match="fetch place"):
        load_clip("small@gone")
    with pytest.raises(XadError, match="it has: tag, gone"):
        load_clip("small@tog")


def test_a_tag_names_the_hubs_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(name: str) -> Path:
        raise XadError(f"asked for {name}")

    monkeypatch.setattr(clip_loading, "hub_folder", asked)
    with pytest.raises(XadError, match="asked for timm/vit_base_patch16_plus_clip_240"):
        load_clip("ViT-B-16-plus-240@laion400m_e31")


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("evil"),))


def test_bad_checkpoints_are_refused_in_one_line(
    small_architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = small_folder(tmp_path / "good", small_network()) / "open_clip_model.safetensors"
    (tmp_path / "cut.safetensors").write_bytes(good.read_bytes()[:5000])
    (tmp_path / "code.pt").write_bytes(pickle.dumps({"state_dict": Evil()}))
    wide = open_clip.CLIP(**MODEL | {"vision_cfg": MODEL["vision_cfg"] | {"width": 32}})
    save_file(wide.state_dict(), tmp_path / "wide.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "empty").mkdir()
    for spec, match in [
        ("small@cut.safetensors", "damaged"),
        ("small@code.pt", "never run"),
        ("small@wide.safetensors", "do not fit"),
        ("small@other.safetensors", "do not fit"),
        ("small@nowhere.pt", "no file"),
        ("ViT-None@other.safetensors", "no architecture"),
        ("RN50@other.safetensors", "no vision transformer"),
        ("ViT-B-16-SigLIP@other.safetensors", "no vision transformer"),
        ("roberta-ViT-B-32@other.safetensors", "text tower"),
        (str(tmp_path / "empty"), "no readable open_clip_config.json"),
        (str(tmp_path / "absent"), "no folder"),
    ]:
        with pytest.raises(XadError, match=match) as caught:
            load_clip(spec)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "evil").exists()
