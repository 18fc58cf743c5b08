"""Many files judged beside the page: what is done, stopped and gone on with, told, and taken along."""

import csv
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from PIL import Image

from tests.normal import NormalProfile, texture, with_square
from xad_agent.app.batch_export import counted, export
from xad_agent.app.scanning import Filter, Row, Scanning
from xad_agent.errors import XadError

FORMULA, MARKUP = "=cmd() é.png", "<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="module")
def profile() -> NormalProfile:
    return NormalProfile()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def dropped(tmp_path: Path) -> list[Path]:
    """A good one, two bad ones, of which one has a name to be wary of, and two that are no pictures."""
    folder = tmp_path / "dropped"
    folder.mkdir()
    Image.fromarray(texture(3)).save(folder / "good.png")
    Image.fromarray(with_square((40, 10, 52, 22))).save(folder / "bad.png")
    Image.fromarray(with_square((60, 50, 80, 70))).save(folder / MARKUP)
    (folder / FORMULA).write_text("no picture")
    (folder / "clip.mp4").write_text("no clip")
    return [folder / name for name in ("good.png", "bad.png", MARKUP, FORMULA, "clip.mp4")]


@pytest.fixture
def judged(tmp_path: Path, pool: ThreadPoolExecutor, dropped: list[Path], profile: NormalProfile) -> Scanning:
    batch = Scanning(tmp_path / "batch", pool)
    batch.add(dropped)
    run(batch, profile)
    return batch


def run(batch: Scanning, profile: NormalProfile) -> None:
    batch.start({"picture": profile})
    wait(batch)


def wait(batch: Scanning) -> None:
    until = time.monotonic() + 120
    while batch.running:
        assert time.monotonic() < until, "the batch does not come to its end"
        time.sleep(0.01)


def test_each_file_has_its_row_and_a_broken_one_costs_no_other(judged: Scanning, tmp_path: Path) -> None:
    rows = judged.rows()
    assert [row.outcome for row in rows] == ["normal", "anomalous", "anomalous", "failed"]
    assert [row.number for row in rows] == [1, 2, 3, 4] and not judged.error
    assert rows[3].error.startswith(f"{FORMULA} is not a picture") and str(tmp_path) not in rows[3].error
    assert rows[1].reasons[0].startswith("One place stands out, region 1") and len(rows[1].reasons) > 1
    assert (rows[0].drawing, rows[3].small) == (None, None)
    assert all(Image.open(path).width for path in (rows[1].drawing, rows[1].small, rows[0].small))
    assert counted(rows) == "2 anomalous, 1 normal, 0 uncertain, 1 failed"


def test_what_has_no_profile_waits_and_is_said_when_nothing_else_is_left(
    judged: Scanning, profile: NormalProfile
) -> None:
    assert judged.waiting({}) == {"clip": [judged.files[4]]}
    with pytest.raises(XadError, match="no profile says what a normal clip is: choose one in the tab Normal"):
        run(judged, profile)


def test_it_is_gone_on_with_where_it_was_stopped_also_by_another_that_opens_the_folder(
    tmp_path: Path, pool: ThreadPoolExecutor, dropped: list[Path], profile: NormalProfile
) -> None:
    batch = Scanning(tmp_path / "batch", pool)
    with pytest.raises(XadError, match="there is no file yet"):
        run(batch, profile)
    batch.add(dropped[:3])
    turn = Event()
    pool.submit(turn.wait)  # somebody else's file comes first
    batch.start({"picture": profile})
    with pytest.raises(XadError, match="being judged"):
        batch.start({"picture": profile})
    with pytest.raises(XadError, match="stop it first"):
        batch.clear()
    batch.stop()
    assert batch.stopping
    turn.set()
    wait(batch)
    assert batch.rows() == []
    again = Scanning(tmp_path / "batch", pool)
    assert [file.name for file in again.files] == ["good.png", "bad.png", MARKUP]
    run(again, profile)
    assert (again.done, again.total) == (3, 3)
    opened = Scanning(tmp_path / "batch", pool)
    assert [row.line for row in opened.rows()] == [row.line for row in again.rows()]
    with pytest.raises(XadError, match="all files are judged"):
        run(opened, profile)
    opened.clear()
    assert (opened.files, opened.rows(), list(tmp_path.glob("batch/*"))) == ([], [], [])


def test_another_limit_judges_anew(judged: Scanning) -> None:
    stricter = NormalProfile()
    stricter.calibration.alpha = 0.5
    assert judged.waiting({"picture": stricter})["picture"] == judged.files[:3]
    run(judged, stricter)
    assert judged.total == 3 and judged.row(1).line["profile"] == stricter.fingerprint


def test_a_defect_ends_the_run_and_says_so(
    judged: Scanning, profile: NormalProfile, monkeypatch: pytest.MonkeyPatch, dropped: list[Path]
) -> None:
    judged.add(dropped[:1])
    monkeypatch.setattr("xad_agent.app.scanning.thumbnail", lambda file: 1 / 0)
    run(judged, profile)
    assert judged.error.startswith("unexpected ZeroDivisionError") and not judged.running


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(), [1, 2, 3, 4]),
        (Filter(outcomes=["anomalous"]), [2, 3]),
        (Filter(outcomes=[]), []),
        (Filter(outcomes=["failed", "normal"]), [1, 4]),
        (Filter(low=0.0), [1, 2, 3]),  # what failed has no score
        (Filter(low=2.0, high=3.0), [2]),  # both ends count
        (Filter(by="p_value", high=0.05), [2, 3]),
        (Filter(by="p_value", low=0.06, high=1.0), [1]),
        (Filter(outcomes=["anomalous"], low=2.5), [3]),
    ],
)
def test_filters(wanted: Filter, numbers: list[int]) -> None:
    lines = [
        {"verdict": "normal", "score": 1.0, "p_value": 0.5},
        {"verdict": "anomalous", "score": 2.0, "p_value": 0.05},
        {"verdict": "anomalous", "score": 3.5, "p_value": 0.01},
        {"error": "it is no picture"},
    ]
    rows = [Row(number, Path("a.png"), line) for number, line in enumerate(lines, 1)]
    assert [row.number for row in rows if wanted.passes(row)] == numbers


def test_there_is_no_row_that_was_not_judged(judged: Scanning) -> None:
    for number in (0, 5, 6, -1):
        with pytest.raises(XadError, match="choose a row"):
            judged.row(number)


def test_names_are_data_in_every_export(judged: Scanning, profile: NormalProfile, tmp_path: Path) -> None:
    rows = judged.rows()
    table, lines, page = export(rows, 4, {"picture": profile}, tmp_path / "out")
    with table.open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["file"] for row in read] == ["good.png", "bad.png", MARKUP, "'" + FORMULA]
    assert read[3]["error"].startswith(f"'{FORMULA}") and read[1]["verdict"] == "anomalous"
    assert float(read[1]["score"]) == rows[1].line["score"] and read[1]["regions"] == "1"
    told = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert [one["media"] for one in told] == ["good.png", "bad.png", MARKUP, FORMULA]
    assert told[1] == {key: value for key, value in rows[1].line.items() if key != "figure"} | {"media": "bad.png"}
    html = page.read_text(encoding="utf-8")
    assert "<img src=x" not in html and "&lt;img src=x" in html and html.count("data:image/jpeg") == 3
    assert (
        "4 of 4 files" in html and counted(rows) in html and "noise" in html and "http" not in html.split("<body>")[1]
    )
    assert str(tmp_path) not in html + table.read_text(encoding="utf-8") + lines.read_text(encoding="utf-8")


def test_only_what_is_shown_is_exported(judged: Scanning, tmp_path: Path) -> None:
    rows = judged.rows(Filter(outcomes=["normal"]))
    _, lines, page = export(rows, 4, {}, tmp_path / "out")
    assert [json.loads(line)["media"] for line in lines.read_text(encoding="utf-8").splitlines()] == ["good.png"]
    assert "1 of 4 files" in page.read_text(encoding="utf-8")
