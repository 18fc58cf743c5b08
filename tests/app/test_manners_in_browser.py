"""What everybody may expect of the page, whatever it is used for."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.app.conftest import DESKTOP, PHONE, Open, Running, ask

pytestmark = [pytest.mark.data, pytest.mark.browser]

QUESTION = "Where is the defect, and why is it one?"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_serious_bars_anybody(app: str, open_page: Open, screws: Path, scheme: str, window: dict) -> None:
    page = open_page(app, color_scheme=scheme)
    page.set_viewport_size(window)
    page.set_input_files("#xad-question input[type=file]", screws / "test" / "scratch_head" / "000.jpg")
    page.wait_for_selector("#xad-question [aria-label='File thumbnail']")
    _check(page, "with a file")
    page.set_input_files("#xad-question input[type=file]", [])
    ask(page, QUESTION)
    page.locator("a.xad-chip").first.click()
    page.wait_for_selector("#xad-evidence h2")
    for name in page.get_by_role("tab").all_inner_texts():
        tab = page.get_by_role("tab", name=name, exact=True)
        if tab.first.is_visible():
            tab.first.click()
            page.wait_for_timeout(300)
            _check(page, name)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                f"{name} is wider than the window"
            )


def test_the_page_can_be_used_without_a_mouse(app: str, open_page: Open, screws: Path) -> None:
    page = open_page(app)
    ask(page, QUESTION, screws / "test" / "scratch_head" / "001.jpg")
    page.focus("#xad-question textarea")
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('a.xad-chip')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#xad-evidence h2")


def test_two_people_at_once_keep_apart(app: str, open_page: Open, screws: Path) -> None:
    one, other = open_page(app), open_page(app)
    assert one.url != other.url
    ask(one, QUESTION, screws / "test" / "scratch_head" / "002.jpg")
    assert other.locator(".xad-exchange").count() == 0
    ask(other, "Is it normal?", screws / "test" / "good" / "000.jpg")
    assert one.locator(".xad-exchange").count() == other.locator(".xad-exchange").count() == 1
    other.goto(f"{app}?chat=nobody-has-this-key-12")
    other.wait_for_selector("text=not kept here")


def test_a_reload_in_the_middle_of_an_answer_loses_nothing(app: str, open_page: Open, screws: Path) -> None:
    page = open_page(app)
    page.set_input_files("#xad-question input[type=file]", screws / "test" / "thread_side" / "000.jpg")
    page.wait_for_selector("#xad-question [aria-label='File thumbnail']")
    page.fill("#xad-question textarea", QUESTION)
    page.press("#xad-question textarea", "Enter")
    page.wait_for_selector(".xad-steps")
    assert page.locator(".xad-verdict").count() == 0
    page.reload()
    page.wait_for_selector(".xad-verdict")
    assert page.locator(".xad-exchange").count() == 1 and page.locator(".xad-claim").count() >= 1


def test_what_cannot_be_used_is_said_in_the_page_and_the_app_lives_on(
    app: str, open_page: Open, screws: Path, walkway: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("this is no picture\n")
    (tmp_path / "broken.mp4").write_bytes(walkway.read_bytes()[:20_000])
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(300_000_000)
    page = open_page(app)
    for name in ("text.png", "broken.mp4"):
        ask(page, QUESTION, tmp_path / name)
        told = page.locator("#xad-conversation .xad-error").last.inner_text()
        assert told.startswith(name) and "Traceback" not in told
    page.set_input_files("#xad-question input[type=file]", large)
    page.wait_for_selector("text=/maximum|too large|exceeds/i")
    page.reload()
    page.wait_for_selector(".xad-error")
    ask(page, QUESTION, screws / "test" / "good" / "001.jpg")
    assert page.locator(".xad-verdict").count() == 1


def test_a_question_without_a_picture_is_told_what_to_do(app: str, open_page: Open) -> None:
    page = open_page(app)
    page.fill("#xad-question textarea", QUESTION)
    page.press("#xad-question textarea", "Enter")
    page.wait_for_selector("text=there is no picture or clip yet")


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[str]:
    """The address of an app that asks who comes."""
    with Running(tmp_path, XAD_LOGIN="ada:lovelace") as at:
        yield at


def test_whoever_comes_logs_in_where_it_is_asked_for(closed: str, browser) -> None:
    page = browser.new_page(viewport=DESKTOP)
    page.goto(closed)
    for password, let_in in (("wrong", False), ("lovelace", True)):
        page.get_by_label("username").fill("ada")
        page.get_by_label("password").fill(password)
        page.get_by_role("button", name="Login").click()
        page.wait_for_timeout(1500)
        assert (page.locator("#xad-question textarea").count() == 1) is let_in
    page.close()


def test_it_writes_below_its_folder_alone_and_leaves_nothing(tmp_path: Path, browser) -> None:
    started = Running(tmp_path, GRADIO_ANALYTICS_ENABLED="")
    with started as at:
        page = browser.new_page(viewport=DESKTOP)
        page.goto(at)
        page.wait_for_selector("#xad-question textarea")
        page.close()
        listening = [
            one for one in psutil.Process(started.process.pid).net_connections("inet") if one.status == "LISTEN"
        ]
        assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("xad-app-")]
    assert not list(started.here.iterdir())
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(("xad-app-", "gradio"))]


def _check(page, where: str) -> None:
    """Nothing serious stands in the page; what is there only while it fades in, or is filled, does not count."""
    for _ in range(4):
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        if not serious:
            return
        page.wait_for_timeout(700)
    assert not serious, f"{where}: {[(each['id'], each['nodes'][0]['html'][:200]) for each in serious]}"
