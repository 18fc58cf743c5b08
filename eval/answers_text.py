"""The truth numbers of answers as a table to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from xad_agent.eval.answers_summary import MEANS, SHARES
from xad_agent.eval.judge import CRITERIA
from xad_agent.eval.references import NOTE
from xad_agent.eval.report import interval_of, percent

_OF_CLAIMS = {
    "supported": "claims supported",
    "dropped": "drafted claims dropped",
}
_OF_NAMES = {"names_true": "names that are true", "truths_named": "true classes named"}
_REFERENCE = {
    "similarity": "similarity to its reference",
    "by_chance": "  to others' references",
    "above_chance": "  above chance",
    "nearer": "  nearer to its own",
}


def as_text(result: Mapping[str, Any]) -> str:
    """The table to read: askers side by side, with 95 % intervals, and what the numbers mean."""
    n, askers = result["n"], result["askers"]
    drawn = "all" if result["limit"] is None else f"at most {result['limit']} of each, seed {result['seed']}"
    head = [
        f"{result['category']}: {n['good']} good and {n['defective']} defective {result['medium']}s ({drawn}), "
        f"{n['failed']} failed; alpha {result['alpha']:g}; profile of {result['fitted_on']}",
        f"asked: {result['question']}",
    ]
    titles = {"model": result["llm"], "template": "template alone"}
    rows = [["", *(titles.get(name, name) for name in askers), "difference"]]
    for key, title in {**_OF_CLAIMS, **SHARES, **_OF_NAMES}.items():
        rows.append([f"{title}, %", *(_share(one, key) for one in askers.values()), _points(result, key)])
    for key, title in MEANS.items():
        rows.append([title, *(number(one[key]) for one in askers.values()), number(result["differences"][key])])
    rows.append(["  median", *(f"{one['seconds']['median']:.2f}" for one in askers.values()), ""])
    rows += _secondary(askers)
    notes = [*result["notes"], *([NOTE] if any("reference" in one for one in askers.values()) else [])]
    return "\n".join([*head, *table(rows), *_listed(result), *(f"({note})" for note in notes)])


def _secondary(askers: Mapping[str, Any]) -> list[list[str]]:
    """Rows of what is said of answers beside what is measured."""
    rows = []
    for part, titles in (("reference", _REFERENCE), ("grades", {name: f"judge: {name}, 1 to 5" for name in CRITERIA})):
        if any(part in one for one in askers.values()):
            rows += [
                [f"(secondary) {title}", *(number(one[part][key]) for one in askers.values()), ""]
                for key, title in titles.items()
            ]
    if any("grades" in one for one in askers.values()):
        rows.append(
            ["(secondary) judge: unreadable", *(f"{one['grades']['unreadable']}" for one in askers.values()), ""]
        )
    return rows


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _share(asker: dict[str, Any], key: str) -> str:
    return f"{percent(asker[key])} {interval_of(asker, key)}" if asker[key]["n"] else "-"


def _points(result: Mapping[str, Any], key: str) -> str:
    mean = result["differences"].get(key)
    if mean is None:
        return ""
    return f"{100 * mean['value']:+.1f}" + (
        "" if mean["low"] is None else f" ({100 * mean['low']:+.1f} to {100 * mean['high']:+.1f})"
    )


def number(mean: Mapping[str, Any] | None) -> str:
    """A mean with its interval, to two decimals; "-" where there is none."""
    if mean is None or mean["value"] is None:
        return "-"
    return f"{mean['value']:.2f}" + ("" if mean["low"] is None else f" ({mean['low']:.2f} to {mean['high']:.2f})")


def _listed(result: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, one in result["askers"].items():
        lines += [f"{name}: by template {count} times: {note}" for note, count in one["template_reasons"].items()]
        if one["unmapped"]:
            lines.append(f"{name}: names of no class: {', '.join(f'{k} ({v})' for k, v in one['unmapped'].items())}")
        lines += [
            f"{name}: NOT SUPPORTED: {entry['item']}: {entry['text']!r}: {'; '.join(entry['reasons'])}"
            for entry in one["unsupported"]
        ]
    return lines + [f"failed: {failure['item']}: {failure['error']}" for failure in result["failed"]]
