"""`evaluate_images` in MVTec LOCO's layout, with a scripted profile: AU-sPRO by kind, by hand."""

import json
from shutil import copytree

import numpy as np
import pytest

from tests.eval.test_images import fakes, picture, save
from xad_agent.eval.batch import Batch
from xad_agent.eval.images import as_text, evaluate_images

__all__ = ["fakes"]
WHOLE = np.pad(np.full((2, 4), 255), ((4, 6), (5, 7)))  # where `picture` has its mark
CONFIG = [
    {"defect_name": "missing", "pixel_value": 255, "saturation_threshold": 4, "relative_saturation": False},
    {"defect_name": "scratch", "pixel_value": 9, "saturation_threshold": 1.0, "relative_saturation": True},
]


@pytest.fixture
def box(tmp_path):
    """Two logical anomalies, one of them seen; a structural one of which half is seen."""
    root = tmp_path / "box"
    for name in "ab":
        save(root / f"train/good/{name}.png", picture())
    save(root / "validation/good/c.png", picture())
    for name in "01":
        save(root / f"test/good/{name}.png", picture())
    for kind, name, mark, mask in (
        ("logical_anomalies", "0", 200, WHOLE),
        ("logical_anomalies", "1", 0, WHOLE),
        ("structural_anomalies", "0", 200, np.pad(np.full((4, 4), 9), ((2, 6), (5, 7)))),
    ):
        save(root / f"test/{kind}/{name}.png", picture(mark))
        save(root / f"ground_truth/{kind}/{name}/000.png", mask)
    (root / "defects_config.json").write_text(json.dumps(CONFIG))
    return root


def test_kinds_apart_and_their_mean(fakes, box):
    result = json.loads(json.dumps(evaluate_images(box, batch=Batch(progress=False))))
    assert (result["layout"], result["n"]["train"]) == ("MVTec LOCO", 3)
    # logical: one is found whole above all that is normal, of the other nothing; structural: one half. The rest comes
    # with every pixel of value 0, which is all but one of each picture, on a straight line to a rate of 1.
    for limit, area in result["au_spro"]["logical_anomalies"].items():
        assert area == pytest.approx(0.5 + 0.5 * float(limit) / 2, abs=0.02)
    for limit in ("0.05", "1"):
        kinds = [result["au_spro"][kind][limit] for kind in ("logical_anomalies", "structural_anomalies")]
        assert result["au_spro"]["mean"][limit] == pytest.approx(np.mean(kinds))
    assert result["image_auroc_mean"] == pytest.approx((0.75 + 1) / 2)
    assert {name: row["n"] for name, row in result["au_spro_defects"].items()} == {"missing": 2, "scratch": 1}
    low, high = result["au_spro_intervals"]["logical_anomalies"]["0.05"]
    assert low <= result["au_spro"]["logical_anomalies"]["0.05"] <= high
    assert result["types"].keys() == {"logical_anomalies", "structural_anomalies"}


def test_the_table_has_it_and_several_categories_their_mean(fakes, box, tmp_path):
    for name in ("one", "two"):
        copytree(box, tmp_path / "all" / name)
    result = evaluate_images(tmp_path / "all", batch=Batch(progress=False))
    one = next(iter(result["categories"].values()))
    assert result["au_spro"] == one["au_spro"]
    assert "AU-sPRO, up to a rate of" in as_text(one)
    assert as_text(result).count("AU-sPRO, up to a rate of") == 3


def test_without_good_tests_the_mean_is_not_defined(fakes, box):
    for path in (box / "test/good").iterdir():
        path.unlink()
    (box / "test/good").rmdir()
    result = evaluate_images(box, batch=Batch(progress=False))
    assert result["image_auroc_mean"] is None
    assert result["au_spro"]["mean"]["0.05"] is not None
