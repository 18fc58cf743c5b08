"""Everything `xad eval faithfulness` measures of one picture that is called anomalous."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.eval.changes import SLIGHT, Change
from xad_agent.eval.faithfulness_maps import boxes, energy, peak, place_auroc, rank_correlation, similarity
from xad_agent.eval.faithfulness_normal import repaired_elsewhere, repaired_score, wholly_normal
from xad_agent.eval.faithfulness_orders import Cells, Deletion, elsewhere
from xad_agent.eval.faithfulness_sanity import Examine
from xad_agent.eval.metrics import overlap
from xad_agent.eval.store import Record

if TYPE_CHECKING:
    from xad_agent.case import Case
    from xad_agent.evidence import Region
    from xad_agent.picture_profile import PictureProfile

MAP, REGIONS, RANDOM, ELSEWHERE = "map", "regions", "random", "elsewhere"
EXPLANATIONS, CONTROLS = (MAP, REGIONS), (RANDOM, ELSEWHERE)
WAYS = ("deletion", "insertion")
DRAWS = 2  # of random orders, and of places elsewhere
SHOWN = 1 / 32  # of the picture is replaced where an example shows it


def outcome(order: str, way: str) -> str:
    """What a record calls the area of a way in an order: "map.deletion", but "deletion.random" of a control.

    Of two runs `xad eval diff` calls that the better one whose outcomes that end with "deletion" are lower; the
    controls' tell nothing of the kind.
    """
    return f"{order}.{way}" if order in EXPLANATIONS else f"{way}.{order}"


Arrays = dict[str, np.ndarray]


def replaced_in_order(
    case: "Case", profile: "PictureProfile", cells: Cells, random: np.random.Generator
) -> tuple[Record, Arrays]:
    """The areas under the curves of deletion and of insertion, by `EXPLANATIONS` and by `CONTROLS`.

    Returns:
        The outcomes: `normal_score`, and what `outcome` names, None where no normal content for all of the
        picture passes as normal; and what belongs to them: the curves at `SHARES`, and pictures to show.
    """
    from xad_agent.media import read_picture

    made = wholly_normal(case, profile)
    names = [outcome(order, way) for order in (*EXPLANATIONS, *CONTROLS) for way in WAYS]
    outcomes: Record = {"normal_score": made.score if made else None, **dict.fromkeys(names)}
    if made is None or made.score > profile.calibration.threshold():
        return outcomes, {}
    pixels, normal = case.picture.pixels, made.picture.pixels
    deletion = Deletion(pixels, normal, cells, lambda changed: profile.examine(read_picture(changed)).score)
    values = case.anomaly_map.values
    orders = {
        MAP: [cells.order(values, random)],
        REGIONS: [cells.order(as_map(case.regions, cells.shape), random)],
        RANDOM: [random.permutation(cells.count) for _ in range(DRAWS)],
        ELSEWHERE: [cells.order(elsewhere(values, random), random) for _ in range(DRAWS)],
    }
    arrays: Arrays = {"normal": normal}
    for name, some in orders.items():
        curves = np.mean([deletion.both(order) for order in some], axis=0)
        for way, curve in zip(WAYS, curves, strict=True):
            outcomes[outcome(name, way)] = deletion.area(curve)
            arrays[outcome(name, way)] = deletion.sampled(curve)
    arrays["replaced"] = deletion.replaced(orders[MAP][0][: round(SHOWN * cells.count)])
    return outcomes, arrays


def as_map(regions: "tuple[Region, ...]", shape: tuple[int, int]) -> np.ndarray:
    """What an answer's regions say of each pixel, float (H, W): highest in the strongest, lowest far away.

    Args:
        regions: Strongest first; at least one.
        shape: (height, width) of the picture.
    """
    from scipy.ndimage import distance_transform_edt

    values = np.zeros(shape)
    for rank, region in reversed(list(enumerate(regions))):
        values[region.mask(*shape)] = len(regions) - rank
    return np.where(values > 0, values, -distance_transform_edt(values == 0))


def counterfactual(case: "Case", profile: "PictureProfile", random: np.random.Generator) -> Record:
    """Whether the score falls to the threshold or below with the regions repaired, and with other places instead.

    None where no normal content fits, or where there is no room for other places.
    """
    threshold = profile.calibration.threshold()
    scores = {
        "repaired": repaired_score(case.counterparts, case, profile),
        "repaired_elsewhere": repaired_elsewhere(case, profile, random),
    }
    return {name: None if score is None else score <= threshold for name, score in scores.items()}


def pointing(case: "Case", mask: np.ndarray, usual: float) -> Record:
    """Whether the peaks lie in the true mask, and how much of the map and of the regions does.

    Args:
        case: The picture's.
        mask: Where the defect is, booleans (H, W).
        usual: What the map usually is on normal pictures.
    """
    values = case.anomaly_map.values
    named = np.logical_or.reduce([region.mask(*mask.shape) for region in case.regions])
    boxed = boxes(mask)
    shares = {
        "energy": (energy(values, mask, usual), mask),
        "energy_unsubtracted": (energy(values, mask), mask),
        "energy_boxes": (energy(values, boxed, usual), boxed),
        "energy_regions": (energy(named, mask), mask),
    }
    x, y = case.regions[0].peak
    outcomes: Record = {"peak_in_mask": bool(mask[y, x]), "map_peak_in_mask": bool(mask[peak(values)])}
    for name, (share, place) in shares.items():
        outcomes[name] = share
        outcomes[f"{name}_times"] = None if share is None else share / float(place.mean())
    return outcomes


def stability(case: "Case", profile: "PictureProfile", changes: Mapping[str, Change] = SLIGHT) -> Record:
    """How alike the explanation is of a slightly changed picture: "stability.JPEG 90.rank" and the like.

    `rank` is Spearman's correlation of the maps, `iou` of all regions together (0 where the changed picture passes),
    `distance` of the maps' peaks as a share of the picture's diagonal, `same` whether the verdict stays.
    """
    from xad_agent.case import Case
    from xad_agent.evidence import Ledger
    from xad_agent.media import read_picture

    shape = case.anomaly_map.values.shape
    before = _union(case, shape)
    outcomes: Record = {}
    for name, change in changes.items():
        changed = read_picture(change.make(case.picture.pixels), name=case.picture.name)
        other = Case(changed, profile, Ledger())
        one, two = change.same(case.anomaly_map.values), change.back(other.anomaly_map.values)
        apart = np.subtract(peak(one), peak(two))
        outcomes |= {
            f"stability.{name}.rank": rank_correlation(one, two),
            f"stability.{name}.iou": overlap(change.same(before), change.back(_union(other, shape))),
            f"stability.{name}.distance": float(np.hypot(*apart) / np.hypot(*shape)),
            f"stability.{name}.same": _verdict(other) == _verdict(case),
        }
    return outcomes


def _union(case: "Case", shape: tuple[int, ...]) -> np.ndarray:
    return np.logical_or.reduce([np.zeros(shape, dtype=bool), *(region.mask(*shape) for region in case.found)])


def _verdict(case: "Case") -> str | None:
    return case.refutation.verdict if case.refutation else None


def sanity(case: "Case", mask: np.ndarray, detectors: Mapping[str, Examine]) -> Record:
    """What is left of the map on randomised weights: "sanity.all stages.ssim" and the like.

    `correlation` (of ranks) and `ssim` compare with the true map; `auroc` says how well a map finds the pixels of the
    defect, `peak` whether its highest lies in it; the true map's are called "sanity.none.auroc" and so on.
    """
    values = case.anomaly_map.values
    outcomes: Record = {"sanity.none.auroc": place_auroc(values, mask), "sanity.none.peak": bool(mask[peak(values)])}
    for name, examine in detectors.items():
        other = examine(case.picture)
        other.check_finite(f"{case.picture.name}, {name} randomised")
        outcomes |= {
            f"sanity.{name}.correlation": rank_correlation(values, other.values),
            f"sanity.{name}.ssim": similarity(values, other.values),
            f"sanity.{name}.auroc": place_auroc(other.values, mask),
            f"sanity.{name}.peak": bool(mask[peak(other.values)]),
        }
    return outcomes
