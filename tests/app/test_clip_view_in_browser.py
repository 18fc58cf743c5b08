"""The clip beside the conversation, as a person looks into it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.app.conftest import Open, ask
from xad_agent.media import read_clip

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.data, pytest.mark.browser]
_NOW = "document.querySelector('#xad-player video').currentTime"


def comes_to(page: "Page", seconds: float, within: float) -> None:
    """Wait until the player shows that time, in seconds."""
    page.wait_for_function(f"([at, within]) => Math.abs({_NOW} - at) <= within", arg=[seconds, within], timeout=30_000)


def click_at_share(drawing: "Locator", share: float) -> None:
    """Click so far across a drawing, halfway down."""
    box = drawing.bounding_box()
    assert box
    drawing.click(position={"x": share * box["width"], "y": box["height"] / 2})


def test_a_clip_is_looked_into_moment_by_moment(app: str, open_page: Open, walkway: Path) -> None:
    clip = read_clip(walkway)
    page = open_page(app)
    tab = page.get_by_role("tab", name="Clip")
    assert tab.count() == 0
    ask(page, "What is wrong in this clip, and when?", walkway)
    tab.click()
    page.wait_for_selector("#xad-player video")
    page.wait_for_function("document.querySelector('#xad-player video').readyState >= 2")
    assert page.evaluate("document.querySelector('#xad-player video').duration") == pytest.approx(clip.duration, 0.01)

    timeline = page.locator("#xad-timeline img")
    assert "limit" in (timeline.get_attribute("alt") or "")
    # The axes end at the drawing's right edge; on the left they begin after what is written there.
    click_at_share(timeline, 0.9)
    page.wait_for_function(f"{_NOW} > {0.8 * clip.duration}")
    late = page.evaluate(_NOW)
    click_at_share(timeline, 0.45)
    page.wait_for_function(f"{_NOW} < {0.5 * clip.duration}")
    early = page.evaluate(_NOW)
    width = page.evaluate("document.querySelector('#xad-timeline img').getBoundingClientRect().width")
    assert (late - early) / clip.duration == pytest.approx(0.45 * width / (0.9 * width), abs=0.04)

    moment = page.locator("#xad-moment input[type=range]")
    moment.focus()
    page.keyboard.press("Home")
    comes_to(page, 0.05, 0.06)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    comes_to(page, 3.5 / clip.fps, 1.1 / clip.fps)

    key_frame = page.locator("#xad-keys button:has(img)").last
    caption = key_frame.locator("img").get_attribute("alt") or ""
    said = re.fullmatch(r"event 1, ([\d.]+) s", caption)
    assert said, caption
    key_frame.click()
    comes_to(page, float(said[1]), 2 / clip.fps)

    curves = page.locator("#xad-curves img").get_attribute("alt") or ""
    assert "speed (body heights a second)" in curves and "place (body heights" in curves and "name" in curves
    click_at_share(page.locator("#xad-curves img"), 0.1)
    event = page.locator("#xad-events label").first.inner_text()
    times = re.search(r"event 1: ([\d.]+) to ([\d.]+) s, .*score [\d.]+, p-value [\d.]+", event)
    assert times, event
    comes_to(page, float(times[1]), 0.1 * clip.duration)

    marked = page.locator("#xad-player video").get_attribute("src")
    before = page.evaluate(_NOW)
    page.get_by_label("Outline what is tracked").uncheck()
    page.wait_for_function("old => document.querySelector('#xad-player video').src !== old", arg=marked)
    comes_to(page, before, 1 / clip.fps)

    page.locator("#xad-ask-event").click()
    page.wait_for_function("document.querySelectorAll('#xad-conversation .xad-verdict').length === 2", timeout=120_000)
    assert "What is event 1, and why is it one?" in page.locator("#xad-conversation").inner_text()
    page.reload()
    page.wait_for_selector("#xad-conversation .xad-verdict")
    tab.click()
    page.wait_for_selector("#xad-player video")
