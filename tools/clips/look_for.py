"""Tool `look_for`: whether a thing that the question names is seen in the clip."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Evidence, Quantity
from xad_agent.perception.sightings import Sightings
from xad_agent.tools.limits import limit
from xad_agent.wording import number, numbers, with_article

_HELD_SECONDS = 1.0
_SURE = 0.5
_LEAST = 0.35


def look_for(case: ClipCase, what: str) -> Evidence:
    """The score that the object detector gives a name for a second in all, beside the most it does so in a normal clip.

    A detector takes anything for anything once in a while; a thing that is there is seen for longer.

    Args:
        case: The clip under question.
        what: One of the detector's classes; a "limit" says so where it is none.
    """
    arguments = {"what": what}
    known = case.measured("look_for", arguments)
    if known is not None:
        return known
    names = case.reference.eyes.objects.names
    if what not in names:
        statement = "The object detector does not know what is asked for, so I cannot tell whether it is there."
        return limit(case, "look_for", arguments, statement)
    column = names.index(what)
    score, at = _held(case.seen, column)
    usual = max(_held(seen, column)[0] for seen in case.reference.normal)
    seen = score > max(usual, _LEAST) or min(score, usual) >= _SURE
    return case.ledger.add(
        tool="look_for",
        arguments=arguments,
        statement=_statement(what, seen, score, usual, at),
        quantities=(
            Quantity(name="name score", value=score, normal=(0.0, usual)),
            Quantity(name="time", value=at, unit="s"),
            Quantity(name="held", value=_HELD_SECONDS, unit="s"),
        ),
        labels={what: float(np.clip(score, 0, 1))} if seen else {},
        media=case.media,
    )


def _held(seen: Sightings, column: int) -> tuple[float, float]:
    """The score that a class reaches in so many frames as make up a second, and when it is highest, in seconds."""
    frames, place = np.unique(seen.object_frame, return_inverse=True)
    if not len(frames):
        return 0.0, 0.0
    highest = np.zeros(len(frames))
    np.maximum.at(highest, place, seen.object_scores[:, column])
    least = max(1, round(_HELD_SECONDS * seen.detections_per_second))
    held = float(np.sort(highest)[-least]) if least <= len(highest) else 0.0
    return held, float(frames[highest.argmax()] / seen.fps)


def _statement(what: str, seen: bool, score: float, usual: float, at: float) -> str:
    printed, limit = numbers(score, usual)
    measured = f"its score, held for {_HELD_SECONDS:g} s, is {printed}"
    if seen:
        return (
            f"{with_article(what).capitalize()} is seen, most clearly at {number(at, 's')}: {measured}, "
            f"and normally {limit} at most."
        )
    return f"No {what} is seen: {measured}, and normally {limit} at most."
