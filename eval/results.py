"""`xad eval results`: the results page, made of what evaluations gave, ours beside the published figures of others."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from xad_agent.errors import XadError, reason
from xad_agent.eval.reading import packaged
from xad_agent.eval.report import percent
from xad_agent.eval.store import results_of

_HEAD = """# Results

Written by `xad eval results`, of what the commands named below gave; nothing here is typed by hand. All figures
are in %, with 95 % intervals; of everything else, such as definitions, the results themselves tell (`result.json`,
`--report`). Figures of our own labels are not X-MAN scores. Figures of others are published ones, with how comparable
each is.
"""


def write_results(runs: Sequence[str | Path], page: str | Path) -> str:
    """Write the results page of all results in some folders.

    Args:
        runs: See `results_of`; results of tasks that results.yaml does not know are left out.
        page: The Markdown file to write.

    Returns:
        What was written.

    Raises:
        XadError: There is no result, or the page cannot be written.
    """
    results = [result for run in runs for result in results_of(Path(run))]
    parts = [_HEAD]
    for task, shown in packaged("results").items():
        own = [result for result in results if result["task"] == task]
        if own:
            parts += [
                f"## {shown['title']}\n\n`{shown['command']}`\n",
                *(_part(one, shown) for one in own),
            ]
    text = "\n".join(parts)
    try:
        Path(page).write_text(text, "utf-8")
    except OSError as error:
        raise XadError(f"{page}: cannot be written ({reason(error)}); name another file") from error
    return text


def _part(result: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    """A result as a table beside published figures, or as its command prints it."""
    if "text" not in shown:
        return _section(result, shown["metrics"])
    return f"```\n{import_module(shown['text']).as_text(result)}\n```\n"


def _section(result: Mapping[str, Any], metrics: Mapping[str, str]) -> str:
    values = {name: _value(result, path) for name, path in metrics.items()}
    peers = [peer for peer in packaged("peers") if peer["task"] == result["task"] and peer["set"] == _set_of(result)]
    names = [name for name in values if values[name] or any(name in peer["metrics"] for peer in peers)]
    names += sorted({name for peer in peers for name in peer["metrics"]} - set(names))
    rows = [["**xad-agent**", *(values.get(name) or "" for name in names)]]
    rows += [
        [peer["method"], *(f"{peer['metrics'][name]}" if name in peer["metrics"] else "" for name in names)]
        for peer in peers
    ]
    notes = [f"- {peer['method']}: {peer['source']}. Comparable: {peer['comparable']}." for peer in peers]
    lines = [f"### {_set_of(result)}{_by(result)}\n", _settings(result) + "\n", _table(["", *names], rows)]
    return "\n".join([*lines, *(["", *notes] if notes else []), ""])


def _set_of(result: Mapping[str, Any]) -> str:
    return Path(result["directory"]).name if result.get("directory") else str(result.get("category", ""))


def _by(result: Mapping[str, Any]) -> str:
    return f", by {result['detector']}" if result.get("detector") else ""


def _settings(result: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in result.get("n", {}).items())
    keys = ("seed", "alpha", "limit", "llm", "revision")
    return f"{counts}; " + ", ".join(f"{key} {result[key]}" for key in keys if result.get(key) is not None) + "."


def _value(result: Mapping[str, Any], path: str) -> str:
    """A metric at a dotted path with its interval; "" where there is none."""
    *above, last = path.split(".")
    part: Any = result
    for key in above:
        part = part.get(key) if isinstance(part, Mapping) else None
    value = part.get(last) if isinstance(part, Mapping) else None
    if isinstance(value, Mapping):
        ends = [value.get("low"), value.get("high")]
    else:
        ends = (part or {}).get(f"{last}_interval") or [None, None]
    number = percent(value)
    return (
        "" if number == "-" else f"{number} [{percent(ends[0])}, {percent(ends[1])}]" if ends[0] is not None else number
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
