"""`Sessions`: everybody who uses the app, kept apart, each in a folder below the app's."""

import re
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import RLock, Thread

from xad_agent.app.session import Session, Settings
from xad_agent.app.shelf import SharedShelf
from xad_agent.defaults import SECONDS
from xad_agent.errors import XadError
from xad_agent.profile import Profile

WORKERS = 2  # questions that are worked on at a time; each uses all cores
IN_MEMORY = 8  # sessions; those that were longest left alone wait in their folders
MEASURED = 3  # of them, those whose picture is kept with all that is measured of it: 10 to 100 MB each
_KEY = re.compile(r"[\w-]{22}")


class Sessions:
    """The sessions of one running app.

    Args:
        folder: Where they are kept; emptied of nothing, so a folder of an earlier run is gone on with.
        llm: What new sessions answer with.
        profiles: By name those that everybody can choose; new sessions judge by the first of each kind of media.
        models: Checkpoints by role, for new sessions.
        seconds: That a question may take.
        lasting: Whether `folder` outlives this run.
    """

    def __init__(
        self,
        folder: Path,
        llm: str = "embedded",
        profiles: Mapping[str, Profile | Path] | None = None,
        models: dict[str, str] | None = None,
        seconds: float = SECONDS,
        lasting: bool = False,
    ):
        self.lasting = lasting
        self.folder, self._seconds = folder, seconds
        self._llm, self._models = llm, models or {}
        self.shared = SharedShelf(folder / "shared", profiles)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="xad-session")
        self._batches = ThreadPoolExecutor(1, thread_name_prefix="xad-batch")  # one file of somebody's at a time
        self._open: dict[str, Session] = {}
        self._lock = RLock()

    def new(self, like: Session | None = None) -> Session:
        """A session under a key that nobody can guess; it judges and answers like another one, where that is given."""
        return self._opened(secrets.token_urlsafe(16), like)

    def warm_up(self) -> None:
        """Read what the first question will need, beside the page that is opened meanwhile."""
        Thread(target=self.shared.read_given, name="xad-warm-up", daemon=True).start()

    def find(self, key: str) -> Session:
        """The session of a key, from memory or from its folder.

        Raises:
            XadError: There is none.
        """
        if not key:
            raise XadError("this page is still being set up: try again in a moment")
        with self._lock:
            if key in self._open:
                self._open[key] = self._open.pop(key)  # the last one used is the last to be put away
                for session in list(self._open.values())[:-MEASURED]:
                    session.rest()
                return self._open[key]
            if _KEY.fullmatch(key) is None or not (self.folder / key).is_dir():
                raise XadError("this chat is not kept here any more: begin a new one")
            return self._opened(key)

    def close(self) -> None:
        """Let go of all of them; what is worked on comes to its end with its next step."""
        with self._lock:
            for session in self._open.values():
                session.stop()
                session.normal.stop()
                session.batch.stop()
            self.shared.close()
            for pool in (self._pool, self._batches):
                pool.shutdown(wait=False, cancel_futures=True)

    def _opened(self, key: str, like: Session | None = None) -> Session:
        with self._lock:
            settings = Settings(self._llm, models=dict(self._models))
            if like:
                settings = replace(like.settings, models=dict(like.settings.models), profiles={})
            session = Session(key, self.folder / key, self._pool, self._batches, settings, self.shared, self._seconds)
            if like:
                session.normal.follow(like.normal)
            self._open[key] = session
            idle = [each for each in self._open.values() if not (each.working or each is session)]
            for each in idle[: max(len(self._open) - IN_MEMORY, 0)]:
                self._open.pop(each.key).close()
            return session
