"""Detectors with a fixed vocabulary: what they find is what transformers gives, under the names they know."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.finders import write_detector, write_grounding
from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.media.reading import read_picture
from xad_agent.perception.object_detector import ObjectDetector, load_detector


def picture(height: int = 90, width: int = 130) -> Picture:
    return read_picture(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detector(tmp_path_factory.mktemp("detector"))


@pytest.fixture(scope="module")
def detector(folder: Path) -> ObjectDetector:
    return load_detector(str(folder))


def test_detects_what_transformers_does(folder: Path, detector: ObjectDetector) -> None:
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    seen = picture()
    images = AutoImageProcessor.from_pretrained(folder)
    network = AutoModelForObjectDetection.from_pretrained(folder).eval()
    with torch.inference_mode():
        outputs = network(**images(images=Image.fromarray(seen.pixels), return_tensors="pt"))
    (expected,) = images.post_process_object_detection(outputs, threshold=0.2, target_sizes=[(90, 130)])
    named = [(float(s), int(label)) for s, label in zip(expected["scores"], expected["labels"], strict=True)]
    wanted = sorted(((score, ("dog", "", "red screw")[label]) for score, label in named if label != 1), reverse=True)
    found = detector.detect(seen, 0.2)
    assert [(one.score, one.words) for one in found] == wanted
    assert len(found) > 3 and all(one.phrase == one.words for one in found)
    for one in found:
        row = expected["scores"].tolist().index(one.score)
        clipped = expected["boxes"][row].clamp(min=0).minimum(torch.tensor([130.0, 90, 130, 90]))
        assert one.box == pytest.approx(clipped.tolist(), abs=1e-4)


def test_finds_by_name_however_it_is_written(detector: ObjectDetector) -> None:
    everything = detector.detect(picture(), 0.1)
    assert detector.vocabulary == {"dog", "red screw"}
    found = detector.find(picture(), ["Red  screw", "dog", "dog", " DOG"], 0.1)
    dogs = [one for one in everything if one.phrase == "dog"]
    assert len(dogs) > 0 and {one.phrase for one in found} >= {"dog", " DOG"}
    for asked in ("dog", " DOG"):
        assert [(one.box, one.score, one.words) for one in found if one.phrase == asked] == [
            (one.box, one.score, "dog") for one in dogs
        ]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert detector.find(picture(), [], 0.1) == []


@pytest.mark.parametrize("phrase", ["", "N/A", "dgo", "螺丝", "dog screw"])
def test_what_it_does_not_know_is_refused(detector: ObjectDetector, phrase: str) -> None:
    with pytest.raises(XadError, match=r"knows 2 kinds of things.*such as (dog|red screw)"):
        detector.find(picture(), ["dog", phrase], 0.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 2), (6000, 8000)])
def test_boxes_lie_within_the_original(detector: ObjectDetector, shape: tuple[int, int]) -> None:
    found = detector.detect(picture(*shape), 0.0)
    for one in found:
        assert 0 <= one.box[0] < one.box[2] <= shape[1] and 0 <= one.box[1] < one.box[3] <= shape[0]
    if max(shape) == 8000:
        assert max(one.box[2] for one in found) > 2000


def test_what_is_no_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(XadError, match="of the kind grounding-dino, not an object detector"):
        load_detector(str(write_grounding(tmp_path / "grounding")))
    (tmp_path / "weights.pth").write_bytes(b"1")
    with pytest.raises(XadError, match="a folder or a hub's name"):
        load_detector(f"detr@{tmp_path / 'weights.pth'}")
