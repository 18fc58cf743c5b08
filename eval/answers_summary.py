"""The truth numbers of answers: what was claimed, dropped and judged, by whom, and how sure each number is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xad_agent.answer import Answer, prose
from xad_agent.check import check
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.layout import GOOD
from xad_agent.eval.report import interval_of, percent
from xad_agent.evidence import Ledger

DEFINITIONS = (
    "supported: of the claims in the answers, those that the checker confirms when it is given nothing but the "
    "answer's own JSON; an answer whose text is not its claims has none",
    "dropped: of the different claims that the chat model drafted, at first or mended, those that were refused",
    "verdict accuracy: anomalous where there is a defect, normal where there is none; uncertain is never right, and "
    "neither a false alarm nor a detection",
    "pointing: of the defective ones, those where the peak of the strongest region that the answer's claims rest on "
    "lies in the true mask, of a clip in that of the region's frame; no tolerance; where no region is named it misses",
    "template: the evidence statements of a fixed plan, which does not depend on the question",
    "seconds: of one answer, reading included; the first of the chat model includes loading it",
    "intervals: 95 %; of shares exact (those of claims as if claims were independent), of means and of differences by "
    "bootstrap over whole pictures or clips, the same ones for both; where all are alike it has no width",
)
_SHARES = {
    "by_template": "answered by template",
    "verdict_accuracy": "verdict accuracy",
    "false_alarm_rate": "false-alarm rate",
    "recall": "recall",
    "uncertain": "uncertain",
    "pointing": "pointing",
    "no_region": "no region named",
}
_MEANS = {"claims_per_answer": "claims an answer", "seconds": "seconds an answer"}


def summarise(records: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """The truth numbers of answers to the same question about the same media by several askers.

    Args:
        records: Of each picture or clip `item`, `kind` ("good" or another), and either `error` or `media` (sha256)
            and `answers` {asker: {answer (its JSON), seconds, named, pointed}}, see `evaluate_answers`.
        seed: Of the bootstrap.

    Returns:
        `n` {good, defective, failed}; `askers`: of each the shares `supported`, `dropped` (of claims), `by_template`,
        `verdict_accuracy`, `uncertain` (of all), `false_alarm_rate` (of good ones), `recall`, `pointing`, `no_region`
        (of defective ones) as `proportion` gives them, `claims_per_answer` and `seconds` {value, low, high,
        median}, `template_reasons` {note: count}, `unsupported` [{item, text, reasons}];
        `differences`: of the first asker (by name) from the second, likewise, of what is measured by picture or clip,
        None where there is none; `items` [{item, kind, asker: {...}}]; `failed` [{item, error}]; `notes`.
    """
    asked = [record for record in records if "error" not in record]
    judged = [{who: _judged(record, who) for who in sorted(record["answers"])} for record in asked]
    kinds = [record["kind"] for record in asked]
    names = list(judged[0])
    outcomes = {name: _outcomes([row[name] for row in judged], kinds) for name in names}
    failed = [{"item": record["item"], "error": record["error"]} for record in records if "error" in record]
    return {
        "n": {"good": kinds.count(GOOD), "defective": len(kinds) - kinds.count(GOOD), "failed": len(failed)},
        "askers": {
            name: {
                **_of_claims([row[name] for row in judged]),
                **{key: proportion(outcomes[name][key]) for key in _SHARES},
                **{key: _mean(outcomes[name][key], seed) for key in _MEANS},
                "unsupported": [entry for row in judged for entry in row[name]["unsupported"]],
            }
            for name in names
        },
        "differences": {
            key: _mean(np.subtract(*(np.array(outcomes[name][key], float) for name in names[:2])), seed)
            for key in (*_SHARES, *_MEANS)
        },
        "items": [
            {"item": record["item"], "kind": record["kind"], **row} for record, row in zip(asked, judged, strict=True)
        ],
        "failed": failed,
        "notes": [*_notes(kinds, failed), *DEFINITIONS],
    }


def _judged(record: Mapping[str, Any], who: str) -> dict[str, Any]:
    """One answer, every claim of it checked anew."""
    said = record["answers"][who]
    answer = Answer.model_validate(said["answer"])
    ledger = Ledger(answer.evidence)
    about = [] if answer.text == prose(answer.claims) else ["the answer's text is not its claims"]
    if strange := [entry.id for entry in answer.evidence if entry.media not in ("", record["media"])]:
        about.append(f"{', '.join(strange)} is of other media")
    checked = [(claim.text, [*about, *check(claim, ledger)]) for claim in answer.claims]
    checked = checked or [(answer.text, about)] * bool(answer.text)
    return {
        "verdict": answer.verdict,
        "claims": len(answer.claims),
        "checked": len(checked),
        "unsupported": [{"item": record["item"], "text": text, "reasons": found} for text, found in checked if found],
        "dropped": len({entry.text for entry in answer.dropped}),  # one that was not mended is listed twice
        "source": answer.source,
        "note": answer.note,
        **{key: said[key] for key in ("named", "pointed", "seconds")},
    }


def _outcomes(rows: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> dict[str, list[Any]]:
    """What is measured of each picture or clip, by name, in their order."""
    good = [row for row, kind in zip(rows, kinds, strict=True) if kind == GOOD]
    defective = [row for row, kind in zip(rows, kinds, strict=True) if kind != GOOD]
    right = ["normal" if kind == GOOD else "anomalous" for kind in kinds]
    return {
        "by_template": [row["source"] == "template" for row in rows],
        "verdict_accuracy": [row["verdict"] == verdict for row, verdict in zip(rows, right, strict=True)],
        "false_alarm_rate": [row["verdict"] == "anomalous" for row in good],
        "recall": [row["verdict"] == "anomalous" for row in defective],
        "uncertain": [row["verdict"] == "uncertain" for row in rows],
        "pointing": [row["pointed"] for row in defective],
        "no_region": [not row["named"] for row in defective],
        "claims_per_answer": [row["claims"] for row in rows],
        "seconds": [row["seconds"] for row in rows],
    }


def _of_claims(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Shares of claims; an answer by template has drafted none but those that were dropped."""
    supported = [place >= len(row["unsupported"]) for row in rows for place in range(row["checked"])]
    dropped = [True for row in rows for _ in range(row["dropped"])]
    held = [False for row in rows if row["source"] == "model" for _ in range(row["claims"])]
    reasons = Counter(row["note"] for row in rows if row["source"] == "template")
    return {
        "supported": proportion(supported),
        "dropped": proportion(dropped + held),
        "template_reasons": dict(reasons.most_common()),
    }


def _mean(values: Sequence[float] | np.ndarray, seed: int) -> dict[str, float | None] | None:
    """The mean, its interval and the median; None without values."""
    if not len(values):
        return None
    low, high = bootstrap_interval(lambda some: float(some.mean()), np.asarray(values, float), seed=seed) or (None,) * 2
    return {"value": float(np.mean(values)), "low": low, "high": high, "median": float(np.median(values))}


def _notes(kinds: Sequence[str], failed: Sequence[Any]) -> list[str]:
    notes = [f"{len(failed)} failed and are in no metric"] if failed else []
    if GOOD not in kinds:
        notes.append("none of them is good, so there is no false-alarm rate")
    return notes


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
    for key, title in {"supported": "claims supported", "dropped": "drafted claims dropped", **_SHARES}.items():
        rows.append([f"{title}, %", *(_share(one, key) for one in askers.values()), _points(result, key)])
    for key, title in _MEANS.items():
        rows.append([title, *(_number(one[key]) for one in askers.values()), _number(result["differences"][key])])
    rows.append(["  median", *(f"{one['seconds']['median']:.2f}" for one in askers.values()), ""])
    return "\n".join([*head, *_table(rows), *_listed(result), *(f"({note})" for note in result["notes"])])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
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


def _number(mean: Mapping[str, Any] | None) -> str:
    if mean is None:
        return "-"
    return f"{mean['value']:.2f}" + ("" if mean["low"] is None else f" ({mean['low']:.2f} to {mean['high']:.2f})")


def _listed(result: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, one in result["askers"].items():
        lines += [f"{name}: by template {count} times: {note}" for note, count in one["template_reasons"].items()]
        lines += [
            f"{name}: NOT SUPPORTED: {entry['item']}: {entry['text']!r}: {'; '.join(entry['reasons'])}"
            for entry in one["unsupported"]
        ]
    return lines + [f"failed: {failure['item']}: {failure['error']}" for failure in result["failed"]]
