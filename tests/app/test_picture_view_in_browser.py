"""The picture, as a person looks at it."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.app.conftest import Open, ask

pytestmark = [pytest.mark.data, pytest.mark.browser]
OVERLAY, PLACE = "#xad-picture img", re.compile(r"What about the place at (\d+), (\d+) px\?")


def _natural(page) -> tuple[int, int]:
    return tuple(page.eval_on_selector(OVERLAY, "image => [image.naturalWidth, image.naturalHeight]"))


def _changes(page, do) -> None:
    """What is done has the picture drawn anew."""
    before = page.get_attribute(OVERLAY, "src")
    do()
    page.wait_for_function("src => document.querySelector('#xad-picture img').src != src", arg=before)
    page.wait_for_function("() => document.querySelector('#xad-picture img').complete")


def _answered(page, count: int) -> str:
    """The place that was asked about, once so many questions are answered."""
    page.wait_for_function("n => document.querySelectorAll('.xad-exchange .xad-verdict').length == n", arg=count)
    page.wait_for_function("() => document.querySelector('#xad-stop').disabled")
    asked = PLACE.findall(page.locator("#xad-conversation").inner_text())
    return asked[-1]


def test_a_turned_picture_is_looked_at_and_asked_about(app: str, open_page: Open, screws: Path, tmp_path: Path) -> None:
    """Turned by EXIF and cut to portrait, so that width, height and places all differ from those in the file."""
    upright = Image.open(screws / "test" / "scratch_head" / "011.jpg").convert("RGB").crop((0, 0, 440, 512))
    file, exif = tmp_path / "turned.png", Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(file, exif=exif)
    page = open_page(app)
    assert "Ask about a picture" in page.locator("#xad-caption").inner_text()
    ask(page, "Where is the defect, and why is it one?", file)

    page.wait_for_selector(OVERLAY)
    caption = page.locator("#xad-caption").inner_text()
    assert "440 x 512 px" in caption and re.search(r"Score [\d.]+, limit [\d.]+, p-value [\d.]+", caption)
    assert "fitted on 30 normal pictures" in caption
    assert page.get_attribute(OVERLAY, "alt").startswith("turned.png, under its anomaly map at 100 % opacity. Region 1")
    assert "the nearest normal picture" in page.get_attribute("#xad-nearest img", "alt")

    slider = page.locator("#xad-opacity input[type=range]")
    slider.focus()
    _changes(page, lambda: slider.press("Home"))
    page.wait_for_selector("#xad-picture img[alt^='turned.png, as it is.']")
    _changes(page, lambda: page.locator("#xad-marks").get_by_label("Boxes").check())

    width, height = _natural(page)
    shown = page.locator(OVERLAY).bounding_box()
    drawn = 960 * shown["height"] / height  # the legend stands below it
    page.locator(OVERLAY).click(position={"x": 0.25 * shown["width"], "y": 0.5 * drawn})
    x, y = map(int, _answered(page, 2))
    assert width == 825 and abs(x - 110) <= 3 and abs(y - 256) <= 3
    said = page.locator(".xad-exchange").last.inner_text()
    assert f"The place at {x} px across and {y} px down" in said and "the limit" in said
    page.locator(".xad-exchange").last.locator("a.xad-chip").first.click()
    page.wait_for_selector("img[alt^='What place saw']")
    page.get_by_role("tab", name="Picture").click()

    _changes(page, lambda: page.locator("#xad-view").get_by_label("Region 1").check())
    page.get_by_role("button", name="Ask about this place").press("Enter")
    x, y = _answered(page, 3)
    said = page.locator(".xad-exchange").last.inner_text()
    assert f"The place at {x} px across and {y} px down lies in region 1" in said
    assert page.get_attribute(OVERLAY, "alt").startswith("Region 1 of turned.png")  # as it was chosen

    page.get_by_role("button", name="Repair it").click()
    page.wait_for_selector("#xad-repaired img")
    assert re.search(r"the score falls from [\d.]+", page.locator("#xad-said").inner_text())
    page.reload()
    page.wait_for_selector(OVERLAY)
    assert page.locator("#xad-view").get_by_label("Whole picture").is_checked()
    assert "440 x 512 px" in page.locator("#xad-caption").inner_text()
