"""Loading object detectors, and what the embedded one sees in real clips."""

from pathlib import Path

import numpy as np
import pytest

from xad_agent.errors import XadError
from xad_agent.media.reading import read_picture
from xad_agent.perception.objects import ObjectDetector, load_objects
from xad_agent.prompts import vocabulary


def test_names_are_those_of_coco() -> None:
    names = vocabulary("coco")
    assert len(set(names)) == len(names) == 80
    assert (names[0], names[1], names[7], names[36], names[79]) == (
        "person",
        "bicycle",
        "truck",
        "skateboard",
        "toothbrush",
    )


def test_unknown_detector() -> None:
    with pytest.raises(XadError, match="unknown object detector 'yolo': use 'nanodet'"):
        load_objects("yolo")


def test_missing_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAD_HOME", str(tmp_path))
    with pytest.raises(XadError, match="xad models pull nanodet"):
        load_objects()


@pytest.fixture(scope="module")
def nanodet() -> ObjectDetector:
    return load_objects()


def frame(data: Path, clip: str, number: int, part: str = "testing") -> np.ndarray:
    return read_picture(sorted((data / "ucsd_ped2" / part / "frames" / clip).iterdir())[number]).pixels


@pytest.mark.data
def test_walkers_are_persons(nanodet: ObjectDetector, data: Path) -> None:
    pixels = frame(data, "05", 60, "training")
    found = nanodet.detect(pixels, 200)
    sure = found.scores.max(axis=1) > 0.5
    assert sure.sum() >= 5
    assert {label for label, certain in zip(found.labels, sure, strict=True) if certain} == {"person"}
    scores = nanodet.classify(pixels, found.boxes[sure])
    assert np.median(scores[:, 0]) > 0.5
    assert (scores.argmax(axis=1) == 0).mean() >= 0.9
    empty = np.array([[10, 10, 30, 50], [200, 200, 220, 230]])
    assert nanodet.classify(pixels, empty).max() < 0.45


@pytest.mark.data
@pytest.mark.parametrize(
    ("clip", "number", "box", "names"),
    [
        ("04", 90, [236, 146, 315, 190], {"truck", "car", "bus"}),
        ("01", 100, [78, 120, 105, 142], {"bicycle", "motorcycle"}),
    ],
)
def test_vehicles_stand_out(
    nanodet: ObjectDetector, data: Path, clip: str, number: int, box: list[float], names: set[str]
) -> None:
    pixels = frame(data, clip, number)
    found = nanodet.detect(pixels, 200)
    sure = found.scores.max(axis=1) > 0.45
    (hit,) = [place for place, label in enumerate(found.labels) if sure[place] and label in names]
    assert np.abs(found.boxes[hit] - box).max() < 8
    columns = [nanodet.names.index(name) for name in names]
    (scores,) = nanodet.classify(pixels, np.array([box]))
    assert scores[columns].max() > 0.3
