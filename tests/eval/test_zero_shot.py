"""`evaluate_zero_shot` on a tiny set, with a scripted detector; its trivial detectors by hand."""

import json
import re
import shutil

import numpy as np
import pytest

from tests.eval.test_images import picture, save, untimed
from xad_agent.detectors.base import AnomalyMap
from xad_agent.errors import XadError
from xad_agent.eval import zero_shot
from xad_agent.eval.batch import Batch
from xad_agent.eval.zero_shot import Centre, Contrast, as_text, evaluate_zero_shot
from xad_agent.media import read_picture


class Brightness:
    """The brightness of a pixel is its anomaly; counts what it has seen."""

    name = "brightness"

    def __init__(self):
        self.seen = []

    def score(self, picture):
        self.seen.append(picture.name)
        values = picture.pixels[..., 0].astype(np.float32) / 255
        return AnomalyMap(values, float(values.max()), self.name)


@pytest.fixture
def nut(tmp_path):
    root = tmp_path / "data" / "nut"
    save(root / "train/good/0.png", picture())
    for name, mark in (("0", 0), ("1", 140)):
        save(root / f"test/good/{name}.png", picture(mark))
    for kind, name, mark in (("cut", "0", 200), ("cut", "1", 100), ("dent", "0", 255)):
        save(root / f"test/{kind}/{name}.png", picture(mark))
        save(root / f"ground_truth/{kind}/{name}_mask.png", np.pad(np.full((2, 4), 255), ((4, 6), (5, 7))))
    return root


def run(root, detector=None, **batch):
    return evaluate_zero_shot(root, detector=detector or Brightness(), batch=Batch(progress=False, **batch))


def test_metrics_beside_chance_and_baselines(nut):
    result = run(nut)
    assert (result["task"], result["category"], result["detector"], result["chance"]) == (
        "zero-shot",
        "nut",
        "brightness",
        0.5,
    )
    assert result["n"] == {"normal": 2, "defective": 3, "failed": 0}
    assert result["image_auroc"] == pytest.approx(5 / 6)
    assert result["pixel_auroc"] > 0.95
    assert {kind: part["n"] for kind, part in result["types"].items()} == {"cut": 2, "dent": 1}
    assert set(result["baselines"]) == {"centre", "contrast"}
    assert result["baselines"]["centre"]["image_auroc"] == 0.5
    assert 0 < result["baselines"]["contrast"]["pixel_auroc"] <= 1
    for one in (result, *result["baselines"].values()):
        low, high = one["pixel_auroc_interval"]
        assert low <= one["pixel_auroc"] <= high
    assert "threshold" not in result
    assert "false_alarm_rate" not in result
    assert json.loads(json.dumps(result)) == result


def test_normal_pictures_are_not_needed(nut):
    shutil.rmtree(nut / "train")
    detector = Brightness()
    run(nut, detector)
    assert sorted(detector.seen) == ["0.png", "0.png", "0.png", "1.png", "1.png"]


def test_a_stopped_run_goes_on(nut, tmp_path):
    whole, detector = run(nut, output=tmp_path / "out"), Brightness()
    lines = (tmp_path / "out/brightness/items.jsonl").read_text().splitlines()
    (tmp_path / "out/brightness/items.jsonl").write_text("\n".join(lines[:4]) + "\n")
    again = run(nut, detector, output=tmp_path / "out")
    assert detector.seen == ["0.png"]
    assert untimed(again["baselines"].pop("centre")) == untimed(whole["baselines"].pop("centre"))
    assert untimed(again | {"baselines": {}}) == untimed(whole | {"baselines": {}})
    with pytest.raises(XadError, match="results of other settings"):
        run(nut, output=tmp_path / "out", seed=1)


def test_a_failed_picture_is_named_and_counted(nut):
    (nut / "test/cut/0.png").write_bytes(b"no picture")
    save(nut / "ground_truth/cut/1_mask.png", np.zeros((12, 16)))
    result = run(nut)
    assert result["n"] == {"normal": 2, "defective": 1, "failed": 2}
    assert [failure["item"] for failure in result["failed"]] == ["cut/0.png", "cut/1.png"]
    assert "failed: cut/1.png" in as_text(result)


def test_several_categories(nut):
    shutil.copytree(nut, nut.parent / "bolt")
    result = run(nut.parent)
    assert list(result["categories"]) == ["bolt", "nut"]
    assert result["image_auroc"] == pytest.approx(5 / 6)
    assert result["baselines"]["centre"]["pixel_auroc"] == pytest.approx(
        result["categories"]["nut"]["baselines"]["centre"]["pixel_auroc"]
    )
    assert "mean of bolt, nut: no normal picture seen; 4 good and 6 defective" in as_text(result)


def test_the_table(nut):
    text = as_text(run(nut))
    assert text.startswith("nut: no normal picture seen; 2 good and 3 defective, 0 failed; seed 0\n")
    assert re.search(r"^brightness +83\.3 \(.* to .*\) +\S+ \(", text, re.MULTILINE)
    assert re.search(r"^chance +50\.0 +50\.0 +-$", text, re.MULTILINE)


def test_wrong_use_is_named(nut):
    with pytest.raises(XadError, match="no zero-shot detector 'magic': there are self-dissimilarity, centre, contrast"):
        run(nut, "magic")
    with pytest.raises(XadError, match="limit 0: take 1 or more"):
        run(nut, limit=0)


def test_a_baseline_is_not_its_own_baseline(nut):
    result = run(nut, "centre")
    assert (result["detector"], list(result["baselines"])) == ("centre", ["contrast"])


@pytest.mark.parametrize("shape", [(5, 9), (6, 4), (1, 1)])
def test_centre(shape):
    found = Centre().score(read_picture(np.zeros((*shape, 3), np.uint8)))
    assert found.values.shape == shape
    assert found.values.dtype == np.float32
    assert found.score == 0
    if shape == (5, 9):
        assert found.values[2, 4] == 1
        np.testing.assert_allclose(found.values[[0, 0, 4, 4], [0, 8, 0, 8]], 0, atol=1e-6)
        assert found.values[2, 0] == pytest.approx(1 - 1 / np.sqrt(2))


def test_contrast_finds_a_spot_and_not_a_slope():
    slope = np.repeat(np.linspace(60, 180, 200)[None], 120, axis=0)
    plain = read_picture(np.repeat(slope[..., None], 3, axis=2).astype(np.uint8))
    spotted = plain.pixels.copy()
    spotted[60:66, 100:106] = 20
    before, after = Contrast().score(plain), Contrast().score(read_picture(spotted))
    y, x = np.unravel_index(after.values.argmax(), after.values.shape)
    assert after.values.shape == (120, 200)
    assert (58 <= y < 68, 98 <= x < 108) == (True, True)
    assert after.score > 5 * before.score


def test_the_real_detector_is_loaded_by_name(monkeypatch):
    from tests.tiny import tiny_backbone

    monkeypatch.setattr("xad_agent.perception.backbone.load_backbone", lambda spec: tiny_backbone())
    assert zero_shot._loaded("self-dissimilarity", "timm:tiny").name == "self-dissimilarity"


def test_the_command(nut, monkeypatch, capsys):
    from xad_agent import cli

    monkeypatch.setattr(
        "sys.argv", ["xad", "eval", "zero-shot", str(nut), "--detector", "centre", "--limit", "1", "--json"]
    )
    with pytest.raises(SystemExit) as caught:
        cli.main()
    result = json.loads(capsys.readouterr().out)
    assert (caught.value.code or 0, result["detector"], result["n"]["defective"]) == (0, "centre", 2)


@pytest.mark.data
def test_blowholes_are_seen_without_a_normal_tile(data):
    result = evaluate_zero_shot(data / "magnetic_tile", batch=Batch(limit=6, progress=False))
    holes, by_contrast = result["types"]["blowhole"], result["baselines"]["contrast"]["types"]["blowhole"]
    assert result["n"] == {"normal": 6, "defective": 30, "failed": 0}
    assert holes["pixel_auroc"] > 0.97 > by_contrast["pixel_auroc"]
    assert holes["aupro"] > by_contrast["aupro"]
