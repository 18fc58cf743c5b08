"""Grounding DINO: what it finds is what transformers' own pipeline gives, whatever the phrases and the picture are."""

import pickle
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.finders import (
    authors_names,
    bert_tokenizer,
    grounding_config,
    grounding_image_processor,
    write_detector,
    write_grounding,
    write_vocabulary,
)
from xad_agent.errors import XadError
from xad_agent.eval.bench import limited_threads
from xad_agent.media.picture import Picture
from xad_agent.media.reading import read_picture
from xad_agent.perception import grounding_checkpoints
from xad_agent.perception.grounding_dino import GroundingDino, load_grounding

WINDOW = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_grounding(tmp_path_factory.mktemp("grounding"), WINDOW)


@pytest.fixture(scope="module")
def finder(folder: Path) -> GroundingDino:
    found = load_grounding(str(folder))
    assert isinstance(found, GroundingDino)
    return found


def picture(height: int = 90, width: int = 130) -> Picture:
    return read_picture(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@contextmanager
def told(finder: GroundingDino, boxes: list[list[float]] | None = None) -> Iterator[list[list[int]]]:
    """The token numbers of each pass; with boxes given, every query scores 0.9 and has one of them."""
    seen: list[list[int]] = []
    forward = finder._forward

    def run(prepared: Any, ids: torch.Tensor) -> Any:
        seen.append(ids[0].tolist())
        if boxes is None:
            return forward(prepared, ids)
        return torch.full((len(boxes), ids.shape[1]), 2.1972246), torch.tensor(boxes)

    finder._forward = run
    try:
        yield seen
    finally:
        finder._forward = forward


def test_finds_what_transformers_pipeline_does(folder: Path, finder: GroundingDino) -> None:
    from PIL import Image
    from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

    seen = picture()
    processor = AutoProcessor.from_pretrained(folder)
    network = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    inputs = processor(images=Image.fromarray(seen.pixels), text="a red dog. screw. nut.", return_tensors="pt")
    with torch.inference_mode():
        outputs = network(**inputs)
        marks = torch.isin(inputs["input_ids"][0], torch.tensor([101, 102, 1012]))
        outputs.logits[0, :, : len(marks)][:, marks] = -torch.inf  # what is between the phrases is of none of them
    (expected,) = processor.post_process_grounded_object_detection(
        outputs, threshold=0.3, text_threshold=0.3, target_sizes=[(seen.height, seen.width)]
    )
    found = finder.find(seen, ["a red dog", "screw", "nut"], 0.3)
    best: dict[tuple[float, ...], tuple[float, list[str]]] = {}
    for one in found:  # strongest first
        score, words = best.setdefault(one.box, (one.score, []))
        words.append(one.words)
    assert len(best) == len(expected["scores"]) > 3
    for score, box, words in zip(expected["scores"], expected["boxes"], expected["text_labels"], strict=True):
        x0, y0, x1, y1 = box.tolist()
        clipped = (max(x0, 0.0), max(y0, 0.0), min(x1, 130.0), min(y1, 90.0))
        mine = min(best, key=lambda b: sum(abs(p - q) for p, q in zip(b, clipped, strict=True)))
        assert mine == pytest.approx(clipped, abs=1e-3)
        assert best[mine][0] == pytest.approx(float(score), abs=1e-5)
        assert sorted(" ".join(best[mine][1]).split()) == sorted(words.replace(".", " ").split())


def test_strongest_first_and_above_the_threshold(finder: GroundingDino) -> None:
    every = finder.find(picture(), ["dog", "screw"], 0.0)
    some = finder.find(picture(), ["dog", "screw"], 0.4)
    assert [one.score for one in every] == sorted((one.score for one in every), reverse=True)
    assert some == [one for one in every if one.score > 0.4]
    assert 0 < len(some) < len(every) == 20
    assert finder.find(picture(), [], 0.1) == []


def test_each_is_found_under_the_phrase_it_was_asked_for(finder: GroundingDino) -> None:
    found = finder.find(picture(), ["Dog", "dog.", "a Red  dog", "Dog"], 0.0)
    assert {one.phrase for one in found} == {"Dog", "dog.", "a Red  dog"}
    assert len([one for one in found if one.phrase == "Dog"]) == 10
    assert {one.words for one in found if one.phrase == "dog."} == {"dog"}
    assert all(set(one.words.split()) <= {"a", "red", "dog"} for one in found)


def test_words_are_those_that_score_themselves(finder: GroundingDino) -> None:
    found = finder.find(picture(), ["a red dog"], 0.5)
    assert 1 <= min(len(one.words.split()) for one in found) < max(len(one.words.split()) for one in found)


def test_five_hundred_phrases_are_all_asked_for_within_the_window(finder: GroundingDino) -> None:
    words = ["a", "red", "dog", "screw", "nut", "scratch", "hex", "mm"]
    phrases = [f"{one} {two} {three}" for one in words for two in words for three in words][:500]
    with told(finder, [[0.5, 0.5, 0.1, 0.1]]) as passes:
        found = finder.find(picture(), phrases, 0.5)
    assert {one.phrase for one in found} == set(phrases)
    assert max(map(len, passes)) <= WINDOW
    asked = [part for ids in passes for part in " ".join(map(str, ids[1:-1])).split(" 1012")]
    expected = [" ".join(str(finder._tokenizer.convert_tokens_to_ids(w)) for w in p.split()) for p in phrases]
    assert [part.strip() for part in asked if part] == expected


def test_a_long_phrase_is_searched_in_all_its_parts(finder: GroundingDino) -> None:
    words = ["a", "red", "dog", "screw", "nut", "scratch", "hex", "mm"]
    phrase = " ".join(f"{one} {two}" for one in words for two in words)
    with told(finder, [[0.5, 0.5, 0.1, 0.1]]) as passes:
        found = finder.find(picture(), [phrase], 0.5)
    assert max(map(len, passes)) <= WINDOW
    assert {one.phrase for one in found} == {phrase}
    numbers = [number for ids in passes for number in ids if number not in (101, 102, 1012)]
    assert numbers == finder._tokenizer.convert_tokens_to_ids(phrase.split())
    assert " ".join(one.words for one in found) == phrase


def test_a_dot_does_not_end_a_phrase(finder: GroundingDino) -> None:
    with told(finder, [[0.5, 0.5, 0.1, 0.1]]) as passes:
        (found,) = finder.find(picture(), ["a 3.5 mm screw?"], 0.5)
    assert (found.phrase, found.words) == ("a 3.5 mm screw?", "a 3 5 mm screw")
    assert passes[0].count(1012) == 1 and 1029 not in passes[0]


@pytest.mark.parametrize("phrase", ["", " . ", "螺丝"])
def test_what_cannot_be_asked_for_is_refused(finder: GroundingDino, phrase: str) -> None:
    with pytest.raises(XadError, match=r"empty|knows no word"):
        finder.find(picture(), ["dog", phrase], 0.1)


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [
        ((6000, 8000), [0.5, 0.25, 0.1, 0.5], (3600, 0, 4400, 3000)),  # px of the original, however it was scaled
        ((100, 200), [0.95, 0.5, 0.2, 0.1], (170, 45, 200, 55)),  # cut to the picture
        ((1, 8000), [0.5, 0.001, 0.5, 0.002], (2000, 0, 6000, 1)),  # thickened to 500 rows, of which the first is it
        ((1, 1), [0.5, 0.5, 1, 1], (0, 0, 1, 1)),
    ],
)
def test_boxes_are_in_px_of_the_original(
    finder: GroundingDino, shape: tuple[int, int], given: list[float], expected: tuple[float, ...]
) -> None:
    with told(finder, [given]):
        (found,) = finder.find(picture(*shape), ["dog"], 0.5)
    assert found.box == pytest.approx(expected, abs=2e-3)
    assert found.score == pytest.approx(0.9)


def test_boxes_outside_are_no_boxes(finder: GroundingDino) -> None:
    with told(finder, [[0.5, 0.9, 0.5, 0.1]]):  # in the rows that were added
        assert finder.find(picture(1, 8000), ["dog"], 0.5) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 2), (3, 3)])
def test_thin_pictures_are_looked_at(finder: GroundingDino, shape: tuple[int, int]) -> None:
    for one in finder.find(picture(*shape), ["dog"], 0.0):
        assert 0 <= one.box[0] < one.box[2] <= shape[1] and 0 <= one.box[1] < one.box[3] <= shape[0]


def test_two_tools_may_use_one_finder_at_once(finder: GroundingDino) -> None:
    # Each thread would have helpers of its own, which wait for one another wherever the machine is busy: for minutes.
    with limited_threads(1):
        _ask_at_once(finder)


def _ask_at_once(finder: GroundingDino) -> None:
    lists = [["dog"], ["a red dog", "screw"], ["nut"], ["hex-nut"]] * 3
    expected = [finder.find(picture(), phrases, 0.1) for phrases in lists]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda phrases: finder.find(picture(), phrases, 0.1), lists)) == expected


def test_the_fingerprint_is_that_of_the_weights(folder: Path, finder: GroundingDino, tmp_path: Path) -> None:
    assert finder.vocabulary is None and finder.name == str(folder)
    assert load_grounding(str(folder)).fingerprint == finder.fingerprint
    state = load_file(folder / "model.safetensors")
    state["model.level_embed"][0, 0] += 1
    assert load_grounding(str(_copy(folder, tmp_path, state))).fingerprint != finder.fingerprint


def _copy(folder: Path, to: Path, state: dict[str, torch.Tensor] | None = None) -> Path:
    from safetensors.torch import save_file

    shutil.copytree(folder, to, dirs_exist_ok=True)
    if state is not None:
        save_file(state, to / "model.safetensors", {"format": "pt"})
    return to


def test_folders_that_are_not_whole_are_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    state = load_file(folder / "model.safetensors")
    less = {name: tensor for name, tensor in state.items() if name != "model.level_embed"}
    for name, changed, told in [
        ("missing", less, "1 weights are missing, such as model.level_embed"),
        ("unexpected", {**state, "model.more": torch.ones(1)}, "1 weights are unexpected, such as model.more"),
        ("mismatched", {**state, "model.level_embed": torch.ones(3, 3)}, "mismatched"),
    ]:
        with pytest.raises(XadError, match=told):
            load_grounding(str(_copy(folder, tmp_path / name, changed)))


def test_damaged_and_harmful_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    cut = _copy(folder, tmp_path / "cut")
    (cut / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(XadError, match="damaged, or holds code"):
        load_grounding(str(cut))

    class Harm:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "harmed",))

    harmful = _copy(folder, tmp_path / "harmful")
    (harmful / "model.safetensors").unlink()
    torch.save({"model.level_embed": Harm()}, harmful / "pytorch_model.bin", pickle_module=pickle)
    with pytest.raises(XadError, match="damaged, or holds code"):
        load_grounding(str(harmful))
    assert not (tmp_path / "harmed").exists()


def test_folders_of_something_else_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(XadError, match="of the kind yolos, not a zero-shot object detector"):
        load_grounding(str(write_detector(tmp_path / "yolos")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(XadError, match=r"no config\.json"):
        load_grounding(str(tmp_path / "empty"))
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(folder / name, bare)
    with pytest.raises(XadError, match="lacks a readable processor"):
        load_grounding(str(bare))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, bare)
    with pytest.raises(XadError, match=r"lacks a readable (processor|image processor)"):
        load_grounding(str(bare))


@pytest.fixture
def authors(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same weights as a checkpoint of the authors', at the tiny size."""
    monkeypatch.setattr(grounding_checkpoints, "configuration", lambda _: grounding_config(WINDOW))
    monkeypatch.setattr(grounding_checkpoints, "WINDOW", WINDOW)
    images = grounding_image_processor()
    monkeypatch.setattr("transformers.GroundingDinoImageProcessor", lambda: images)
    write_vocabulary(tmp_path)
    state = authors_names(load_file(folder / "model.safetensors"))
    training = {"label_enc.weight": torch.ones(2), "bert.pooler.dense.weight": torch.ones(2, 2)}
    computed = {"bert.embeddings.position_ids": torch.arange(4)}
    computed |= {"backbone.0.layers.0.blocks.0.attn.relative_position_index": torch.ones(16, 16)}
    named = {f"module.{name}": tensor for name, tensor in {**state, **training, **computed}.items()}
    torch.save({"model": named}, tmp_path / "authors.pth")
    return tmp_path / "authors.pth"


def test_a_checkpoint_of_the_authors_is_the_same_model(finder: GroundingDino, authors: Path) -> None:
    names = torch.load(authors, weights_only=True)["model"]
    assert "module.transformer.encoder.text_layers.0.self_attn.in_proj_weight" in names
    assert "module.backbone.0.layers.1.blocks.0.attn.qkv.bias" in names
    assert "module.transformer.decoder.layers.1.ca_text.in_proj_bias" in names
    found = load_grounding(f"swint@{authors}")
    assert found.find(picture(), ["a red dog"], 0.2) == finder.find(picture(), ["a red dog"], 0.2)


def test_files_that_do_not_fit_are_refused(authors: Path, tmp_path: Path) -> None:
    with pytest.raises(XadError, match=r"no Grounding DINO is called 'swinl': there are swint or groundingdino:swint"):
        load_grounding(f"swinl@{authors}")
    torch.save({"state_dict": {"conv.weight": torch.ones(3)}}, tmp_path / "other.pth")
    with pytest.raises(XadError, match="not of the architecture it is said to be"):
        load_grounding(f"swint@{tmp_path / 'other.pth'}")
    (tmp_path / "cut.pth").write_bytes(authors.read_bytes()[:4000])
    with pytest.raises(XadError, match="damaged, or holds code"):
        load_grounding(f"swint@{tmp_path / 'cut.pth'}")
    with pytest.raises(XadError, match="there is no file"):
        load_grounding("swint@nowhere.pth")


def test_without_the_package_its_spec_is_refused_in_one_line(authors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "groundingdino", None)
    with pytest.raises(XadError, match=r"needs the package groundingdino-py .*xad-agent\[grounding\]"):
        load_grounding(f"groundingdino:swint@{authors}")


def test_another_tokenizer_is_refused(authors: Path) -> None:
    words = (authors.parent / "vocab.txt").read_text(encoding="utf-8").splitlines()
    (authors.parent / "vocab.txt").write_text("\n".join(words[1:]), encoding="utf-8")
    with pytest.raises(XadError, match="another number for"):
        load_grounding(f"swint@{authors}")


def test_the_embedded_sentence_models_tokenizer_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xad_agent import weights
    from xad_agent.perception.grounding_dino import _tokenizer

    own = bert_tokenizer(tmp_path / "words")
    own.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setattr(weights, "path", lambda role: {"sentences": tmp_path}[role])
    made = _tokenizer(tmp_path / "nothing_here")
    assert made("a red dog")["input_ids"] == own("a red dog")["input_ids"]
