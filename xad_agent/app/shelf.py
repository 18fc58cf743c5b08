"""`Shelf`: profiles that can be chosen by name, each read once; `SharedShelf`: those of everybody."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import RLock

from xad_agent.app.making import Making
from xad_agent.demo import DemoCase
from xad_agent.errors import XadError
from xad_agent.profile import Profile
from xad_agent.profile_store import kind_of
from xad_agent.profile_zip import unpack


class Shelf:
    """Profiles by name.

    Args:
        folder: Where they are kept, each in a folder of its name; what was kept there before can be chosen again.
        given: Others, which are not kept there: where they are, to be read once they are wanted, or as they are.

    Raises:
        XadError: What is given is no profile.
    """

    def __init__(self, folder: Path, given: Mapping[str, Profile | Path] | None = None):
        self._folder, self._lock = folder, RLock()
        self._read = {name: one for name, one in (given or {}).items() if isinstance(one, Profile)}
        self._given = {name: one for name, one in (given or {}).items() if isinstance(one, Path)}
        self._kinds = {name: _kind(place) for name, place in self._given.items()}

    def names(self) -> dict[str, str]:
        """What can be chosen, by name the kind of media it judges; those given at start come first."""
        with self._lock:
            found = {**self._kinds, **{name: str(profile.kind) for name, profile in self._read.items()}}
            for folder in sorted(self._folder.glob("*")):
                if folder.name not in found and not folder.name.startswith("."):
                    try:
                        found[folder.name] = _kind(folder)
                    except XadError:  # of an earlier version, or damaged
                        continue
            return found

    def find(self, name: str) -> Profile:
        """The profile of a name; XadError where there is none, or it cannot be read."""
        with self._lock:
            if name not in self._read:
                folder = self._given.get(name, self._folder / name)
                try:
                    profile = Profile.load(folder)
                except XadError as error:  # where it lies on the server concerns nobody who looks at the page
                    raise XadError(str(error).replace(str(folder), name)) from error
                self._take(name, profile)
            return self._read[name]

    def add(self, name: str, profile: Profile) -> str:
        """Keep a profile under a name that is not taken; gives the name."""
        with self._lock:
            self._take(name, profile).save(self._folder / name)
            return name

    def _take(self, name: str, profile: Profile) -> Profile:
        """It speaks of itself as it is chosen."""
        profile.name = name
        self._read[name] = profile
        return profile

    def read_given(self) -> None:
        """Read what was given, so that nobody waits for it; what cannot be read is told to whoever wants it."""
        for name in self._given:
            with suppress(XadError):
                self.find(name)

    def copy(self, other: "Shelf") -> None:
        """Keep what another shelf keeps, too."""
        with self._lock:
            if other._folder.is_dir():
                shutil.copytree(other._folder, self._folder, dirs_exist_ok=True)
            self._read |= other._read

    def take_in(self, name: str, file: Path) -> str:
        """Keep a profile from a .zip under a name that is not taken; XadError where it is none that can be read."""
        with self._lock:
            unpack(file, self._folder / name)
            try:
                self.find(name)
            except XadError:
                shutil.rmtree(self._folder / name)
                raise
            return name


class SharedShelf(Shelf):
    """The profiles of everybody: those given at start, and those of the demo once somebody asked for one.

    Attributes:
        pool: Where profiles are made, everybody's one after the other, since each takes all cores.
    """

    def __init__(self, folder: Path, given: Mapping[str, Profile | Path] | None = None):
        super().__init__(folder, given)
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="xad-making")
        self._demos: dict[str, Making] = {}

    def demo(self, case: DemoCase) -> Making | None:
        """The making of a demo case's profile, begun by whoever asks first; None once it can be chosen."""
        with self._lock:
            if case.profile_name in self.names():
                return None
            making = self._demos.get(case.name)
            if making is None or making.over:
                making = Making(case.fit, lambda profile: self.add(case.profile_name, profile), self.pool)
                self._demos[case.name] = making
            return making

    def close(self) -> None:
        """End what is being made."""
        for making in self._demos.values():
            making.stop()
        self.pool.shutdown(wait=False, cancel_futures=True)


def _kind(folder: Path) -> str:
    """ "picture" or "clip", as a saved profile judges."""
    return kind_of(folder).removesuffix("s")
