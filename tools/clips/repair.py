"""Tool `repair` for clips: the counterfactual - the thing is taken out, and the clip is judged again."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.events import clip_score, continued
from xad_agent.evidence import Evidence, Quantity
from xad_agent.perception.boxes import shares
from xad_agent.perception.sightings import rows_by
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import numbers, side

_OVERLAP = 0.3


def repair(case: ClipCase, event: int | None = None) -> Evidence:
    """Score the clip without the things that one event, or all of them, are about.

    Args:
        case: The clip under question.
        event: Which event, counted from 1; None for all.
    """
    arguments = {"event": event}
    known = case.measured("repair", arguments)
    if known is not None:
        return known
    chosen = case.events if event is None else tuple(filter(None, [case.event(event)]))
    if not chosen:
        return no_event(case, "repair", arguments)
    gone = np.zeros(len(case.seen), dtype=bool)
    for one in chosen:
        gone |= _with_company(case, one.tracks)
    left = case.seen.only(~gone)
    value, limit = case.score, case.reference.calibration.threshold()
    after = clip_score(left, case.reference.judge(left))
    which = "all of them" if len(chosen) > 1 else f"the thing in {chosen[0].label}"
    return case.ledger.add(
        tool="repair",
        arguments=arguments,
        statement=_statement(which, value, after, limit, case.profile is not None),
        quantities=(
            Quantity(name="score", value=value),
            Quantity(name="score after repair", value=after),
            Quantity(name="threshold", value=limit),
        ),
        regions=tuple(one.region for one in chosen),
        events=chosen,
        media=case.media,
    )


def _with_company(case: ClipCase, tracks: tuple[int, ...]) -> np.ndarray:
    """The rows of a thing's tracks, also before and after the event, and all that overlap them: its parts and rider."""
    seen = case.seen
    gone = np.isin(seen.track, continued(seen, tracks))
    by_frame = rows_by(seen.frame)
    for row in np.flatnonzero(gone):
        same = by_frame[int(seen.frame[row])]
        within, _ = shares(seen.box[same], seen.box[row : row + 1])
        gone[same[within[:, 0] > _OVERLAP]] = True
    return gone


def _statement(which: str, value: float, after: float, limit: float, calibrated: bool) -> str:
    was, now, threshold = numbers(value, after, limit)
    change = "falls" if after < value else "stays"
    path = f"{change} from {was} to {now}" if change == "falls" else f"stays at {now}"
    if not calibrated:
        return f"Without {which}, the score {path}."
    still = "still " if after > limit else ""
    return f"Without {which}, the score {path}, {still}{side(after, limit)} the limit {threshold}."
