"""`evaluate_clips` by the batch: every layout, resumption, parts, failures, sets of one class, and the page."""

import json

import numpy as np
import pytest

from tests.eval.clip_method import Differences, Method, run
from tests.eval.clip_sets import FRAMES, mask, save, write_clip_set
from tests.eval.published_sets import (
    WRITERS,
    write_avenue,
    write_shanghaitech,
    write_ucsd,
)
from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch
from xad_agent.eval.clips import as_text, evaluate_clips
from xad_agent.eval.sampling import Shard


@pytest.fixture
def walk(tmp_path):
    return write_clip_set(tmp_path / "walk")


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_is_measured(tmp_path, layout):
    result = run(WRITERS[layout](tmp_path / "set"))
    assert (result["layout"], result["n"]["clips"], result["failed"]) == (layout, 2, [])
    assert result["frame_auc_micro"] > 0.8 and result["rbdc"] > 0.5 and result["tbdc"] > 0.5
    assert result["event_f1_01"] is not None
    if layout == "street-scene":
        assert result["pixel_auc"] is result["pixel_auc_ucsd"] is result["pixel_auc_interval"] is None
        assert "no pixel masks: pixel AUCs are without all 2 clips" in result["notes"]
    else:
        assert result["pixel_auc"] > 0.75 and result["pixel_auc_ucsd"] > 0.5


def test_frame_labels_alone_give_metrics_of_frames_and_say_so(tmp_path):
    write_shanghaitech(tmp_path)
    for path in (tmp_path / "testing/test_pixel_mask").iterdir():
        path.unlink()
    result = run(tmp_path)
    assert result["frame_auc_micro"] > 0.8 and result["event_f1_01"] is not None
    assert [result[key] for key in ("rbdc", "tbdc", "pixel_auc", "pixel_auc_ucsd", "rbdc_interval")] == [None] * 5
    assert "only frames are labelled, no places: RBDC and TBDC are without all 2 clips" in result["notes"]
    assert "RBDC" in as_text(result)


def test_of_ped1_places_are_measured_where_they_are_known(tmp_path):
    result = run(write_ucsd(tmp_path, masked=("01",)))
    assert (result["n"]["clips"], result["n"]["placed_clips"], result["n"]["masked_clips"]) == (2, 1, 1)
    assert any("RBDC and TBDC are without 1 of 2 clips (Test002)" in note for note in result["notes"])


def test_each_scene_has_its_own_scorer(tmp_path):
    method = Method()
    result = evaluate_clips(write_shanghaitech(tmp_path), method, batch=Batch(progress=False))
    assert method.fits == [["01_001.avi"], ["02_001.avi"]]
    assert (result["n"]["scenes"], result["false_alarm_rate"]["clips"]["n"]) == (2, 4)
    assert any(note.startswith("2 scenes, each with a scorer of its own") for note in result["notes"])


def test_a_clip_of_a_scene_without_normal_clips_fails_alone(tmp_path):
    write_shanghaitech(tmp_path)
    (tmp_path / "training/videos/02_001.avi").unlink()
    (failure,) = run(tmp_path)["failed"]
    assert failure == {"item": "02_0002", "error": "clip 02_0002: there are no normal clips of its scene 02"}


class Stopped(Differences):
    """Stops the second clip as a user would."""

    stop = True

    def scores(self, clip):
        if clip.name == "02" and Stopped.stop:
            raise KeyboardInterrupt
        self.seen.append(clip.name)
        return super().scores(clip)


def test_a_stopped_run_goes_on_where_it_was_and_gives_the_same(walk, tmp_path, monkeypatch):
    Stopped.seen, method = [], Method(Stopped, alpha=0.1)
    batch = Batch(tmp_path / "out", progress=False)
    with pytest.raises(KeyboardInterrupt):
        evaluate_clips(walk, method, batch=batch)
    assert Stopped.seen == ["01"]
    monkeypatch.setattr(Stopped, "stop", False)
    result = evaluate_clips(walk, method, batch=batch)
    assert Stopped.seen == ["01", "02"] and len(method.fits) == 1
    again = json.loads((tmp_path / "out/result.json").read_text())
    whole = run(walk)
    for key in ("frame_auc_micro", "rbdc_interval", "pixel_auc", "event_f1_05", "per_attribute", "notes", "n"):
        assert again[key] == result[key] == whole[key], key
    assert evaluate_clips(walk, method, batch=batch)["items"] == result["items"], "nothing is scored again"
    with pytest.raises(XadError, match=r"holds results of other settings \(alpha 0.1, now 0.2\)"):
        evaluate_clips(walk, Method(Stopped, alpha=0.2), batch=batch)


def test_a_clip_whose_scores_are_gone_is_scored_again(walk, tmp_path):
    batch = Batch(tmp_path / "out", progress=False)
    first = evaluate_clips(walk, Method(), batch=batch)
    next((tmp_path / "out/arrays").glob("02*")).unlink()
    assert evaluate_clips(walk, Method(), batch=batch)["rbdc"] == first["rbdc"]


def test_shards_share_a_folder_and_are_gathered(walk, tmp_path):
    whole = run(walk)
    method = Method()
    for number in (1, 2):
        part = Batch(tmp_path / "out", shard=Shard(number, 2), progress=False)
        assert evaluate_clips(walk, method, batch=part)["n"]["clips"] == 1
    gathered = evaluate_clips(walk, method, batch=Batch(tmp_path / "out", progress=False))
    assert len(method.fits) == 1
    assert (gathered["n"], gathered["rbdc"], gathered["pixel_auc"]) == (whole["n"], whole["rbdc"], whole["pixel_auc"])


def test_a_limit_is_of_each_kind(walk):
    for frame in range(FRAMES):
        save(walk / f"testing/frames/03/{frame:03}.png", mask(None))
        save(walk / f"testing/masks/03/{frame:03}.png", mask(None))
    result = run(walk, limit=1)
    assert [item["kind"] for item in result["items"]] == ["anomalous", "normal"]


def test_masks_of_another_size_than_the_frames_fail_their_clip(tmp_path):
    write_shanghaitech(tmp_path)
    pixels = np.zeros((FRAMES, 8, 8), np.uint8)
    pixels[5:] = 1
    np.save(tmp_path / "testing/test_pixel_mask/01_0001.npy", pixels)
    (failure,) = run(tmp_path)["failed"]
    assert failure["error"] == "clip 01_0001: its masks are 8 x 8 px, its frames 40 x 24 px"


def test_a_damaged_mask_fails_its_clip(walk):
    (walk / "testing/masks/02/005.png").write_text("x")
    result = run(walk)
    assert (result["items"][1]["kind"], result["n"]["failed"]) == ("unreadable", 1)
    assert "005.png: the mask cannot be read" in result["failed"][0]["error"]


def test_labels_of_another_length_than_the_video_fail_their_clip(tmp_path):
    write_avenue(tmp_path)
    (tmp_path / "testing_videos/01.avi").unlink()
    from tests.eval.published_sets import film

    film(tmp_path / "testing_videos/01.avi", [None] * 9)
    (failure,) = run(tmp_path)["failed"]
    assert failure["error"] == "clip 01: 12 frames are labelled, 9 can be read"


@pytest.mark.parametrize("which", ["normal", "anomalous"])
def test_a_set_of_one_class_says_that_there_is_no_curve(walk, which):
    shown = mask((2, 2, 12, 9)) if which == "anomalous" else mask(None)
    (walk / "tracks.json").unlink()
    for clip in ("01", "02"):
        for frame in range(FRAMES):
            save(walk / f"testing/masks/{clip}/{frame:03}.png", shown)
    result = run(walk)
    assert any(note.startswith(f"every frame is {which}: no frame AUC") for note in result["notes"])
    keys = [key for key in result if key.startswith("frame_auc") or key.startswith("pixel_auc_ucsd")]
    keys += ["pixel_auc", "rbdc", "tbdc", "event_f1_01"] if which == "normal" else []
    assert [key for key in keys if result[key] is not None] == []
    as_text(result)


def test_the_page_shows_the_best_and_the_worst(walk, tmp_path):
    result = run(walk, report=tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Clips of walk" in page and page.count("<svg") == 4, "bars, a histogram, two timelines"
    assert "best: clip 01, frame AUC 100.0" in page and "worst: clip 02, frame AUC 90.0" in page
    assert page.count("data:image/jpeg") == 6 and "anomalous, lowest score" in page
    assert json.dumps(result)


def test_the_page_of_a_set_without_curves(tmp_path, walk):
    for clip in ("01", "02"):
        for frame in range(FRAMES):
            save(walk / f"testing/masks/{clip}/{frame:03}.png", mask(None))
    (walk / "tracks.json").unlink()
    run(walk, report=tmp_path / "page.html")
    assert "every frame is normal" in (tmp_path / "page.html").read_text()
