"""The conversation, as a person holds it."""

import re
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.app.conftest import Open, ask

pytestmark = [pytest.mark.data, pytest.mark.browser]
QUESTION = "Where is the defect, and why is it one?"
_COPY = """async data => {
    const png = new Blob([Uint8Array.from(atob(data), letter => letter.charCodeAt(0))], {type: 'image/png'});
    await navigator.clipboard.write([new ClipboardItem({'image/png': png})]);
}"""
_ANSWERED = "n => document.querySelectorAll('#xad-conversation .xad-verdict').length === n"


def test_an_answer_opens_onto_its_evidence_and_outlives_a_reload(app: str, open_page: Open, screws: Path) -> None:
    page = open_page(app)
    ask(page, QUESTION, screws / "test" / "scratch_head" / "000.jpg")
    verdict = page.locator(".xad-exchange .xad-verdict").inner_text()
    page.locator("a.xad-chip", has_text="E1").first.click()
    page.wait_for_selector("#xad-evidence h2:has-text('E1')")
    shown = page.locator("#xad-evidence").inner_text()
    assert "threshold" in shown and re.search(r"score\s+[\d.]+\s+[\d.]+ to [\d.]+", shown)
    assert page.locator("#xad-evidence svg.range").count() >= 1
    page.wait_for_selector("img[alt^='What score saw']")
    page.wait_for_selector("img[alt='The nearest normal example']")
    page.reload()
    page.wait_for_selector(".xad-exchange .xad-verdict")
    assert page.locator(".xad-exchange .xad-verdict").inner_text() == verdict
    at = page.url
    page.get_by_label("Clear", exact=True).click()
    page.wait_for_function("at => location.href !== at", arg=at)  # another chat; the link still leads to this one
    assert page.locator(".xad-exchange").count() == 0


def test_a_mark_that_moves_away_as_it_is_pressed_is_followed_and_one_that_is_dragged_is_not(
    app: str, open_page: Open, screws: Path
) -> None:
    page = open_page(app)
    ask(page, QUESTION, screws / "test" / "scratch_head" / "000.jpg")
    mark = page.locator("a.xad-chip", has_text="E1").first

    def press(dragged: int) -> None:
        at = mark.bounding_box()
        page.mouse.move(at["x"] + 5, at["y"] + 5)
        page.mouse.down()
        mark.evaluate("mark => mark.closest('.xad-exchange').style.paddingTop = '60px'")  # as by what comes above it
        page.mouse.move(at["x"] + 5, at["y"] + 5 + dragged)
        page.mouse.up()

    press(dragged=120)
    page.wait_for_timeout(1500)
    assert page.locator("#xad-evidence h2").count() == 0
    mark.evaluate("mark => mark.closest('.xad-exchange').style.paddingTop = ''")
    press(dragged=0)
    page.wait_for_selector("#xad-evidence h2:has-text('E1')")


def test_a_picture_is_pasted(app: str, open_page: Open, screws: Path) -> None:
    page, png = open_page(app), BytesIO()
    Image.open(screws / "test" / "thread_top" / "014.jpg").convert("RGB").save(png, "PNG")
    page.evaluate(_COPY, b64encode(png.getvalue()).decode())
    page.focus("#xad-question textarea")
    page.keyboard.press("Control+V")
    page.wait_for_selector("#xad-question [aria-label='File thumbnail']")
    ask(page, QUESTION)
    assert page.locator("#xad-conversation img").count() == 1
    assert "ANOMALOUS" in page.locator("#xad-conversation").inner_text()


def test_a_picture_and_a_film_are_taken_with_the_camera(app: str, open_page: Open) -> None:
    page = open_page(app)
    page.get_by_text("Take a picture or a clip with the camera").click()
    page.get_by_role("button", name="Click to Access Webcam").first.click()
    page.get_by_role("button", name="capture photo").click()
    page.get_by_role("button", name="Remove Image").wait_for()
    page.get_by_role("button", name="Click to Access Webcam").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2000)
    page.locator("button:visible", has_text="Stop").last.click()
    page.get_by_role("button", name="Trim video to selection").wait_for()
    page.get_by_role("button", name="Ask about what was taken").click()
    page.wait_for_function(_ANSWERED, arg=2)
    said = page.locator("#xad-conversation").inner_text()
    assert QUESTION in said and "What is wrong in this clip, and when?" in said
    assert said.count("UNCERTAIN") == 2  # neither is like what is normal here, and the answers say why


def test_an_example_is_tried(app: str, open_page: Open) -> None:
    page = open_page(app)
    page.get_by_role("button", name="Try: a flawed cloth").click()
    page.locator("#xad-trying").get_by_text(re.compile(r"about \d+ s left")).wait_for()
    page.wait_for_function(_ANSWERED, arg=1, timeout=180_000)
    page.wait_for_selector("#xad-picture img")
    assert page.locator("#xad-caption .xad-verdict").inner_text() == "ANOMALOUS"
    assert "Profile demo textile" in page.locator("#xad-caption").inner_text()
