"""What is normal, as a person settles it: a profile made, looked at, made stricter, saved, and loaded elsewhere."""

import re
from pathlib import Path

import pytest

from tests.app.conftest import Open, ask

pytestmark = [pytest.mark.data, pytest.mark.browser]
ALPHA = "#xad-alpha input[type=number]"


def test_a_profile_is_made_looked_at_made_stricter_saved_and_loaded_by_another(
    app: str, open_page: Open, screws: Path, tmp_path: Path
) -> None:
    page = open_page(app)
    ask(page, "Where is the defect?", screws / "test" / "manipulated_front" / "000.jpg")
    page.get_by_role("tab", name="Normal").click()
    (tmp_path / "notes.png").write_text("no picture")
    good = sorted((screws / "train" / "good").iterdir())[30:42]
    page.set_input_files("#xad-normal-files input[type=file]", [*good, tmp_path / "notes.png"])
    page.wait_for_function("() => document.querySelector('#xad-normal-files').textContent.includes('notes')")
    page.get_by_label("Name of the profile").fill("twelve screws")
    page.click("#xad-make")
    page.locator("#xad-made").get_by_text(re.compile(r"learning normal, \d+ of 13; about \d+ s left")).wait_for()
    page.click("#xad-stop-making")
    page.locator("#xad-made").get_by_text("it was stopped, and nothing of it is kept").wait_for()
    page.click("#xad-make")
    page.locator("#xad-made").get_by_text("is made and in use: fitted on 12").wait_for(timeout=180_000)
    assert "notes.png is not a picture" in page.locator("#xad-made").inner_text()
    assert "twelve screws: fitted on 12 normal pictures" in page.locator("#xad-profile").inner_text()
    assert page.locator("#xad-profile svg.histogram[aria-label*='12 normal scores; limit']").count() == 1
    page.wait_for_function("() => document.querySelectorAll('#xad-exemplars img').length == 12")

    for name, says in (("none", "No profile of pictures is in use"), ("twelve screws", "fitted on 12")):
        page.click("#xad-profile-name input")
        page.get_by_role("option", name=name, exact=True).click()
        page.locator("#xad-profile").get_by_text(says).wait_for()

    told = {}
    for alpha, share in (("0.2", "1 in 5 "), ("0.01", "1 in 100 "), ("0.2", "1 in 5 ")):
        page.fill(ALPHA, alpha)
        page.press(ALPHA, "Tab")
        page.locator("#xad-at-alpha").get_by_text(share).wait_for()
        told[alpha] = page.locator("#xad-at-alpha").inner_text()
    limits = {alpha: float(re.search(r"the limit is ([\d.]+)", said)[1]) for alpha, said in told.items()}
    assert limits["0.2"] < limits["0.01"]
    assert "ANOMALOUS" in told["0.2"] and "NORMAL" in told["0.01"]
    assert "less than 1 in 13, so that is what it is set for" in told["0.01"]

    with page.expect_download() as download:
        page.click("#xad-save")
    assert download.value.suggested_filename == "twelve screws.zip"
    download.value.save_as(tmp_path / "screws.zip")
    page.reload()
    page.get_by_role("tab", name="Normal").click()
    page.locator("#xad-profile h3").get_by_text("twelve screws").wait_for()
    assert page.input_value(ALPHA) == "0.2"

    other = open_page(app)
    other.get_by_role("tab", name="Normal").click()
    other.locator("#xad-profile h3").get_by_text("screw", exact=True).wait_for()
    other.set_input_files("input[type=file][accept='.zip']", tmp_path / "notes.png")
    other.set_input_files("input[type=file][accept='.zip']", tmp_path / "screws.zip")
    other.locator("#xad-profile h3").get_by_text("screws", exact=True).wait_for()
    assert "for 20 % false alarms" in other.locator("#xad-profile").inner_text()
