"""How a set is gone through: which part of it, where results are kept, and what is shown of them."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from xad_agent.errors import XadError, reason
from xad_agent.eval.machine import provenance, this_machine
from xad_agent.eval.page import Page, write_pages
from xad_agent.eval.sampling import SampleT, Shard, check_limit, drawn
from xad_agent.eval.store import Record, Store
from xad_agent.weights import used


@dataclass(frozen=True)
class Batch:
    """How a set is gone through.

    Attributes:
        output: Folder for what is measured of each item; a stopped evaluation called again with the same settings goes
            on where it was, and shards of one evaluation share it. None keeps nothing.
        limit: At most so many items of each kind, drawn with `seed`; None for all.
        shard: Which part of the set is done; None for all of it, and for gathering what shards have done.
        seed: Of whatever is drawn at random.
        progress: Whether bars with an estimate of the time left are shown, on stderr.
        report: Where an HTML report goes; None for none.

    Raises:
        XadError: The limit is below 1, or a shard has no folder to share.
    """

    output: Path | None = None
    limit: int | None = None
    shard: Shard | None = None
    seed: int = 0
    progress: bool = True
    report: Path | None = None
    _pages: list[Page] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_limit(self.limit)
        if self.shard and not self.output:
            raise XadError("a shard needs an output folder (-o) that all shards share", exit_code=2)

    def chosen(self, samples: Sequence[SampleT]) -> list[SampleT]:
        """The samples to go through."""
        some = drawn(samples, self.limit, self.seed)
        return some[self.shard.number - 1 :: self.shard.of] if self.shard else some

    @contextmanager
    def store(self, settings: dict[str, Any], name: str = "") -> Iterator[Store]:
        """Where what is measured of one set is kept, as long as the context lasts.

        Args:
            settings: What the results depend on besides limit, seed, versions, weights and revision.
            name: A folder of its own, where one evaluation has several sets.

        Raises:
            XadError: See `Store`.
        """
        with tempfile.TemporaryDirectory(prefix="xad-eval-") as scratch:
            folder = Path(self.output or scratch) / name
            yield Store(folder, {**settings, "limit": self.limit, "seed": self.seed, **provenance()}, self.shard)

    def finish(self, store: Store, result: dict[str, Any], page: Callable[[], Page]) -> dict[str, Any]:
        """The result with the machine it is of, kept, and shown in the report where one is wanted.

        Args:
            store: Of this result.
            result: JSON-able.
            page: Makes its page.
        """
        whole = {**result, "weights": used(), "machine": this_machine()}
        if self.shard:
            whole["shard"] = f"{self.shard.number}/{self.shard.of}"
        store.keep_result(whole)
        if self.report:
            self._pages.append(replace(page(), result=whole))
            write_pages(self._pages, self.report)
        return whole


def score_all(
    samples: Sequence[SampleT],
    store: Store,
    score: Callable[[SampleT], Record],
    batch: Batch,
    *,
    arrays: bool = False,
    unit: str = "picture",
) -> list[tuple[SampleT, Record]]:
    """The records of all items: those the store has, and of the others what `score` gives, or the error it raises.

    Args:
        samples: The items, of different names.
        store: Where records are kept as soon as they are there.
        score: Gives an item's outcomes; `item`, `kind` and `seconds` are added where it gives none.
        batch: Whether a bar is shown.
        arrays: Whether `score` keeps arrays of each item; where they are not there, it is done again.
        unit: What one item is.

    Raises:
        XadError: Nothing could be scored.
    """
    from tqdm import tqdm

    store.forget_failures()
    done = {name for name, record in store.records().items() if "error" not in record}
    left = [sample for sample in samples if sample.name not in done or (arrays and not store.kept(sample.name))]
    bar = tqdm(
        left, desc="score", unit=unit, initial=len(samples) - len(left), total=len(samples), disable=not batch.progress
    )
    for sample in bar:
        start = perf_counter()
        try:
            outcomes = score(sample)
        except Exception as error:  # one bad item must not lose the results of the others
            outcomes = {
                "error": str(error) if isinstance(error, XadError) else f"{type(error).__name__}: {reason(error)}"
            }
        store.add({"item": sample.name, "kind": sample.kind, "seconds": perf_counter() - start, **outcomes})
    records = store.records()
    scored = [(sample, records[sample.name]) for sample in samples]
    if all("error" in record for _, record in scored):
        where = store.settings.get("directory", store.folder)
        first = f"the first: {scored[0][1]['error']}" if scored else "there is none in this part"
        raise XadError(f"{where}: no {unit} could be scored; {first}")
    return scored


def failures(records: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Of records, the items that failed, [{item, error}]."""
    return [{"item": record["item"], "error": record["error"]} for record in records if "error" in record]
