"""How a profile lies on disk: `profile.json`, `arrays.safetensors` and its pictures as PNG files; never a pickle."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, overload

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xad_agent.errors import XadError
from xad_agent.media import Picture, read_picture

VERSION: Final = 8
_JSON = "profile.json"
_ARRAYS = "arrays.safetensors"
_EXEMPLARS, _VIEWS = "exemplars", "views"
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Stored(BaseModel):
    """What `profile.json` holds.

    Attributes:
        version: Of this layout.
        kind: What it was fitted on.
        backbone, fingerprint: The network that is looked with, and its weights' fingerprint where it has one.
        detector: Its name and settings.
        alpha, level, floor: Of the calibration.
        exemplars: The names of the pictures kept.
        views: Those of the whole frames kept of clips.
        sha256: Of every other file, by its path below the folder, filled in when writing; and of this file's own
            content, under "profile.json".
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["xad-profile"] = "xad-profile"
    version: Literal[8] = VERSION
    kind: Literal["pictures", "clips"] = "pictures"
    name: str
    backbone: str
    fingerprint: str
    detector: dict[str, Any]
    alpha: float = Field(gt=0, lt=1)
    level: Finite
    floor: Finite
    fitted: int = Field(ge=1)
    skipped: dict[str, str]
    exemplars: list[str]
    views: list[str] = []
    sha256: dict[str, str] = {}


class StoredPictures(Sequence[Picture]):
    """Pictures of a profile on disk, each decoded when it is first asked for: a question needs a dozen of 300."""

    def __init__(self, folder: Path, paths: list[Path], names: list[str]):
        self._folder, self._paths, self._names = folder, paths, names
        self._read: dict[int, Picture] = {}

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        if place not in self._read:
            try:
                self._read[place] = read_picture(self._paths[place], name=self._names[place])
            except XadError as error:
                raise XadError(_damaged(self._folder, "a picture cannot be read")) from error
        return self._read[place]


def write_folder(
    folder: Path,
    stored: Stored,
    arrays: dict[str, np.ndarray],
    exemplars: list[np.ndarray],
    views: Sequence[np.ndarray] = (),
) -> None:
    """Write a profile beside its place, and move it there when it is complete.

    Args:
        folder: A profile that is there already is replaced; anything else but an empty folder is left alone.
        stored: Its settings.
        arrays: For safetensors.
        exemplars: RGB uint8 pictures, in the order of `stored.exemplars`.
        views: Likewise of `stored.views`.

    Raises:
        XadError: There is something else at this place, or it cannot be written.
    """
    if folder.exists() and not (folder.is_dir() and ((folder / _JSON).is_file() or not any(folder.iterdir()))):
        raise XadError(f"{folder} is there already and is no profile: choose another folder", exit_code=2)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as work:
            fresh, old = Path(work, "fresh"), Path(work, "old")
            _fill(fresh, stored, arrays, {_EXEMPLARS: exemplars, _VIEWS: views})
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)
    except OSError as error:
        reason = error.strerror or error
        raise XadError(f"cannot write the profile {folder} ({reason}): choose another folder, or free space") from error


def arrays_below(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names begin with a prefix, without it: those of one part of a profile."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def kind_of(folder: Path) -> str:
    """ "pictures" or "clips": what a profile was fitted on; XadError as for `read_folder`."""
    return _settings(folder).kind


def read_folder(folder: Path) -> tuple[Stored, dict[str, np.ndarray], StoredPictures, StoredPictures]:
    """Settings, arrays, exemplars and views of a profile, checked.

    Raises:
        XadError: It is missing, damaged, changed by hand or of another version.
    """
    from safetensors.numpy import load

    stored = _settings(folder)
    files = {name: _checked(folder, name, digest) for name, digest in stored.sha256.items() if name != _JSON}
    kept = {_EXEMPLARS: stored.exemplars, _VIEWS: stored.views}
    paths = {group: [_picture_name(group, n) for n in range(len(names))] for group, names in kept.items()}
    if set(files) != {_ARRAYS, *paths[_EXEMPLARS], *paths[_VIEWS]}:
        raise XadError(_damaged(folder, "its list of files is wrong"))
    try:
        arrays = load(files[_ARRAYS].read_bytes())
    except Exception as error:  # the reader raises errors of many types
        raise XadError(_damaged(folder, "a file cannot be read")) from error
    exemplars, views = (
        StoredPictures(folder, [files[path] for path in paths[group]], names) for group, names in kept.items()
    )
    return stored, arrays, exemplars, views


def _fill(
    fresh: Path, stored: Stored, arrays: dict[str, np.ndarray], pictures: dict[str, Sequence[np.ndarray]]
) -> None:
    from PIL import Image
    from safetensors.numpy import save_file

    fresh.mkdir(parents=True)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, fresh / _ARRAYS)
    names = [_ARRAYS]
    for group, members in pictures.items():
        for n, pixels in enumerate(members):
            (fresh / group).mkdir(exist_ok=True)
            names.append(_picture_name(group, n))
            Image.fromarray(pixels).save(fresh / names[-1], compress_level=1)
    digests = {name: _digest(fresh / name) for name in names}
    full = stored.model_copy(update={"sha256": digests})
    full.sha256[_JSON] = _own_digest(full)
    (fresh / _JSON).write_text(full.model_dump_json(indent=1), encoding="utf-8")


def _settings(folder: Path) -> Stored:
    if not (folder / _JSON).is_file():
        raise XadError(f"no profile in {folder}: make one with `xad fit NORMAL... -o {folder}`")
    try:
        data = json.loads((folder / _JSON).read_text(encoding="utf-8"))
        version = data.get("version") if isinstance(data, dict) else None
        if isinstance(version, int) and version != VERSION:
            raise XadError(
                f"the profile {folder} has version {version}, this xad-agent reads version {VERSION}: fit it again"
            )
        stored = Stored.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise XadError(_damaged(folder, f"in {_JSON}, {place}: {first['msg']}")) from error
    except (OSError, ValueError) as error:
        raise XadError(_damaged(folder, f"{_JSON} cannot be read")) from error
    if stored.sha256.get(_JSON) != _own_digest(stored):
        raise XadError(_damaged(folder, f"{_JSON} was changed by hand"))
    return stored


def _checked(folder: Path, name: str, digest: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise XadError(_damaged(folder, f"{name} is missing"))
    if _digest(path) != digest:
        raise XadError(_damaged(folder, f"{name} is truncated or was changed"))
    return path


def _own_digest(stored: Stored) -> str:
    """Over everything in the settings but this digest itself."""
    content = stored.model_dump(mode="json")
    content["sha256"].pop(_JSON, None)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _picture_name(group: str, n: int) -> str:
    return f"{group}/{n:03d}.png"


def _damaged(folder: Path, what: str) -> str:
    return f"the profile {folder} is damaged ({what}): fit it again"
