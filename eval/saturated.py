"""The saturating metric of MVTec LOCO: a defect counts as found whole once enough of it is covered.

For a missing part, any place where it could have been may be marked; to ask for all of them would be wrong. So the
overlap of a defect (PRO) is divided by its saturation area instead of its area, and is 1 from there on:
    sPRO(P) = mean over defects of min(|A_i and P| / s_i, 1)
and AU-sPRO is the area under its curve over the false-positive rate up to a limit, divided by the limit. With
s_i = |A_i| it is PRO.

Source: Bergmann et al., "Beyond Dents and Scratches", IJCV 2022, section 4.2, and MVTec's own evaluation code, from
which this differs in being exact: every value of a defect pixel is a threshold. Normal pixels are those outside of all
of a picture's masks, of defective and of good pictures.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xad_agent.eval.metrics import MapAndMask, PixelCounts, aupro, count_pixels

FPR_LIMITS = (0.01, 0.05, 0.1, 0.3, 1.0)

MapAndDefects = tuple[np.ndarray, np.ndarray, Sequence["Defect"]]


@dataclass(frozen=True, eq=False)
class Defect:
    """One true defect of a picture.

    Attributes:
        name: Of its type.
        mask: Booleans (H, W).
        saturation: From how many px on it counts as found whole, at least 1 and at most its area.
    """

    name: str
    mask: np.ndarray
    saturation: int


def count_saturated(maps: Iterable[MapAndDefects], levels: np.ndarray) -> PixelCounts:
    """Count the pixels of some pictures around `levels`, each defect pixel weighed by what it adds to its sPRO.

    A defect's highest pixels, as many as its saturation, add 1 / saturation each; the others add nothing. So `aupro` of
    these counts is AU-sPRO.

    Args:
        maps: Anomaly maps (H, W), each with what is not normal in it (H, W) and with those of its defects that count.
        levels: See `defect_levels`; they must hold the values of all that is not normal.
    """
    weights, found = np.zeros(len(levels)), 0

    def pairs() -> Iterator[MapAndMask]:
        nonlocal found
        for values, mask, defects in maps:
            values = values.astype(np.float32, copy=False)
            for defect in defects:
                inside = values[defect.mask]
                highest = np.partition(inside, len(inside) - defect.saturation)[-defect.saturation :]
                np.add.at(weights, np.searchsorted(levels, highest), 1 / defect.saturation)
            found += len(defects)
            yield values, mask

    counts = count_pixels(pairs(), levels)
    return replace(counts, overlap=weights, regions=found)


def au_spro(counts: PixelCounts) -> dict[str, float | None]:
    """AU-sPRO of `count_saturated` at each of `FPR_LIMITS`, by the limit as text; 0 to 1, None where not defined."""
    return {f"{limit:g}": aupro(counts, limit) if counts.regions else None for limit in FPR_LIMITS}
