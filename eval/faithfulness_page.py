"""What `xad eval faithfulness` found, to read: as text, and as a page with curves and examples."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xad_agent.eval.changes import SLIGHT
from xad_agent.eval.faithfulness_orders import SHARES
from xad_agent.eval.faithfulness_picture import EXPLANATIONS, MAP, RANDOM, SHOWN, WAYS, outcome
from xad_agent.eval.faithfulness_sanity import VARIANTS
from xad_agent.eval.faithfulness_summary import ENERGIES, ORDERS, Scored
from xad_agent.eval.layout import Sample
from xad_agent.eval.page import Example, Page, Plot
from xad_agent.eval.plots import bars, curves
from xad_agent.eval.report import interval_of, percent, share_line
from xad_agent.eval.store import Record, Store

_EXAMPLES = 3  # of the best, and of the worst
_VERDICTS = {True: "passed", False: "FAILED", None: "too few pictures to tell"}


def as_text(result: dict[str, Any]) -> str:
    """Tables of what `evaluate_faithfulness` gives, in % where it is a share, with 95 % intervals."""
    n = result["n"]
    lines = [
        f"{result['category']}: {n['defective']} defective pictures tried, {n['detected']} called anomalous and "
        f"measured, {n['failed']} failed; alpha {result['alpha']:g}, seed {result['seed']}",
        *_order_lines(result),
        *_place_lines(result),
        *_stability_lines(result["stability"]),
        *_sanity_lines(result["sanity"]),
    ]
    failed = [f"failed: {failure['item']}: {failure['error']}" for failure in result["failed"]]
    return "\n".join([*lines, *failed, *(f"({note})" for note in result["notes"])])


def _order_lines(result: dict[str, Any]) -> list[str]:
    lines = ["", f"area under the curve, of {result['n']['followed']} pictures"]
    for name in ORDERS:
        row = result["orders"][name]
        lines.append(f"{name:<12}" + "".join(f"  {way} {_value(row, way)}" for way in WAYS))
    for name in EXPLANATIONS:
        for control, row in result["differences"][name].items():
            told = "".join(f"  {way} {_difference(row[way])}" for way in WAYS)
            lines.append(f"{name} less {control:<12}{told}")
    return lines


def _place_lines(result: dict[str, Any]) -> list[str]:
    tried, pointing = result["counterfactual"], result["pointing"]
    lines = [
        "",
        share_line("regions repaired: below the limit", tried["regions"], 42),
        share_line("as large places elsewhere repaired", tried["elsewhere"], 42),
        share_line("all of it made normal", tried["everything"], 42),
        f"{'regions less elsewhere':<42} {_difference(tried['difference'])}",
        share_line("peak of the strongest region in the mask", pointing["peak_in_mask"], 42),
        share_line("peak of the map in the mask", pointing["map_peak_in_mask"], 42),
    ]
    for name in ENERGIES:
        row = result["energy"][name]
        times = row["times"]
        told = "-" if times is None else f"{times:.1f} times its area {_ends(row['times_interval'], 1)}"
        lines.append(f"{name.replace('_', ', '):<42} {_value(row, 'share')}  {told}")
    return lines


def _stability_lines(stability: dict[str, Any]) -> list[str]:
    lines = ["", "under slight changes: rank correlation of maps, IoU of regions, distance of peaks, verdict the same"]
    for name in (*SLIGHT, "all"):
        row = stability[name]
        told = "  ".join(_value(row, measure) for measure in ("rank", "iou", "distance"))
        lines.append(f"{name:<24} {told}  {percent(row['same'])} {interval_of(row, 'same')}")
    return lines


def _sanity_lines(sanity: dict[str, Any]) -> list[str]:
    lines = ["", f"weights randomised: {_VERDICTS[sanity['passed']]}"]
    true = sanity["none"]
    lines.append(f"{'none':<34} pixel AUROC {_value(true, 'auroc')}, peak in the mask {percent(true['peak'])}")
    for name in VARIANTS:
        row = sanity[name]
        lines.append(
            f"{name:<34} pixel AUROC {_value(row, 'auroc')}, peak in the mask {percent(row['peak'])}, "
            f"rank correlation {_value(row, 'correlation')}, SSIM {_value(row, 'ssim')}; "
            f"AUROC less the true map's {_difference(row['worse_placed'])}: {_VERDICTS[row['passed']]}"
        )
    return lines


def _value(row: dict[str, Any], key: str) -> str:
    return f"{percent(row[key])} {_ends(row[f'{key}_interval'])}".rstrip()


def _difference(row: dict[str, Any]) -> str:
    if row["difference"] is None:
        return "-"
    return f"{100 * row['difference']:+.1f} {_ends(row['interval'])}".rstrip()


def _ends(ends: list[float] | None, scale: float = 100) -> str:
    return f"[{scale * ends[0]:.1f}, {scale * ends[1]:.1f}]" if ends else ""


def page(result: dict[str, Any], scored: Scored, store: Store) -> Page:
    """Curves beside those of the controls, what changes do, and the pictures whose map explains most and least.

    Args:
        result: Of `evaluate_faithfulness`.
        scored: The pictures with their records.
        store: Keeps their curves and drawings.
    """
    measured = [
        (s, r) for s, r in scored if "error" not in r and r["detected"] and r[outcome(MAP, WAYS[0])] is not None
    ]
    return Page(
        f"Faithfulness of explanations, {result['category']}",
        as_text(result),
        result,
        plots=(*_curves(measured, store), *_bars(result)),
        examples=tuple(_examples(measured, store)),
    )


def _curves(measured: Sequence[tuple[Sample, Record]], store: Store) -> list[Plot]:
    if not measured:
        return []
    kept = [store.arrays(sample.name) for sample, _ in measured]
    plots = []
    for way, what in zip(WAYS, ("made normal", "put back"), strict=True):
        lines = {order: (SHARES, np.mean([one[outcome(order, way)] for one in kept], axis=0)) for order in ORDERS}
        plots.append(Plot(f"Score by {way}", curves(lines, f"share of the picture {what}", "share of the fall left")))
    return plots


def _bars(result: dict[str, Any]) -> list[Plot]:
    stability, sanity = result["stability"], result["sanity"]
    ranks = {name: (stability[name], "rank") for name in SLIGHT} | {
        f"randomised: {name}": (sanity[name], "correlation") for name in VARIANTS
    }
    places = {name: (sanity[name], "auroc") for name in ("none", *VARIANTS)}
    return [
        Plot("Rank correlation with the map as it is", bars(_heights(ranks), "Spearman's correlation")),
        Plot("How well the map finds the defect, weights randomised", bars(_heights(places), "pixel AUROC")),
    ]


def _heights(rows: dict[str, tuple[dict[str, Any], str]]) -> dict[str, tuple[float, float | None, float | None]]:
    found = {}
    for name, (row, key) in rows.items():
        if row[key] is not None:
            low, high = row[f"{key}_interval"] or (None, None)
            found[name] = (row[key], low, high)
    return found


def _examples(measured: Sequence[tuple[Sample, Record]], store: Store) -> list[Example]:
    """The best first, then the worst: by how much lower the area of deletion is than in random order."""
    ranked = sorted(measured, key=lambda one: _gain(one[1]))
    best = ranked[: min(_EXAMPLES, (len(ranked) + 1) // 2)]
    worst = ranked[::-1][: min(_EXAMPLES, len(ranked) // 2)]
    named = [("best", one) for one in best] + [("worst", one) for one in worst]
    return [_example(word, sample, record, store) for word, (sample, record) in named]


def _gain(record: Record) -> float:
    return float(record[outcome(MAP, WAYS[0])] - record[outcome(RANDOM, WAYS[0])])


def _example(word: str, sample: Sample, record: Record, store: Store) -> Example:
    from xad_agent.media import read_picture

    kept = store.arrays(sample.name)
    shown = (
        ("as it is", read_picture(sample.path).pixels),
        ("map and regions", kept["overlay"]),
        (f"the strangest {100 * SHOWN:.1f} % made normal", kept["replaced"]),
        ("all made normal", kept["normal"]),
    )
    areas = ", ".join(f"{order} {record[outcome(order, WAYS[0])]:.3f}" for order in ORDERS)
    text = (
        f"Score {record['score']:.3g}, wholly normal {record['normal_score']:.3g}. Area of deletion: {areas}. "
        f"Regions repaired: {'below' if record['repaired'] else 'not below'} the limit."
    )
    return Example(f"{word}: {sample.name}", shown, text)
