"""From what was measured of each picture to how faithful the explanations of a set are."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xad_agent.eval.batch import failures
from xad_agent.eval.changes import SLIGHT
from xad_agent.eval.faithfulness_picture import CONTROLS, EXPLANATIONS, MAP, WAYS, outcome
from xad_agent.eval.faithfulness_sanity import VARIANTS
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.layout import Sample
from xad_agent.eval.paired import more_than_noise, paired_means
from xad_agent.eval.store import Record

ORDERS = (*EXPLANATIONS, *CONTROLS)
REVERSED = "reversed"
LEAST = "shifted 1 px"  # the change that the randomised maps are held against: it loses nothing of the picture
ENERGIES = ("energy", "energy_unsubtracted", "energy_boxes", "energy_regions")
DEFINITIONS = (
    "pictures: defective ones that the answer calls anomalous (those have a map above the limit, and regions); the "
    "others are counted, not measured",
    "deletion: cells of 16 px of the size that the backbone looks at are replaced by normal content, those with the "
    "highest mean of the map first, and the picture is scored after 1/128, 1/32, 1/8, 1/4, 1/2, 3/4, 7/8, 31/32 and "
    "127/128 of them; the area under the score over the share replaced, 1 being the picture's score and 0 that of the "
    "wholly replaced picture; lower is more faithful (after Petsiuk et al., RISE, 2018)",
    "insertion: from the wholly replaced picture on, the original's cells are put back in the same order; higher is "
    "more faithful. It is the deletion of the reversed order read from its end, so the area of deletion in the "
    "reversed order is that of insertion, and the other way round",
    "normal content: the nearest normal picture, laid on the picture where it aligns, its light fitted, seams "
    "feathered, as the tool `repair` does it; where a laid one does not reach, the picture stays. Never grey or blur, "
    "which the detector finds stranger than any defect. Only pictures that pass when all is replaced are followed",
    "regions: the answer's, strongest first, then what is nearest to them; map: the anomaly map",
    "controls: random: cells in random order, which has more seams than any map's order; elsewhere: the map moved "
    "cyclically by a random amount, as coherent as the map itself. Two draws of each for a picture, averaged",
    "differences: explanation less control, of the same pictures; a negative one of deletion and a positive one of "
    "insertion speak for the explanation",
    "counterfactual: the score falls to the limit or below with the regions repaired; elsewhere: with as large places "
    "of the same shapes repaired, drawn at random clear of the regions; everything: with all of it made normal",
    "energy: the share of the map's sum inside the mask; subtracted is the map's usual value on normal pictures (the "
    "mean of their medians), below which it is no evidence of anything; unsubtracted: nothing is. boxes: inside the "
    "boxes around the mask's parts. regions: the share of the regions' pixels inside the mask. times: the share "
    "divided by that of the picture which the mask or the boxes fill, for a large one is easily met; median",
    "stability: rank: Spearman's correlation of the maps' pixels; iou: of all regions together, 0 where the changed "
    "picture passes; distance: of the maps' peaks, in shares of the diagonal; same: the verdict stays. Of a shifted "
    "picture the map is moved back, and the border left out",
    "sanity (Adebayo et al., 2018): the same picture's map by the same detector, the weights of the backbone's last, "
    "last two or all three stages drawn anew; the banks of normal patches and the whitening as they were or, in the "
    "last row, learned anew from all normal pictures. passed: over pictures, the rank correlation with the true map is "
    "lower than under a shift of 1 px, which loses nothing, and the pixel AUROC within the picture is lower than the "
    "true map's, both by more than noise (the paired 95 % bootstrap interval leaves out 0)",
)

Scored = Sequence[tuple[Sample, Record]]


def summarise(scored: Scored, *, train: int, threshold: float, seed: int) -> dict[str, Any]:
    """How faithful the explanations of a set are.

    Args:
        scored: Defective pictures with their records.
        train: Normal pictures the profile was fitted on.
        threshold: The score above which a picture is anomalous.
        seed: Of the bootstrap.

    Returns:
        `n` {train, defective, detected, followed (those that pass when all of them is replaced), failed}; `orders`
        {order: {deletion, insertion, ..._interval}}; `differences` {explanation: {control: {way: see `paired_means`}}};
        `counterfactual` {regions, elsewhere, everything: shares; difference}; `pointing` {peak_in_mask,
        map_peak_in_mask: shares}; `energy` {name: {share, times, ..._interval}}; `stability` {change: {rank, iou,
        distance, ..._interval, same: a share}}, of all changes together under "all"; `sanity` {variant: {correlation,
        ssim, auroc, ..._interval, peak: a share, less_alike, worse_placed: see `paired_means`, passed}}, of the true
        weights under "none", and `passed` for all; `failed`, `items`, `notes`. None where not defined.
    """
    records = [record for _, record in scored if "error" not in record]
    detected = [record for record in records if record["detected"]]
    followed = [record for record in detected if record[outcome(MAP, WAYS[0])] is not None]
    failed = failures(record for _, record in scored)
    n = {
        "train": train,
        "defective": len(records),
        "detected": len(detected),
        "followed": len(followed),
        "failed": len(failed),
    }
    return {
        "n": n,
        "orders": {name: _means(followed, {way: outcome(name, way) for way in WAYS}, seed) for name in ORDERS},
        "differences": {name: _differences(followed, name, seed) for name in EXPLANATIONS},
        "counterfactual": _counterfactual(detected, threshold, seed),
        "pointing": {name: proportion(r[name] for r in detected) for name in ("peak_in_mask", "map_peak_in_mask")},
        "energy": {name: _energy(detected, name, seed) for name in ENERGIES},
        "stability": _stability(detected, seed),
        "sanity": _sanity(detected, seed),
        "failed": failed,
        "items": [record for _, record in scored],
        "notes": [*_notes(n), *DEFINITIONS],
    }


def _notes(n: dict[str, int]) -> list[str]:
    notes = []
    if not n["detected"]:
        notes.append("no defective picture was called anomalous, so there is no explanation to try")
    if n["followed"] < n["detected"]:
        notes.append(
            f"{n['detected'] - n['followed']} pictures do not pass even wholly replaced by normal content, and are in "
            "no measure of deletion and insertion"
        )
    if n["failed"]:
        notes.append(f"{n['failed']} pictures failed and are in no measure")
    return notes


def _known(records: Sequence[Record], *keys: str) -> list[list[float]]:
    """The values of each key, of the records in which none of them is None."""
    rows = [[float(record[key]) for key in keys] for record in records if all(record[key] is not None for key in keys)]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in keys]


def _means(
    records: Sequence[Record], keys: dict[str, str], seed: int, statistic: Callable[..., Any] = np.mean
) -> dict[str, Any]:
    """The mean, or another statistic, of each key of the records under its name, with its interval."""
    result: dict[str, Any] = {}
    for name, key in keys.items():
        (values,) = _known(records, key)
        result[name] = float(statistic(values)) if values else None
        result[f"{name}_interval"] = bootstrap_interval(statistic, values, seed=seed)
    return result


def _paired(records: Sequence[Record], before: str, after: str, seed: int) -> dict[str, Any]:
    return paired_means(*_known(records, before, after), seed=seed)


def _differences(records: Sequence[Record], name: str, seed: int) -> dict[str, Any]:
    found = {
        control: {way: _paired(records, outcome(control, way), outcome(name, way), seed) for way in WAYS}
        for control in CONTROLS
    }
    one, other = WAYS
    own = {way: outcome(name, way) for way in WAYS}
    return {
        **found,
        REVERSED: {way: _paired(records, own[back], own[way], seed) for way, back in ((one, other), (other, one))},
    }


def _counterfactual(records: Sequence[Record], threshold: float, seed: int) -> dict[str, Any]:
    names = {"regions": "repaired", "elsewhere": "repaired_elsewhere"}
    shares = {name: proportion(r[key] for r in records if r[key] is not None) for name, key in names.items()}
    whole = [record["normal_score"] for record in records if record["normal_score"] is not None]
    return {
        **shares,
        "everything": proportion(score <= threshold for score in whole),
        "difference": _paired(records, "repaired_elsewhere", "repaired", seed),
    }


def _energy(records: Sequence[Record], name: str, seed: int) -> dict[str, Any]:
    share = _means(records, {"share": name}, seed)
    return share | _means(records, {"times": f"{name}_times"}, seed, np.median)


def _stability(records: Sequence[Record], seed: int) -> dict[str, Any]:
    measures = ("rank", "iou", "distance")
    result = {}
    for change in SLIGHT:
        prefix = f"stability.{change}"
        result[change] = {
            **_means(records, {measure: f"{prefix}.{measure}" for measure in measures}, seed),
            "same": proportion(record[f"{prefix}.same"] for record in records),
        }
    over = [{measure: steadiness(record, measure) for measure in (*measures, "same")} for record in records]
    return {**result, "all": _means(over, {measure: measure for measure in (*measures, "same")}, seed)}


def steadiness(record: Record, measure: str) -> float | None:
    """The mean of a measure of stability over all slight changes of a picture; None where it has none."""
    values = [record[f"stability.{change}.{measure}"] for change in SLIGHT]
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _sanity(records: Sequence[Record], seed: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "none": {
            **_means(records, {"auroc": "sanity.none.auroc"}, seed),
            "peak": proportion(record["sanity.none.peak"] for record in records),
        }
    }
    for name in VARIANTS:
        prefix = f"sanity.{name}"
        row = {
            **_means(records, {measure: f"{prefix}.{measure}" for measure in ("correlation", "ssim", "auroc")}, seed),
            "peak": proportion(record[f"{prefix}.peak"] for record in records),
            "less_alike": _paired(records, f"stability.{LEAST}.rank", f"{prefix}.correlation", seed),
            "worse_placed": _paired(records, "sanity.none.auroc", f"{prefix}.auroc", seed),
        }
        result[name] = {**row, "passed": _passed(row["less_alike"], row["worse_placed"])}
    passed = [result[name]["passed"] for name in VARIANTS]
    return {**result, "passed": None if None in passed else all(passed)}


def _passed(*falls: dict[str, Any]) -> bool | None:
    """Whether all differences are below 0 by more than noise; None where there are too few pictures to tell."""
    if any(fall["interval"] is None for fall in falls):
        return None
    return all(more_than_noise(fall) and fall["difference"] < 0 for fall in falls)
