"""Detectors side by side, on results of scripted evaluations: what is compared with what, and what is left out."""

import json
from pathlib import Path

import pytest

from xad_agent.errors import XadError
from xad_agent.eval import clip_layout, detectors
from xad_agent.eval.batch import Batch
from xad_agent.eval.layout import GOOD
from xad_agent.eval.sampling import Shard

KINDS = [GOOD] * 20 + ["cut"] * 20


def pictures(scores, pointed=False, **more):
    items = [
        {"item": f"{n}.png", "kind": kind, "score": score}
        for n, (kind, score) in enumerate(zip(KINDS, scores, strict=True))
    ]
    for item in items[20:] if pointed else ():
        item["map_peak_in_mask"] = True
    good, bad = scores[:20], scores[20:]
    auroc = sum((b > g) + (b == g) / 2 for g in good for b in bad) / 400
    return {
        "task": "images",
        "category": "nut",
        "directory": "nut",
        "n": {"normal": 20, "defective": 20},
        "items": items,
        "image_auroc": auroc,
        "image_auroc_interval": [auroc - 0.1, auroc],
        "seconds_per_picture": 0.1,
        "peak_memory_mb": 400.0,
        **more,
    }


STRONG, WEAK = [0.0] * 20 + [1.0] * 20, [n % 3 for n in range(40)]


def clip_run():
    items = [
        {
            "item": f"{n:02}",
            "kind": "defective",
            "frame_auc": 0.9,
            "attribute_auc": {"speed": 0.5 + n / 100},
            "seconds": 2.0,
        }
        for n in range(6)
    ]
    return {
        "task": "clips",
        "category": "walk",
        "directory": "walk",
        "n": {"clips": 6},
        "items": items,
        "frame_auc_macro": 0.9,
        "frame_auc_macro_interval": [0.8, 0.95],
        "per_attribute": {"speed": {"frame_auc_macro": 0.52, "frame_auc_macro_interval": [0.5, 0.55]}},
        "fit_seconds": 30.0,
        "peak_memory_mb": 900.0,
    }


@pytest.fixture
def scripted(monkeypatch):
    zero = pictures(WEAK, task="zero-shot", detector="self-dissimilarity", baselines={"centre": pictures([0.0] * 40)})
    results = {"_images": pictures(STRONG, pointed=True, fit_seconds=9.0), "_zero_shot": zero, "_clips": clip_run()}
    monkeypatch.setattr(detectors, "_alone", lambda evaluate, *arguments: results[evaluate.__name__])
    monkeypatch.setattr(clip_layout, "is_clip_set", lambda directory: Path(directory).name == "walk", raising=False)
    return results


def run(*sets, **options):
    return detectors.evaluate_detectors(sets, batch=Batch(progress=False), **options)


def test_detectors_are_held_against_the_best_of_their_set(scripted):
    result = run("data/nut", "data/walk")
    nut, walk = result["sets"].values()
    assert (nut["best"], walk["best"]) == ("patchcore", "profile")
    assert list(nut["detectors"]) == ["patchcore", "self-dissimilarity", "centre"]
    behind = nut["detectors"]["centre"]["to_best"]
    assert behind["difference"] == pytest.approx(-0.5) and behind["more_than_noise"] and behind["p_adjusted"] < 0.05
    assert nut["detectors"]["patchcore"]["to_best"] is None
    assert (nut["detectors"]["patchcore"]["fit_seconds"], nut["detectors"]["centre"]["fit_seconds"]) == (9.0, None)
    speed = walk["detectors"]["speed"]
    assert speed["to_best"]["difference"] == pytest.approx(-0.375) and speed["to_best"]["n"] == 6
    assert speed["to_best"]["p_value"] == pytest.approx(2 / 2**6), "all six clips one way"
    assert speed["peak_memory_mb"] is None, "an attribute costs what the profile costs"
    assert json.loads(json.dumps(result)) == result
    text = detectors.as_text(result)
    assert "the best" in text and "more than noise" in text and "frame AUC macro" in text


def test_items_can_be_compared_later(scripted, tmp_path):
    batch = Batch(output=tmp_path / "out", progress=False, report=tmp_path / "page.html")
    result = detectors.evaluate_detectors(["data/nut"], batch=batch)
    assert result["items"][20] == {
        "item": "1-nut: 20.png",
        "kind": "cut",
        "patchcore": {"image_auroc": 1.0, "pointing": True},
        "self-dissimilarity": {"image_auroc": 2},
        "centre": {"image_auroc": 0.0},
    }
    assert (tmp_path / "out/result.json").is_file() and "patchcore" in (tmp_path / "page.html").read_text("utf-8")


def test_without_good_pictures_pointing_is_compared(scripted, monkeypatch):
    def without_good(result, right):
        items = [item | {"map_peak_in_mask": right} for item in result["items"][20:]]
        return result | {"items": items, "image_auroc": None, "baselines": {}}

    bad = {
        "_images": without_good(scripted["_images"], True),
        "_zero_shot": without_good(scripted["_zero_shot"], False),
    }
    monkeypatch.setattr(detectors, "_alone", lambda evaluate, *arguments: bad[evaluate.__name__])
    of = run("data/nut")["sets"]["1-nut"]
    assert (of["best"], of["compared_by"]) == ("patchcore", "pointing")
    behind = of["detectors"]["self-dissimilarity"]["to_best"]
    assert behind["difference"] == -1 and behind["p_value"] == pytest.approx(2 / 2**20)


def test_a_detector_that_fails_is_named_and_the_others_stay(scripted, monkeypatch):
    def failing(evaluate, *arguments):
        if evaluate.__name__ == "_images":
            raise XadError("no normal pictures")
        return scripted[evaluate.__name__]

    monkeypatch.setattr(detectors, "_alone", failing)
    result = run("data/nut")
    assert result["failed"] == [{"item": "1-nut: patchcore", "error": "no normal pictures"}]
    assert list(result["sets"]["1-nut"]["detectors"]) == ["self-dissimilarity", "centre"]
    monkeypatch.setattr(detectors, "_alone", lambda *_: (_ for _ in ()).throw(XadError("gone")))
    with pytest.raises(XadError, match="no detector could be run; the first: gone"):
        run("data/nut")


def test_shards_are_for_single_evaluations(tmp_path):
    with pytest.raises(XadError, match="compares whole sets"):
        detectors.evaluate_detectors(["nut"], batch=Batch(output=tmp_path, shard=Shard(1, 2)))


def _in_a_process(directory, alpha, extra, batch):
    raise XadError(f"{directory}: {alpha}")


def test_an_error_comes_out_of_the_process_as_it_was():
    with pytest.raises(XadError, match=r"^nut: 0\.1$"):
        detectors._alone(_in_a_process, "nut", 0.1, (), Batch())
