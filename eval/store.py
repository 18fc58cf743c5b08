"""What an evaluation has done so far, kept so that it can go on after a stop.

FOLDER/run.json         the settings
FOLDER/fit.json         how long the fit took, where something was fitted
FOLDER/profile/         the fitted profile, likewise
FOLDER/profiles/        where each of several things has one: NAME/, and NAME.fit.json
FOLDER/items.jsonl      one JSON object per picture, clip or question, appended as they are done; those of a shard
                        in items-2-of-4.jsonl; all such files are read together
FOLDER/arrays/          what belongs to an item and is large, one .npz each
FOLDER/result.json      what came out at the end; result-2-of-4.json of a shard
"""

import json
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from xad_agent.errors import XadError, reason
from xad_agent.eval.metrics import MapAndMask
from xad_agent.eval.samples import Sample
from xad_agent.eval.sampling import Shard

Record = dict[str, Any]


class Store:
    """A folder with the results of one set.

    Args:
        folder: Created when missing.
        settings: What the results depend on; JSON-able.
        shard: Which part of the set this run does; None for all of it.

    Raises:
        XadError: The folder cannot be made, or holds results of other settings.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], shard: Shard | None = None):
        self.folder = folder
        self.settings = settings
        self._suffix = f"-{shard.number}-of-{shard.of}" if shard else ""
        self._lines = folder / f"items{self._suffix}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise XadError(f"{folder}: cannot be made a folder for results ({error.strerror}); name another") from error
        before = _read(folder / "run.json") or settings
        if before != settings:
            keys = dict.fromkeys([*settings, *before])
            other = ", ".join(
                f"{k} {_was(before, k)}, now {_was(settings, k)}" for k in keys if _differs(before, settings, k)
            )
            raise XadError(
                f"{folder}: holds results of other settings ({other}); choose another output folder, or delete it",
                exit_code=2,
            )
        _write(folder / "run.json", settings)

    @property
    def profile(self) -> Path:
        """Where the profile belongs."""
        return self.profile_of("")

    def profile_of(self, thing: str) -> Path:
        """Where the profile of one of several things belongs."""
        return self.folder / "profiles" / thing if thing else self.folder / "profile"

    def fit(self, make: Callable[[Path], None], thing: str = "") -> float:
        """Have a profile made, unless it is there, whole; of several shards of one run, one makes it.

        Args:
            make: Saves a profile to the folder it is given.
            thing: Of which it is, where there are several; a name for files.

        Returns:
            The seconds it took, in this run or in an earlier one.
        """
        from filelock import FileLock

        profile = self.profile_of(thing)
        profile.parent.mkdir(parents=True, exist_ok=True)
        lock, told = (profile.with_name(f"{thing}.fit.{kind}" if thing else f"fit.{kind}") for kind in ("lock", "json"))
        with FileLock(lock):
            if not (done := _read(told)):
                start = perf_counter()
                make(profile)
                done = {"seconds": perf_counter() - start}
                _write(told, done)
        return float(done["seconds"])

    def records(self) -> dict[str, Record]:
        """What was measured of each item, by name, in all shards; a line cut off by a stop counts as not there."""
        files = sorted(self.folder.glob("items*.jsonl"), key=lambda path: (path == self._lines, path.name))
        return {record["item"]: record for path in files for record in _lines_of(path)}

    def forget_failures(self) -> None:
        """Drop this run's failures and what a stop cut off, to be done again."""
        kept = [record for record in _lines_of(self._lines) if "error" not in record]
        if self._lines.is_file():
            self._lines.write_text("".join(json.dumps(record) + "\n" for record in kept), "utf-8")

    def add(self, record: Record) -> None:
        """Append the record of one item."""
        with self._lines.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(record) + "\n")

    def keep(self, item: str, **arrays: np.ndarray) -> None:
        """Keep what belongs to an item; the file appears whole or not at all."""
        path = self._arrays(item)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.stem}.{os.getpid()}.npz")
        np.savez(partial, allow_pickle=False, **arrays)
        partial.replace(path)

    def kept(self, item: str) -> bool:
        """Whether something is kept of an item."""
        return self._arrays(item).is_file()

    def arrays(self, item: str) -> dict[str, np.ndarray]:
        """What is kept of an item."""
        with np.load(self._arrays(item), allow_pickle=False) as file:
            return dict(file)

    def pairs(self, samples: list[Sample]) -> Iterator[MapAndMask]:
        """The maps of pictures, kept as `map`, with their masks, one picture in memory at a time."""
        for sample in samples:
            values = self.arrays(sample.name)["map"]
            yield values, sample.mask(*values.shape)

    def keep_result(self, result: dict[str, Any]) -> None:
        """Keep what came out."""
        _write(self.folder / f"result{self._suffix}.json", result)

    def _arrays(self, item: str) -> Path:
        name = "".join(c if c.isalnum() or c in "._-" else "_" for c in item)[-80:]
        return self.folder / "arrays" / f"{name}-{sha256(item.encode()).hexdigest()[:12]}.npz"


def results_of(path: Path) -> Iterator[dict[str, Any]]:
    """The results that runs kept: every result.json below a folder, or what --json printed into a file.

    Of several categories in one result, each.

    Raises:
        XadError: There is none, or a file is no result.
    """
    found = sorted(path.rglob("result.json")) if path.is_dir() else [path]
    if not found:
        raise XadError(f"{path}: no result.json in it; name a folder that -o named, of a run that came to its end")
    for file in found:
        try:
            whole = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise XadError(f"{file}: cannot be read ({reason(error)}); give what --json printed") from error
        if not isinstance(whole, dict) or "task" not in whole:
            raise XadError(f"{file}: not a result of `xad eval`; give what --json printed, or a folder of -o")
        yield from whole.get("categories", {"": whole}).values()


def _was(settings: dict[str, Any], key: str) -> str:
    return repr(settings[key]) if key in settings else "not set"


def _differs(before: dict[str, Any], now: dict[str, Any], key: str) -> bool:
    return key not in before or key not in now or before[key] != now[key]


def _lines_of(path: Path) -> Iterator[Record]:
    if not path.is_file():
        return
    for line in path.read_text("utf-8").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and "item" in record:
            yield record


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise XadError(f"{path}: not whole JSON ({reason(error)}); delete {path.parent} and start again") from error


def _write(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
    partial.replace(path)
