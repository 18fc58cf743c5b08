"""What rules are applied to: what stands out in a picture or clip, with what was measured of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from xad_agent.check_numbers import RELATIONS
from xad_agent.evidence import Quantity, Region
from xad_agent.language import mentions, tokens
from xad_agent.prompts import vocabulary
from xad_agent.rules import ANYTHING, Bound, Rule, is_action, members


@dataclass(frozen=True)
class Finding:
    """One thing.

    Attributes:
        label: How answers call it: "region 1", "event 2", "the dog".
        stands_out: Whether it is anomalous by its score, or only seen.
        region: Where; None where that is not known.
        foot: Where it stands, x and y in shares of width and height; None where that is not known.
        names: What it is called, with scores; empty where that cannot be told.
        unusual: The attributes that are out of their normal range.
        measures: What a bound can be about.
        basis: Ids of the evidence of all that.
    """

    label: str
    stands_out: bool = True
    region: Region | None = None
    foot: tuple[float, float] | None = None
    names: Mapping[str, float] = field(default_factory=dict)
    unusual: tuple[str, ...] = ()
    measures: tuple[Quantity, ...] = ()
    basis: tuple[str, ...] = ()

    def measured(self, bound: Bound) -> Quantity | None:
        """What a bound is about, in its unit; None where it was not measured."""
        return next((q for q in self.measures if (q.name, q.unit) == (bound.measure, bound.unit)), None)


def applies(rule: Rule, finding: Finding) -> bool | None:
    """Whether a rule is about a finding; None where it cannot be told, for the finding has no name."""
    if not (rule.applied and _inside(rule, finding) and _bounded(rule, finding)):
        return False
    if rule.attributes and not _unusual(rule, finding):
        return False
    names = [name for name in rule.names if name != ANYTHING]
    if not names:
        return finding.stands_out
    if not finding.names:
        return None
    kinds = [[name for name in names if is_action(name) == action] for action in (False, True)]
    return all(called(finding, kind) for kind in kinds if kind)


def called(finding: Finding, names: list[str]) -> str:
    """The likeliest of a finding's names that is one of these, or of their kind; "" for none."""
    wanted = frozenset().union(*map(members, names))
    own = {name: score for name, score in finding.names.items() if name in wanted}
    return max(own, key=own.__getitem__, default="")


def _unusual(rule: Rule, finding: Finding) -> bool:
    """Of an attribute without a bound: allowed where nothing else is unusual, forbidden where it is unusual itself."""
    if rule.bound and not rule.allows:
        return True
    own = set(finding.unusual)
    return bool(own) and own <= set(rule.attributes) if rule.allows else not own.isdisjoint(rule.attributes)


def _bounded(rule: Rule, finding: Finding) -> bool:
    if rule.bound is None:
        return True
    measured = finding.measured(rule.bound)
    return measured is not None and RELATIONS[rule.bound.relation](measured.value, rule.bound.value)


def _inside(rule: Rule, finding: Finding) -> bool:
    if rule.zone:
        import cv2

        corners = np.array(rule.zone, np.float32)
        return finding.foot is not None and cv2.pointPolygonTest(corners, finding.foot, False) >= 0
    if not rule.words:
        return True
    said = [tokens(phrase) for phrase in finding.region.place] if finding.region else []
    where = {m.entry for words in said for m in mentions(words, vocabulary("places"))}
    return where.issuperset(rule.words)
