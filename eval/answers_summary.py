"""The truth numbers of answers: what was claimed, dropped and judged, by whom, and how sure each number is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xad_agent.answer import Answer, prose
from xad_agent.check import check
from xad_agent.eval.batch import failures
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.judge import grade_summary
from xad_agent.eval.layout import GOOD
from xad_agent.eval.references import similarities, similarity_summary, spoken
from xad_agent.evidence import Ledger
from xad_agent.llm.sentences import embed

DEFINITIONS = (
    "supported: of the claims in the answers, those that the checker confirms when it is given nothing but the "
    "answer's own JSON; an answer whose text is not its claims has none",
    "dropped: of the different claims that the chat model drafted, at first or mended, those that were refused",
    "verdict accuracy: anomalous where there is a defect, normal where there is none; uncertain is never right, and "
    "neither a false alarm nor a detection",
    "pointing: of the defective ones, those where the peak of the strongest region that the answer's claims rest on "
    "lies in the true mask, of a clip in that of the region's frame; no tolerance; where no region is named it misses",
    "IoU: of the defective ones, all the regions that the claims rest on (of a clip those in the strongest's frame) "
    "against the true mask, mean; 0 where no region is named",
    "name right: of the defective ones with labels, those whose surest name is a true class by the table of synonyms; "
    "an answer that names nothing is not right, and counted by itself; misnamed: of the good ones, those given a name",
    "template: the evidence statements of a fixed plan, which does not depend on the question",
    "seconds: of one answer, reading included; the first of the chat model includes loading it",
    "intervals: 95 %; of shares exact (those of claims as if claims were independent), of means and of differences by "
    "bootstrap over whole pictures or clips, the same ones for both; where all are alike it has no width",
)
SHARES = {
    "by_template": "answered by template",
    "verdict_accuracy": "verdict accuracy",
    "false_alarm_rate": "false-alarm rate",
    "recall": "recall",
    "uncertain": "uncertain",
    "pointing": "pointing",
    "no_region": "no region named",
    "name_right": "name right",
    "no_name": "no name told",
    "misnamed": "good ones named",
}
_NAMED = ("names", "unmapped", "named", "name_right", "name_hits", "truth")
MEANS = {"iou": "IoU", "claims_per_answer": "claims an answer", "seconds": "seconds an answer"}


def summarise(records: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """The truth numbers of answers to the same question about the same media by several askers.

    Args:
        records: Of each picture or clip `item`, `kind` ("good" or another), and either `error` or `media` (sha256)
            and `answers` {asker: {answer (its JSON), seconds, and what `placed` and `Names.judged` give}}, see
            `evaluate_answers`; `reference` [sentence] and `grades` where there are any.
        seed: Of the bootstrap.

    Returns:
        `n` {good, defective, failed}; `askers`: of each the shares `supported`, `dropped` (of claims), `names_true` (of
        the classes named), `truths_named` (of the classes that are there), `by_template`,
        `verdict_accuracy`, `uncertain` (of all), `false_alarm_rate` (of good ones), `recall`, `pointing`, `no_region`
        `name_right`, `no_name` (of defective ones), `misnamed` (of good ones) as `proportion` gives them, `iou` (of
        defective ones), `claims_per_answer` and `seconds` {value, low, high, median}, `template_reasons`
        {note: count}, `unmapped` {label that means no class: count}, `unsupported` [{item, text, reasons}], and where
        there are references `reference` (see `similarity_summary`) and `grades` (see `grade_summary`);
        `differences`: of the first asker (by name) from the second, likewise, of what is measured by picture or clip,
        None where there is none; `items` [{item, kind, asker: {...}}]; `failed` [{item, error}]; `notes`.
    """
    asked = [record for record in records if "error" not in record]
    judged = [{who: _judged(record, who) for who in sorted(record["answers"])} for record in asked]
    kinds = [record["kind"] for record in asked]
    names = list(judged[0])
    _refer(asked, judged)
    outcomes = {name: _outcomes([row[name] for row in judged], kinds) for name in names}
    failed = failures(records)
    return {
        "n": {"good": kinds.count(GOOD), "defective": len(kinds) - kinds.count(GOOD), "failed": len(failed)},
        "askers": {
            name: {
                **_of_claims([row[name] for row in judged]),
                **{key: proportion(outcomes[name][key]) for key in SHARES},
                **{key: _mean(outcomes[name][key], seed) for key in MEANS},
                "unmapped": dict(Counter(label for row in judged for label in row[name].get("unmapped", ()))),
                "unsupported": [entry for row in judged for entry in row[name]["unsupported"]],
                **_secondary(asked, judged, name, seed),
            }
            for name in names
        },
        "differences": {
            key: _mean(np.subtract(*(np.array(outcomes[name][key], float) for name in names[:2])), seed)
            for key in (*SHARES, *MEANS)
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
        "right": answer.verdict == ("normal" if record["kind"] == GOOD else "anomalous"),
        "claims": len(answer.claims),
        "checked": len(checked),
        "unsupported": [{"item": record["item"], "text": text, "reasons": found} for text, found in checked if found],
        "dropped": len({entry.text for entry in answer.dropped}),  # one that was not mended is listed twice
        "source": answer.source,
        "note": answer.note,
        **{key: said[key] for key in ("placed", "pointed", "iou", "seconds")},
        **{key: said[key] for key in (*_NAMED, "grades") if key in said},
    }


def _refer(asked: Sequence[Mapping[str, Any]], judged: Sequence[dict[str, Any]]) -> None:
    """Add to each answer how near it is to what is true, where sentences say what that is."""
    referred = [(record, row) for record, row in zip(asked, judged, strict=True) if "reference" in record]
    for name in referred[0][1] if referred else ():
        texts = [spoken(Answer.model_validate(record["answers"][name]["answer"])) for record, _ in referred]
        found = similarities(texts, [record["reference"] for record, _ in referred], embed)
        for (_, row), near in zip(referred, found, strict=True):
            row[name] |= near


def _secondary(
    asked: Sequence[Mapping[str, Any]], judged: Sequence[Mapping[str, Any]], name: str, seed: int
) -> dict[str, Any]:
    """What is said of answers beside what is measured."""
    summaries = {"similarity": ("reference", similarity_summary), "grades": ("grades", grade_summary)}
    found: dict[str, Any] = {}
    for key, (title, summary) in summaries.items():
        own = [(row[name], record["item"]) for record, row in zip(asked, judged, strict=True) if key in row[name]]
        rows = [row if key == "similarity" else row[key] for row, _ in own]
        if own:
            found[title] = summary(rows, [item for _, item in own], seed)
    return found


def _outcomes(rows: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> dict[str, list[Any]]:
    """What is measured of each picture or clip, by name, in their order."""
    good = [row for row, kind in zip(rows, kinds, strict=True) if kind == GOOD]
    defective = [row for row, kind in zip(rows, kinds, strict=True) if kind != GOOD]
    return {
        "by_template": [row["source"] == "template" for row in rows],
        "verdict_accuracy": [row["right"] for row in rows],
        "false_alarm_rate": [row["verdict"] == "anomalous" for row in good],
        "recall": [row["verdict"] == "anomalous" for row in defective],
        "uncertain": [row["verdict"] == "uncertain" for row in rows],
        "pointing": [row["pointed"] for row in defective],
        "no_region": [not row["placed"] for row in defective],
        "name_right": [row["name_right"] for row in defective if "names" in row],
        "no_name": [not row["named"] for row in defective if "names" in row],
        "misnamed": [row["named"] for row in good if "names" in row],
        "iou": [row["iou"] for row in defective],
        "claims_per_answer": [row["claims"] for row in rows],
        "seconds": [row["seconds"] for row in rows],
    }


def _of_claims(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Shares of claims; an answer by template has drafted none but those that were dropped."""
    supported = [place >= len(row["unsupported"]) for row in rows for place in range(row["checked"])]
    dropped = [True for row in rows for _ in range(row["dropped"])]
    held = [False for row in rows if row["source"] == "model" for _ in range(row["claims"])]
    reasons = Counter(row["note"] for row in rows if row["source"] == "template")
    labelled = [row for row in rows if "names" in row]
    return {
        "supported": proportion(supported),
        "dropped": proportion(dropped + held),
        "template_reasons": dict(reasons.most_common()),
        "names_true": proportion(place < row["name_hits"] for row in labelled for place in range(len(row["names"]))),
        "truths_named": proportion(place < row["name_hits"] for row in labelled for place in range(len(row["truth"]))),
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
