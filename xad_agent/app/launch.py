"""Starting the app: its folder, its limits, and who may come in."""

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xad_agent.defaults import SECONDS, UPLOAD_MB
from xad_agent.errors import XadError
from xad_agent.machine import is_this_machine
from xad_agent.profile import Profile

LOGIN = "XAD_LOGIN"
MAX_WAITING = 64


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
        profiles: What normal looks like, folders of `xad fit`; the first of each kind is used from the start.
        llm: A spec for `load_chat_model`.
        models: Checkpoints by role.
        seconds: That a question may take.
        upload_mb: The largest file that is taken, MB.
        folder: Where chats, uploads and profiles are kept beyond this run; None for a temporary one.

    Raises:
        XadError: Gradio is not installed, the port or the folder cannot be used, or a profile cannot be read.
    """
    login = _login(host)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the temporary folder is removed then too
    with tempfile.TemporaryDirectory(prefix="xad-app-") as temporary:
        # Gradio reads its environment when it is imported; its own files, and Torch's, go below ours.
        os.environ.update(
            GRADIO_ANALYTICS_ENABLED="False",
            GRADIO_TEMP_DIR=str(Path(temporary) / "gradio"),
            GRADIO_SSR_MODE="False",
            TORCHINDUCTOR_CACHE_DIR=str(Path(temporary) / "torch"),
        )
        try:
            import gradio  # noqa: F401
        except ImportError as error:
            raise XadError('the app needs Gradio: pip install "xad-agent[app]"') from error
        from xad_agent.app.look import look
        from xad_agent.app.page import build
        from xad_agent.app.sessions import Sessions

        sessions = Sessions(
            folder or Path(temporary) / "chats", llm, _by_kind(profiles), models, seconds, folder is not None
        )
        print(f"xad-agent: http://{host}:{port}/ (Ctrl-C ends it)", file=sys.stderr)
        page = build(sessions, local=is_this_machine(host)).queue(max_size=MAX_WAITING, default_concurrency_limit=4)
        if folder is not None:
            # Gradio shows files from below the temporary folder and the current one alone. Were ours given to it as an
            # allowed path, it would also serve what was uploaded as what it says it is: a page, or SVG with a script.
            tempfile.tempdir = str(folder.absolute())
        try:
            page.launch(
                server_name=host,
                server_port=port,
                share=False,
                auth=login,
                max_file_size=int(upload_mb * 1e6),
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                ssr_mode=False,
                show_error=True,
                quiet=True,
                **look(),
            )
        except OSError as error:
            raise XadError(f"port {port} of {host} cannot be used: choose another with --port") from error
        finally:
            sessions.close()
            tempfile.tempdir = None


def _by_kind(folders: Sequence[Path]) -> dict[str, Profile]:
    """The first profile of each kind of media."""
    from xad_agent.clip_profile import ClipProfile

    found: dict[str, Profile] = {}
    for folder in folders:
        profile = Profile.load(folder)
        found.setdefault("clip" if isinstance(profile, ClipProfile) else "picture", profile)
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
