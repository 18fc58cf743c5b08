"""`Normal`: what one session calls normal: the profiles it can choose from, and which it judges by."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xad_agent.app.making import Making
from xad_agent.app.shelf import SharedShelf, Shelf
from xad_agent.errors import XadError, named
from xad_agent.profile import Profile
from xad_agent.progress import Told
from xad_agent.report import write_whole

if TYPE_CHECKING:
    from xad_agent.app.session import Settings

KINDS = ("picture", "clip")
_SETTINGS, _OWN, _KEY = "settings.json", "profiles", "profiles"
_NAME = re.compile(r"\w[\w .()+-]{0,59}")


class Normal:
    """What one session calls normal.

    Args:
        folder: The session's; what was chosen there before is chosen again.
        settings: The session's, of which `profiles` is what it judges by.
        shared: Everybody's profiles, of which the first of each kind is used from the start.

    Attributes:
        names: What is in use, by kind of media; "" for nothing.
        making: The profile that is being made, or was last; None before any.
        lost: What was in use but cannot be read any more, and why.
    """

    def __init__(self, folder: Path, settings: "Settings", shared: SharedShelf):
        self._own, self.shared, self._settings = Shelf(folder / _OWN), shared, settings
        self._file = folder / _SETTINGS
        self.making: Making | None = None
        self.names: dict[str, str] = dict.fromkeys(KINDS, "")
        self.lost: list[str] = []
        first = {kind: {"name": name} for name, kind in reversed(shared.names().items())}
        for kind, chosen in {**first, **self._kept().get(_KEY, {})}.items():
            try:
                self._take(kind, chosen["name"], chosen.get("alpha"))
            except XadError as error:
                self.lost.append(f"{chosen['name']}: {error}")

    def choices(self, kind: str) -> list[str]:
        """The profiles at hand for a kind of media."""
        at_hand = {**self.shared.names(), **self._own.names()}
        return [name for name, judges in at_hand.items() if judges == kind]

    def use(self, kind: str, name: str, alpha: float | None = None) -> None:
        """Judge a kind of media by another profile from now on.

        Args:
            kind: "picture" or "clip".
            name: One of `choices`; "" for none.
            alpha: Share of false alarms; None for what the profile was made for.

        Raises:
            XadError: There is no such profile, it cannot be read, or alpha is not between 0 and 1.
        """
        if name and name not in self.choices(kind):
            raise XadError(f"there is no profile {name!r} for {kind}s: choose another")
        self._take(kind, name, alpha)
        self._keep()

    def make(self, name: str, files: Sequence[str], alpha: float = 0.01) -> Making:
        """Begin to make a profile of the session's own; once it is there, it is in use.

        Args:
            name: What to call it.
            files: Normal pictures, or clips.
            alpha: Share of false alarms.

        Raises:
            XadError: There is no file, the name cannot be used, or another is being made.
        """
        if self.busy:
            raise XadError("a profile is being made already: wait for it, or stop it")
        if not files:
            raise XadError("there is nothing to learn from yet: drop normal pictures or clips in")
        name = self._free(name or "normal")

        def fit(tell: Told) -> Profile:
            try:
                profile = Profile.fit(list(dict.fromkeys(files)), alpha, progress=tell)
            except XadError as error:
                raise XadError(named(str(error), files)) from error
            profile.skipped = {Path(at).name: named(why, files) for at, why in profile.skipped.items()}
            return profile

        def keep(profile: Profile) -> str:
            self._own.add(name, profile)
            self.use(profile.kind, name)
            return name

        self.making = Making(fit, keep, self.shared.pool)
        return self.making

    def take_in(self, file: Path) -> str:
        """Take a profile from a .zip into use; gives the kind of media it judges.

        Raises:
            XadError: It holds no profile that can be read.
        """
        name = self._own.take_in(self._free(file.stem if _NAME.fullmatch(file.stem) else "loaded"), file)
        kind = self._own.find(name).kind
        self.use(kind, name)
        return kind

    def follow(self, other: "Normal") -> None:
        """Choose what another session has chosen, and may choose, with profiles of its own too."""
        self._own.copy(other._own)
        for kind, name in other.names.items():
            self.use(kind, name, other._settings.profiles[kind].calibration.alpha if name else None)

    @property
    def busy(self) -> bool:
        """Whether a profile is being made."""
        return self.making is not None and not self.making.over

    def stop(self) -> None:
        """End what is being made."""
        if self.making:
            self.making.stop()

    def _take(self, kind: str, name: str, alpha: float | None) -> None:
        in_use = self._settings.profiles
        if name:
            profile = (self.shared if name in self.shared.names() else self._own).find(name)
            in_use[kind] = profile if alpha is None else profile.at(alpha)
        else:
            in_use.pop(kind, None)
        self.names[kind] = name

    def _free(self, name: str) -> str:
        """A name that is not taken, beginning as this one."""
        name = " ".join(name.split())
        if not _NAME.fullmatch(name):
            raise XadError(
                f"the name {name[:60]!r} cannot be used: begin with a letter or digit, and go on with these, spaces "
                "or . ( ) + -, at most 60 in all"
            )
        taken, number, free = {*self.shared.names(), *self._own.names()}, 1, name
        while free in taken:
            number += 1
            free = f"{name[:54]} ({number})"
        return free

    def _kept(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError):  # nothing was chosen there yet
            return {}

    def _keep(self) -> None:
        in_use = self._settings.profiles
        chosen = {
            kind: {"name": name, "alpha": in_use[kind].calibration.alpha if name else None}
            for kind, name in self.names.items()
        }
        text = json.dumps({**self._kept(), _KEY: chosen}, ensure_ascii=False, indent=1)
        try:
            write_whole(text, self._file)
        except OSError as error:
            raise XadError(f"cannot keep what was chosen ({error.strerror or error}): free space") from error
