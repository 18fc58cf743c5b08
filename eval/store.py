"""What an evaluation has done so far, kept so that it can go on after a stop.

FOLDER/run.json         the settings, and how long the fit took, where something was fitted
FOLDER/profile/         the fitted profile, likewise
FOLDER/pictures.jsonl   one JSON object per picture, appended as they are done
FOLDER/maps/            one float32 .npy (H, W) per picture; 4 bytes a pixel
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.detectors.base import AnomalyMap
from xad_agent.errors import XadError
from xad_agent.eval.layout import Sample, SampleT
from xad_agent.eval.metrics import MapAndMask

Record = dict[str, Any]


class Store:
    """A folder with the results of one category.

    Args:
        folder: Created when missing.
        settings: What the results depend on; JSON-able.

    Raises:
        XadError: The folder cannot be made, or holds results of other settings.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]):
        self.folder = folder
        self.settings = settings
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise XadError(f"{folder}: cannot be made a folder for results ({error.strerror}); name another") from error
        self._run, self._lines = folder / "run.json", folder / "pictures.jsonl"
        before = self._read_run().get("settings", settings)
        if before != settings:
            other = ", ".join(f"{k} {before.get(k)!r}, now {v!r}" for k, v in settings.items() if before.get(k) != v)
            raise XadError(
                f"{folder}: holds results of other settings ({other}); choose another output folder, or delete it",
                exit_code=2,
            )
        if not self._run.exists():
            self._run.write_text(json.dumps({"settings": settings}, indent=1), "utf-8")

    @property
    def profile(self) -> Path:
        """Where the profile belongs."""
        return self.folder / "profile"

    @property
    def fit_seconds(self) -> float | None:
        """How long the fit took; None when there is no whole profile yet."""
        return self._read_run().get("fit_seconds")

    def fitted(self, seconds: float) -> None:
        """Say that the profile is there, whole."""
        self._run.write_text(json.dumps({"settings": self.settings, "fit_seconds": seconds}, indent=1), "utf-8")

    def records(self) -> list[Record]:
        """What was measured of each picture; a line cut off by a stop is dropped from the file, to be done again."""
        if not self._lines.is_file():
            return []
        done: list[Record] = []
        for line in self._lines.read_text("utf-8").splitlines():
            try:
                done.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        self._lines.write_text("".join(json.dumps(record) + "\n" for record in done), "utf-8")
        return done

    def forget_failures(self) -> list[Record]:
        """The records of pictures that went well; the others are dropped, to be tried again."""
        kept = [record for record in self.records() if "error" not in record]
        self._lines.write_text("".join(json.dumps(record) + "\n" for record in kept), "utf-8")
        return kept

    def add(self, record: Record) -> None:
        """Append the record of one picture."""
        with self._lines.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(record) + "\n")

    def keep_map(self, sample: Sample, values: np.ndarray) -> None:
        """Keep a picture's anomaly map, float (H, W)."""
        path = self._map(sample)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values.astype(np.float32, copy=False))

    def has_map(self, sample: Sample) -> bool:
        """Whether a picture's map is there."""
        return self._map(sample).is_file()

    def pairs(self, samples: list[Sample]) -> Iterator[MapAndMask]:
        """The maps of pictures with their masks, one picture in memory at a time."""
        for sample in samples:
            values = np.load(self._map(sample), allow_pickle=False)
            yield values, sample.mask(*values.shape)

    def _map(self, sample: Sample) -> Path:
        return self.folder / "maps" / sample.kind / f"{sample.path.name}.npy"

    def _read_run(self) -> dict[str, Any]:
        try:
            return json.loads(self._run.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except json.JSONDecodeError as error:
            raise XadError(f"{self._run}: not whole JSON ({error}); delete {self.folder} and start again") from error


def score_all(
    samples: list[SampleT],
    store: Store,
    score: Callable[[SampleT], Record],
    progress: bool,
    kept: Callable[[SampleT], bool] = lambda _: True,
) -> list[tuple[SampleT, Record]]:
    """The records of all pictures: those the store has, and of the others what `score` gives, or the error it raises.

    A record counts as had where `kept` says that what belongs to it is there too.

    Raises:
        XadError: No picture could be scored.
    """
    from tqdm import tqdm

    done = {record["picture"] for record in store.forget_failures()}
    open_samples = [sample for sample in samples if sample.name not in done or not kept(sample)]
    for sample in tqdm(open_samples, desc="score", unit="picture", disable=not progress):
        try:
            record = score(sample)
        except Exception as error:  # one bad picture must not lose the results of the others
            reason = str(error) if isinstance(error, XadError) else f"{type(error).__name__}: {error}"
            record = {"picture": sample.name, "kind": sample.kind, "error": reason}
        store.add(record)
    records = {record["picture"]: record for record in store.records()}
    scored = [(sample, records[sample.name]) for sample in samples]
    if all("error" in record for _, record in scored):
        folder = store.settings["directory"]
        raise XadError(f"{folder}: no test picture could be scored; the first: {scored[0][1]['error']}")
    return scored


def check_finite(found: AnomalyMap, sample: Sample) -> None:
    """XadError where a map or its score is not finite."""
    if not (np.isfinite(found.values).all() and np.isfinite(found.score)):
        raise XadError(f"{sample.name}: the detector {found.detector} gave values that are not finite")
