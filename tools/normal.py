"""Tool `normal`: what is normal here, by the normal pictures that were learned from."""

import numpy as np

from xad_agent.case import Case
from xad_agent.evidence import Evidence, Quantity
from xad_agent.media.figure import side_by_side
from xad_agent.picture_profile import PictureProfile
from xad_agent.tools.limits import limit
from xad_agent.wording import number, numbers

_SHOWN = 4


def normal(case: Case) -> Evidence:
    """How many normal pictures were learned from, what they mostly score beside the limit, and some of them."""
    known = case.measured("normal", {})
    if known is not None:
        return known
    if case.profile is None:
        return limit(case, "normal", {}, "No normal example is known, so I cannot tell what a normal one looks like.")
    calibration, fitted = case.profile.calibration, case.profile.fitted
    low, middle, high = (float(score) for score in np.percentile(calibration.scores, [5, 50, 95]))
    threshold, alarms = calibration.threshold(), 100 * calibration.alpha
    least, most, printed = numbers(low, high, threshold)
    return case.ledger.add(
        tool="normal",
        statement=f"Normal is what looks like those shown, examples of {fitted:,} that were learned from. "
        f"They mostly score {least} to {most}; the limit is {printed}, set for false alarms of {number(alarms, '%')}.",
        quantities=(
            Quantity(name="examples", value=fitted),
            Quantity(name="score", value=middle, normal=(low, high)),
            Quantity(name="threshold", value=threshold),
            Quantity(name="alarms", value=alarms, unit="%"),
        ),
        media=case.media,
        figure=_figure(case.profile),
    )


def _figure(profile: PictureProfile) -> np.ndarray:
    """A few normal pictures, evenly spread over those that are kept."""
    spread = np.unique(np.linspace(0, profile.exemplars - 1, _SHOWN).astype(int)).tolist()
    return side_by_side([(shown.name, shown.pixels) for shown in map(profile.exemplar, spread)])
