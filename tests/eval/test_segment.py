from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xad_agent.errors import XadError
from xad_agent.eval.segment import as_text, evaluate_segmenters


@pytest.fixture
def category(tmp_path: Path) -> Path:
    """Pictures with two bright squares on noise, in MVTec's layout; one mask has a speck besides."""
    random = np.random.default_rng(0)
    for folder in ("train/good", "test/good", "test/spot", "ground_truth/spot"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(3):
        grey, mask = random.normal(90, 8, (80, 100)), np.zeros((80, 100), np.uint8)
        for folder in ("train/good", "test/good"):
            Image.fromarray(grey.astype(np.uint8)).save(tmp_path / folder / f"{number}.png")
        for x in (10, 60):
            grey[30:50, x : x + 20] += 100
            mask[30:50, x : x + 20] = 255
        mask[70, 5:7] = 255 if number == 0 else 0
        Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "test/spot" / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / "ground_truth/spot" / f"{number}_mask.png")
    return tmp_path


def test_each_piece_of_a_mask_is_cut_out_of_its_own_box(category: Path):
    result = evaluate_segmenters(category)
    assert result["n"] == {"pictures": 3, "boxes": 6, "specks": 1}
    methods = result["methods"]
    assert list(methods) == ["embedded", "grabcut", "box"]
    assert methods["box"]["mean_iou"] == 1, "the pieces are rectangles"
    assert 0.7 < methods["embedded"]["mean_iou"] < 1
    assert methods["embedded"]["types"] == {"spot": pytest.approx(methods["embedded"]["mean_iou"])}
    difference = methods["embedded"]["mean_iou"] - methods["grabcut"]["mean_iou"]
    assert result["over_grabcut"] == pytest.approx(difference)
    low, high = result["over_grabcut_interval"]
    assert low <= result["over_grabcut"] <= high
    text = as_text(result)
    assert "6 boxes in 3 pictures" in text and "box: 100.0 (100.0 to 100.0)" in text


def test_a_limit_draws_pictures(category: Path):
    assert evaluate_segmenters(category, limit=1)["n"]["pictures"] == 1


def test_masks_of_specks_alone_are_refused(category: Path):
    for mask in (category / "ground_truth/spot").iterdir():
        speck = np.zeros((80, 100), np.uint8)
        speck[3, 3] = 255
        Image.fromarray(speck).save(mask)
    with pytest.raises(XadError, match="no mask has a piece of at least 9 px"):
        evaluate_segmenters(category)


@pytest.mark.data
@pytest.mark.parametrize("directory", ["magnetic_tile", "mvtec_screw/screw"])
def test_real_defects_are_cut_out_better_than_by_grabcut(data: Path, directory: str):
    result = evaluate_segmenters(data / directory, limit=8)
    assert result["over_grabcut"] > 0
    assert result["methods"]["embedded"]["mean_iou"] > result["methods"]["box"]["mean_iou"]
