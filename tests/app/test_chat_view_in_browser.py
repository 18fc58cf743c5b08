"""The conversation, as a person holds it."""

import re
from pathlib import Path

import pytest

from tests.app.conftest import Open, ask

pytestmark = [pytest.mark.data, pytest.mark.browser]


def test_an_answer_opens_onto_its_evidence_and_outlives_a_reload(app: str, open_page: Open, screws: Path) -> None:
    page = open_page(app)
    ask(page, "Where is the defect, and why is it one?", screws / "test" / "scratch_head" / "000.jpg")
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
