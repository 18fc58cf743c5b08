"""A result of `evaluate_images` as a table to read."""

from collections.abc import Sequence
from typing import Any

from xad_agent.eval.layouts import pairs

_COLUMNS = (
    ("image", "image_auroc"),
    ("pixel", "pixel_auroc"),
    ("AUPRO", "aupro"),
    ("AP", "pixel_ap"),
    ("max-F1", "pixel_max_f1"),
    ("detected", "detection_rate"),
    ("pointing", "pointing_game"),
    ("IoU", "region_iou"),
    ("repaired", "repair_below_threshold"),
)
_INTERVALS = (
    ("false alarms on good pictures", "false_alarm_rate"),
    ("image AUROC", "image_auroc"),
    ("pixel AUROC", "pixel_auroc"),
    ("AUPRO", "aupro"),
    ("candidate's peak in the mask", "pointing_game"),
    ("strongest region's peak in the mask", "pointing_game_regions"),
    ("map's highest pixel in the mask", "pointing_game_map"),
    ("region IoU", "region_iou"),
    ("repair falls below the threshold, of detected", "repair_below_threshold"),
)

_PAIR_INTERVALS = (
    ("average precision of boxes, any type", "box_ap"),
    ("boxes: precision at the limit", "box_precision"),
    ("boxes: recall at the limit", "box_recall"),
    ("boxes: F-score at the limit", "box_f_score"),
    ("boxes: best F-score", "box_best_f_score"),
    ("false alarms outside of the boxes", "false_alarm_rate"),
    ("defective pictures detected", "detection_rate"),
    ("map's highest pixel in a box", "pointing_game_map"),
    ("image AUROC", "image_auroc"),
    ("pixel AUROC, against boxes", "pixel_auroc"),
    ("AUPRO, against boxes", "aupro"),
)


def as_text(result: dict[str, Any]) -> str:
    """A table of what `evaluate_images` gives, in %, with 95 % intervals; several categories one after the other.

    "image" and "pixel" are AUROCs; AP and max-F1 are of pixels; "-" is not defined on this set.
    """
    if "categories" in result:
        parts = [as_text(one) for one in result["categories"].values()]
        mean = [_table(result["category"], {"all": result}, result), *_loco_lines(result)]
        return "\n\n".join([*parts, "\n".join(mean)])
    if result.get("layout") == pairs.LAYOUT:
        return _pairs_text(result)
    types = {**result["types"], "all": result}
    lines = [_table(_title(result), types, result), "", *_interval_lines(result, _INTERVALS), *_loco_lines(result)]
    return "\n".join([*lines, *_last_lines(result)])


def _pairs_text(result: dict[str, Any]) -> str:
    n = result["n"]
    width = max(len(name) for name, _ in _PAIR_INTERVALS)
    title = (
        f"{result['category']}: each picture against its own reference; limit from {n['train']} pairs, tested on "
        f"{n['defective']} defective with {n['boxes']} boxes and {n['normal']} good, {n['failed']} failed; alpha "
        f"{result['alpha']:g}, seed {result['seed']}"
    )
    types = [share_line(f"recall of {name}", row["recall"], width) for name, row in result["types"].items()]
    return "\n".join([title, *types, "", *_interval_lines(result, _PAIR_INTERVALS), *_last_lines(result)])


def _last_lines(result: dict[str, Any]) -> list[str]:
    failures = [f"failed: {failure['item']}: {failure['error']}" for failure in result["failed"]]
    return ["", *_cost_lines(result), *failures, *(f"({note})" for note in result["notes"])]


def _title(result: dict[str, Any]) -> str:
    n = result["n"]
    return (
        f"{result['category']}: fitted on {n['train']}, tested on {n['normal']} good and {n['defective']} defective, "
        f"{n['failed']} failed; alpha {result['alpha']:g}, seed {result['seed']}"
    )


def _table(title: str, rows: dict[str, dict[str, Any]], whole: dict[str, Any]) -> str:
    width = max(len("type"), *(len(name) for name in rows))
    lines = [title, f"{'type':<{width}}     n" + "".join(f"{name:>10}" for name, _ in _COLUMNS)]
    for name, row in rows.items():
        count = row["n"] if isinstance(row["n"], int) else whole["n"]["defective"]
        lines.append(f"{name:<{width}} {count:>5}" + "".join(f"{percent(row.get(key)):>10}" for _, key in _COLUMNS))
    return "\n".join(lines)


def _interval_lines(result: dict[str, Any], rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}} {percent(result[key]):>6} % {interval_of(result, key)}" for name, key in rows]


def _loco_lines(result: dict[str, Any]) -> list[str]:
    """AU-sPRO by kind and limit, where the layout has it."""
    areas = result.get("au_spro")
    if not areas:
        return []
    limits = list(next(iter(areas.values())))
    width = max(len("AU-sPRO, up to a rate of"), *map(len, areas))
    lines = ["", f"{'AU-sPRO, up to a rate of':<{width}}" + "".join(f"{limit:>8}" for limit in limits)]
    lines += [
        f"{kind:<{width}}" + "".join(f"{percent(of[limit]):>8}" for limit in limits) for kind, of in areas.items()
    ]
    interval = interval_of(result, "image_auroc_mean") if "image_auroc_mean_interval" in result else ""
    return [*lines, f"image AUROC, mean of the kinds: {percent(result['image_auroc_mean'])} % {interval}".rstrip()]


def _cost_lines(result: dict[str, Any]) -> list[str]:
    memory = result["peak_memory_mb"]
    costs = f"fit {result['fit_seconds']:.1f} s, {result['seconds_per_picture']:.3f} s a picture"
    if result.get("repair_seconds_per_picture") is not None:
        costs += f", {result['repair_seconds_per_picture']:.2f} s a repair"
    return [costs + (f", peak memory {memory:,.0f} MB" if memory is not None else "")]


def interval_of(result: dict[str, Any], key: str) -> str:
    """The interval of a result's metric or share in brackets, in %; empty where there is none."""
    value = result[key]
    if isinstance(value, dict):
        counted = f"{value['hits']} of {value['n']}"
        return f"({counted}; {percent(value['low'])} to {percent(value['high'])})" if value["n"] else "(none)"
    ends = result[f"{key}_interval"]
    return f"({percent(ends[0])} to {percent(ends[1])})" if ends else ""


def share_line(name: str, share: dict[str, Any], width: int) -> str:
    """A row of a table of shares as `proportion` gives them, in %, with what they are of and their intervals."""
    interval = f"{percent(share['low'])} to {percent(share['high'])} %"
    return f"{name:<{width}} {percent(share):>6} %  ({share['hits']} of {share['n']}; {interval})"


def percent(value: float | dict[str, Any] | None) -> str:
    """A metric or share in %, to one decimal; "-" where it is not defined."""
    number = value["value"] if isinstance(value, dict) else value
    return "-" if number is None else f"{100 * number:.1f}"
