"""What the app's memory grows by, with many questions and with many people."""

from itertools import cycle
from pathlib import Path

import psutil
import pytest

from tests.app.conftest import Open, ask, running

pytestmark = [pytest.mark.data, pytest.mark.browser, pytest.mark.soak]
QUESTIONS, BEFORE, AT_ONCE = 50, 5, 8  # the first few load what is loaded once
GROWTH = 0.1
ABOUT = ("Where is the defect, and why is it one?", "Is it normal?", "How does it differ from normal?")


def megabytes(process: psutil.Process) -> float:
    """Of the app and its children, MB."""
    return float(sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))) / 1e6


def test_fifty_questions_and_eight_at_once_leave_it_as_large_as_it_was(
    open_page: Open, screws: Path, screw_profile: Path, tmp_path: Path
) -> None:
    files = cycle(sorted((screws / "test").glob("*/*.jpg"))[::3])
    started = running(tmp_path, "--profile", str(screw_profile))
    with started as at:
        app, page = psutil.Process(started.process.pid), open_page(at)
        used = []
        for number, question in zip(range(QUESTIONS), cycle(ABOUT), strict=False):
            ask(page, question, *([] if number % 2 else [next(files)]))  # every second is about another screw
            used.append(megabytes(app))
        pages = [open_page(at) for _ in range(AT_ONCE)]
        for one in pages:
            one.set_input_files("#xad-question input[type=file]", next(files))
            one.wait_for_selector("#xad-question [aria-label='File thumbnail']")
            one.fill("#xad-question textarea", ABOUT[0])
        for one in pages:
            one.press("#xad-question textarea", "Enter")
        for one in pages:
            one.wait_for_selector("#xad-conversation .xad-verdict", timeout=180_000)
        used.append(megabytes(app))
    begun, later = used[BEFORE - 1], used[-2:]
    print(
        f"MB after {BEFORE} questions {begun:.0f}, after {QUESTIONS} {later[0]:.0f}, with {AT_ONCE} at once {later[1]:.0f}"
    )
    assert max(later) <= (1 + GROWTH) * begun, [round(each) for each in used]
