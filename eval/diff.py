"""`xad eval diff`: what got better from one run of an evaluation to another, what worse, and what may be noise."""

import json
from collections.abc import Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.layout import GOOD
from xad_agent.eval.page import DEPENDS
from xad_agent.eval.paired import more_than_noise, paired_aurocs, paired_means
from xad_agent.eval.reading import packaged
from xad_agent.eval.store import results_of

AUROC = "image AUROC"
DEFINITIONS = (
    "paired: over the items that both runs have; difference: B - A; its interval: 95 %, by bootstrap over items; "
    "better, worse: the interval leaves out 0 and p is 0.05 at most; of seconds lower is better",
    "p-value: McNemar's exact test of yes and no, a permutation test of measures, of AUROCs from the bootstrap; not "
    "corrected: with 20 outcomes, one differs by chance",
    "metrics: of each run as a whole, side by side; whether such a difference is more than noise only the paired "
    "outcomes tell",
)


def compare_runs(first: str | Path, second: str | Path, *, seed: int = 0) -> dict[str, Any]:
    """Compare two runs of the same evaluation on the same items.

    Args:
        first, second: Folders that -o named, or files with what --json printed.
        seed: Of the bootstrap and the permutations.

    Returns:
        A JSON-able dict: `a`, `b` (what was named); `sets` {set: {`settings` {key: [a, b]} that differ, `n` {both,
        only_a, only_b}, `outcomes` {outcome: {n, before, after, difference, interval, p_value, verdict: "better",
        "worse", "noise", "changed" (there is no better), "same"}}, `turned` {outcome: {better: [items], worse:
        [items]}} of yes and no, `metrics` {metric: [a, b]} that differ}}; `notes`.

    Raises:
        XadError: A run cannot be read, has no items, or the two are of different tasks or have no set in common.
    """
    runs = [dict(_results(Path(path))) for path in (first, second)]
    common = [name for name in runs[0] if name in runs[1]]
    if not common and all(len(run) == 1 for run in runs):  # one set each, in folders of different names
        runs[1] = dict.fromkeys(runs[0], next(iter(runs[1].values())))
        common = list(runs[0])
    if not common:
        raise XadError(f"{first} has {', '.join(runs[0])}, {second} has {', '.join(runs[1])}: no set is in both")
    return {
        "task": "diff",
        "a": str(first),
        "b": str(second),
        "seed": seed,
        "sets": {name: _compared(name, runs[0][name], runs[1][name], seed) for name in common},
        "notes": list(DEFINITIONS),
    }


def _results(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each result of a run, by its task and set."""
    for result in results_of(path):
        if not isinstance(result.get("items"), list):
            raise XadError(f"{path}: a result of `xad eval {result['task']}` has no items to compare one by one")
        yield " ".join(str(result[key]) for key in ("task", "category", "detector") if result.get(key)), result


def _compared(name: str, first: dict[str, Any], second: dict[str, Any], seed: int) -> dict[str, Any]:
    if first["task"] != second["task"]:
        raise XadError(
            f"{name}: one run is of {first['task']}, the other of {second['task']}; compare runs of one task"
        )
    items = [{item["item"]: dict(_outcomes(item)) for item in one["items"]} for one in (first, second)]
    kinds = {item["item"]: item.get("kind") for item in first["items"]}
    both = [item for item in items[0] if item in items[1]]
    rows, turned = _rows([[items[run][item] for item in both] for run in (0, 1)], both, seed)
    if any(kinds[item] == GOOD for item in both) and "score" in rows:
        scores = [[items[run][item]["score"] for item in both] for run in (0, 1)]
        of_scores = paired_aurocs([kinds[item] != GOOD for item in both], *scores, seed=seed)
        rows = {AUROC: of_scores | {"verdict": _verdict("right", of_scores)}, **rows}
    return {
        "settings": _differing(*({key: one[key] for key in DEPENDS if key in one} for one in (first, second))),
        "n": {"both": len(both), "only_a": len(items[0]) - len(both), "only_b": len(items[1]) - len(both)},
        "outcomes": rows,
        "turned": turned,
        "metrics": dict(_metrics(first, second)),
    }


def _differing(first: dict[str, Any], second: dict[str, Any]) -> dict[str, list[Any]]:
    """Settings that are not the same, nested ones by dotted names; a machine's load is never the same."""
    flat = [dict(_leaves(one)) for one in (first, second)]
    keys = [key for key in dict.fromkeys([*flat[0], *flat[1]]) if key != "machine.load_average"]
    return {key: [one.get(key) for one in flat] for key in keys if flat[0].get(key) != flat[1].get(key)}


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, one in value.items():
        if isinstance(one, Mapping):
            yield from _leaves(one, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", one


def _outcomes(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of a record, nested ones by dotted names; `right` where a verdict can be held against the kind."""
    for key, value in _leaves(record):
        if isinstance(value, Real) and np.isfinite(float(value)):
            yield key, float(value)
    if isinstance(record.get("anomalous"), bool) and "right" not in record:
        yield "right", float(record["anomalous"] == (record.get("kind") != GOOD))


def _rows(
    runs: list[list[dict[str, float]]], names: list[str], seed: int
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, list[str]]]]:
    rows: dict[str, dict[str, Any]] = {}
    turned: dict[str, dict[str, list[str]]] = {}
    for outcome in dict.fromkeys(key for item in runs[0] for key in item):
        pairs = {
            name: (a[outcome], b[outcome])
            for name, a, b in zip(names, *runs, strict=True)
            if outcome in a and outcome in b
        }
        if not pairs:
            continue
        row = paired_means(*zip(*pairs.values(), strict=True), seed=seed)
        rows[outcome] = row | {"verdict": _verdict(outcome, row)}
        sign = _sign(outcome)
        if sign and all(value in (0, 1) for pair in pairs.values() for value in pair):
            moved = {name: sign * (b - a) for name, (a, b) in pairs.items()}
            turned[outcome] = {
                "better": [name for name, by in moved.items() if by > 0],
                "worse": [name for name, by in moved.items() if by < 0],
            }
    return rows, turned


def _verdict(outcome: str, row: dict[str, Any]) -> str:
    if row["difference"] is None or (not row["difference"] and not row.get("raised")):
        return "same"
    if not more_than_noise(row):
        return "noise"
    sign = _sign(outcome)
    return "changed" if not sign else "better" if sign * row["difference"] > 0 else "worse"


def _sign(outcome: str) -> int:
    """1 where more of an outcome is better, -1 where less is, 0 where neither is."""
    directions = packaged("outcomes")
    last = outcome.rpartition(".")[2]
    return (last in directions["higher"]) - (last in directions["lower"])


def _metrics(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[tuple[str, list[float | None]]]:
    for key, value in first.items():
        other = second.get(key)
        values = [one.get("value") if isinstance(one, Mapping) else one for one in (value, other)]
        known = [one for one in values if isinstance(one, Real) and not isinstance(one, bool)]
        if key not in DEPENDS and known and values[0] != values[1]:
            yield key, [float(one) if isinstance(one, Real) else None for one in values]


def as_text(result: dict[str, Any]) -> str:
    """What differs, set by set: settings, paired outcomes with what they come to, items that turned, whole metrics."""
    parts = [_set_text(name, of) for name, of in result["sets"].items()]
    return "\n\n".join([f"A: {result['a']}\nB: {result['b']}", *parts, *(f"({note})" for note in result["notes"])])


def _set_text(name: str, of: dict[str, Any]) -> str:
    n = of["n"]
    lines = [f"{name}: {n['both']} items in both, {n['only_a']} only in A, {n['only_b']} only in B"]
    lines += [f"  setting {key}: {json.dumps(a)} -> {json.dumps(b)}" for key, (a, b) in of["settings"].items()]
    rows = {key: row for key, row in of["outcomes"].items() if row["verdict"] != "same"}
    width = max([len("outcome"), *map(len, rows)])
    if rows:
        lines.append(
            f"  {'outcome':<{width}} {'n':>5} {'A':>9} {'B':>9} {'B - A':>9}  {'interval':<22} {'p':>7}  verdict"
        )
    lines += [_row_text(key, row, width) for key, row in rows.items()]
    if same := [key for key in of["outcomes"] if key not in rows]:
        lines.append(f"  the same in both: {', '.join(same)}")
    for outcome, moved in of["turned"].items():
        lines += [f"  {outcome} turned {way}: {_some(items)}" for way, items in moved.items() if items]
    lines += [f"  {key}: {_number(a)} -> {_number(b)}" for key, (a, b) in of["metrics"].items()]
    return "\n".join(lines)


def _row_text(key: str, row: dict[str, Any], width: int) -> str:
    values = " ".join(f"{_number(row[one]):>9}" for one in ("before", "after", "difference"))
    interval = f"[{_number(row['interval'][0])}, {_number(row['interval'][1])}]" if row["interval"] else ""
    p_value = "" if row["p_value"] is None else f"{row['p_value']:.3f}"
    return f"  {key:<{width}} {row['n']:>5} {values}  {interval:<22} {p_value:>7}  {row['verdict']}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _some(items: list[str], most: int = 8) -> str:
    left = f" and {len(items) - most} more" if len(items) > most else ""
    return f"{len(items)}: {', '.join(items[:most])}{left}"
