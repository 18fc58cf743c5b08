"""Grounding DINO: transformers' implementation and its authors' give the same, on the same seeded weights and inputs.

Three things would hide that with random weights, and are kept out by how these are made. The strongest proposals are
ranked, and each rank has a query of its own, so rounding can swap two neighbours: at full size both compute in float64,
at small size few are ranked. Proposals beyond the rim start at the boxes' end of range, which the authors clamp at
1e-3 and transformers at 1e-5, and the same holds for boxes that come within 1e-3 of the rim: the layers that place
boxes get small weights, and the first no bias.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.finders import bert_words, write_vocabulary
from xad_agent.media.reading import read_picture
from xad_agent.perception import grounding_checkpoints, groundingdino_py
from xad_agent.perception.grounding_dino import GroundingDino, _tokenizer, _transformers, load_grounding, prepare
from xad_agent.perception.pretrained import fill_network

pytest.importorskip("groundingdino", reason="NOT RUN: needs groundingdino-py (pip install 'xad-agent[grounding]')")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

TOLERANCE = 1e-3
SMALL = {"enc_layers": 2, "dec_layers": 2, "dim_feedforward": 64, "num_queries": 8}  # 256 channels are written into it


def seeded(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float32)
            if weight.ndim > 1:
                noise /= noise[0].numel() ** 0.5
            else:
                noise = 0.1 * noise + (1.0 if name.endswith("weight") else 0.0)
            if "bbox_embed" in name and ".layers.2." in name:
                noise *= 0.1
            if name in ("transformer.enc_output.bias", "transformer.enc_output_norm.bias"):
                noise *= 0
            weight.copy_(noise)
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in network.state_dict().items()
    }


def small_bert() -> Any:
    from transformers import BertConfig

    return BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, vocab_size=len(bert_words())
    )


def made(tokenizer: Any, **changes: Any) -> torch.nn.Module:
    """The package's network with weights of its own."""
    from importlib import import_module

    settings = vars(import_module("groundingdino.config.GroundingDINO_SwinT_OGC"))
    with groundingdino_py._replaced(tokenizer, changes.pop("bert", None)):
        return import_module("groundingdino.models").build_model(SimpleNamespace(**{**settings, **changes}))


def small_configuration(_: str = "") -> Any:
    config = grounding_configuration("swint")
    config.text_config = small_bert()
    config.encoder_layers = config.decoder_layers = 2
    config.encoder_ffn_dim = config.decoder_ffn_dim = 64
    config.num_queries = 8
    return config


grounding_configuration = grounding_checkpoints.configuration


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint as the authors', of a Swin-T with little behind it, and both loaders told of its size."""
    write_vocabulary(tmp_path)
    build = groundingdino_py.build
    monkeypatch.setattr(grounding_checkpoints, "configuration", small_configuration)
    monkeypatch.setattr(groundingdino_py, "build", lambda *given: build(*given, changes=SMALL, bert=small_bert()))
    network = made(_tokenizer(tmp_path), bert=small_bert(), **SMALL)
    torch.save({"model": seeded(network)}, tmp_path / "small.pth")
    return tmp_path / "small.pth"


def test_both_find_the_same(small: Path) -> None:
    picture = read_picture(np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8))
    finders = [load_grounding(f"{package}swint@{small}") for package in ("", "groundingdino:")]
    logits, boxes = zip(*(raw(finder, picture.pixels) for finder in finders), strict=True)
    assert float(logits[0].std()) > 0.1 and float(boxes[0][:, :2].std(0).min()) > 0.1
    torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(boxes[0], boxes[1], rtol=0, atol=TOLERANCE)
    first, second = (finder.find(picture, ["a red dog", "screws"], 0.2) for finder in finders)
    assert len(first) == len(second) > 3
    for one, other in zip(first, second, strict=True):
        assert (one.phrase, one.words) == (other.phrase, other.words)
        assert one.score == pytest.approx(other.score, abs=TOLERANCE)
        assert one.box == pytest.approx(other.box, abs=TOLERANCE * 200)


def raw(finder: Any, pixels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    assert isinstance(finder, GroundingDino)
    with torch.inference_mode():
        return finder._forward(
            prepare(finder._image_processor, pixels), torch.tensor([[101, 200, 201, 1012, 203, 1012, 102]])
        )


@pytest.mark.parametrize("changed", ["missing", "unexpected", "shape"])
def test_the_package_refuses_other_weights(small: Path, changed: str) -> None:
    from xad_agent.errors import XadError

    state = torch.load(small, weights_only=True)["model"]
    if changed == "unexpected":
        state["transformer.more"] = torch.ones(1)
    elif changed == "shape":
        state["transformer.level_embed"] = torch.ones(1)
    else:
        del state["transformer.level_embed"]
    torch.save({"model": state}, small)
    with pytest.raises(XadError, match="not of the architecture it is said to be"):
        load_grounding(f"groundingdino:swint@{small}")


@pytest.fixture
def double() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_both_give_the_same_at_full_size(double: None, tmp_path: Path) -> None:
    from transformers import GroundingDinoForObjectDetection, GroundingDinoImageProcessor

    write_vocabulary(tmp_path)
    tokenizer = _tokenizer(tmp_path)
    state = seeded(made(tokenizer))
    authors = groundingdino_py.build("swint", state, tokenizer, "swint").double()
    renamed = grounding_checkpoints.renamed(state, "swint")
    ours = fill_network(GroundingDinoForObjectDetection, grounding_configuration("swint"), renamed, "swint").double()
    pixels = np.random.default_rng(0).integers(0, 256, (300, 420, 3), dtype=np.uint8)
    images = GroundingDinoImageProcessor(size={"shortest_edge": 320, "longest_edge": 533})
    prepared = prepare(images, pixels)
    prepared["pixel_values"] = prepared["pixel_values"].double()
    ids = torch.tensor([[101, 3899, 1012, 2417, 8974, 1012, 102]])
    with torch.inference_mode():
        logits, boxes = _transformers(ours)(prepared, ids)
        peers_logits, peers_boxes = groundingdino_py.forward(authors)(prepared, ids)
    assert logits.shape == (900, 7) and float(logits.std()) > 1
    off = [float((one - other).abs().max()) for one, other in ((logits, peers_logits), (boxes, peers_boxes))]
    print(f"largest difference at full size: logits {off[0]:.1e}, boxes {off[1]:.1e}")
    torch.testing.assert_close(logits, peers_logits, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(boxes, peers_boxes, rtol=0, atol=TOLERANCE)
