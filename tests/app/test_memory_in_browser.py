"""What the app's memory grows by, with many questions and with many people."""

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.app.conftest import Open, Running, ask

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.data, pytest.mark.browser]
QUESTIONS, BEFORE, AT_ONCE = 50, 5, 8  # the first few load what is loaded once
GROWTH = 0.1
ABOUT = ("Where is the defect, and why is it one?", "Is it normal?", "How does it differ from normal?")


def megabytes(process: psutil.Process, page: "Page") -> float:
    """Of the app and its children, once what follows an answer, its exports, is done."""
    page.wait_for_timeout(5000)
    return float(sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))) / 1e6


def test_fifty_questions_and_eight_at_once_leave_it_as_large_as_it_was(
    open_page: Open, screws: Path, screw_profile: Path, tmp_path: Path
) -> None:
    # A defect comes first: what only an answer to one needs, the language model for one, is loaded by it, once.
    files = cycle([screws / "test" / "thread_top" / "014.jpg", *sorted((screws / "test").glob("*/*.jpg"))[::3]])
    started = Running(tmp_path, "--profile", str(screw_profile))
    with started as at:
        app, page = psutil.Process(started.process.pid), open_page(at)
        for number, question in zip(range(QUESTIONS), cycle(ABOUT), strict=False):
            if number == BEFORE:
                begun = megabytes(app, page)
            ask(page, question, *([] if number % 2 else [next(files)]))  # every second is about another screw
        fifty = megabytes(app, page)
        pages = [open_page(at) for _ in range(AT_ONCE)]
        for one in pages:
            one.set_input_files("#xad-question input[type=file]", next(files))
            one.wait_for_selector("#xad-question [aria-label='File thumbnail']")
            one.fill("#xad-question textarea", ABOUT[0])
        for one in pages:
            one.press("#xad-question textarea", "Enter")
        for one in pages:
            one.wait_for_selector("#xad-conversation .xad-verdict", timeout=180_000)
        eight = megabytes(app, page)
    print(f"MB after {BEFORE} questions {begun:.0f}, {QUESTIONS} {fifty:.0f}, {AT_ONCE} at once {eight:.0f}")
    assert max(fifty, eight) <= (1 + GROWTH) * begun
