"""The ablation of VQU-Net with networks of two channels on clips of 24 x 40 px."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.eval.clip_sets import ANOMALOUS, FRAMES, write_clip_set
from xad_agent.cli import app
from xad_agent.detectors.vqunet import Architecture, VquNet
from xad_agent.detectors.vqunet.network import VquNetwork
from xad_agent.errors import XadError
from xad_agent.eval.clip_metrics import frame_auc_micro, normalised
from xad_agent.eval.vqunet import VARIANTS, _counted, _usage, as_text, evaluate_vqunet
from xad_agent.foresight import frame_scores, smoothed
from xad_agent.media import read_clip

SMALL = {"steps": 2, "width": 2, "side": 16, "progress": False}


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    return write_clip_set(tmp_path_factory.mktemp("walk"))


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def result(walk, work):
    return evaluate_vqunet(walk, work=work, seed=1, **SMALL)


def test_every_variant_is_measured(result):
    rows = {row["item"]: row for row in result["variants"]}
    assert list(rows) == list(VARIANTS)
    assert [len(row["codes"]) for row in rows.values()] == [0, 1, 0, 1, 4], "quantised skips have a codebook each"
    assert [row["task"] for row in rows.values()] == ["reconstruction"] * 2 + ["prediction"] * 3
    anomalous = sum(map(len, ANOMALOUS.values()))
    assert result["n"] == {"train": 2, "clips": 2, "frames": 2 * FRAMES, "anomalous_frames": anomalous}
    for row in rows.values():
        assert 0 <= row["frame_auc_micro"] <= 1 and row["train_seconds"] > 0 and row["fps"] > 0 and not row["resumed"]
        assert row["unsmoothed"].keys() < row.keys()
        for codes in row["codes"]:
            assert 1 <= codes["perplexity"] <= codes["used"] + 1e-9 <= 257
    assert json.loads(json.dumps(result)) == result


def test_scores_are_those_of_the_network_that_was_trained(result, walk):
    row = result["variants"][3]
    training = [read_clip(walk / "training/frames" / name) for name in ("01", "02")]
    network = VquNet.fit(training, Architecture(2), steps=2, side=16, seed=1, progress=False)
    clips = [read_clip(walk / "testing/frames" / name) for name in ("01", "02")]
    raw = [frame_scores(network, clip) for clip in clips]
    smooth = [smoothed(scores, clip.fps) for scores, clip in zip(raw, clips, strict=True)]
    labels = [np.isin(np.arange(FRAMES), list(ANOMALOUS[name])) for name in ("01", "02")]
    assert row["frame_auc_micro"] == frame_auc_micro(labels, smooth)
    assert row["frame_auc_micro_normalised"] == frame_auc_micro(labels, [normalised(one) for one in smooth])
    assert row["unsmoothed"]["frame_auc_micro"] == frame_auc_micro(labels, raw)


def test_run_again_nothing_is_done_again(result, walk, work, monkeypatch):
    monkeypatch.setattr(VquNet, "fit", lambda *_, **__: pytest.fail("trained again"))
    again = evaluate_vqunet(walk, ["prediction", "prediction-codebook"], work=work, seed=1, **SMALL)
    assert again["variants"] == [result["variants"][2], result["variants"][3]]


def test_a_training_that_was_stopped_goes_on(walk, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("xad_agent.eval.vqunet._scored", stop)
        with pytest.raises(KeyboardInterrupt):
            evaluate_vqunet(walk, ["prediction"], work=tmp_path, **SMALL)
    assert (tmp_path / "prediction.safetensors").is_file()
    (row,) = evaluate_vqunet(walk, ["prediction"], work=tmp_path, **SMALL)["variants"]
    assert row["resumed"]


def test_results_of_other_settings_are_not_mixed(result, walk, work):
    with pytest.raises(XadError, match=r"holds results of other settings .*steps 2, now 3"):
        evaluate_vqunet(walk, ["prediction"], work=work, seed=1, **{**SMALL, "steps": 3})


def test_codes_are_counted():
    network = VquNet(VquNetwork(Architecture(2, quantised_skips=True)), 16, "float32")
    frames = np.random.default_rng(0).integers(0, 255, (8, 16, 16, 3), np.uint8)
    with _counted(network) as counts:
        list(network.judge(frames))
    assert [count.sum() for count in counts] == [3 * (16 // reduced) ** 2 for reduced in (8, 4, 2, 1)]
    list(network.judge(frames))
    assert counts[0].sum() == 3 * 4, "only meanwhile"
    with torch.inference_mode():
        seen = torch.from_numpy(np.concatenate(frames[:5], axis=2)).permute(2, 0, 1)[None].float() / 127.5 - 1
        codes = network.network(seen).quantised[0].codes.unique()
    assert (counts[0][codes.numpy()] > 0).all()


@pytest.mark.parametrize(
    ("counts", "used", "perplexity"),
    [
        ([5, 5, 5, 5], 4, 4),
        ([7, 0, 0, 0], 1, 1),
        ([3, 1, 0], 2, 4 / 3**0.75),
    ],
)
def test_usage(counts, used, perplexity):
    assert _usage(np.array(counts)) == {"used": used, "perplexity": pytest.approx(perplexity)}


def test_no_such_variant(walk):
    with pytest.raises(XadError, match="no variant 'magic': there are reconstruction, ") as caught:
        evaluate_vqunet(walk, ["magic"], **SMALL)
    assert caught.value.exit_code == 2


def test_the_table_has_a_line_for_each(result):
    lines = as_text(result).splitlines()
    assert lines[0].startswith(
        f"{result['category']}: trained on 2 normal clips, 2 steps at width 2, tested on 2 with 24"
    )
    for line, row in zip(lines[2:7], result["variants"], strict=True):
        cells = line.split()
        assert cells[:2] == [row["item"], f"{100 * row['frame_auc_micro']:.1f}"]
        assert cells[-3] == (str(row["codes"][0]["used"]) if row["codes"] else "-")


def test_from_the_command_line(walk, tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(
        "xad_agent.eval.vqunet.evaluate_vqunet", lambda *what, **how: asked.update(how, what=what) or {}
    )
    command = [
        "eval",
        "vqunet",
        str(walk),
        "--variants",
        "prediction",
        "--steps",
        "7",
        "--work",
        str(tmp_path),
        "--json",
    ]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stdout) == (0, "{}\n")
    assert asked == {"what": (walk, ["prediction"]), "steps": 7, "width": 16, "work": tmp_path, "seed": 0}
