"""A result of `xad eval xman` as a table to read."""

from typing import Any

from xad_agent.eval.intervals import Interval
from xad_agent.eval.report import percent


def as_text(result: dict[str, Any]) -> str:
    """What `evaluate_answers` or `evaluate_profile` gives, in %, one line per class, then the means."""
    n, classes = result["n"], result["classes"]
    means = _means(result)
    width = max(map(len, [*means, *classes]))
    failed = f", {n['failed']} failed" if n["failed"] else ""
    lines = [
        f"{result['labels']}: {n['clips']} clips{failed}, {n['frames']} frames, {n['labelled_frames']} of them "
        f"labelled; seed {result['seed']}",
        f"{'class':<{width}} {'frames':>7} {'chance':>7} {'AP':>7}",
    ]
    for name, row in classes.items():
        start = f"{name:<{width}} {row['positive_frames']:>7} {percent(row['prevalence']):>7}"
        lines.append(_row(start, row["ap"], row["ap_interval"], 0))
    lines += [_row(name, *mean, width + 16) for name, mean in means.items()]
    if not result["map_interval"]:
        lines.append("(no interval: too few clips)")
    lines += _sampled(result)
    if result["unmapped"]:
        words = ", ".join(f"{word} ({count})" for word, count in list(result["unmapped"].items())[:20])
        lines.append(f"unmapped, {result['unmapped_total']} in all: {words}")
    if result["denied"]:
        lines.append("said not to be there: " + ", ".join(f"{name} ({k})" for name, k in result["denied"].items()))
    lines += [f"{name}: {why}, in no mean" for name, why in result["undefined"].items()]
    lines += [f"failed: {failure['item']}: {failure['error']}" for failure in result["failed"]]
    return "\n".join([*lines, *(f"({note})" for note in [result["note"], *result["notes"]])])


def _means(result: dict[str, Any]) -> dict[str, tuple[float | None, Interval]]:
    """Every mean by what it is called, with its interval."""
    means = {"mean (mAP)": _mean(result, "map"), "without location": _mean(result, "map_without_location")}
    for kind, value in result["map_per_kind"].items():
        means[f"kind {kind}"] = value, result["map_per_kind_interval"][kind]
    if alone := result.get("detector_alone"):
        means["object detector alone"] = _mean(alone, "map")
    if given := result.get("true_regions"):
        means["true regions given"] = _mean(given, "map")
        means["  without location"] = _mean(given, "map_without_location")
        means["  detector alone"] = _mean(given["detector_alone"], "map")
    return means


def _mean(of: dict[str, Any], key: str) -> tuple[float | None, Interval]:
    return of[key], of[f"{key}_interval"]


def _row(name: str, value: float | None, ends: Interval, width: int) -> str:
    interval = f"({percent(ends[0])} to {percent(ends[1])})" if ends and value is not None else ""
    return f"{name:<{width}} {percent(value):>7} {interval}".rstrip()


def _sampled(result: dict[str, Any]) -> list[str]:
    """The effect of the frames that were not answered, or that would not have been."""
    sampled = result["sampled"]
    if sampled["every"] > 1:
        lost = f"; none of them, or all, are {', '.join(sampled['lost'])}" if sampled["lost"] else ""
        share = f"{100 * sampled['share']:.1f} %"
        return [f"mean over the {share} of frames answered alone: {percent(sampled['map'])}{lost}"]
    rows = [f"{every}. {percent(row['map'])}" for every, row in result["sampling"].items()]
    return [f"mean if only every n-th frame had been answered: {', '.join(rows)}"] if rows else []
