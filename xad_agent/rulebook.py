"""The rules of a conversation: kept as evidence of kind "rule", from which they hold."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from xad_agent.evidence import Evidence, Ledger, Quantity
from xad_agent.language import sentences, tokens
from xad_agent.perception.zones import Polygon
from xad_agent.prompts import vocabulary
from xad_agent.quoting import noted, read_statements
from xad_agent.rules import ANYTHING, Rule, read_rule

MAX_RULES = 100


def read_rules(file: str | Path) -> tuple[str, ...]:
    """The statements of a rules file: one a line, `#` begins a comment; or, in a .yaml file, a list of them.

    Raises:
        XadError: It cannot be read, says nothing, or is no such file.
    """
    return read_statements(Path(file), MAX_RULES)


def add_rules(ledger: Ledger, texts: Iterable[str], zones: Mapping[str, Polygon] | None = None) -> list[Evidence]:
    """Keep statements, sentence by sentence, as evidence from which they hold.

    Args:
        ledger: Of the conversation.
        texts: What the user says.
        zones: The profile's, by name.
    """
    said = [sentence for text in texts for sentence in sentences(text)]
    return [_added(ledger, sentence, zones or {}) for sentence in said]


def _added(ledger: Ledger, text: str, zones: Mapping[str, Polygon]) -> Evidence:
    rules = rules_of(ledger)
    contexts = [rule.context for rule in rules if rule.context]
    rule = read_rule(text, zones, contexts).model_copy(update={"number": len(rules) + 1})
    return ledger.add(
        tool="rule",
        kind="rule",
        arguments=rule.model_dump(mode="json"),
        statement=_statement(rule),
        quantities=(Quantity(name="rule", value=rule.number), *noted(rule.reading)),
    )


def rules_of(ledger: Ledger) -> list[Rule]:
    """In the order in which they were said."""
    return [Rule.model_validate(entry.arguments) for entry in ledger if entry.tool == "rule"]


def ruled(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The same with what bears the verdict first.

    That is the ruling, where there is one, in place of the score and of what was tried against it; else what was tried,
    where it overturned the score.
    """
    entries = list(evidence)
    ruling = [entry for entry in entries if entry.tool == "rules" and entry.verdict]
    if ruling:
        return [*ruling, *(e for e in entries if e.tool not in ("rules", "score", "refute"))]
    overturned = any(map(_is_overturned, entries))
    return sorted(entries, key=lambda entry: not (overturned and entry.tool == "refute"))


def _is_overturned(entry: Evidence) -> bool:
    """Whether a score bears another verdict than by itself; its alpha goes only with that."""
    measured = {quantity.name: quantity for quantity in entry.quantities}
    calibrated = "score" in measured and measured["score"].p_value is not None
    return entry.tool == "score" and calibrated and "alpha" not in measured


def stated_rule(text: str) -> str | None:
    """The rules that a line of a chat states, without "Rule:"; None where it is a question, or states anything else.

    Example:
        >>> stated_rule("Bicycles are allowed here."), stated_rule("Is that allowed here?")
        ('Bicycles are allowed here.', None)
    """
    words, said = tokens(text), vocabulary("rules")
    if len(words) > 2 and words[0] in said["marker"] and words[1] == ":":
        return text.partition(":")[2].strip()
    if "?" in words or not words or words[0] in said["asking"]:
        return None
    return text if all(_is_rule(sentence) for sentence in sentences(text)) else None


def _is_rule(sentence: str) -> bool:
    """Whether it can only be a rule. That all is normal may be a finding too, and is one only after "Rule:"."""
    rule = read_rule(sentence, {})
    about = set(rule.names) - {ANYTHING} or rule.attributes or rule.bound
    return bool(rule.context or (rule.allows is not None and about))


def _statement(rule: Rule) -> str:
    said = vocabulary("rules")["said"]
    context = "usual" if rule.names else "context"
    kind = "unread" if rule.problem else context if rule.context else "allows" if rule.allows else "forbids"
    return str(said[kind]).format(rule=rule.number, text=rule.text, reading=rule.reading, why=rule.problem)
