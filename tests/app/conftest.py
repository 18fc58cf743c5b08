"""The app as people use it: a process of its own, opened in Debian's chromium, with real pictures and clips."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest

from xad_agent.media import read_clip, write_clip
from xad_agent.profile import Profile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium")
DESKTOP, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}
Open = Callable[..., "Page"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser, loudly, where there is none."""
    for item in items:
        if item.get_closest_marker("browser") and CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="NOT RUN: needs chromium (Debian: apt-get install chromium)"))


@pytest.fixture(scope="session")
def screws(data: Path) -> Path:
    """The folder of the screws, in MVTec's layout."""
    return data / "mvtec_screw" / "screw"


@pytest.fixture(scope="session")
def screw_profile(screws: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved profile of thirty good screws."""
    folder = tmp_path_factory.mktemp("profiles") / "screw.profile"
    Profile.fit(sorted((screws / "train" / "good").iterdir())[:30], alpha=0.05, progress=False).save(folder)
    return folder


@pytest.fixture(scope="session")
def walkway(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real clip, with a cyclist, as a video file."""
    file = tmp_path_factory.mktemp("clips") / "walkway.mp4"
    clip = read_clip(data / "ucsd_ped2" / "testing" / "frames" / "01")
    write_clip(file, clip.frames(), clip.fps)
    return file


@pytest.fixture(scope="session")
def walkway_profile(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved profile of the first seconds of three normal clips of the same camera."""
    folder = tmp_path_factory.mktemp("profiles") / "walkway.profile"
    whole = [read_clip(clip) for clip in sorted((data / "ucsd_ped2" / "training" / "frames").iterdir())[:3]]
    clips = [read_clip(np.stack([*islice(clip.frames(), 80)]), fps=clip.fps, name=clip.name) for clip in whole]
    Profile.fit(clips, alpha=0.05, progress=False).save(folder)
    return folder


@pytest.fixture(scope="session")
def app(screw_profile: Path, walkway_profile: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running app that knows screws and the walkway."""
    with Running(
        tmp_path_factory.mktemp("app"), "--profile", str(screw_profile), "--profile", str(walkway_profile)
    ) as at:
        yield at


class Running:
    """An app as a process of its own, started as a user would: `xad app`.

    Args:
        folder: For its log, and for temporary files.
        options: Of `xad app`.
        environment: Beside this process's.

    Attributes:
        process: The process.
        here: The folder it is started in.
    """

    def __init__(self, folder: Path, *options: str, **environment: str):
        self.folder, self.options, self.environment = folder, options, environment
        self.here = folder / "here"
        self.here.mkdir()

    def __enter__(self) -> str:
        port, started = _free_port(), time.monotonic()
        self.log = self.folder / "app.log"
        environment = {**os.environ, "TMPDIR": str(self.folder), "PYTHONPATH": str(ROOT), **self.environment}
        command = [sys.executable, "-m", "xad_agent.cli", "app", "--port", str(port), *self.options]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.here)
        at = f"http://127.0.0.1:{port}/"
        while time.monotonic() - started < 60:
            assert self.process.poll() is None, self.log.read_text()
            try:
                urlopen(at, timeout=2).close()
            except (URLError, OSError):
                time.sleep(0.1)
                continue
            return at
        raise AssertionError(f"the app does not answer: {self.log.read_text()}")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Debian's chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[Open]:
    """Opens an address in a window of its own; whatever the page asks of another machine fails the test."""
    contexts, elsewhere = [], []

    def opened(address: str, **settings: object) -> "Page":
        context = browser.new_context(
            viewport=DESKTOP, permissions=["camera", "clipboard-read", "clipboard-write"], **settings
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: _is_here(request.url) or elsewhere.append(request.url))
        page.goto(address)
        page.wait_for_selector("#xad-question textarea")
        page.wait_for_function("location.search.includes('chat=')")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not elsewhere, f"the page asked other machines: {elsewhere}"


def ask(page: "Page", question: str, *files: Path) -> None:
    """Type a question, with files, and wait until it is answered."""
    answers = page.locator("#xad-conversation :is(.xad-verdict, .xad-error)").count()
    if files:
        page.set_input_files("#xad-question input[type=file]", list(files))
        page.wait_for_selector("#xad-question .thumbnail-item, #xad-question .thumbnail-image")
    page.fill("#xad-question textarea", question)
    page.press("#xad-question textarea", "Enter")
    page.wait_for_function(
        "n => document.querySelectorAll('#xad-conversation :is(.xad-verdict, .xad-error)').length > n",
        arg=answers,
        timeout=120_000,
    )
    page.wait_for_function("() => document.querySelector('#xad-stop').disabled")


def _is_here(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
