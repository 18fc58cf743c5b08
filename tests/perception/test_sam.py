import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor
from transformers import SamConfig, SamModel

from tests.small_sam import SMALL, randomised
from xad_agent.errors import XadError
from xad_agent.media import read_picture
from xad_agent.perception import sam
from xad_agent.perception.sam import Sam, fit, load_sam

BOX = (5.0, 6.0, 40.0, 50.0)
PROMPTS = [(BOX, []), (None, [(10, 20)]), (None, [(10, 20), (59, 0)]), (BOX, [(20, 20)])]


def picture(height: int = 90, width: int = 60, seed: int = 0):
    return read_picture(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def theirs(model: SamModel, embedding: torch.Tensor, box, points, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.inference_mode():
        out = model(
            image_embeddings=embedding,
            input_boxes=None if box is None else torch.tensor([[box]]) * scale,
            input_points=torch.tensor([[points]], dtype=torch.float32) * scale if points else None,
            multimask_output=True,
        )
    return out.pred_masks[0, 0], out.iou_scores[0, 0]


def apart(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert ours.shape == theirs.shape
    assert theirs.std() > 0.01, "weights so small that anything would agree"
    return float((ours - theirs).abs().max())


@pytest.fixture(scope="module")
def model() -> SamModel:
    return randomised(SamModel(SamConfig(**SMALL)))


@pytest.fixture(scope="module")
def folder(model: SamModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam")
    model.save_pretrained(path)
    return path


@pytest.fixture
def segmenter(folder: Path) -> Sam:
    return load_sam(str(folder))


def expected_embedding(model: SamModel) -> torch.Tensor:
    from PIL import Image

    prepared = np.zeros((128, 128, 3), np.float32)
    resized = np.array(Image.fromarray(picture().pixels).resize((85, 128), Image.Resampling.BILINEAR))
    prepared[:, :85] = (resized - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    with torch.inference_mode():
        return model.get_image_embeddings(torch.from_numpy(prepared).permute(2, 0, 1)[None])


def test_the_embedding_agrees_with_transformers(segmenter: Sam, model: SamModel):
    assert apart(segmenter.embed(picture()).embedding, expected_embedding(model)) < 1e-4


def test_so_it_does_without_relative_positions(tmp_path: Path):
    vision = {**SMALL["vision_config"], "use_rel_pos": False}
    model = randomised(SamModel(SamConfig(**SMALL | {"vision_config": vision})))
    model.save_pretrained(tmp_path)
    assert apart(load_sam(str(tmp_path)).embed(picture()).embedding, expected_embedding(model)) < 1e-4


@pytest.mark.parametrize(("box", "points"), PROMPTS)
def test_masks_and_their_quality_agree_with_transformers(segmenter: Sam, model: SamModel, box, points):
    embedding = segmenter.embed(picture(80, 160))
    logits, scores = segmenter.decode(embedding, (80, 160), box, points)
    expected_logits, expected_scores = theirs(model, embedding.embedding, box, points, 128 / 160)
    assert apart(logits, expected_logits) < 1e-4
    assert apart(scores, expected_scores) < 1e-4


@pytest.mark.parametrize("shape", [(90, 60), (200, 300), (7, 64)])
def test_masks_are_those_of_the_authors_predictor(segmenter: Sam, shape: tuple[int, int]):
    predictor = SamPredictor(segmenter._network)
    predictor.set_image(picture(*shape).pixels)
    masks, scores, _ = predictor.predict(np.array([[10, 5]]), np.array([1]), np.array([5, 2, 40, 7]))
    found = segmenter.segment(picture(*shape), (5, 2, 40, 7), [(10, 5)])
    for mask, place in zip(found, scores.argsort()[::-1], strict=True):
        assert (mask.pixels == masks[place]).mean() > 0.999
        assert mask.score == pytest.approx(np.clip(scores[place], 0, 1), abs=1e-5)


def test_a_picture_is_embedded_once_and_few_are_kept(segmenter: Sam, monkeypatch: pytest.MonkeyPatch):
    calls = []
    encoder = segmenter._network.image_encoder
    encoder.register_forward_pre_hook(lambda *_: calls.append(1))
    monkeypatch.setattr(sam, "_KEPT", 2)
    for seed in (0, 0, 1, 0, 2, 0):
        segmenter.segment(picture(seed=seed), BOX)
    assert len(calls) == 3, "picture 0 was used last each time, so it stays"
    segmenter.segment(picture(seed=1), BOX)
    assert len(calls) == 4, "picture 1 had to go"


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 8000)])
def test_pictures_of_any_shape_have_masks_of_their_own_size(segmenter: Sam, shape: tuple[int, int]):
    for mask in segmenter.segment(picture(*shape), (0, 0, *shape[::-1])):
        assert mask.pixels.shape == shape
        assert mask.pixels.dtype == bool


def test_a_large_picture_is_mapped_back_exactly(segmenter: Sam, monkeypatch: pytest.MonkeyPatch):
    """Logits that are zero in the middle of the picture, from left to right, give a mask of exactly its right half."""
    ramp = (torch.arange(32.0) * 4 + 2 - 64).expand(1, 32, 32)
    monkeypatch.setattr(segmenter, "decode", lambda *_: (ramp, torch.ones(1)))
    (mask,) = segmenter.segment(read_picture(np.zeros((500, 8000, 3), np.uint8)), (0, 0, 8000, 500))
    assert mask.pixels.shape == (500, 8000)
    assert mask.pixels[:, 4000:].all() and not mask.pixels[:, :4000].any()


def test_a_box_that_reaches_out_is_cut_off(segmenter: Sam):
    inside = segmenter.segment(picture(), (5, 6, 60, 90))
    out = segmenter.segment(picture(), (5, 6, 900, 91.5))
    assert all((a.pixels == b.pixels).all() and a.score == b.score for a, b in zip(inside, out, strict=True))


def test_the_best_mask_comes_first(segmenter: Sam):
    scores = [mask.score for mask in segmenter.segment(picture(), BOX)]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)


def test_the_fingerprint_is_of_the_weights(folder: Path, tmp_path: Path):
    randomised(SamModel(SamConfig(**SMALL)), seed=1).save_pretrained(tmp_path)
    assert load_sam(str(folder)).fingerprint == load_sam(str(folder)).fingerprint
    assert load_sam(str(folder)).fingerprint != load_sam(str(tmp_path)).fingerprint


@pytest.mark.parametrize("shape", [(100, 100), (375, 500), (1500, 20), (1024, 1024), (3, 2)])
def test_sizes_are_the_authors(shape: tuple[int, int]):
    from segment_anything.utils.transforms import ResizeLongestSide

    assert fit(shape, 1024) == ResizeLongestSide.get_preprocess_shape(*shape, 1024)


class TestRefused:
    def test_an_unknown_architecture(self, tmp_path: Path):
        torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
        with pytest.raises(XadError, match=r"no SAM is called 'vit_x': there are vit_b, vit_l, vit_h, vit_t"):
            load_sam(f"vit_x@{tmp_path / 'a.pth'}")

    @pytest.mark.parametrize("architecture", ["vit_b", "vit_t"])
    def test_weights_of_another_architecture(self, architecture: str, folder: Path):
        with pytest.raises(XadError, match="do not fit its architecture"):
            load_sam(f"{architecture}@{folder / 'model.safetensors'}")

    def test_a_truncated_file(self, folder: Path, tmp_path: Path):
        (tmp_path / "sam.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
        with pytest.raises(XadError, match="damaged"):
            load_sam(f"vit_b@{tmp_path / 'sam.safetensors'}")

    def test_a_pickle_with_code_which_is_not_run(self, tmp_path: Path):
        class Trap:
            def __reduce__(self):
                return (Path.touch, (tmp_path / "run",))

        (tmp_path / "sam.pth").write_bytes(pickle.dumps(Trap()))
        with pytest.raises(XadError, match="never run"):
            load_sam(f"vit_b@{tmp_path / 'sam.pth'}")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            (None, "no readable config.json"),
            ("[]", "no readable config.json"),
            ('{"model_type": "clip"}', "of the kind 'clip', not 'sam'"),
            ('{"model_type": "sam"}', r"has no weights \(\*.safetensors, \*.bin\)"),
        ],
    )
    def test_a_folder_without_a_sam(self, config: str | None, message: str, tmp_path: Path):
        if config is not None:
            (tmp_path / "config.json").write_text(config)
        with pytest.raises(XadError, match=message):
            load_sam(str(tmp_path))


@pytest.mark.peers
def test_vit_b_at_full_size_agrees_with_transformers(tmp_path: Path):
    model = randomised(SamModel(SamConfig()), gain=0.5)
    model.save_pretrained(tmp_path)
    segmenter = load_sam(str(tmp_path))
    embedding = segmenter.embed(picture(1024, 1024))
    prepared = segmenter._network.preprocess(torch.from_numpy(picture(1024, 1024).pixels.copy()).permute(2, 0, 1))
    with torch.inference_mode():
        assert apart(embedding.embedding, model.get_image_embeddings(prepared[None])) < 1e-4
    for box, points in PROMPTS:
        logits, scores = segmenter.decode(embedding, (1024, 1024), box, points)
        expected_logits, expected_scores = theirs(model, embedding.embedding, box, points, 1.0)
        assert apart(logits, expected_logits) < 1e-4
        assert apart(scores, expected_scores) < 1e-4


@pytest.mark.peers
def test_vit_t_agrees_with_mobile_sam(tmp_path: Path):
    mobile_sam = pytest.importorskip("mobile_sam")
    # eval() is what gathers the attention's biases
    peer = randomised(mobile_sam.sam_model_registry["vit_t"]())
    torch.save(peer.state_dict(), tmp_path / "mobile_sam.pt")
    segmenter = load_sam(f"vit_t@{tmp_path / 'mobile_sam.pt'}")
    predictor = mobile_sam.SamPredictor(peer)
    predictor.set_image(picture(375, 500).pixels)
    assert apart(segmenter.embed(picture(375, 500)).embedding, predictor.features) < 1e-4
    logits, scores = segmenter.decode(segmenter.embed(picture(375, 500)), (375, 500), BOX, [(20, 20)])
    _, expected_scores, expected_logits = predictor.predict(np.array([[20, 20]]), np.array([1]), np.array(BOX))
    assert apart(logits, torch.from_numpy(expected_logits)) < 1e-4
    assert apart(scores, torch.from_numpy(expected_scores)) < 1e-4
