"""How long the app takes to start and to show its first page, beside what Gradio alone takes."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from xad_agent.errors import XadError
from xad_agent.eval.machine import this_machine

RUNS = 3
_LONGEST = 120.0
_USABLE = "#xad-question textarea"


def bench_app(chromium: str | None = None) -> dict[str, Any]:
    """Start the app some times, each as a process of its own, and open its page.

    Args:
        chromium: The browser's program; None where there is none: then the page is not measured.

    Returns:
        Medians: `start_seconds` until the app answers, `gradio_seconds` that importing Gradio alone takes, `ratio` of
        the two, `page_seconds` from opening the address until a question can be typed (None where not measured), and
        the machine.

    Raises:
        XadError: The app does not answer.
    """
    imports, starts, pages = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(RUNS):
            imports.append(_seconds(lambda: subprocess.run([sys.executable, "-c", "import gradio"], check=True)))
            with _running(Path(folder)) as (address, seconds):
                starts.append(seconds)
                if chromium:
                    pages.append(_opened(address, chromium))
    return {
        **this_machine(),
        "runs": RUNS,
        "start_seconds": median(starts),
        "gradio_seconds": median(imports),
        "ratio": median(starts) / median(imports),
        "page_seconds": median(pages) if pages else None,
    }


def as_text(result: dict[str, Any]) -> str:
    """The timings to read."""
    page = result["page_seconds"]
    return "\n".join(
        [
            f"{result['processor']}, {result['cores']} cores, load {result['load_average']}",
            f"start {result['start_seconds']:.1f} s, {result['ratio']:.2f} x the import of Gradio "
            f"({result['gradio_seconds']:.1f} s)",
            "first page: not measured, there is no chromium" if page is None else f"first page {page:.1f} s",
        ]
    )


@contextmanager
def _running(folder: Path) -> Iterator[tuple[str, float]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, began = f"http://127.0.0.1:{port}/", time.perf_counter()
    with (folder / "app.log").open("w") as log:
        command = [sys.executable, "-m", "xad_agent.cli", "app", "--port", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while not _answers(address):
            if process.poll() is not None or time.perf_counter() - began > _LONGEST:
                raise XadError(f"the app does not answer: {(folder / 'app.log').read_text()[-300:]}")
            time.sleep(0.05)
        yield address, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        urlopen(address, timeout=2).close()
    except (URLError, OSError, HTTPException):
        return False
    return True


def _opened(address: str, chromium: str) -> float:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()

        def opened() -> None:
            page.goto(address)
            page.wait_for_selector(_USABLE)

        return _seconds(opened)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
