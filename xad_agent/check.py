"""The claim checker: does the cited evidence say what the claim says?

Everything a claim asserts is looked up or recomputed from the numbers, regions and labels of the evidence it cites:
numbers, comparisons, directions ("darker"), places, names, the verdict. A word that neither the cited statements nor
the lexicon know is an invention. The checker is strict on purpose: what it cannot confirm does not reach the user.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache

from xad_agent.answer import Claim
from xad_agent.check_numbers import RELATIONS, check_numbers, check_order, clause_at, name_mentions, region_at
from xad_agent.evidence import Evidence, Ledger
from xad_agent.language import (
    clauses,
    is_word,
    mentions,
    numbers,
    sentences,
    stem,
    tokens,
)
from xad_agent.prompts import vocabulary
from xad_agent.quoting import quotes, unquoted
from xad_agent.support import SAID, Support, region_number

MAX_CLAIM_CHARACTERS = 800
_OTHER = {"anomalous": "normal", "normal": "anomalous"}
_QUOTED = "quote#"
_UNMEASURED = {
    "opinion": "an opinion",
    "rule": "a rule",
    "knowledge": "knowledge",
}  # kinds of evidence that nothing measured


def check(claim: Claim, ledger: Ledger) -> tuple[str, ...]:
    """Reasons why a claim does not hold, each one line; empty when it does.

    Args:
        claim: The sentence or sentences to check, and the ids they cite.
        ledger: The conversation's evidence.
    """
    if not claim.text.strip():
        return ("it says nothing",)
    if len(claim.text) > MAX_CLAIM_CHARACTERS:
        return (f"it is longer than {MAX_CLAIM_CHARACTERS} characters",)
    if not claim.evidence:
        return ("it cites no evidence",)
    unknown = [cited for cited in claim.evidence if cited not in ledger]
    if unknown:
        return (f"it cites {', '.join(unknown)}, which does not exist",)
    support = Support(tuple(ledger[cited] for cited in dict.fromkeys(claim.evidence)))
    # A quote of what a user wrote is no statement of ours: it is held against the original, word by word, and no more.
    quoted = [quote for entry in support.evidence if entry.kind in SAID for quote in quotes(entry.statement)]
    parsed = [tokens(sentence) for sentence in sentences(unquoted(claim.text, quoted))]
    reasons = [reason for words in parsed for test in _SENTENCE_TESTS for reason in test(words, support)]
    reasons += _attribution(claim, quoted)
    reasons += _kind(claim, support)
    return tuple(dict.fromkeys(reasons))


def _operand(words: list[str], support: Support, indices: Iterable[int]) -> tuple[float, str] | None:
    """The first number or named quantity among the indices: its value and unit."""
    printed = {number.at: number for number in numbers(words)}
    named = {mention.at: mention for mention in name_mentions(words, support)}
    for at in indices:
        if at in printed and printed[at].ratio is None:
            return printed[at].value, printed[at].unit
        if at in named:
            values = [f for f in support.facts if f.quantity and f.name == named[at].entry]
            if values:
                return values[0].value, values[0].unit
    return None


def _check_comparisons(words: list[str], support: Support) -> Iterable[str]:
    lexicon = vocabulary("lexicon")
    for mention in mentions(words, lexicon["comparisons"]):
        end = mention.at + mention.length
        if words[end : end + 1] and any(n.at == end and n.ratio is not None for n in numbers(words)):
            continue  # "fewer than 1 in 320" is checked as a number
        if mention.entry in {"within", "outside"} and {"normal", "range"} & set(words[end : end + 4]):
            named = [m.entry for m in name_mentions(words[: mention.at], support)][-1:]
            yield from (r for name in named for r in _quantity_verdict(name, mention.entry == "within", support))
            if named:
                continue
        left = _operand(words, support, range(mention.at - 1, -1, -1))
        right = _operand(words, support, range(end, min(end + 6, len(words))))
        if mention.entry in RELATIONS and left and right and left[1] == right[1]:
            if not RELATIONS[mention.entry](left[0], right[0]):
                yield f"{left[0]:g} is not {mention.entry} {right[0]:g}"
        elif not mentions(support.words, {mention.entry: lexicon["comparisons"][mention.entry]}):
            yield f"no cited statement says {' '.join(words[mention.at : end])!r}"
    for mention in mentions(words, lexicon["changes"]):
        after = [n for n in numbers(words) if n.at > mention.at and n.ratio is None][:2]
        both = len(after) == 2 and words[after[0].at - 1] == "from" and words[after[1].at - 1] == "to"
        if both and not RELATIONS[mention.entry](after[0].value, after[1].value):
            yield f"{after[0].value:g} to {after[1].value:g} is no change that {words[mention.at]}"
        elif not both and not mentions(support.words, {mention.entry: lexicon["changes"][mention.entry]}):
            yield f"no cited statement says {words[mention.at]!r}"


def _check_directions(words: list[str], support: Support) -> Iterable[str]:
    for name, entry in vocabulary("attributes").items():
        for side, sign in (("more", 1), ("less", -1)):
            for mention in mentions(words, {name: entry[side]}):
                region = region_at(words, mention.at)
                values = [f.value for f in support.facts if f.quantity and f.name == name and f.unit == entry["unit"]
                          and (not region or not f.region or f.region == region)]  # fmt: skip
                if not any(sign * value > 0 for value in values):
                    word = " ".join(words[mention.at : mention.at + mention.length])
                    yield f"the cited {name} does not say {word!r}" if values else f"no cited {name} for {word!r}"


def _check_places(words: list[str], support: Support) -> Iterable[str]:
    places = vocabulary("places")
    stated = {mention.entry for mention in mentions(support.words, places)}
    regions = [region for entry in support.evidence for region in entry.regions]
    for mention in mentions(words, places):
        number = region_at(words, mention.at)
        where = [region for region in regions if not number or region_number(region) == number]
        measured = {m.entry for region in where for phrase in region.place for m in mentions(tokens(phrase), places)}
        if mention.entry not in (measured if where else stated):
            word = " ".join(words[mention.at : mention.at + mention.length])
            yield f"the cited evidence does not put anything {word!r}"


def _stated_verdicts(words: list[str]) -> Iterable[tuple[str, bool, int]]:
    """Verdicts a sentence states: entry, whether negated, token index."""
    lexicon = vocabulary("lexicon")
    negations = set(lexicon["negations"])
    for mention in mentions(words, lexicon["verdicts"]):
        before = words[max(0, mention.at - 3) : mention.at]
        negated = any(word in negations for word in before)
        heads = mention.at == 0 or words[mention.at - 1] in {":", ";"} or (mention.at == 1 and negated)
        after = words[mention.at + mention.length : mention.at + mention.length + 1]
        ends = not after or not is_word(after[0]) or after[0] in {"here", "and", "but", "because", "since", "as", "by"}
        copula = any(word in lexicon["copulas"] for word in before)
        if (heads and ends) or (copula and ends):
            yield mention.entry, negated, mention.at


def stated_verdicts(text: str) -> set[str]:
    """The verdicts that a text states, "anomalous" for "not normal"."""
    found = [item for sentence in sentences(text) for item in _stated_verdicts(tokens(sentence))]
    return {_OTHER.get(entry, entry) if negated else entry for entry, negated, _ in found}


def _check_verdict(words: list[str], support: Support) -> Iterable[str]:
    for entry, negated, at in _stated_verdicts(words):
        start, end = clause_at(words, at)
        attributes = [m.entry for m in name_mentions(words[start:end], support) if m.entry in vocabulary("attributes")]
        if attributes:
            yield from _quantity_verdict(attributes[0], (entry == "normal") != negated, support)
            continue
        stated = _OTHER.get(entry, entry) if negated else entry
        measured = {verdict for cited in support.evidence if (verdict := _verdict(cited))}
        if stated not in measured:
            yield f"the cited evidence does not say that it is {stated}"


def _verdict(entry: Evidence) -> str | None:
    """The evidence's verdict, recomputed from its score and the threshold for its alpha where it is calibrated."""
    values = {quantity.name: quantity for quantity in entry.quantities}
    if entry.verdict and "alpha" in values and "score" in values and values["score"].p_value is not None:
        below = "uncertain" if entry.verdict == "uncertain" else "normal"
        return "anomalous" if values["score"].value > values["threshold"].value else below
    return entry.verdict


def _quantity_verdict(name: str, is_normal: bool, support: Support) -> Iterable[str]:
    for fact in support.facts:
        if fact.name == name and fact.quantity and fact.quantity.normal:
            low, high = fact.quantity.normal
            if (low <= fact.value <= high) == is_normal:
                return
    yield f"the cited {name} is not {'normal' if is_normal else 'outside normal'}"


def _check_negation(words: list[str], support: Support) -> Iterable[str]:
    """Whether a clause denies what the closest clause of the evidence does not, or the other way round."""
    negations = set(vocabulary("lexicon")["negations"])
    if list(_stated_verdicts(words)):
        return  # the verdict test reads the negation itself
    for clause in clauses(words):
        closest = support.closest_clause(clause)
        said, stated = (sum(word in negations for word in part) for part in (clause, closest))
        wanted, have = ({stem(word) for word in part if is_word(word)} for part in (clause, closest))
        if said % 2 != stated % 2 and (said > stated or 3 * len(wanted & have) >= 2 * len(wanted)):
            yield "it denies what the evidence says" if said > stated else "it leaves out a denial of the evidence"


def _check_words(words: list[str], support: Support) -> Iterable[str]:
    allowed = support.stems | _framing()
    known = mentions(words, {**vocabulary("places"), **vocabulary("lexicon")["comparisons"], **_synonyms(support)})
    covered = {i for mention in known for i in range(mention.at, mention.at + mention.length)}
    for at, word in enumerate(words):
        if is_word(word) and at not in covered and stem(word) not in allowed:
            yield f"no cited evidence speaks of {word!r}"


@cache
def _framing() -> frozenset[str]:
    """Stems of words that the other tests check, or that state nothing."""
    lexicon = vocabulary("lexicon")
    phrases = [*lexicon["plain"], *lexicon["negations"], *lexicon["copulas"], *lexicon["number_words"]]
    for group in ("verdicts", "changes", "quantities"):
        phrases += [phrase for alternatives in lexicon[group].values() for phrase in alternatives]
    for entry in vocabulary("attributes").values():
        phrases += [*entry["more"], *entry["less"]]
    return frozenset(stem(word) for phrase in phrases for word in tokens(str(phrase)) if is_word(word))


def _synonyms(support: Support) -> dict[str, list[str]]:
    """Names of defects with their synonyms, as far as the cited evidence names them."""
    labels = {label.lower() for entry in support.evidence for label in entry.labels}
    return {name: words for name, words in vocabulary("defects").items() if name in labels}


def _check_opposites(words: list[str], support: Support) -> Iterable[str]:
    """Whether a word of the closest statement is turned into its opposite ("normal place" into "anomalous place")."""
    # "more than 4" is a comparison, which has its own test; only what is left can be turned round.
    left, borne = _without_comparisons(words), _without_comparisons(support.closest(words))
    verdicts = vocabulary("lexicon")["verdicts"]
    stated_verdicts = {at for _, _, at in _stated_verdicts(left)}
    left = [word for at, word in enumerate(left) if at not in stated_verdicts]
    for pair in [*vocabulary("lexicon")["opposites"], [verdicts["anomalous"], verdicts["normal"]]]:
        said = Counter(m.entry for m in mentions(left, {"0": pair[0], "1": pair[1]}))
        stated = Counter(m.entry for m in mentions(borne, {"0": pair[0], "1": pair[1]}))
        for side, other in (("0", "1"), ("1", "0")):
            if said[side] > stated[side] and stated[other] > said[other]:
                yield f"it says {pair[int(side)][0]!r} where the evidence says {pair[int(other)][0]!r}"


def _without_comparisons(words: list[str]) -> list[str]:
    found = mentions(words, vocabulary("lexicon")["comparisons"])
    covered = {at for mention in found for at in range(mention.at, mention.at + mention.length)}
    return [word for at, word in enumerate(words) if at not in covered]


def _check_opinion(words: list[str], support: Support) -> Iterable[str]:
    """Whether a sentence that rests on opinions, rules or knowledge, on no measurement of what it says, says so."""
    for kind in _UNMEASURED:
        if not any(entry.kind == kind for entry in support.evidence) or not {kind, f"{kind}s"}.isdisjoint(words):
            continue
        measured = Support(tuple(entry for entry in support.evidence if entry.kind != kind))
        unmeasured = any(is_word(word) and stem(word) not in measured.stems | _framing() for word in words)
        if unmeasured or not measured.evidence:
            yield f"it rests on {_UNMEASURED[kind]}, and does not say so"


def _attribution(claim: Claim, quoted: list[str]) -> Iterable[str]:
    """Whether each quote stands in a sentence that says whose it is."""
    text = claim.text
    for number, quote in enumerate(quoted):
        text = text.replace(f'"{quote}"', f" {_QUOTED}{number} ")
    for sentence in sentences(text):
        if _QUOTED in sentence and {stem(word) for word in SAID}.isdisjoint(map(stem, tokens(sentence))):
            yield "it quotes without saying that it is a rule or knowledge"


def _kind(claim: Claim, support: Support) -> Iterable[str]:
    if claim.kind == "verdict" and not any(entry.verdict for entry in support.evidence):
        yield "a verdict must cite the evidence of one"
    kinds = {entry.kind for entry in support.evidence}
    if kinds <= _UNMEASURED.keys() and claim.kind in {"verdict", "where", "why"}:
        yield f"{_UNMEASURED[min(kinds)]} alone bears no {claim.kind}"


_SENTENCE_TESTS = (
    check_numbers,
    check_order,
    _check_comparisons,
    _check_directions,
    _check_places,
    _check_verdict,
    _check_negation,
    _check_opposites,
    _check_words,
    _check_opinion,
)
