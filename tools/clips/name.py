"""Tool `name`: what the thing in an event is called, by the object detector's scores contrasted with normal."""

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.filmstrip import filmstrip
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import numbers

MAX_NAMED = 3
_LEAST = 0.35


def name(case: ClipCase, event: int | None = None) -> Evidence:
    """The name that exceeds most what the detector says of normal things; "cannot tell" where none does.

    Args:
        case: The clip under question.
        event: Which event, counted from 1; None for all, at most three.
    """
    arguments = {"event": event}
    known = case.measured("name", arguments)
    if known is not None:
        return known
    chosen = case.events[:MAX_NAMED] if event is None else tuple(filter(None, [case.event(event)]))
    if not chosen:
        return no_event(case, "name", arguments)
    named = [_named(case, one) for one in chosen]
    return case.ledger.add(
        tool="name",
        arguments=arguments,
        statement=" ".join(statement for statement, _, _ in named),
        quantities=tuple(quantity for _, quantity, _ in named),
        labels={label: score for _, _, labels in reversed(named) for label, score in labels.items()},
        regions=tuple(one.region for one in chosen),
        events=chosen,
        media=case.media,
        figure=filmstrip(case, chosen[0]),
    )


def _named(case: ClipCase, event: Event) -> tuple[str, Quantity, dict[str, float]]:
    """What is said of one event, the number behind it, and the name with its score where it can be told."""
    scores, usual = event_scores(case, event), case.reference.usual_names
    names = case.reference.eyes.objects.names
    best = int(np.argmax(scores - usual))
    told = bool(scores[best] > max(usual[best], _LEAST))
    statement = _statement(event, names[best], scores[best], usual[best], told)
    quantity = Quantity(name="name score", value=float(scores[best]), normal=(0.0, float(usual[best])))
    return statement, quantity, {names[best]: float(scores[best])} if told else {}


def event_scores(case: ClipCase, event: Event) -> np.ndarray:
    """The detector's scores, (classes,), of an event's thing: the 90th percentile over the frames it is seen in."""
    rows = case.rows(event)
    scores = case.seen.scores[rows]
    return np.percentile(scores, 90, axis=0) if len(rows) else np.zeros(case.seen.scores.shape[1])


def _statement(event: Event, label: str, score: float, usual: float, told: bool) -> str:
    if not told:
        return (
            f"What the thing in {event.label} is called cannot be told: "
            "no name of the object detector exceeds what it says of normal things."
        )
    printed, limit = numbers(float(score), float(usual))
    return (
        f"The thing in {event.label} looks like a {label}: the object detector gives that name {printed}, "
        f"and normally {limit} at most."
    )
