"""Tool `rules`: what the user's rules say of what was measured, and which of them makes a difference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xad_agent.answer import Verdict
from xad_agent.evidence import Evidence, Quantity
from xad_agent.findings import Finding, applies, called
from xad_agent.prompts import vocabulary
from xad_agent.rulebook import rules_of
from xad_agent.rules import ANYTHING, Rule, is_action, plain
from xad_agent.tools.found import found
from xad_agent.tools.limits import limit
from xad_agent.wording import listed, number, numbers

if TYPE_CHECKING:
    from xad_agent.case import Case
    from xad_agent.clip_case import ClipCase

MAX_TOLD = 5
_LONGEST = 640  # characters told of rules; a claim is no longer than 800


@dataclass(frozen=True)
class _Ruling:
    """What holds of a finding: the last rule that is about it, None for none."""

    finding: Finding
    rule: Rule | None


def rules(case: "Case | ClipCase") -> Evidence:
    """Which rules allow or forbid what is found, and the verdict that follows; of rules that disagree the later holds.

    A rule goes before what is only usual in a place.

    What a rule forbids is anomalous, however it scores. Where rules allow all that stands out, it is normal. Else they
    bear no verdict, and that of the score stands.
    """
    from xad_agent.tools import tools_for

    said = rules_of(case.ledger)
    if not said:
        return limit(case, "rules", {}, vocabulary("limits")["rule"])
    arguments = {"rules": len(said)}
    known = case.measured("rules", arguments)
    if known is not None:
        return known
    score = tools_for(case)["score"](case)
    findings = found(case, said)
    rulings = [_Ruling(finding, _last(said, finding)) for finding in findings]
    whole = sum(finding.stands_out for finding in findings) == len(case.regions)
    verdict = _verdict(rulings, score.verdict if whole else None)
    told = [ruling for ruling in rulings if ruling.rule]
    if verdict == "anomalous":
        told = [ruling for ruling in told if ruling.rule and not ruling.rule.allows]
    told = told[:MAX_TOLD]
    regions = [finding.region for finding in findings if finding.region]
    kept = [entry.id for entry in case.ledger if entry.tool == "rule"]
    cited = [kept[ruling.rule.number - 1] for ruling in told if ruling.rule]
    return case.ledger.add(
        tool="rules",
        kind="rule",
        arguments=arguments,
        statement=_statement(said, findings, told, verdict, score.verdict),
        verdict=verdict,
        quantities=tuple(_quantities(said, told)),
        labels={name: score for ruling in told for name, score in ruling.finding.names.items()},
        regions=regions,
        events=case.events,
        basis=tuple(dict.fromkeys([score.id, *cited, *(i for finding in findings for i in finding.basis)])),
        media=case.media,
    )


def _last(said: Sequence[Rule], finding: Finding) -> Rule | None:
    later = sorted(reversed(said), key=lambda rule: bool(rule.context))
    return next((rule for rule in later if applies(rule, finding)), None)


def _verdict(rulings: Sequence[_Ruling], base: str | None) -> Verdict | None:
    if any(ruling.rule and not ruling.rule.allows for ruling in rulings):
        return "anomalous"
    standing = [ruling.rule for ruling in rulings if ruling.finding.stands_out]
    return "normal" if base == "anomalous" and standing and all(standing) else None


def _statement(
    said: Sequence[Rule],
    findings: Sequence[Finding],
    told: Sequence[_Ruling],
    verdict: Verdict | None,
    base: str | None,
) -> str:
    parts = [_applied(ruling) for ruling in told]
    if verdict is None:
        applied = {ruling.rule.number for ruling in told if ruling.rule}
        parts += [_idle(rule, findings) for rule in said if rule.applied and rule.number not in applied]
    while len(parts) > 1 and sum(map(len, parts)) > _LONGEST:
        parts.pop()
    parts += [_consequence(told, verdict, base)] if verdict else []
    unread = [str(rule.number) for rule in said if rule.problem][:MAX_TOLD]
    if unread:
        which = "Rule {} is" if len(unread) == 1 else "Rules {} are"
        parts.append(f"{which.format(listed(unread))} not applied, for I cannot test what was said.")
    return " ".join(parts) or str(vocabulary("rules")["said"]["none"])


def _applied(ruling: _Ruling) -> str:
    rule = ruling.rule
    assert rule is not None
    does = "allows" if rule.allows else "forbids"
    return str(vocabulary("rules")["said"]["applied"]).format(
        rule=rule.number, text=rule.text, does=does, finding=ruling.finding.label, why=_reason(rule, ruling.finding)
    )


def _reason(rule: Rule, finding: Finding) -> str:
    """What made a rule be about a finding."""
    words, parts = vocabulary("rules")["reasons"], []
    if name := _name(rule, finding):
        score = numbers(finding.names[name])[0]
        how = "action" if is_action(name) else "name" if finding.stands_out else "seen"
        parts.append(words[how].format(name=plain(name), score=score))
    if rule.attributes and not rule.bound:
        own = [name for name in finding.unusual if name in rule.attributes]
        parts.append(words["attribute"].format(names=listed(own)))
    if rule.bound and (measured := finding.measured(rule.bound)):
        parts.append(words["bound"].format(bound=number(measured.value, measured.unit), what=measured.name))
    return listed(parts) if parts else str(words["anything"])


def _name(rule: Rule, finding: Finding) -> str:
    return called(finding, [name for name in rule.names if name != ANYTHING]) if finding.names else ""


def _idle(rule: Rule, findings: Sequence[Finding]) -> str:
    """Why a rule makes no difference."""
    unknown = next((finding.label for finding in findings if applies(rule, finding) is None), "")
    said = vocabulary("rules")["said"]["unknown" if unknown else "nothing"]
    return str(said).format(rule=rule.number, text=rule.text, finding=unknown)


def _consequence(told: Sequence[_Ruling], verdict: Verdict, base: str | None) -> str:
    said, numbered = vocabulary("rules")["said"], {ruling.rule.number for ruling in told if ruling.rule}
    which = "the rule" if len(numbered) == 1 else "the rules"
    return str(said["so" if base == verdict else "instead"]).format(verdict=verdict, base=base, which=which)


def _quantities(said: Sequence[Rule], told: Sequence[_Ruling]) -> Iterator[Quantity]:
    yield from (Quantity(name="rule", value=rule.number) for rule in said)
    for ruling in told:
        assert ruling.rule is not None
        if name := _name(ruling.rule, ruling.finding):
            yield Quantity(name="name score", value=ruling.finding.names[name])
        if ruling.rule.bound and (measured := ruling.finding.measured(ruling.rule.bound)):
            yield measured
