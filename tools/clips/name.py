"""Tool `name`: what the thing in an event is called, by the object detector's scores contrasted with normal."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.filmstrip import filmstrip
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import numbers

_LEAST = 0.35


def name(case: ClipCase, event: int = 1) -> Evidence:
    """The name that exceeds most what the detector says of normal things; "cannot tell" where none does.

    Args:
        case: The clip under question.
        event: Which event, counted from 1.
    """
    arguments = {"event": event}
    known = case.measured("name", arguments)
    if known is not None:
        return known
    found = case.event(event)
    if found is None:
        return no_event(case, "name", arguments)
    scores, usual = event_scores(case, found), case.reference.usual_names
    names = case.reference.eyes.objects.names
    best = int((scores - usual).argmax())
    told = scores[best] > max(usual[best], _LEAST)
    return case.ledger.add(
        tool="name",
        arguments=arguments,
        statement=_statement(found, names[best], scores[best], usual[best], bool(told)),
        quantities=(
            Quantity(name="name score", value=float(scores[best])),
            Quantity(name="usual name score", value=float(usual[best])),
        ),
        labels={names[i]: float(scores[i]) for i in np.argsort(-(scores - usual))[:5] if scores[i] > 0},
        regions=(found.region,),
        events=(found,),
        media=case.media,
        figure=filmstrip(case, found),
    )


def event_scores(case: ClipCase, event: Event) -> np.ndarray:
    """The detector's scores, (classes,), of an event's thing: the 90th percentile over the frames it is seen in."""
    rows = case.rows(event)
    scores = case.seen.scores[rows]
    return np.percentile(scores, 90, axis=0) if len(rows) else np.zeros(case.seen.scores.shape[1])


def _statement(event: Event, label: str, score: float, usual: float, told: bool) -> str:
    printed, limit = numbers(float(score), float(usual))
    if told:
        return (
            f"The thing in {event.label} looks like a {label}: the object detector gives that name {printed}, "
            f"and normally {limit} at most."
        )
    return (
        f"What the thing in {event.label} is called cannot be told: no name of the object detector exceeds what it "
        f"says of normal things, the nearest being {label} with {printed}, normally {limit} at most."
    )
