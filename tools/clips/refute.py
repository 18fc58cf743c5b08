"""Tool `refute` for clips: before "normal", the moment that comes closest to the limit."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Evidence, Quantity
from xad_agent.wording import number, numbers


def refute(case: ClipCase) -> Evidence:
    """The strongest moment that is left where nothing stands out; a "limit" where something does."""
    known = case.measured("refute", {})
    if known is not None:
        return known
    if case.events or case.profile is None or not len(case.frame_scores):
        statement = "Harmless explanations are tried of pictures only, candidates where nothing stands out."
        return case.ledger.add(tool="refute", statement=statement, kind="limit", media=case.media)
    frame = int(np.argmax(case.frame_scores))
    value, limit, at = float(case.frame_scores[frame]), case.profile.calibration.threshold(), case.clip.time(frame)
    printed, printed_limit = numbers(value, limit)
    return case.ledger.add(
        tool="refute",
        statement=f"The strongest moment left, at {number(at, 's')}, scores {printed}, the limit is {printed_limit}.",
        quantities=(
            Quantity(name="score", value=value),
            Quantity(name="threshold", value=limit),
            Quantity(name="moment", value=at, unit="s"),
        ),
        media=case.media,
    )
