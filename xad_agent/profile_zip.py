"""A profile as one .zip, to hand on; and such a file from anyone read safely."""

import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path

from xad_agent.errors import XadError, clean
from xad_agent.profile import Profile

MAX_MB = 2000
_PART = re.compile(r"(?:[^./\\][^/\\]*/)?(profile\.json|arrays\.safetensors|(?:exemplars|views)/\d{3,4}\.png)")
_REFUSED = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def pack(profile: Profile, file: Path) -> None:
    """Write a profile as a .zip.

    Args:
        profile: Any.
        file: Where to; it holds one folder of the same name, without ".zip".

    Raises:
        XadError: It cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=file.parent) as work:
            profile.save(Path(work, file.stem))
            shutil.make_archive(str(file.with_suffix("")), "zip", work, file.stem)
    except OSError as error:
        raise XadError(f"cannot write {file.name} ({error.strerror or error}): free space") from error


def unpack(file: Path, folder: Path, max_mb: float = MAX_MB) -> None:
    """Read a .zip of a profile into a new folder: all of it or, where it is refused, nothing.

    Only the files of a profile are taken, at their own places; whether they are sound is for `Profile.load` to say.

    Args:
        file: The .zip.
        folder: Where to; must not be there.
        max_mb: The most it may unpack to, MB.

    Raises:
        XadError: It is none, is damaged, or holds anything else; or it cannot be written.
    """
    name = clean(file.name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(file) as archive, tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as work:
            for place, part in _parts(archive, name, max_mb).items():
                target = Path(work, "fresh", place)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(part) as source, target.open("xb") as copy:
                    shutil.copyfileobj(source, copy)  # no more than was declared, which is checked
            Path(work, "fresh").rename(folder)
    except _REFUSED as error:
        raise XadError(f"{name} is no .zip that can be read: take one that was saved here") from error
    except OSError as error:
        raise XadError(f"cannot unpack {name} ({error.strerror or error}): free space") from error


def _parts(archive: zipfile.ZipFile, name: str, max_mb: float) -> dict[str, zipfile.ZipInfo]:
    """Every file by its place in the profile; XadError where there is anything that a profile has not."""
    found: dict[str, zipfile.ZipInfo] = {}
    for part in archive.infolist():
        if part.is_dir():
            continue
        known = _PART.fullmatch(part.filename)
        kind = stat.S_IFMT(part.external_attr >> 16)  # 0 where the archiver did not say
        if known is None or kind not in (0, stat.S_IFREG) or known[1] in found:
            raise XadError(f"{name} is no saved profile: it holds {clean(part.filename)!r}")
        found[known[1]] = part
    if "profile.json" not in found:
        raise XadError(f"{name} is no saved profile: it holds no profile.json")
    if (size := sum(part.file_size for part in found.values()) / 1e6) > max_mb:
        raise XadError(f"{name} would unpack to {size:,.0f} MB; at most {max_mb:,.0f} MB are taken")
    return found
