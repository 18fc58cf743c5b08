"""Fetching one package with its ordinary client, pip or npm. Nothing of it is installed or run."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from typing import Literal

from xad_agent.errors import XadError

Client = Literal["pip", "npm"]
_NO_NETWORK = re.compile(
    r"Retrying \(|Max retries|timed out|E(CONN\w+|NOTFOUND|AI_AGAIN|TIMEDOUT|NETUNREACH|HOSTUNREACH)\b"
)


def fetch(client: Client, package: str, work: Path, megabytes: float, progress: bool) -> Path:
    """Download `package` (name and version, as the client wants it) into the empty folder `work`.

    Args:
        client: What fetches it.
        package: Name and version, as the client wants them.
        work: An empty folder; the client's temporary files go there too.
        megabytes: Size of the package in 10^6 bytes, for the bar.
        progress: Whether to show a bar on stderr.

    Returns:
        Path of the package's archive.

    Raises:
        XadError: The client is missing, or fails.
        OSError: The disk is full (ENOSPC), or `work` cannot be written.
    """
    from tqdm import tqdm

    target = work / "package"
    target.mkdir(parents=True)
    command = (_pip if client == "pip" else _npm)(package, target)
    total = round(megabytes * 1e6)
    with tqdm(total=total, desc=package, unit="B", unit_scale=True, mininterval=0.5, disable=not progress) as bar:
        code, output = run(command, work, lambda size: bar.update(min(size, total) - bar.n))
        if code:
            raise _failure(client, package, output)
        bar.update(total - bar.n)
    archives = list(target.iterdir())
    if len(archives) != 1:
        raise XadError(f"{client} handed over no package for {package}: try again")
    return archives[0]


def run(command: list[str], work: Path, report: Callable[[int], object]) -> tuple[int, str]:
    """Run a client in `work`, reporting the bytes it has there so far; its exit code and all it printed."""
    log = work / "client.log"
    # The client's temporary files belong in our folder: counted for the bar, and gone with it whatever happens.
    scratch = os.environ | {name: str(work) for name in ("TMPDIR", "TEMP", "TMP")}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=work, env=scratch, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as client,
    ):
        try:
            while client.poll() is None:
                time.sleep(0.1)
                report(_size(work))
        except BaseException:  # Ctrl-C above all: the client must not go on writing to a folder that is cleared away
            client.kill()
            raise
    return client.returncode, log.read_text(errors="replace")


def _pip(package: str, target: Path) -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise XadError(f"pip, which fetches {package}, is not in this Python: run `{sys.executable} -m ensurepip`")
    # Wheels only: building a source package would run its code. Which Python it is for does not matter for a file.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-input", "--progress-bar=off"]
    return [sys.executable, "-m", "pip", "download", *options, "--dest", str(target), package]


def _npm(package: str, target: Path) -> list[str]:
    if (npm := shutil.which("npm")) is None:
        raise XadError(f"npm, which fetches {package}, is not on this machine: install Node.js, then pull again")
    # npm's own patience without a network is over a minute.
    options = ["--ignore-scripts", "--loglevel=error", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000"]
    return [npm, "pack", package, *options, "--pack-destination", str(target)]


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # the client has just moved it
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _failure(client: Client, package: str, output: str) -> Exception:
    if re.search(r"No space left|ENOSPC", output):
        return OSError(ENOSPC, os.strerror(ENOSPC))
    if _NO_NETWORK.search(output):
        return XadError(
            f"cannot fetch {package}: {client} reaches no package registry. Connect this machine, or check {client}'s "
            "proxy and index settings, then pull again (what is finished is kept)"
        )
    lines = [line for line in output.splitlines() if "error" in line.lower()] or ["it gave no reason"]
    said = re.sub(r"\S+://\S+", "...", lines[-1].strip())[:160]
    return XadError(f"{client} could not fetch {package}: {said}")
