"""`evaluate_clips` with a real, trivial scorer: the difference of consecutive frames, and its connected regions."""

import json

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from tests.eval.clip_method import Differences, read_clip, run, table
from tests.eval.clip_sets import FRAMES, save, write_clip_set
from xad_agent.errors import XadError
from xad_agent.eval.clips import ClipScores, as_text


@pytest.fixture
def walk(tmp_path):
    return write_clip_set(tmp_path / "walk")


def test_metrics_of_a_set(walk):
    result = run(walk, seed=3)
    assert result["n"] == {
        "train": 2,
        "scenes": 1,
        "clips": 2,
        "frames": 24,
        "anomalous_frames": 15,
        "tracks": 2,
        "regions": 15,
        "placed_clips": 2,
        "masked_clips": 2,
        "failed": 0,
    }
    assert (result["task"], result["category"], result["layout"], result["seed"]) == ("clips", "walk", "folders", 3)
    assert result["frame_auc_micro"] == pytest.approx(17 / 18), (
        "of 9 normal frames one ties: where clip 02's box is gone"
    )
    assert result["frame_auc_macro"] == pytest.approx((1 + 44.5 / 48) / 2), "clip 02: 44.5 of 8 x 6 pairs, two added"
    assert result["rbdc"] == result["tbdc"] == pytest.approx(1 - 15 / 24 / 2), (
        "15 ghosts in 24 frames, at the same score"
    )
    assert set(result["per_attribute"]) == set(result["items"][0]["attribute_auc"]) == {"moved", "mean"}
    assert result["per_attribute"]["mean"]["frame_auc_micro"] > 0.9
    assert result["per_attribute"]["mean"].keys() <= result.keys(), "the same AUCs as of all together"
    assert result["fps"] > 0 and result["seconds"] > result["fit_seconds"] > 0 and result["peak_memory_mb"] > 0
    rows = [(row["item"], row["kind"], row["frame_auc"]) for row in result["items"]]
    assert rows == [("01", "anomalous", 1), ("02", "anomalous", pytest.approx(0.9))]
    assert any(note.startswith("no tracks are given for clips 02") for note in result["notes"])
    assert result["event_f1_05"] == result["event_f1_01"] == 1, "8 of 8 and 7 of 8 frames of the two"
    assert 0.7 < result["pixel_auc"] < 1, "what moves is found where it was and where it is, not where it overlaps both"
    assert result["pixel_auc"] < result["pixel_auc_ucsd"] == pytest.approx(17 / 18), "one of 9 normal frames ties"
    json.dumps(result)


def test_false_alarms_are_shares_of_held_out_stretches_clips_and_frames(walk):
    alarms = run(walk)["false_alarm_rate"]
    assert (alarms["stretches"]["hits"], alarms["stretches"]["n"]) == (1, 4)
    assert (alarms["clips"]["hits"], alarms["clips"]["n"], alarms["clips"]["value"]) == (1, 2, 0.5)
    assert (alarms["frames"]["hits"], alarms["frames"]["n"], alarms["frames"]["value"]) == (1, 40, 1 / 40)
    assert alarms["frames"]["low"] <= 1 / 40 <= alarms["frames"]["high"]


class NothingHeldOut(Differences):
    def held_out_alarms(self):
        return []


def test_no_clip_held_out_no_false_alarm_rate(walk):
    result = run(walk, NothingHeldOut)
    assert result["false_alarm_rate"] is None
    assert "held-out" not in as_text(result)


def test_normalised_scores_are_apart(walk):
    class Shifted(Differences):
        def scores(self, clip):
            found = super().scores(clip)
            shift = 1000 * (clip.name == "02")
            return ClipScores(found.frame + np.float32(shift), found.attributes, found.boxes)

    result = run(walk, Shifted)
    assert result["frame_auc_micro"] < 0.8
    assert result["frame_auc_micro_normalised"] == pytest.approx(17 / 18)
    assert result["frame_auc_macro"] == result["frame_auc_macro_normalised"]


def test_a_clip_of_one_class_is_told(walk):
    for frame in range(FRAMES):
        save(walk / f"testing/masks/02/{frame:03}.png", np.zeros((24, 40)))
    result = run(walk)
    assert result["items"][1]["frame_auc"] is None
    assert "clips of one class, whose AUC is 1 in the macro mean: 02" in result["notes"]


class Broken(Differences):
    broken = staticmethod(lambda found: found)

    def scores(self, clip):
        found = super().scores(clip)
        return self.broken(found) if clip.name == "02" else found


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda found: ClipScores(found.frame[1:], found.attributes, table([])), "scores 'frame' are of shape (11,)"),
        (lambda found: ClipScores(found.frame * np.nan, found.attributes, table([])), "scores 'frame' are not finite"),
        (
            lambda found: ClipScores(found.frame, {"mean": found.frame, "moved": found.frame[:2]}, table([])),
            "scores 'moved'",
        ),
        (
            lambda found: ClipScores(found.frame, {"mean": found.frame}, table([])),
            "attributes ['mean'], other clips ['mean',",
        ),
        (lambda found: ClipScores(found.frame, found.attributes, table([99, 0, 0, 1, 1, 1])), "detection in frame 99"),
        (lambda found: ClipScores(found.frame, found.attributes, table([1, 0, 0, 1, 1, np.nan])), "must be finite"),
        (lambda found: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_clip_that_fails_is_counted_and_named(walk, broken, says):
    result = run(walk, type("Bad", (Broken,), {"broken": staticmethod(broken)}))
    assert (result["n"]["clips"], result["n"]["failed"], result["failed"][0]["item"]) == (1, 1, "02")
    assert says in result["failed"][0]["error"]
    assert "failed: 02: " in as_text(result)
    assert result["frame_auc_micro_interval"] is None, "one clip has no interval"


def test_nothing_scored_is_an_error(walk):
    class Dead(Differences):
        def scores(self, clip):
            raise XadError("no weights")

    with pytest.raises(XadError, match="no clip could be scored; the first: no weights"):
        run(walk, Dead)


def test_the_table(walk):
    text = as_text(run(walk))
    assert (
        "walk (folders): fitted on 2 normal clips, tested on 2 with 24 frames, 15 of them anomalous, 2 tracks; 0 failed"
        in text
    )
    header, moved, mean, combined = text.splitlines()[1:5]
    assert header.split() == ["frame", "AUC", "micro", "macro", "micro*", "macro*"]
    assert [line.split()[0] for line in (moved, mean, combined)] == ["moved", "mean", "combined"]
    assert combined.split()[1:] == ["94.4", "96.4"] * 2
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "TBDC 68.8 % (66.7 to 70.8)" in lines
    assert "false alarms, held-out clips 50.0 % (1 of 2; 1.3 to 98.7)" in lines


@pytest.mark.data
def test_two_clips_of_ped2(data, tmp_path):
    ped2 = data / "ucsd_ped2"
    for part in (
        "training/frames/01",
        "testing/frames/01",
        "testing/frames/07",
        "testing/masks/01",
        "testing/masks/07",
    ):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / part).symlink_to(ped2 / part)
    (tmp_path / "tracks.json").symlink_to(ped2 / "tracks.json")

    class Coarse(Differences):
        """Changes over 9 x 9 px, so that a person is one region; above the limit is a thousandth of a normal clip."""

        def __init__(self, training):
            self.limit = max(np.quantile(self.changes(read_clip(folder)), 0.999) for folder in training)

        @staticmethod
        def changes(clip):
            return uniform_filter(Differences.changes(clip), (1, 9, 9))

    result = run(tmp_path, Coarse)
    assert (result["n"]["frames"], result["n"]["anomalous_frames"], result["n"]["tracks"]) == (360, 255, 3)
    assert result["failed"] == []
    assert result["frame_auc_micro"] > 0.6
    assert 0.1 < result["rbdc"] <= result["tbdc"] <= 1
