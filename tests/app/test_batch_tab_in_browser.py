"""Many files at once, as a person has them judged."""

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.app.conftest import Open

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.data, pytest.mark.browser]

TEXT = "=cmd() é.png"


@pytest.fixture
def parts(screws: Path, tmp_path: Path) -> Path:
    """Seven screws and a text that is called a picture, in a folder with a sub-folder and a note."""
    folder = tmp_path / "parts"
    (folder / "more").mkdir(parents=True)
    shown = (
        "scratch_head/000",
        "scratch_head/001",
        "thread_top/014",
        "manipulated_front/001",
        "good/000",
        "good/001",
    )
    for number, name in enumerate(shown):
        (folder / f"screw {number}.jpg").write_bytes((screws / "test" / f"{name}.jpg").read_bytes())
    (folder / "more" / "screw 6.jpg").write_bytes((screws / "test" / "thread_side" / "000.jpg").read_bytes())
    (folder / TEXT).write_text("this is no picture\n")
    (folder / "note.txt").write_text("of Monday\n")
    return folder


def opened(page: "Page") -> "Page":
    page.get_by_role("tab", name="Batch").click()
    page.wait_for_selector("#xad-batch-files")
    return page


def counts(page: "Page") -> dict[str, int]:
    """What is told above the table, by outcome; how many wait, and how many are shown where that is fewer."""
    told = page.locator("#xad-batch-status").inner_text()
    shown = re.search(r"The table shows (\d+)", told)
    return {what: int(n) for n, what in re.findall(r"(\d+) (\w+)[,;.]", told)} | {
        "shown": int(shown[1]) if shown else -1
    }


def wait_until_over(page: "Page") -> None:
    page.wait_for_function("document.querySelector('#xad-batch-stop').disabled", timeout=120_000)


def downloaded(page: "Page", name: str) -> Path:
    with page.expect_download() as caught:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(caught.value.path())


def test_a_folder_is_judged_stopped_gone_on_with_filtered_chosen_exported_and_asked_about(
    app: str, open_page: Open, parts: Path
) -> None:
    page = opened(open_page(app))
    assert page.locator("#xad-batch-judge").is_disabled()  # until there are files
    page.set_input_files("input[webkitdirectory]", parts)
    page.wait_for_selector("text=left out, since no pictures or clips: 1 of 9")
    page.click("#xad-batch-judge:not([disabled])")
    page.wait_for_selector("#xad-batch-status progress")
    page.click("#xad-batch-stop:not([disabled])")
    wait_until_over(page)
    stopped = counts(page)
    assert stopped["waiting"] > 0
    page.get_by_role("button", name=re.compile("Go on|Judge them")).click()
    page.wait_for_selector("#xad-batch-status progress")
    page.reload()
    opened(page)
    page.wait_for_selector("#xad-batch-table .virtual-row")
    wait_until_over(page)
    now = counts(page)
    assert (now["failed"], now["waiting"]) == (1, 0) and now["anomalous"] >= 1
    assert sum(now[each] for each in ("anomalous", "normal", "uncertain", "failed")) == 8

    page.get_by_label("normal", exact=True).uncheck()
    page.wait_for_selector("#xad-batch-status:has-text('The table shows')")
    shown = counts(page)["shown"]
    assert shown == 8 - now["normal"] == page.locator("#xad-batch-table .virtual-row").count()

    page.locator("#xad-batch-table .virtual-row", has_text=TEXT).locator("[role=gridcell]").nth(2).click()
    page.wait_for_selector(f"#xad-batch-chosen h2:has-text('{TEXT}')")
    assert "is not a picture" in page.locator("#xad-batch-chosen").inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#xad-batch-chosen h2:has-text('screw')")
    page.locator("#xad-batch-table .virtual-row", has_text="anomalous").first.locator("[role=gridcell]").nth(2).click()
    page.wait_for_selector("#xad-batch-chosen .xad-verdict.anomalous")
    page.wait_for_selector("img[alt^='What was found in screw']")
    chosen = re.sub(r"^\d+ · ", "", page.locator("#xad-batch-chosen h2").inner_text())

    page.click("#xad-batch-export")
    page.get_by_role("button", name="CSV").wait_for()
    with downloaded(page, "CSV").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown and f"'{TEXT}" in [row["file"] for row in rows]
    lines = [json.loads(line) for line in downloaded(page, "JSON lines").read_text(encoding="utf-8").splitlines()]
    assert [line["media"] for line in lines] == [row["file"].lstrip("'") for row in rows]
    report = downloaded(page, "HTML report").read_text(encoding="utf-8")
    assert f"{shown} of 8 files" in report and report.count("data:image/jpeg") == shown - 1

    page.get_by_role("button", name="Ask about this one").click()
    page.wait_for_selector(".xad-exchange .xad-verdict.anomalous")
    assert page.get_by_role("tab", name="Ask").get_attribute("aria-selected") == "true"
    assert page.locator("#xad-conversation img").count() == 1
    page.wait_for_function("document.querySelector('#xad-stop').disabled")
    page.locator("a.xad-chip", has_text="E1").first.click()
    page.wait_for_selector("#xad-evidence h2:has-text('E1')")
    score = next(line["score"] for line in lines if line["media"] == chosen)
    assert f"{score:.4g}" in page.locator("#xad-evidence").inner_text()


def test_a_folder_is_dropped(app: str, open_page: Open, parts: Path) -> None:
    page = opened(open_page(app))
    zone, protocol = page.locator("#xad-batch-files").bounding_box(), page.context.new_cdp_session(page)
    where = {"x": zone["x"] + zone["width"] / 2, "y": zone["y"] + zone["height"] / 2}
    data = {"items": [], "files": [str(parts)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        protocol.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})
    page.wait_for_selector("#xad-batch-status:has-text('8 waiting')")
    page.get_by_role("button", name="Remove all").click()
    page.wait_for_selector("#xad-batch-judge[disabled]")
    assert page.locator("#xad-batch-status").inner_text().strip() == ""
