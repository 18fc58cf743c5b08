"""Zero-shot detectors that score whole texts: what they find is what transformers gives for each text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.finders import write_omdet, write_owlv2
from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.media.reading import read_picture
from xad_agent.perception.grounding_dino import load_grounding

PHRASES = ["a dog", "nut", "bolt"]


def picture(height: int = 90, width: int = 130) -> Picture:
    return read_picture(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def owlv2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_owlv2(tmp_path_factory.mktemp("owlv2"))


@pytest.fixture(scope="module")
def omdet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_omdet(tmp_path_factory.mktemp("omdet"))


def transformers_own(folder: Path, texts: list[str]) -> tuple[Any, Any]:
    from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    network = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    inputs = processor(images=Image.fromarray(picture().pixels), text=[texts], return_tensors="pt")
    with torch.inference_mode():
        return processor, network(**inputs)


def test_owlv2_gives_each_phrase_its_own_scores(owlv2: Path) -> None:
    _, outputs = transformers_own(owlv2, PHRASES)
    found = load_grounding(str(owlv2)).find(picture(), PHRASES, 0.3)
    scores = outputs.logits[0].sigmoid()
    middle, half = outputs.pred_boxes[0, :, :2], outputs.pred_boxes[0, :, 2:] / 2
    corners = torch.cat([middle - half, middle + half], 1) * 130  # of the picture padded to a square
    corners = torch.minimum(corners.clamp(min=0), torch.tensor([130.0, 90, 130, 90]))
    expected = {
        (phrase, tuple(round(v, 2) for v in corners[query].tolist()), round(float(scores[query, number]), 4))
        for number, phrase in enumerate(PHRASES)
        for query in range(len(corners))
        if scores[query, number] > 0.3 and (corners[query, 2:] > corners[query, :2]).all()
    }
    assert len(expected) > 5
    assert {(one.phrase, tuple(round(v, 2) for v in one.box), round(one.score, 4)) for one in found} == expected
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_omdet_finds_what_its_processor_says(omdet: Path) -> None:
    processor, outputs = transformers_own(omdet, PHRASES)
    (result,) = processor.post_process_grounded_object_detection(
        outputs, text_labels=[PHRASES], threshold=0.3, target_sizes=[(90, 130)]
    )
    found = load_grounding(str(omdet)).find(picture(), PHRASES, 0.3)
    assert len(found) == len(result["scores"]) > 3
    assert sorted(one.score for one in found) == pytest.approx(sorted(result["scores"].tolist()))
    pairs = zip(result["text_labels"], result["scores"].tolist(), strict=True)
    assert sorted((one.phrase, round(one.score, 4)) for one in found) == sorted((p, round(s, 4)) for p, s in pairs)


@pytest.mark.parametrize("kind", ["owlv2", "omdet"])
def test_every_phrase_is_asked_for_and_none_is_cut(kind: str, request: pytest.FixtureRequest) -> None:
    finder: Any = load_grounding(str(request.getfixturevalue(kind)))
    tokenizer = finder._processor.tokenizer
    seen: list[list[str]] = []
    look = finder._look
    finder._look = lambda picture, texts, threshold: seen.append(texts) or look(picture, texts, threshold)
    phrases = [f"{one}{two}" for one in "abcdefghijklmnopqrstuvwxy" for two in "abcdefghijklmnopqrst"]
    finder.find(picture(), [*phrases, "a very long name of a thing that no window takes"], 0.99)
    texts = [text for some in seen for text in some]
    assert set(phrases) <= set(texts)
    assert " ".join(texts[len(phrases) :]) == "a very long name of a thing that no window takes"
    for some in seen:
        given = finder._processor(images=Image.new("RGB", (64, 64)), text=[some], return_tensors="pt")
        for name in [name for name in given if name.endswith("input_ids")]:
            asked = some if "tasks" not in name else [f"Detect {', '.join(some)}."]
            for text, ids in zip(asked, given[name].tolist(), strict=True):
                whole = tokenizer(text, padding=False, truncation=False)["input_ids"]
                assert ids[: len(whole)] == whole  # nothing of it was cut off


def test_bad_phrases_are_refused_and_no_phrases_find_nothing(owlv2: Path) -> None:
    finder = load_grounding(str(owlv2))
    assert finder.find(picture(), [], 0.1) == [] and finder.vocabulary is None
    for phrase in ("", "<|endoftext|>"):
        with pytest.raises(XadError, match="empty"):
            finder.find(picture(), ["dog", phrase], 0.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 2)])
def test_boxes_of_thin_pictures_lie_within(owlv2: Path, shape: tuple[int, int]) -> None:
    for one in load_grounding(str(owlv2)).find(picture(*shape), ["dog"], 0.0):
        assert 0 <= one.box[0] < one.box[2] <= shape[1] and 0 <= one.box[1] < one.box[3] <= shape[0]
