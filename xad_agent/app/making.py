"""`Making`: a profile that is being made, followed meanwhile by whoever looks at the page."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from threading import Event, Lock

from xad_agent.errors import XadError, reason
from xad_agent.profile import Profile
from xad_agent.progress import Told

_WAITING = "waiting for its turn"
_STOPPED = "it was stopped, and nothing of it is kept"
_LOOK_SECONDS = 0.25
_ENOUGH = 0.03  # of the work, before what is left can be told


class _Stopped(Exception):  # noqa: N818 - no error: somebody wanted it
    """Raised into the work, by what is told how far it is."""


class Making:
    """A profile that is being made in a thread of its own.

    Args:
        fit: Learns it, and tells how far it is.
        keep: Puts it where it can be chosen, and gives its name there.
        pool: Where it is worked on.

    Attributes:
        share: How much of it is done, 0 to 1.
        what: What is being done.
        name: Of the profile, once it can be chosen; "" before.
        profile: The profile itself, from then on.
        error: Why there is none; "" where there is no error.
    """

    def __init__(self, fit: Callable[[Told], Profile], keep: Callable[[Profile], str], pool: Executor):
        self.share, self.what, self.name, self.error = 0.0, _WAITING, "", ""
        self.profile: Profile | None = None
        self._fit, self._keep = fit, keep
        self._began = self._told = 0.0
        self._over, self._stopped, self._lock = Event(), Event(), Lock()
        pool.submit(self._work)

    @property
    def over(self) -> bool:
        """Whether it is made, failed, or was stopped."""
        return self._over.is_set()

    @property
    def left(self) -> float | None:
        """Seconds that it will still take; None where that cannot be told yet."""
        if self.share < _ENOUGH:
            return None
        took, since = self._told - self._began, time.monotonic() - self._told
        return max(took * (1 - self.share) / self.share - since, 0.0)

    def follow(self, progress: Callable[..., object]) -> None:
        """Wait until it is over.

        Args:
            progress: Is told meanwhile the share that is done and, as `desc`, what is being done; as `gr.Progress`.
        """
        while not self._over.wait(_LOOK_SECONDS):
            left = "" if self.left is None else f"; about {self.left:.0f} s left"
            progress(self.share, desc=f"{self.what}{left}")

    def stop(self) -> None:
        """End it; of one that is made already nothing changes."""
        with self._lock:
            if not self.over:
                self._stopped.set()  # what the thread still does ends with the next thing that it tells
                self.error = _STOPPED
                self._over.set()

    def _tell(self, share: float, what: str) -> None:
        if self._stopped.is_set():
            raise _Stopped
        self._told = time.monotonic()
        self._began = self._began or self._told
        self.share, self.what = share, what

    def _work(self) -> None:
        try:
            self._tell(0.0, "reading")
            profile = self._fit(self._tell)
            with self._lock:
                if not self._stopped.is_set():
                    self.name, self.profile = self._keep(profile), profile
        except _Stopped:
            pass
        except XadError as error:
            self.error = self.error or str(error)
        except Exception as error:  # a defect of ours ends this profile, not the page
            self.error = self.error or f"unexpected {type(error).__name__} ({reason(error)}): please report it"
        finally:
            self._over.set()
