"""Many files judged one by one: what is written, what a second run does, and what a bad file costs."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import crowd
from tests.normal import NormalProfile, texture, with_square
from xad_agent.clip_profile import ClipProfile
from xad_agent.detectors.base import AnomalyMap
from xad_agent.errors import XadError
from xad_agent.media import Picture
from xad_agent.scan import RESULTS, results, scan


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    folder = tmp_path / "parts"
    folder.mkdir()
    Image.fromarray(texture(3)).save(folder / "a good.png")
    Image.fromarray(with_square((40, 10, 52, 22))).save(folder / "bad é.png")
    (folder / "c.png").write_text("no picture")
    return folder


def run(parts: Path, output: Path) -> list[dict]:
    return list(scan([str(parts)], NormalProfile(), output, progress=False))


def test_a_line_for_each_and_a_drawing_of_what_is_anomalous(parts: Path, tmp_path: Path) -> None:
    good, bad, broken = run(parts, tmp_path / "out")
    assert (good["verdict"], good["regions"], good["figure"]) == ("normal", [], None)
    assert bad["verdict"] == "anomalous" and bad["score"] > bad["threshold"] and "region 1" in bad["reason"].lower()
    assert Image.open(tmp_path / "out" / bad["figure"]).width > 100
    assert "not a picture" in broken["error"] and broken["media"].endswith("c.png")
    lines = (tmp_path / "out" / RESULTS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [good, bad, broken]


def test_a_second_run_does_what_is_left(parts: Path, tmp_path: Path) -> None:
    first = run(parts, tmp_path / "out")
    results = tmp_path / "out" / RESULTS
    results.write_text(
        json.dumps(first[0]) + "\n" + json.dumps(first[1])[:50], encoding="utf-8"
    )  # killed while writing
    again = run(parts, tmp_path / "out")
    assert [Path(line["media"]).name for line in again] == ["bad é.png", "c.png"]
    kept = results.read_text(encoding="utf-8").splitlines()
    assert [json.loads(kept[place]) for place in (0, -2, -1)] == [first[0], *again]


def test_another_profile_judges_anew_and_the_last_line_of_a_file_holds(parts: Path, tmp_path: Path) -> None:
    run(parts, tmp_path / "out")
    stricter = NormalProfile()
    stricter.calibration.alpha = 0.5
    again = list(scan([str(parts)], stricter, tmp_path / "out", progress=False))
    assert [line.get("profile") for line in again] == [stricter.fingerprint, stricter.fingerprint, None]
    assert results(tmp_path / "out") == {line["media"]: line for line in again}
    assert results(tmp_path / "none") == {}


def test_no_name_and_no_defect_costs_more_than_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = with_square((40, 10, 52, 22))
    names = ["é" * 120 + ".png", "two\u2028lines.png", os.fsdecode(b"not utf-8 \xff.png"), "z.png"]
    for name in names:
        Image.fromarray(bad).save(tmp_path / name)
    examine = NormalProfile.examine

    def fails_once(self: NormalProfile, asked: Picture) -> AnomalyMap:
        if asked.name == "z.png":
            raise ZeroDivisionError("of ours")
        return examine(self, asked)

    monkeypatch.setattr(NormalProfile, "examine", fails_once)
    lines = list(scan([str(tmp_path / name) for name in names], NormalProfile(), tmp_path / "out", progress=False))
    assert [line.get("verdict") for line in lines] == ["anomalous"] * 3 + [None]
    assert "z.png: unexpected ZeroDivisionError (of ours)" in lines[-1]["error"]
    assert results(tmp_path / "out") == {line["media"]: line for line in lines}


def test_clips_are_scanned_by_a_profile_of_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "clips" / "walk"
    folder.mkdir(parents=True)
    for number in range(4):
        Image.fromarray(np.full((crowd.HEIGHT, crowd.WIDTH, 3), 90, np.uint8)).save(folder / f"{number}.png")
    monkeypatch.setattr(ClipProfile, "watch", lambda self, clip: crowd.walk(7, clip.count))
    (line,) = scan([str(folder.parent)], crowd.walkway(), tmp_path / "out", progress=False)
    assert (line["verdict"], line["events"], line["reason"]) == ("normal", [], "")
    monkeypatch.setattr(ClipProfile, "watch", lambda self, clip: replace(crowd.walk(7, clip.count), steady=False))
    (line,) = scan([str(folder.parent)], crowd.walkway(), tmp_path / "other", progress=False)
    assert line["verdict"] == "uncertain" and line["reason"].startswith("Uncertain, for how things move")


def test_nothing_there_and_nowhere_to_write(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(XadError, match="no such file"):
        list(scan([str(tmp_path / "none")], NormalProfile(), tmp_path / "out", progress=False))
    with pytest.raises(XadError, match="cannot write to"):
        run(parts, parts / "c.png")
