"""A result of `evaluate_clips` as a table to read."""

from typing import Any

from xad_agent.eval.report import interval_of, percent

_COLUMNS = (
    ("micro", "frame_auc_micro"),
    ("macro", "frame_auc_macro"),
    ("micro*", "frame_auc_micro_normalised"),
    ("macro*", "frame_auc_macro_normalised"),
)
INTERVALS = (
    ("frame AUC micro", "frame_auc_micro"),
    ("frame AUC macro", "frame_auc_macro"),
    ("pixel AUC", "pixel_auc"),
    ("pixel AUC, UCSD's 40 %", "pixel_auc_ucsd"),
    ("RBDC", "rbdc"),
    ("TBDC", "tbdc"),
    ("event F1, IoU 0.1", "event_f1_01"),
    ("event F1, IoU 0.5", "event_f1_05"),
)


def as_text(result: dict[str, Any]) -> str:
    """Frame AUCs of each attribute and combined, metrics of places and events, false alarms, in %, and costs.

    "-" is not defined on this set.

    The starred columns are with each test clip's scores scaled to 0 to 1 first.
    """
    rows = {**result["per_attribute"], "combined": result}
    width = max(len("frame AUC"), *(len(name) for name in rows))
    lines = [_title(result), f"{'frame AUC':<{width}}" + "".join(f"{name:>9}" for name, _ in _COLUMNS)]
    lines += [
        f"{name:<{width}}" + "".join(f"{percent(row[key]):>9}" for _, key in _COLUMNS) for name, row in rows.items()
    ]
    lines += ["", *_interval_lines(result), "", _cost_line(result)]
    lines += [f"failed: {failure['item']}: {failure['error']}" for failure in result["failed"]]
    return "\n".join([*lines, "(*: per-clip min-max)", *(f"({note})" for note in result["notes"])])


def _title(result: dict[str, Any]) -> str:
    n = result["n"]
    return (
        f"{result['category']} ({result['layout']}): fitted on {n['train']} normal clips, tested on {n['clips']} with "
        f"{n['frames']} frames, {n['anomalous_frames']} of them anomalous, {n['tracks']} tracks; {n['failed']} failed; "
        f"seed {result['seed']}"
    )


def _interval_lines(result: dict[str, Any]) -> list[str]:
    measured = {name: (result, key) for name, key in INTERVALS}
    measured |= {f"events {what}, IoU 0.1": (result, f"event_{what}_01") for what in ("recall", "precision")}
    if result["false_alarm_rate"]:
        measured |= {
            f"false alarms, held-out {key}": (result["false_alarm_rate"], key)
            for key in ("stretches", "clips", "frames")
        }
    width = max(len(name) for name in measured)
    return [f"{name:<{width}} {percent(of[key]):>6} % {interval_of(of, key)}" for name, (of, key) in measured.items()]


def _cost_line(result: dict[str, Any]) -> str:
    memory = result["peak_memory_mb"]
    costs = f"fit {result['fit_seconds']:.1f} s, {result['fps']:.1f} frames a second, {result['seconds']:.0f} s in all"
    return costs + (f", peak memory {memory:,.0f} MB" if memory is not None else "")
