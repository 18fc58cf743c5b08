"""The results page: ours with intervals, beside others' published figures, and what is known of each."""

import json
from importlib.resources import files

import pytest
import yaml

from xad_agent.errors import XadError
from xad_agent.eval.results import write_results

OURS = {
    "task": "images",
    "category": "screw",
    "directory": "/data/screw",
    "seed": 0,
    "n": {"train": 320, "normal": 41},
    "image_auroc": 0.9731,
    "image_auroc_interval": [0.95, 0.99],
    "false_alarm_rate": {"value": 0.05, "low": 0.01, "high": 0.165, "hits": 2, "n": 41},
    "aupro": None,
    "aupro_interval": None,
}


def keep(folder, **changes):
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(OURS | changes))
    return folder


def test_ours_beside_others(tmp_path):
    text = write_results(
        [keep(tmp_path / "a" / "screw"), keep(tmp_path / "b", directory="/data/nut")], tmp_path / "R.md"
    )
    assert (tmp_path / "R.md").read_text("utf-8") == text
    ours = next(line for line in text.splitlines() if line.startswith("| **xad-agent**"))
    assert ours.startswith("| **xad-agent** | 97.3 [95.0, 99.0] |") and "5.0 [1.0, 16.5]" in ours
    assert "| PatchCore (anomalib, ResNet-18, seed 42) | 94.3 | 99.1 |" in text, (
        "with the columns that only others have"
    )
    assert "320 train, 41 normal; seed 0." in text
    screw, nut = text.index("### screw"), text.index("### nut")
    assert "PatchCore" not in text[nut : screw if screw > nut else None], "others' figures only of the same set"
    assert str(tmp_path) not in text and "/data/" not in text, "no path of a machine"


def test_what_it_cannot_read_or_write_is_named(tmp_path):
    with pytest.raises(XadError, match=r"no result\.json in it"):
        write_results([tmp_path], tmp_path / "R.md")
    with pytest.raises(XadError, match="cannot be written"):
        write_results([keep(tmp_path / "a")], tmp_path / "none" / "R.md")


def test_every_published_figure_has_its_source_a_set_and_a_metric_of_ours_or_its_own():
    peers, shown = (
        yaml.safe_load((files("xad_agent.eval") / f"{name}.yaml").read_text("utf-8")) for name in ("peers", "results")
    )
    for peer in peers:
        assert peer["source"] and peer["comparable"] and peer["metrics"], peer
        assert peer["task"] in shown, peer
        assert all(0 < value <= 100 for value in peer["metrics"].values()), peer
