"""What rules can be applied to: what stands out, and what a rule names, as far as the other tools can measure it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.findings import Finding
from xad_agent.prompts import vocabulary
from xad_agent.rules import Rule, is_action, members
from xad_agent.wording import with_article

if TYPE_CHECKING:
    from xad_agent.case import Case
    from xad_agent.clip_case import ClipCase

MOST = 10  # of what stands out; naming and measuring each takes its time


def found(case: "Case | ClipCase", rules: Sequence[Rule]) -> list[Finding]:
    """What stands out, the strongest first, then what a rule forbids by name and is seen although it does not."""
    from xad_agent.case import Case

    active = [rule for rule in rules if rule.applied]
    if isinstance(case, Case):
        findings = [_region(case, number, active) for number in range(1, len(case.regions[:MOST]) + 1)]
        return findings + _found(case, _wanted(active, findings))
    findings = [_event(case, number, active) for number in range(1, len(case.events[:MOST]) + 1)]
    return findings + _looked_for(case, _wanted(active, findings))


def _region(case: "Case", number: int, rules: Sequence[Rule]) -> Finding:
    region = case.regions[number - 1]
    evidence = _measured(case, {"region": number}, rules)
    return Finding(
        region.label,
        region=region,
        names=_names(evidence),
        unusual=_unusual(evidence, "attributes"),
        measures=_sizes(region),
        basis=tuple(entry.id for entry in evidence),
    )


def _event(case: "ClipCase", number: int, rules: Sequence[Rule]) -> Finding:
    event = case.events[number - 1]
    evidence = _measured(case, {"event": number}, rules)
    x0, _, x1, y1 = event.region.box
    return Finding(
        event.label,
        region=event.region,
        foot=((x0 + x1) / 2 / case.clip.width, y1 / case.clip.height),
        names=_names(evidence),
        unusual=_unusual(evidence, "clip_attributes"),
        measures=(*_sizes(event.region), *_motion(case, number)),
        basis=tuple(entry.id for entry in evidence),
    )


def _measured(case: "Case | ClipCase", arguments: dict[str, int], rules: Sequence[Rule]) -> list[Evidence]:
    """What the rules ask for of one region or event."""
    from xad_agent.tools import tools_for

    tools = tools_for(case)
    asked = {"name": any(rule.names for rule in rules), "measure": any(rule.attributes for rule in rules)}
    return [tools[tool](case, **arguments) for tool, wanted in asked.items() if wanted and tool in tools]


def _names(evidence: Sequence[Evidence]) -> dict[str, float]:
    return {name: score for entry in evidence if entry.tool == "name" for name, score in entry.labels.items()}


def _unusual(evidence: Sequence[Evidence], attributes: str) -> tuple[str, ...]:
    measured = [q for entry in evidence if entry.tool == "measure" for q in entry.quantities]
    known = vocabulary(attributes)
    return tuple(q.name for q in measured if q.name in known and q.normal and not q.normal[0] <= q.value <= q.normal[1])


def _sizes(region: Region) -> tuple[Quantity, ...]:
    x0, y0, x1, y1 = region.box
    longest = Quantity(name="size", value=max(x1 - x0, y1 - y0), unit="px")
    return longest, Quantity(name="area share", value=100 * region.area_share, unit="%")


def _motion(case: "ClipCase", number: int) -> list[Quantity]:
    event = case.events[number - 1]
    rows = case.rows(event)
    known = ~np.isnan(case.seen.speed[rows])
    lasting = [Quantity(name="duration", value=event.end - event.start, unit="s")]
    if not known.any():
        return lasting
    pace = np.linalg.norm(case.seen.velocity[rows], axis=1)[known] / case.seen.fps
    return [
        *lasting,
        Quantity(name="speed", value=float(np.median(case.seen.speed[rows][known])), unit="body heights a second"),
        Quantity(name="speed", value=float(np.median(pace)), unit="px a frame"),
    ]


def _wanted(rules: Sequence[Rule], findings: Sequence[Finding]) -> list[str]:
    """The objects that a rule forbids wherever and however large they are, and that nothing found is called."""
    called = {name for finding in findings for name in finding.names}
    plain = [rule for rule in rules if not (rule.allows or rule.bound or rule.zone or rule.words or rule.attributes)]
    named = [name for rule in plain if not any(map(is_action, rule.names)) for name in rule.names]
    objects = [member for name in named for member in sorted(members(name)) if member in vocabulary("coco")]
    return [name for name in dict.fromkeys(objects) if name not in called]


def _looked_for(case: "ClipCase", names: Sequence[str]) -> list[Finding]:
    from xad_agent.tools import tools_for

    look_for, findings = tools_for(case)["look_for"], []
    for name in (name for name in names if name in case.reference.eyes.objects.names):
        entry = look_for(case, what=name)
        if name in entry.labels:
            score = entry.quantity("name score").value
            findings.append(Finding(with_article(name), False, names={name: score}, basis=(entry.id,)))
    return findings


def _found(case: "Case", names: Sequence[str]) -> list[Finding]:
    from xad_agent.tools import tools_for

    tools = tools_for(case)
    known = case.models.finder.vocabulary if names and "find" in tools else frozenset()
    findings = []
    for name in (name for name in names if known is None or name in known):
        entry = tools["find"](case, phrases=[name])
        if name in entry.labels:
            names_ = {name: entry.labels[name]}
            findings.append(Finding(with_article(name), False, entry.regions[0], names=names_, basis=(entry.id,)))
    return findings
