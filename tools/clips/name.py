"""Tool `name`: what the thing in an event is called, by what the namer and the object detector say beside normal."""

from collections.abc import Iterable

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.detectors.naming import Label
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.filmstrip import filmstrip
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import numbers, with_article

MAX_NAMED = 3
_KIND = "object"
_LEAST = 0.35
_LIKENESS = "likeness"


def name(case: ClipCase, event: int | None = None) -> Evidence:
    """The name that fits best, where it fits better than normal things; "cannot tell" where none does.

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
        labels=_highest(labels for _, _, labels in named),
        regions=tuple(one.region for one in chosen),
        events=chosen,
        media=case.media,
        figure=filmstrip(case, chosen[0]),
    )


def _named(case: ClipCase, event: Event) -> tuple[str, Quantity, dict[str, float]]:
    """What is said of one event, the number behind it, and the name with its share where it can be told."""
    namer, scores, usual = case.reference.namer, case.class_scores(event), case.reference.usual_scores
    columns = {label: namer.classes.index(label.name) for label in namer.labels if label.kind == _KIND}
    best = max(columns, key=lambda label: scores[columns[label]] - usual[columns[label]])
    place = columns[best]
    share = float(scores[place]) / max(float(scores[list(columns.values())].sum()), 1e-6)
    fits, said = scores[place] > usual[place], _said(case, event, best)
    if fits and said is not None:
        word, score = said
        return _statement(event, word, score), score, {word: share, best.name: share}
    likeness = Quantity(name=_LIKENESS, value=float(scores[place]), normal=(0.0, float(usual[place])))
    told = best.name if fits and best.ways else None
    return _statement(event, told, likeness), likeness, {best.name: share} if told else {}


def _statement(event: Event, word: str | None, score: Quantity) -> str:
    if word is None or score.normal is None:
        return f"What the thing in {event.label} is called cannot be told: no name fits it better than normal things."
    printed, limit = numbers(score.value, score.normal[1])
    reason = "the object detector gives that name"
    if score.name == _LIKENESS:
        reason = "by its shape and motion its likeness is"
    like = with_article(word)
    return f"The thing in {event.label} looks like {like}: {reason} {printed}, and normally {limit} at most."


def _highest(parts: Iterable[dict[str, float]]) -> dict[str, float]:
    """Every label with the most that any part gives it."""
    merged: dict[str, float] = {}
    for label, share in (item for part in parts for item in part.items()):
        merged[label] = max(share, merged.get(label, 0.0))
    return merged


def _said(case: ClipCase, event: Event, label: Label) -> tuple[str, Quantity] | None:
    """Of a label's words the one that the detector says most beyond normal, if any, and how strongly.

    The score is the 90th percentile over the frames that the thing is seen in.
    """
    rows, usual = case.rows(event), case.reference.usual_names
    if not label.words or not len(rows):
        return None
    scores = np.percentile(case.seen.scores[rows], 90, axis=0)
    best = max(label.words, key=lambda word: scores[word] - usual[word])
    if scores[best] <= max(usual[best], _LEAST):
        return None
    quantity = Quantity(name="name score", value=float(scores[best]), normal=(0.0, float(usual[best])))
    return case.reference.eyes.objects.names[best], quantity
