"""Starting the app: its folder, its limits, and who may come in."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from xad_agent.app.heap import few_arenas
from xad_agent.defaults import SECONDS, UPLOAD_MB
from xad_agent.errors import XadError
from xad_agent.machine import is_this_machine

LOGIN = "XAD_LOGIN"
MAX_WAITING = 64  # what is asked of the app while it is at work; whoever comes then is told to come again
AT_ONCE = 4  # of each kind of work, beside the questions, which `Sessions` limits
# Nothing goes to another machine, and nothing is recorded that `Sessions` does not keep.
_SETTINGS = {
    "share": False,
    "footer_links": [],
    "run_history": False,
    "enable_monitoring": False,
    "ssr_mode": False,
    "show_error": True,
    "quiet": True,
    "prevent_thread_lock": True,
}


def launch(
    host: str = "127.0.0.1",
    port: int = 7860,
    profiles: Sequence[Path] = (),
    llm: str = "embedded",
    models: dict[str, str] | None = None,
    seconds: float = SECONDS,
    upload_mb: float = UPLOAD_MB,
    folder: Path | None = None,
) -> None:
    """Serve the page until it is stopped.

    With XAD_LOGIN=USER:PASSWORD in the environment, whoever opens it must log in.

    Args:
        host: Address to listen on; one that is not this machine's own needs XAD_LOGIN.
        port: TCP port.
        profiles: What normal looks like, folders of `xad fit`; all can be chosen, the first of each kind is used.
        llm: A spec for `load_chat_model`.
        models: Checkpoints by role.
        seconds: That a question may take.
        upload_mb: The largest file that is taken, MB.
        folder: Where chats, uploads and profiles are kept beyond this run; None for a temporary one.

    Raises:
        XadError: Gradio is not installed, the port or the folder cannot be used, or a profile cannot be read.
    """
    login = _login(host)
    few_arenas()
    with _ended_by_sigterm(), tempfile.TemporaryDirectory(prefix="xad-app-") as temporary:
        # Gradio reads its environment when it is imported; its own files, and Torch's, go below ours.
        os.environ.update(
            GRADIO_ANALYTICS_ENABLED="False",
            GRADIO_TEMP_DIR=str(Path(temporary) / "gradio"),
            TORCHINDUCTOR_CACHE_DIR=str(Path(temporary) / "torch"),
        )
        try:
            import gradio  # noqa: F401
        except ImportError as error:
            raise XadError('the app needs Gradio: pip install "xad-agent[app]"') from error
        from xad_agent.app.look import look
        from xad_agent.app.page import build
        from xad_agent.app.sessions import Sessions

        chats = _folder(folder or Path(temporary) / "chats")
        if folder is not None:
            # Gradio shows files from below the temporary folder and the current one alone. Were ours given to it as an
            # allowed path, it would also serve what was uploaded as what it says it is: a page, or SVG with a script.
            tempfile.tempdir = str(folder.absolute())
        sessions = Sessions(chats, llm, _by_name(profiles), models, seconds, lasting=folder is not None)
        page = build(sessions, local=is_this_machine(host))
        page.queue(max_size=MAX_WAITING, default_concurrency_limit=AT_ONCE, api_open=False)
        at = {"server_name": host, "server_port": port, "auth": login, "max_file_size": int(upload_mb * 1e6)}
        try:
            page.launch(**at, **_SETTINGS, **look())
            sessions.warm_up()
            print(f"xad-agent: http://{host}:{port}/ (Ctrl-C ends it)", file=sys.stderr)
            page.block_thread()
        except OSError as error:
            raise XadError(f"port {port} of {host} cannot be used: choose another with --port") from error
        finally:
            sessions.close()
            page.close(verbose=False)
            tempfile.tempdir = None


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the app as Ctrl-C does, so that the temporary folder is removed then too."""

    def end(*_: object) -> None:
        sys.exit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise XadError(f"cannot write to {folder} ({error.strerror or error}): choose another --folder") from error
    return folder


def _by_name(folders: Sequence[Path]) -> dict[str, Path]:
    """Each profile's folder by its name, numbered where that is taken."""
    found: dict[str, Path] = {}
    for folder in folders:
        stem = folder.resolve().stem
        numbered = (stem if number == 1 else f"{stem} ({number})" for number in count(1))
        found[next(name for name in numbered if name not in found)] = folder
    return found


def _login(host: str) -> tuple[str, str] | None:
    user, colon, password = os.environ.get(LOGIN, "").partition(":")
    if user and password:
        return user, password
    if colon or user:
        raise XadError(f"{LOGIN} is not USER:PASSWORD: give both", exit_code=2)
    if not is_this_machine(host):
        raise XadError(
            f"{host} can be reached from elsewhere: set {LOGIN}=USER:PASSWORD, which opening the page then asks for",
            exit_code=2,
        )
    return None
