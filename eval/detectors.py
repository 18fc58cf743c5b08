"""`xad eval detectors`: every detector on every set given, beside each other, with what each costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch
from xad_agent.eval.intervals import proportion
from xad_agent.eval.layout import GOOD
from xad_agent.eval.page import Page, Plot
from xad_agent.eval.paired import more_than_noise, paired_aurocs, paired_means
from xad_agent.eval.plots import bars
from xad_agent.eval.report import percent

COMBINED = "profile"
METRICS = {
    "image AUROC": "image_auroc",
    "pixel AUROC": "pixel_auroc",
    "AUPRO": "aupro",
    "pointing": "pointing",
    "frame AUC micro": "frame_auc_micro",
    "frame AUC macro": "frame_auc_macro",
    "pixel AUC": "pixel_auc",
    "RBDC": "rbdc",
    "TBDC": "tbdc",
}
_CLIPS = "frame_auc_macro"
COSTS = ("fit_seconds", "seconds", "peak_memory_mb")
DEFINITIONS = (
    "to the best: of pictures the difference of image AUROCs, without good ones of pointing; of clips the mean "
    "difference of each clip's frame AUC; to the detector that is highest, on the same items; interval: 95 %, paired "
    "bootstrap over items; p: adjusted for the comparisons of its set (Benjamini and Hochberg, 1995); more than noise: "
    "the interval leaves out 0 and p is 0.05 at most",
    "pointing: the map's highest pixel lies in the true mask or box",
    "pictures: patchcore has learned from the set's normal ones; the others have seen none; contrast and centre are "
    "trivial",
    "clips: profile is all attributes together; each alone is of the same pass, which costs what the profile costs",
    "costs: seconds of reading and scoring one item, median; memory: the most that a process doing this alone held, "
    "fitting included",
)


@dataclass(frozen=True)
class Row:
    """One detector on one set.

    Attributes:
        result: Of the evaluation it is from.
        metrics: The part of that which is this detector's.
        outcomes: By metric, of each item what is compared: a score, whether it was pointed at, or a clip's AUC.
        costs: Of `COSTS`, those that are its own.
    """

    result: Mapping[str, Any]
    metrics: Mapping[str, Any]
    outcomes: Mapping[str, Mapping[str, float]]
    costs: Mapping[str, float | None]


Rows = dict[str, Row]


def evaluate_detectors(
    directories: Sequence[str | Path],
    *,
    alpha: float = 0.05,
    models: bool = False,
    extra: Sequence[str] = (),
    batch: Batch | None = None,
) -> dict[str, Any]:
    """Run every detector on every set and lay the results side by side.

    Args:
        directories: Sets of pictures or of clips, in a layout of `xad eval images` or `xad eval clips`, one category
            each.
        alpha: False-alarm rate that limits are set for.
        models: Whether the zero-shot detector of the models chosen by `xad models use` is among them.
        extra: What profiles of clips learn besides the usual: "vqunet", which trains for half an hour.
        batch: How each set is gone through; in the output folder each evaluation has a folder of its own. Parts
            (shards) are not for this.

    Returns:
        A JSON-able dict: `sets` {set: {`directory`, `n`, `best`, `detectors` {name: {those of `METRICS` that it has,
        with intervals; `fit_seconds`, `seconds`, `peak_memory_mb`; `to_best` as `paired_means` with `p_adjusted` and
        `more_than_noise`, None of the best}}}}; `items`: what was compared, one for each set and item; `failed` [{item,
        error}]; `notes`.

    Raises:
        XadError: No detector could be run.
    """
    batch = batch or Batch()
    if batch.shard:
        raise XadError(
            "`xad eval detectors` compares whole sets; take shards in `xad eval images` and `clips`", exit_code=2
        )
    sets: dict[str, Any] = {}
    items: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for place, directory in enumerate(map(Path, directories), 1):
        name, rows = f"{place}-{directory.resolve().name}", Rows()
        for evaluation, run in _evaluations(directory, models):
            own = replace(batch, output=batch.output / name / evaluation if batch.output else None, report=None)
            try:
                rows |= run(_alone(_EVALUATE[evaluation], directory, alpha, tuple(extra), own))
            except XadError as error:
                failed.append({"item": f"{name}: {evaluation}", "error": str(error)})
        if rows:
            sets[name] = _set(rows, batch.seed)
            items += _items(name, rows)
    if not sets:
        raise XadError(f"no detector could be run; the first: {failed[0]['error']}")
    settings = {"directories": [str(one) for one in directories], "alpha": alpha, "models": models, "extra": [*extra]}
    with batch.store(settings) as store:
        result = {
            "task": "detectors",
            "category": ", ".join(sets),
            **store.settings,
            "sets": sets,
            "items": items,
            "failed": failed,
            "notes": list(DEFINITIONS),
        }
        return batch.finish(store, result, lambda: _page(result))


def _images(directory: Path, alpha: float, extra: tuple[str, ...], batch: Batch) -> dict[str, Any]:
    from xad_agent.eval.images import evaluate_images

    return evaluate_images(directory, alpha=alpha, repair=False, batch=batch)


def _zero_shot(directory: Path, alpha: float, extra: tuple[str, ...], batch: Batch) -> dict[str, Any]:
    from xad_agent.eval.zero_shot import evaluate_zero_shot

    return evaluate_zero_shot(directory, batch=batch)


def _models(directory: Path, alpha: float, extra: tuple[str, ...], batch: Batch) -> dict[str, Any]:
    from xad_agent.detectors.zero_shot import zero_shot_detector
    from xad_agent.eval.zero_shot import evaluate_zero_shot
    from xad_agent.perception.models import Models

    return evaluate_zero_shot(directory, detector=zero_shot_detector(Models()), batch=batch)


def _clips(directory: Path, alpha: float, extra: tuple[str, ...], batch: Batch) -> dict[str, Any]:
    from xad_agent.eval.clip_scoring import ProfileMethod
    from xad_agent.eval.clips import evaluate_clips

    return evaluate_clips(directory, ProfileMethod(alpha, extra), batch=batch)


_EVALUATE = {"patchcore": _images, "zero-shot": _zero_shot, "models": _models, "clips": _clips}


def _evaluations(directory: Path, models: bool) -> Iterator[tuple[str, Callable[[dict[str, Any]], Rows]]]:
    """What is run on a set, by name, each with how rows are made of its result."""
    from xad_agent.eval.clip_layout import is_clip_set

    if is_clip_set(directory):
        yield "clips", _rows_of_clips
        return
    yield "patchcore", lambda result: {result.get("detector", "patchcore"): _picture_row(result)}
    yield (
        "zero-shot",
        lambda result: {
            result["detector"]: _picture_row(result),
            **{name: _picture_row(one) for name, one in result["baselines"].items()},
        },
    )
    if models:
        yield "models", lambda result: {result["detector"]: _picture_row(result)}


def _alone(evaluate: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """What an evaluation gives in a process of its own, whose memory is then only its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(evaluate, *arguments).result()


def _picture_row(result: dict[str, Any]) -> Row:
    if "categories" in result:
        raise XadError(f"{result['category']}: several categories; name the folder of one")
    costs = {
        "fit_seconds": result.get("fit_seconds"),
        "seconds": result["seconds_per_picture"],
        "peak_memory_mb": result["peak_memory_mb"],
    }
    pointed = {item["item"]: item["map_peak_in_mask"] for item in result["items"] if "map_peak_in_mask" in item}
    scores = {item["item"]: item["score"] for item in result["items"] if "error" not in item}
    metrics = {**result, "pointing": proportion(pointed.values())}
    return Row(result, metrics, {"image_auroc": scores, "pointing": pointed}, costs)


def _rows_of_clips(result: dict[str, Any]) -> Rows:
    items = [item for item in result["items"] if item.get("frame_auc") is not None]
    costs = {
        "fit_seconds": result["fit_seconds"],
        "seconds": _median([item["seconds"] for item in items]),
        "peak_memory_mb": result["peak_memory_mb"],
    }
    alone = {
        name: Row(result, metrics, {_CLIPS: {item["item"]: item["attribute_auc"][name] for item in items}}, {})
        for name, metrics in result["per_attribute"].items()
    }
    whole = {item["item"]: item["frame_auc"] for item in items}
    return {COMBINED: Row(result, result, {_CLIPS: whole}, costs), **alone}


def _median(values: Sequence[float]) -> float | None:
    from statistics import median

    return median(values) if values else None


def _set(rows: Rows, seed: int) -> dict[str, Any]:
    first = next(iter(rows.values())).result
    measured = (one for one in (_CLIPS, "image_auroc") if any(_metric(row, one) is not None for row in rows.values()))
    key = next(measured, "pointing")
    known = [name for name in rows if _metric(rows[name], key) is not None]
    best = max(known, key=lambda name: _metric(rows[name], key) or 0.0) if known else None
    to_best = {name: _to_best(rows[name], rows[best], key, seed) for name in known if best and name != best}
    for name, p_value in _adjusted({name: row["p_value"] for name, row in to_best.items()}).items():
        to_best[name] |= {
            "p_adjusted": p_value,
            "more_than_noise": more_than_noise({**to_best[name], "p_adjusted": p_value}, "p_adjusted"),
        }
    return {
        "directory": first["directory"],
        "n": first["n"],
        "best": best,
        "compared_by": key,
        "detectors": {
            name: {
                **{one: row.metrics.get(one) for one in METRICS.values() if row.metrics.get(one) is not None},
                **{
                    f"{one}_interval": row.metrics.get(f"{one}_interval")
                    for one in METRICS.values()
                    if one in row.metrics
                },
                **{cost: row.costs.get(cost) for cost in COSTS},
                "to_best": to_best.get(name),
            }
            for name, row in rows.items()
        },
    }


def _metric(row: Row, key: str) -> float | None:
    value = row.metrics.get(key)
    return value["value"] if isinstance(value, Mapping) else value


def _to_best(row: Row, best: Row, key: str, seed: int) -> dict[str, Any]:
    own, others = row.outcomes[key], best.outcomes[key]
    both = [item for item in others if item in own]
    pair = [others[item] for item in both], [own[item] for item in both]
    if key != "image_auroc":
        return paired_means(*pair, seed=seed)
    kinds = {item["item"]: item["kind"] for item in row.result["items"]}
    return paired_aurocs([kinds[item] != GOOD for item in both], *pair, seed=seed)


def _adjusted(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    from scipy.stats import false_discovery_control

    known = {name: value for name, value in p_values.items() if value is not None}
    raised = false_discovery_control(list(known.values())) if known else []
    return {**p_values, **{name: float(value) for name, value in zip(known, raised, strict=True)}}


def _items(name: str, rows: Rows) -> Iterator[dict[str, Any]]:
    first = next(iter(rows.values())).result
    for item in first["items"]:
        outcomes = {
            detector: {key: of[item["item"]] for key, of in row.outcomes.items() if item["item"] in of}
            for detector, row in rows.items()
        }
        yield {"item": f"{name}: {item['item']}", "kind": item["kind"], **outcomes}


def as_text(result: dict[str, Any]) -> str:
    """A table for each set, in %: metrics with intervals, costs, and how far each detector is from the best."""
    parts = [_set_text(name, of) for name, of in result["sets"].items()]
    failed = [f"failed: {one['item']}: {one['error']}" for one in result["failed"]]
    return "\n\n".join([*parts, "\n".join([*failed, *(f"({note})" for note in result["notes"])])])


def _set_text(name: str, of: dict[str, Any]) -> str:
    measured = [column for column, key in METRICS.items() if any(key in row for row in of["detectors"].values())]
    width = max(map(len, of["detectors"]))
    n = ", ".join(f"{count} {what}" for what, count in of["n"].items())
    header = "".join(f"{column:>22}" for column in measured) + f"{'fit s':>8}{'s':>8}{'MB':>8}  to the best"
    return "\n".join(
        [
            f"{name}: {n}",
            f"{'':<{width}}{header}",
            *(_line(d, row, measured, width) for d, row in of["detectors"].items()),
        ]
    )


def _line(name: str, row: dict[str, Any], measured: Sequence[str], width: int) -> str:
    cells = (f"{percent(row.get(METRICS[column]))} {_interval(row, METRICS[column])}" for column in measured)
    costs = (f"{_cost(row['fit_seconds'], 1):>8}{_cost(row['seconds'], 3):>8}{_cost(row['peak_memory_mb'], 0):>8}",)
    to_best = row["to_best"]
    told = "the best" if to_best is None else _told(to_best)
    return f"{name:<{width}}" + "".join(f"{cell:>22}" for cell in cells) + "".join(costs) + f"  {told}"


def _interval(row: dict[str, Any], key: str) -> str:
    value, ends = row.get(key), row.get(f"{key}_interval")
    if isinstance(value, Mapping):
        ends = [value["low"], value["high"]]
    return f"[{percent(ends[0])}, {percent(ends[1])}]" if ends and ends[0] is not None else ""


def _cost(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _told(to_best: dict[str, Any]) -> str:
    if to_best["difference"] is None:
        return "not comparable"
    ends = to_best["interval"]
    interval = f" [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]" if ends else ""
    p_value = f", p {to_best['p_adjusted']:.3f}" if to_best["p_adjusted"] is not None else ""
    verdict = "more than noise" if to_best["more_than_noise"] else "may be noise"
    return f"{100 * to_best['difference']:+.1f}{interval}{p_value}, {verdict}"


def _page(result: dict[str, Any]) -> Page:
    plots = [Plot(name, bars(dict(_bars(of)), str(of["compared_by"]))) for name, of in result["sets"].items()]
    return Page("Detectors", as_text(result), result, plots=tuple(plots))


def _bars(of: dict[str, Any]) -> Iterator[tuple[str, tuple[float, float | None, float | None]]]:
    for name, row in of["detectors"].items():
        value = row.get(of["compared_by"])
        if isinstance(value, Mapping):
            yield name, (value["value"], value["low"], value["high"])
        elif value is not None:
            low, high = row.get(f"{of['compared_by']}_interval") or (None, None)
            yield name, (value, low, high)
