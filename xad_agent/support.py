"""What cited evidence can bear: the facts, words and sentences that a claim is held against."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.language import clauses, is_word, sentences, stem, tokens
from xad_agent.quoting import unquoted

SAID = frozenset({"rule", "knowledge"})  # kinds of evidence that quote what a user wrote


@dataclass(frozen=True)
class Fact:
    """A number that a claim may print: what it is called, its value and unit, and the region it is of (0: none)."""

    name: str
    value: float
    unit: str
    region: int = 0
    quantity: Quantity | None = None


@dataclass(frozen=True)
class Support:
    """What the cited evidence can bear."""

    evidence: tuple[Evidence, ...]

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """The numbers that a claim may print."""
        return tuple(_facts(self.evidence))

    @cached_property
    def sentences(self) -> list[list[str]]:
        """The cited statements, sentence by sentence, as tokens; what they quote of others bears nothing."""
        return [tokens(sentence) for entry in self.evidence for sentence in sentences(_own_words(entry))]

    @cached_property
    def words(self) -> list[str]:
        """All tokens of the cited statements."""
        return [word for sentence in self.sentences for word in sentence]

    @cached_property
    def stems(self) -> set[str]:
        """Stems that a claim may use: of the statements, quantity names, units and labels."""
        names = " ".join([fact.name + " " + fact.unit for fact in self.facts])
        labels = " ".join(label for entry in self.evidence for label in entry.labels)
        return {stem(word) for word in [*self.words, *tokens(names), *tokens(labels)]}

    def closest(self, words: list[str]) -> list[str]:
        """The sentence of the statements that shares most with `words`."""
        return _closest(words, self.sentences)

    def closest_clause(self, words: list[str]) -> list[str]:
        """The clause of the statements that shares most with `words`."""
        return _closest(words, [clause for sentence in self.sentences for clause in clauses(sentence)])


def _own_words(entry: Evidence) -> str:
    return unquoted(entry.statement) if entry.kind in SAID else entry.statement


def _closest(words: list[str], candidates: list[list[str]]) -> list[str]:
    wanted = {stem(word) for word in words if is_word(word)}

    def overlap(candidate: list[str]) -> float:
        have = {stem(word) for word in candidate if is_word(word)}
        return len(wanted & have) / (len(wanted | have) or 1)

    return max(candidates, key=overlap, default=[])


def _facts(evidence: Iterable[Evidence]) -> Iterable[Fact]:
    for entry in evidence:
        numbered = {region_number(region) for region in entry.regions}
        of = numbered.pop() if len(numbered) == 1 else 0
        for quantity in entry.quantities:
            # A region's number is of that region, which may not be there: the regions there are do not bear it.
            yield Fact(quantity.name, quantity.value, quantity.unit, 0 if quantity.name == "region" else of, quantity)
            for bound in quantity.normal or ():
                yield Fact(f"normal {quantity.name}", bound, quantity.unit, of)
            if quantity.p_value is not None:
                yield Fact("p-value", quantity.p_value, "", of)
                yield Fact(f"p-value of {quantity.name}", 100 * quantity.p_value, "%", of)
        yield Fact("regions", float(len({region.label for region in entry.regions})), "")
        for region in entry.regions:
            yield from _region_facts(region)
        for event in entry.events:
            for name, value in (("start", event.start), ("end", event.end), ("peak", event.peak)):
                yield Fact(name, value, "s", region_number(event.region))


def _region_facts(region: Region) -> Iterable[Fact]:
    x0, y0, x1, y1 = region.box
    number = region_number(region)
    yield Fact("region", float(number), "", number)
    yield Fact("area share", 100 * region.area_share, "%", number)
    yield Fact("width", float(x1 - x0), "px", number)
    yield Fact("height", float(y1 - y0), "px", number)
    yield Fact("region score", region.score, "", number)
    for name, value in zip(("left", "top", "right", "bottom"), region.box, strict=True):
        yield Fact(name, float(value), "px", number)


def region_number(region: Region) -> int:
    """The number in a region's label, "region 2" or "event 2"; 0 for a label without one."""
    digits = "".join(filter(str.isdigit, region.label))
    return int(digits) if digits else 0
