"""What may be in a .zip that claims to be a profile."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from xad_agent.errors import XadError
from xad_agent.profile_zip import pack, unpack


class Saved:
    """Stands for a profile: saves two files of one."""

    def save(self, folder: Path) -> None:
        (folder / "exemplars").mkdir(parents=True)
        (folder / "profile.json").write_text("{}")
        (folder / "exemplars" / "000.png").write_bytes(b"png")


def zipped(file: Path, *names: str, content: bytes = b"x") -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return file


def linked(file: Path) -> Path:
    link = zipfile.ZipInfo("arrays.safetensors")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("profile.json", "{}")
        archive.writestr(link, "/etc/passwd")
    return file


def cut(file: Path) -> Path:
    zipped(file, "profile.json", content=b"x" * 1000)
    file.write_bytes(file.read_bytes()[:60])
    return file


def altered(file: Path) -> Path:
    """A content that is not what its checksum says."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("profile.json", b"x" * 1000)
    file.write_bytes(file.read_bytes().replace(b"xxxx", b"yyyy", 1))
    return file


def text(file: Path) -> Path:
    file.write_text("no archive at all")
    return file


def understated(file: Path) -> Path:
    """Declares 10 bytes where 10 MB come out."""
    zipped(file, "profile.json", content=b"\0" * 10**7)
    raw = file.read_bytes()
    file.write_bytes(raw.replace((10**7).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    return file


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    pack(Saved(), tmp_path / "screw.zip")
    assert {"screw/profile.json", "screw/exemplars/000.png"} <= set(zipfile.ZipFile(tmp_path / "screw.zip").namelist())
    unpack(tmp_path / "screw.zip", tmp_path / "new" / "screw")
    found = {file.relative_to(tmp_path / "new" / "screw").as_posix() for file in (tmp_path / "new").rglob("*.*")}
    assert found == {"profile.json", "exemplars/000.png"}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: zipped(f, "profile.json", "../../evil.png"), "holds '../../evil.png'"),
        (lambda f: zipped(f, "profile.json", "/exemplars/000.png"), "holds '/exemplars/000.png'"),
        (lambda f: zipped(f, "profile.json", "../arrays.safetensors"), "holds"),
        (lambda f: zipped(f, "profile.json", "exemplars/../../000.png"), "holds"),
        (lambda f: zipped(f, "profile.json", "..\\exemplars/000.png"), "holds"),
        (lambda f: zipped(f, "profile.json", "run.py"), "holds 'run.py'"),
        (lambda f: zipped(f, "a/profile.json", "b/profile.json"), "holds 'b/profile.json'"),
        (lambda f: zipped(f, "arrays.safetensors"), "no profile.json"),
        (lambda f: zipped(f, "profile.json", "arrays.safetensors", content=b"\0" * 10**6), "would unpack to 2 MB"),
        (linked, "holds 'arrays.safetensors'"),
        (cut, "no .zip that can be read"),
        (altered, "no .zip that can be read"),
        (text, "no .zip that can be read"),
        (understated, "no .zip that can be read"),
    ],
    ids=["above", "absolute", "one above", "up and down", "backslash", "program", "two", "part", "bomb", "link", "cut",
         "altered", "text", "understated"],
)  # fmt: skip
def test_what_is_no_profile_is_refused_in_one_line_and_leaves_nothing(
    make: Callable[[Path], Path], says: str, tmp_path: Path
) -> None:
    file, place = make(tmp_path / "sent.zip"), tmp_path / "at" / "hand"
    with pytest.raises(XadError, match="sent") as caught:
        unpack(file, place, max_mb=1)
    assert says in str(caught.value)
    assert {entry for entry in tmp_path.rglob("*") if entry.is_file()} == {file}
    assert not place.exists()
