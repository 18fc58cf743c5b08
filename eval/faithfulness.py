"""`xad eval faithfulness`: whether the map and the regions are why the detector calls a picture anomalous."""

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from xad_agent.defaults import EXPLAINED
from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch, score_all
from xad_agent.eval.faithfulness_orders import Cells
from xad_agent.eval.faithfulness_page import as_text, page
from xad_agent.eval.faithfulness_summary import summarise
from xad_agent.eval.fitting import fitted
from xad_agent.eval.layout import Category, Sample, read_category
from xad_agent.eval.layouts.pairs import PairSet
from xad_agent.eval.metrics import sklearn_metrics
from xad_agent.eval.store import Record, Store
from xad_agent.profile import DEFAULT_BACKBONE

if TYPE_CHECKING:
    from xad_agent.eval.faithfulness_sanity import Examine
    from xad_agent.media import Picture
    from xad_agent.picture_profile import PictureProfile

__all__ = ["as_text", "evaluate_faithfulness"]

_CELL = 16  # px of the working size: the stride of the backbone's last stage


def evaluate_faithfulness(
    directory: str | Path, *, alpha: float = 0.05, backbone: str | None = None, batch: Batch | None = None
) -> dict[str, Any]:
    """Fit on train/good, then try the explanations of the defective test pictures that are called anomalous.

    Args:
        directory: One category, in a layout of `read_layout` other than pairs.
        alpha: False-alarm rate that the limit is set for, in (0, 1).
        backbone: Spec of the backbone; None for the profile's default.
        batch: Which part of the set, where results are kept; its seed is that of everything random, the fit and the
            randomised weights too. None for `EXPLAINED` pictures of each type.

    Returns:
        A JSON-able dict, see `summarise`.

    Raises:
        XadError: The layout is wrong or of pairs, there is no defective test picture, no picture could be measured, or
            the output folder holds results of other settings.
    """
    sklearn_metrics()
    category = read_category(directory)
    if isinstance(category, PairSet):
        raise XadError(
            f"{category.root}: pairs have no profile to explain by; take a set with normal pictures to fit on"
        )
    defective = [sample for sample in category.test if sample.defective]
    if not defective:
        raise XadError(f"{category.root}: no defective test picture to explain; add some, each with its mask")
    batch = batch or Batch(limit=EXPLAINED)
    settings = {"directory": str(category.root.resolve()), "alpha": alpha, "backbone": backbone or DEFAULT_BACKBONE}
    with batch.store(settings) as store:
        profile, _ = fitted(category.normal, store, batch.progress)
        measure = _Measure(category, profile, store, batch.progress)
        samples = batch.chosen(defective)
        scored = score_all(samples, store, measure, batch, arrays=True)
        threshold = profile.calibration.threshold()
        result = {
            "task": "faithfulness",
            "category": category.name,
            **store.settings,
            "threshold": threshold,
            **summarise(scored, train=profile.fitted, threshold=threshold, seed=batch.seed),
        }
        return batch.finish(store, result, partial(page, result, scored, store))


class _Measure:
    """What is measured of a sample; the randomised detectors are made when the first one needs them."""

    def __init__(self, category: Category, profile: "PictureProfile", store: Store, progress: bool):
        self._category, self._profile, self._store, self._progress = category, profile, store, progress
        self._seed = store.settings["seed"]
        self._detectors = cache(self._randomised)

    def __call__(self, sample: Sample) -> Record:
        from xad_agent.case import Case
        from xad_agent.eval import faithfulness_picture as picture
        from xad_agent.evidence import Ledger
        from xad_agent.media import read_picture
        from xad_agent.media.overlay import overlay

        profile, random = self._profile, np.random.default_rng([self._seed, crc32(sample.name.encode())])
        case = Case(read_picture(sample.path), profile, Ledger())
        found = case.anomaly_map
        found.check_finite(sample.name)
        mask = sample.mask(*found.values.shape)
        record: Record = {"score": float(found.score), "detected": bool(case.regions)}
        arrays = {"overlay": overlay(case.picture, found, profile.calibration, case.regions)}
        if case.regions:
            outcomes, more = picture.replaced_in_order(case, profile, self._cells(found.values.shape), random)
            record |= outcomes
            record |= picture.counterfactual(case, profile, random)
            record |= picture.pointing(case, mask, profile.calibration.floor)
            record |= picture.stability(case, profile)
            record |= picture.sanity(case, mask, self._detectors())
            arrays |= more
        self._store.keep(sample.name, **arrays)
        return record

    def _cells(self, shape: tuple[int, ...]) -> Cells:
        from xad_agent.detectors.patches import working_size

        height, width = shape
        rows, columns = (n // _CELL for n in working_size(height, width, self._profile.detector.side))
        return Cells((height, width), (min(rows, height), min(columns, width)))

    def _randomised(self) -> "dict[str, Examine]":
        from xad_agent.eval.faithfulness_sanity import randomised_detectors

        return randomised_detectors(self._profile, self._normal, self._seed)

    def _normal(self) -> "Iterator[Picture]":
        from tqdm import tqdm

        from xad_agent.media import Picture, read_pictures

        paths = [str(path) for path in self._category.normal]
        bar: dict[str, Any] = {"desc": "learning normal, weights randomised", "disable": not self._progress}
        read = tqdm(read_pictures(paths), total=len(paths), **bar)
        return (one for place, one in read if isinstance(one, Picture) and str(place) not in self._profile.skipped)
