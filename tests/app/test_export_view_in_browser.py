"""An answer taken along, and its chat opened by the link: by somebody else, and after the app was started again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.app.conftest import Open, Running, ask

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.data, pytest.mark.browser]

QUESTION = "Where is the defect, and why is it one?"


def downloaded(page: "Page", name: str) -> Path:
    with page.expect_download() as caught:
        page.locator("#xad-side").get_by_role("button", name=name, exact=True).click()
    return Path(caught.value.path())


def answer(page: "Page", question: str) -> dict:
    """The JSON of an answer, once the tab is of it: nothing in the page tells which answer a button is of."""
    for _ in range(60):
        page.get_by_role("tab", name="Export").click()
        page.wait_for_timeout(500)
        if page.locator("#xad-side").get_by_role("button", name="JSON", exact=True).is_visible():
            found: dict = json.loads(downloaded(page, "JSON").read_text(encoding="utf-8"))
            if found["question"] == question:
                return found
    raise AssertionError(f"there is no answer to {question!r} to take")


def test_files_and_a_link_that_opens_the_chat_elsewhere_and_later(
    open_page: Open, screws: Path, screw_profile: Path, tmp_path: Path
) -> None:
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
    options = ("--profile", str(screw_profile), "--folder", str(tmp_path / "kept"))  # outside of the temporary ones
    with Running(tmp_path / "first", *options) as at:
        page = open_page(at)
        ask(page, QUESTION, screws / "test" / "scratch_head" / "000.jpg")
        ask(page, "Is it a scratch?")
        answer(page, "Is it a scratch?")
        page.locator("#xad-export-which input").click()
        page.get_by_role("option", name=QUESTION).click()
        first = answer(page, QUESTION)
        assert first["claims"]
        assert downloaded(page, "PNG").read_bytes().startswith(b"\x89PNG")
        assert QUESTION in downloaded(page, "HTML report").read_text(encoding="utf-8")
        link = page.locator("#xad-export-link").get_by_role("textbox").input_value()
        assert link == page.url and "beyond this run" in page.locator("#xad-export-link").inner_text()
        _is_the_chat(open_page(link), first)
    with Running(tmp_path / "second", *options) as at:
        later = open_page(f"{at}?{link.partition('?')[2]}")
        _is_the_chat(later, first)
        ask(later, "How sure are you?")
        assert later.locator(".xad-exchange").count() == 3 and later.locator(".xad-error").count() == 0


def _is_the_chat(page: "Page", answer: dict) -> None:
    """It shows the answer, which still opens onto its evidence."""
    page.wait_for_selector(".xad-verdict")
    assert page.locator(".xad-exchange").count() == 2
    assert page.locator(".xad-verdict").first.inner_text().lower() == answer["verdict"]
    assert page.locator(".xad-claim").first.inner_text().startswith(answer["claims"][0]["text"][:40])
    page.locator("a.xad-chip", has_text="E1").first.click()
    page.wait_for_selector("#xad-evidence h2:has-text('E1')")
    page.wait_for_selector("img[alt='The nearest normal example']")
