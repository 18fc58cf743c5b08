"""Tool `name`: what the thing in an event is called and does, by namer and object detector beside normal."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.detectors.naming import Label
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.media.filmstrip import filmstrip
from xad_agent.prompts import vocabulary
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import numbers, with_article

MAX_NAMED = 3
_LEAST = 0.35
_CLEAR = 0.25  # of all actions' scores; three times as much as chance gives one
_LIKENESS = "likeness"


class _Fit(NamedTuple):
    """How well a label fits an event's thing.

    Attributes:
        label: The label.
        share: Of all scores of its kind, 0 to 1.
        likeness: Its score beside what normal things get.
    """

    label: Label
    share: float
    likeness: Quantity

    @property
    def surplus(self) -> float:
        """By how much it exceeds that."""
        return self.likeness.value - (self.likeness.normal or (0.0, 0.0))[1]


class _Called(NamedTuple):
    """What an event's thing is called.

    Attributes:
        word: Its name.
        columns: Of the detector's names those that this one stands for.
        score: What speaks for it, beside what normal things get.
    """

    word: str
    columns: set[int]
    score: Quantity

    def may(self, action: Label) -> bool:
        """Whether such a thing can do it: what has to do with certain things is not done by others."""
        return not action.words or not self.columns.isdisjoint(action.words)


def name(case: ClipCase, event: int | None = None) -> Evidence:
    """The name that fits best, where it fits better than normal things, or that none does; and the action likewise.

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
        quantities=tuple(quantity for _, quantities, _ in named for quantity in quantities),
        labels=_highest(labels for _, _, labels in named),
        regions=tuple(one.region for one in chosen),
        events=chosen,
        media=case.media,
        figure=filmstrip(case, chosen[0]),
    )


def called(case: ClipCase, event: Event) -> str:
    """What the thing in an event is called; "" where no name fits it better than normal things."""
    found = _called(case, event, _fits(case, event, "object")[0])
    return found.word if found else ""


def _named(case: ClipCase, event: Event) -> tuple[str, tuple[Quantity, ...], dict[str, float]]:
    """What is said of one event, the numbers behind it, and the names with their shares where they can be told."""
    thing, actions = _fits(case, event, "object")[0], _fits(case, event, "action")
    called = _called(case, event, thing)
    if called is None:
        statements = [
            f"What the thing in {event.label} is called cannot be told: no name fits it better than normal things."
        ]
        quantities, labels = [thing.likeness], {}
    else:
        statements, quantities = [_looks_like(event, called)], [called.score]
        labels = {called.word: thing.share, thing.label.name: thing.share}
    action = next(fit for fit in actions if called is None or called.may(fit.label))
    if action.surplus > 0 and action.share > _CLEAR:
        statements.append(_does(action))
        quantities.append(action.likeness)
        labels[action.label.name] = action.share
    return " ".join(statements), tuple(quantities), labels


def _fits(case: ClipCase, event: Event, kind: str) -> list[_Fit]:
    """How well each label of a kind fits an event's thing, the one that exceeds what normal things get most first."""
    namer, scores, usual = case.reference.namer, case.class_scores(event), case.reference.usual_scores
    columns = {label: namer.classes.index(label.name) for label in namer.labels if label.kind == kind}
    total = max(float(scores[list(columns.values())].sum()), 1e-6)
    fits = [
        _Fit(
            label,
            float(scores[at]) / total,
            Quantity(name=_LIKENESS, value=float(scores[at]), normal=(0.0, float(usual[at]))),
        )
        for label, at in columns.items()
    ]
    return sorted(fits, key=lambda fit: -fit.surplus)


def _called(case: ClipCase, event: Event, fit: _Fit) -> _Called | None:
    """By what the detector says most beyond normal of a label's words, else by shape and motion; None for neither.

    The detector's score is the 90th percentile over the frames that the thing is seen in.
    """
    rows, usual = case.rows(event), case.reference.usual_names
    if fit.surplus <= 0:
        return None
    if fit.label.words and len(rows):
        scores = np.percentile(case.seen.scores[rows], 90, axis=0)
        best = max(fit.label.words, key=lambda word: scores[word] - usual[word])
        if scores[best] > max(usual[best], _LEAST):
            score = Quantity(name="name score", value=float(scores[best]), normal=(0.0, float(usual[best])))
            return _Called(case.reference.eyes.objects.names[best], {best}, score)
    return _Called(fit.label.name, set(fit.label.words), fit.likeness) if fit.label.ways else None


def _looks_like(event: Event, called: _Called) -> str:
    reason = "the object detector gives that name"
    if called.score.name == _LIKENESS:
        reason = "by its shape and motion its likeness is"
    return f"The thing in {event.label} looks like {with_article(called.word)}: {reason} {_beside(called.score)}."


def _does(action: _Fit) -> str:
    doing = vocabulary("names")["action"][action.label.name]["doing"]
    return f"What it does looks like {doing}: the likeness is {_beside(action.likeness)}."


def _beside(score: Quantity) -> str:
    """A score beside the most that normal things get."""
    printed, limit = numbers(score.value, score.normal[1] if score.normal else 0.0)
    return f"{printed}, and normally {limit} at most"


def _highest(parts: Iterable[dict[str, float]]) -> dict[str, float]:
    """Every label with the most that any part gives it."""
    merged: dict[str, float] = {}
    for label, share in (item for part in parts for item in part.items()):
        merged[label] = max(share, merged.get(label, 0.0))
    return merged
