"""The laboratory scenes' result as text, and as a page with the best and the worst answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from xad_agent.answer import Answer
from xad_agent.eval.answer_names import named_regions
from xad_agent.eval.answers_page import ends, outlines
from xad_agent.eval.answers_text import number, table
from xad_agent.eval.judge import CRITERIA
from xad_agent.eval.page import Example, Page, Plot
from xad_agent.eval.plots import bars
from xad_agent.eval.references import NOTE
from xad_agent.eval.report import percent
from xad_agent.eval.scenes import Check
from xad_agent.eval.store import Record
from xad_agent.media import read_picture


def as_text(result: Mapping[str, Any]) -> str:
    """The table to read, each figure with its interval and what chance gives."""
    n, verdict, kind, place = result["n"], result["verdict"], result["type"], result["place"]
    head = [
        f"{result['category']}: {n['good']} normal and {n['defective']} anomalous checks of {n['pictures']} pictures "
        f"in {n['scenes']} arrangements, {n['failed']} failed; normal from {n['learned']} other pictures; alpha "
        f"{result['alpha']:g}, seed {result['seed']}; {result['llm']}",
        f"asked: {result['question']}",
    ]
    rows = [
        ["", "", "by chance"],
        ["verdict right, balanced, %", share(verdict["balanced"]), "50.0"],
        ["verdict right, %", share(verdict["accuracy"]), percent(verdict["majority"])],
        ["  anomalous found, %", share(verdict["recall"]), ""],
        ["  false alarms, %", share(verdict["false_alarm_rate"]), ""],
        ["  uncertain, %", share(verdict["uncertain"]), ""],
        ["type right, %", share(kind["right"]), percent(kind["majority"])],
        ["  cannot tell", f"{kind['cannot_tell']} of {kind['right']['n']}", ""],
        ["pointing, %", share(place["pointing"]), percent(place["area"]["value"])],
        ["IoU", number(place["iou"]), number(place["area"])],
        ["  no region named", f"{place['no_region']} of {place['n']}", ""],
        *_secondary(result),
    ]
    steps = [
        f"{step}: found {one['recall'][0]} of {one['recall'][1]}, passed {one['passed'][0]} of {one['passed'][1]}, "
        f"uncertain {one['uncertain']}: {one['check']}"
        for step, one in result["by_step"].items()
    ]
    lost = [
        f"({verdict['unlearned']} checks have too few normal pictures to learn from, so their verdict is uncertain)"
    ]
    failed = [f"failed: {one['item']}: {one['error']}" for one in result["failed"]]
    notes = [f"({note})" for note in (*result["notes"], NOTE)]
    return "\n".join([*head, *table(rows), *steps, *failed, *(lost if verdict["unlearned"] else []), *notes])


def _secondary(result: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    if near := result.get("reference"):
        itself = near["question_as_answer"]
        rows += [
            ["(secondary) similarity to the sentence", number(near["similarity"]), number(near["by_chance"])],
            ["  nearer to its own, %", share(near["nearer"]), "50.0"],
            ["  nearer (same check), %", share(near["nearer_same_check"]), "50.0"],
            ["  the check as answer", f"{number(itself['similarity'])}, nearer {share(itself['nearer'])} %", ""],
        ]
    if grades := result.get("grades"):
        rows += [[f"(secondary) judge: {name}, 1 to 5", number(grades[name]), ""] for name in CRITERIA]
        rows.append(["(secondary) judge: unreadable", f"{grades['unreadable']} of {grades['n']}", ""])
    return rows


def share(mean: Mapping[str, Any]) -> str:
    """A share in % with its interval; "-" where there is none."""
    if mean["value"] is None:
        return "-"
    ends = "" if mean["low"] is None else f" ({percent(mean['low'])} to {percent(mean['high'])}; n {mean['n']})"
    return percent(mean["value"]) + ends


def page_of(result: Mapping[str, Any], scored: Sequence[tuple[Check, Record]]) -> Page:
    """The page: the figures with their intervals, and the best and the worst answers."""
    verdict, place = result["verdict"], result["place"]
    figures = {
        "verdict right, balanced": verdict["balanced"],
        "anomalous found": verdict["recall"],
        "false alarms": verdict["false_alarm_rate"],
        "type right": result["type"]["right"],
        "pointing": place["pointing"],
        "IoU": place["iou"],
    }
    shown = {name: (one["value"], one["low"], one["high"]) for name, one in figures.items() if one["value"] is not None}
    asked = [(check, record) for check, record in scored if "error" not in record]
    ranked = sorted(
        asked, key=lambda pair: (pair[1]["right"], pair[1]["pointed"], pair[1]["iou"], pair[0].anomalous), reverse=True
    )
    examples = tuple(_example(title, check, record) for title, check, record in ends(ranked))
    plots = (Plot("Figures, with 95 % intervals", bars(shown, "share, or IoU")),)
    return Page(f"Answers about {result['category']}", as_text(result), result, plots=plots, examples=examples)


def _example(title: str, check: Check, record: Record) -> Example:
    answer = Answer.model_validate(record["answer"])
    pixels = read_picture(check.path).pixels
    drawn = outlines(pixels, check.truth(*pixels.shape[:2]), named_regions(answer))
    truth = f"{'anomalous' if check.anomalous else 'normal'} {check.type}: {check.sentence}"
    text = f"Asked: {answer.question}\nTruth: {truth}\n{answer.text}"
    return Example(f"{title}: {check.name}", (("true place in green, the answer's in red", drawn),), text)
