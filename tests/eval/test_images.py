"""`evaluate_images` on a tiny data set, with a scripted profile: what it counts, keeps, resumes and says."""

import json
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from xad_agent.detectors.base import AnomalyMap
from xad_agent.errors import XadError
from xad_agent.eval import images
from xad_agent.eval.batch import Batch
from xad_agent.eval.metrics import auroc
from xad_agent.evidence import Evidence, Quantity, Region, run_lengths

THRESHOLD = 0.5


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def picture(mark=0, size=(12, 16)):
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[4:6, 5:9] = mark
    pixels[0, 0] = 20
    return pixels


class ScriptedProfile:
    """The brightness of a pixel is its anomaly; counts how often it is fitted, and what it has examined."""

    fits = 0
    examined: ClassVar[list[str]] = []
    exemplars = 0
    calibration = SimpleNamespace(threshold=lambda alpha: THRESHOLD, p_value=lambda score: 1 / (1 + score))

    @classmethod
    def fit(cls, normal, **options):
        cls.fits += 1
        assert options == {"alpha": 0.05, "seed": 0, "progress": False}
        assert len(normal) == 3
        return cls()

    @classmethod
    def load(cls, folder):
        assert (folder / "profile.json").is_file()
        return cls()

    def save(self, folder):
        folder.mkdir()
        (folder / "profile.json").write_text("{}")

    def examine(self, picture):
        self.examined.append(picture.name)
        values = picture.pixels[..., 0].astype(np.float32) / 255
        return AnomalyMap(values, float(values.max()), "scripted")

    def nearest_pictures(self, picture, k):
        return []


def find_candidate(anomaly_map, picture, contrast):
    y, x = (int(n) for n in np.unravel_index(anomaly_map.values.argmax(), anomaly_map.values.shape))
    return Region(label="candidate", box=(x, y, x + 1, y + 1), score=1, peak=(x, y), area_share=0.1)


def find_regions(anomaly_map, picture, calibration):
    mask = anomaly_map.values > THRESHOLD
    if not mask.any():
        return []
    ys, xs = np.nonzero(mask)
    box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    peak = (int(xs[0]), int(ys[0]))
    return [Region(label="region 1", box=box, score=1, peak=peak, area_share=0.1, rle=run_lengths(mask))]


def try_to_refute(picture, found, profile):
    return SimpleNamespace(verdict="anomalous" if found.score > THRESHOLD else "normal")


def repair(case):
    after = 0.1 if case.picture.pixels.max() < 250 else 0.9
    quantities = (Quantity(name="score after repair", value=after), Quantity(name="threshold", value=THRESHOLD))
    return Evidence(id="E1", tool="repair", statement="Repaired.", quantities=quantities if case.regions else ())


@pytest.fixture
def fakes(monkeypatch):
    ScriptedProfile.fits, ScriptedProfile.examined = 0, []
    for name, content in {
        "xad_agent.picture_profile": {"PictureProfile": ScriptedProfile},
        "xad_agent.regions": {
            "find_regions": find_regions,
            "find_candidate": find_candidate,
            "by_salience": lambda regions, anomaly_map, contrast: tuple(regions),
        },
        "xad_agent.refutation": {"try_to_refute": try_to_refute},
        "xad_agent.tools.repair": {"repair": repair},
    }.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return ScriptedProfile


@pytest.fixture
def nut(tmp_path):
    """Two good pictures, one of them a false alarm; a clear, a weak and a smaller defect of two types."""
    root = tmp_path / "data" / "nut"
    for name in "abc":
        save(root / f"train/good/{name}.png", picture())
    save(root / "test/good/0.png", picture())
    save(root / "test/good/1.png", picture(140))
    for kind, name, mark in (("cut", "0", 200), ("cut", "1", 100), ("dent", "0", 255)):
        save(root / f"test/{kind}/{name}.png", picture(mark))
        save(root / f"ground_truth/{kind}/{name}_mask.png", np.pad(np.full((2, 4), 255), ((4, 6), (5, 7))))
    return root


def run(root, repair=True, **batch):
    return images.evaluate_images(root, repair=repair, batch=Batch(progress=False, **batch))


TIMED = ("fit_seconds", "seconds_per_picture", "repair_seconds_per_picture", "peak_memory_mb")


def untimed(result):
    """A result without what differs from run to run."""
    items = [{key: one[key] for key in one if "seconds" not in key} for one in result["items"]]
    return {key: result[key] for key in result if key not in (*TIMED, "machine")} | {"items": items}


def test_metrics_of_a_set(fakes, nut):
    result = run(nut)
    assert result["n"] == {"train": 3, "normal": 2, "defective": 3, "failed": 0}
    assert (result["category"], result["alpha"], result["seed"], result["threshold"]) == ("nut", 0.05, 0, THRESHOLD)
    assert result["image_auroc"] == pytest.approx(5 / 6)
    assert result["pixel_auroc"] > 0.95
    shares = {name: (result[name]["hits"], result[name]["n"]) for name in result if name in images_shares()}
    assert shares == {
        "false_alarm_rate": (1, 2),
        "detection_rate": (2, 3),
        "pointing_game": (3, 3),
        "pointing_game_regions": (2, 3),
        "pointing_game_map": (3, 3),
        "repair_below_threshold": (1, 2),
        "repair_below_threshold_all": (2, 3),
    }
    assert (result["region_iou"], result["region_iou_best"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert {kind: part["n"] for kind, part in result["types"].items()} == {"cut": 2, "dent": 1}
    assert result["types"]["dent"]["image_auroc"] == 1
    assert result["failed"] == []


def images_shares():
    from xad_agent.eval.summary import SHARES

    return SHARES


def test_the_result_is_json_and_the_same_each_time(fakes, nut):
    first, second = run(nut), run(nut)
    assert json.loads(json.dumps(first)) == first
    assert all(first[timed] > 0 for timed in TIMED)
    assert untimed(first) == untimed(second)


def test_a_failed_picture_is_named_and_counted(fakes, nut):
    (nut / "test/cut/0.png").write_bytes(b"no picture")
    save(nut / "ground_truth/cut/1_mask.png", np.zeros((12, 16)))
    result = run(nut)
    assert result["n"] == {"train": 3, "normal": 2, "defective": 1, "failed": 2}
    assert [failure["item"] for failure in result["failed"]] == ["cut/0.png", "cut/1.png"]
    assert "marks no pixel" in result["failed"][1]["error"]
    assert "2 pictures failed and are in no metric" in result["notes"]
    assert "failed: cut/1.png" in images.as_text(result)


def test_nothing_scored_is_an_error(fakes, nut, monkeypatch):
    monkeypatch.setattr(fakes, "examine", lambda self, picture: 1 / 0)
    with pytest.raises(XadError, match="no picture could be scored; the first: ZeroDivisionError"):
        run(nut)


def test_a_map_that_is_not_finite_is_a_failure_of_its_picture(fakes, nut, monkeypatch):
    examine = fakes.examine

    def spoiled(self, picture):
        found = examine(self, picture)
        if picture.name == "1.png":
            found.values[0, 0] = np.nan
        return found

    monkeypatch.setattr(fakes, "examine", spoiled)
    assert [failure["item"] for failure in run(nut)["failed"]] == ["good/1.png", "cut/1.png"]


def test_a_stopped_run_goes_on(fakes, nut, tmp_path):
    whole = run(nut, output=tmp_path / "out")
    lines = (tmp_path / "out/items.jsonl").read_text().splitlines()
    assert len(lines) == 5
    failed = json.dumps({"item": "cut/1.png", "kind": "cut", "error": "out of memory"})
    (tmp_path / "out/items.jsonl").write_text("\n".join([*lines[:3], failed, lines[4][:20]]))
    next((tmp_path / "out/arrays").glob("good_0.png-*.npz")).unlink()
    fakes.examined.clear()
    again = run(nut, output=tmp_path / "out")
    assert (fakes.fits, fakes.examined) == (1, ["0.png", "1.png", "0.png"])
    assert untimed(again) == untimed(whole)


def test_results_of_other_settings_are_not_mixed(fakes, nut, tmp_path):
    run(nut, output=tmp_path / "out")
    with pytest.raises(XadError, match=r"results of other settings \(limit None, now 1\)") as caught:
        run(nut, output=tmp_path / "out", limit=1)
    assert caught.value.exit_code == 2


def test_wrong_use_is_named(fakes, nut, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(XadError, match="cannot be made a folder"):
        run(nut, output=tmp_path / "file")
    with pytest.raises(XadError, match="limit 0: take 1 or more"):
        run(nut, limit=0)


def test_limit_draws_some_of_each_type(fakes, nut):
    assert run(nut, limit=1)["n"] == {"train": 3, "normal": 1, "defective": 2, "failed": 0}


def test_no_good_and_no_defective_pictures(fakes, nut, tmp_path):
    (nut / "test/good").rename(tmp_path / "good")
    result = run(nut, repair=False)
    assert (result["image_auroc"], result["false_alarm_rate"]["value"]) == (None, None)
    assert result["aupro"] is not None
    assert result["repair_below_threshold"]["n"] == 0
    (nut / "test/cut").rename(tmp_path / "cut")
    (nut / "test/dent").rename(tmp_path / "dent")
    (tmp_path / "good").rename(nut / "test/good")
    result = run(nut)
    assert result["false_alarm_rate"]["hits"] == 1
    assert (result["pixel_auroc"], result["aupro"], result["region_iou"], result["types"]) == (None, None, None, {})
    assert "no defective test picture: no metric of detection or place is defined" in images.as_text(result)


def test_several_categories(fakes, nut):
    import shutil

    shutil.copytree(nut, nut.parent / "bolt")
    result = run(nut.parent)
    assert list(result["categories"]) == ["bolt", "nut"]
    assert result["image_auroc"] == result["categories"]["nut"]["image_auroc"]
    assert (result["false_alarm_rate"]["hits"], result["false_alarm_rate"]["n"]) == (2, 4)
    assert "mean of bolt, nut" in images.as_text(result)


def test_the_table(fakes, nut):
    text = images.as_text(run(nut))
    assert text.startswith("nut: fitted on 3, tested on 2 good and 3 defective, 0 failed; alpha 0.05, seed 0\n")
    assert re.search(r"^false alarms on good pictures +50\.0 % \(1 of 2; 1\.3 to 98\.7\)$", text, re.MULTILINE)
    assert len([line for line in text.splitlines() if line.startswith(("cut ", "dent", "all "))]) == 3


def test_missing_sklearn_says_what_to_install(nut, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(XadError, match=r'pip install "xad-agent\[eval\]"'):
        run(nut)


def test_fast_auroc_equals_sklearn():
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(0)
    normal, defective = random.integers(0, 9, 40), random.integers(2, 12, 30)
    truth = np.repeat([0, 1], [40, 30])
    assert auroc(normal, defective) == pytest.approx(roc_auc_score(truth, np.concatenate([normal, defective])))
