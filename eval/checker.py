"""How often the claim checker is right: true claims must pass, falsified ones must not.

Both are made from real evidence: the tools measure real pictures, every statement becomes true claims (whole, by
sentence, led in, and rephrased from the quantities), and every true claim is falsified in each way that applies.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.draft import KINDS, statement_claims
from xad_agent.evidence import Evidence, Ledger
from xad_agent.language import sentences
from xad_agent.prompts import vocabulary

_PRINTED = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?![\w.]*\d)")
_PHRASES = ("knife", "airplane", "dog")  # to the embedded finder a screw looks like the first two


def evaluate_checker(ledgers: Iterable[Ledger], seed: int = 0) -> dict[str, Any]:
    """Shares of true claims that pass and of falsified ones that are caught, with what was got wrong.

    Args:
        ledgers: Evidence of one picture each.
        seed: For the random choices of the falsifications.
    """
    from xad_agent.eval.intervals import proportion

    rng = random.Random(seed)
    outcomes: defaultdict[str, list[bool]] = defaultdict(list)
    wrong: list[dict[str, Any]] = []
    for ledger in ledgers:
        for kind, claim, is_true in _cases(ledger, rng):
            reasons = check(claim, ledger)
            outcomes[kind].append((not reasons) == is_true)
            if bool(reasons) == is_true:
                wrong.append({"kind": kind, "text": claim.text, "evidence": claim.evidence, "reasons": reasons})
    falsified = [kind for kind in outcomes if kind != "true"]
    return {
        "true_passed": proportion(outcomes["true"]),
        "falsified_caught": proportion(outcome for kind in falsified for outcome in outcomes[kind]),
        "by_kind": {kind: proportion(outcomes[kind]) for kind in sorted(falsified)},
        "wrong": wrong,
        "seed": seed,
    }


def as_text(result: dict[str, Any]) -> str:
    """The result as a table, with what was got wrong."""
    rows = [("true claims passed", result["true_passed"]), ("falsified claims caught", result["falsified_caught"])]
    rows += [(f"  {kind}", share) for kind, share in result["by_kind"].items()]
    lines = [f"{name:28} {100 * s['value']:6.2f} %  ({s['hits']} of {s['n']})" for name, s in rows]
    lines += [
        f"wrong: {w['kind']}: {w['text']!r} {list(w['evidence'])} {'; '.join(w['reasons'])}" for w in result["wrong"]
    ]
    return "\n".join(lines)


def measure_everything(directory: Path, pictures: int, alpha: float, seed: int) -> Iterator[Ledger]:
    """The evidence of all tools on real pictures: half defective, half good ones of a set in MVTec layout.

    Args:
        directory: The set; the profile is fitted on its train/good.
        pictures: How many test pictures to take.
        alpha: False-alarm rate of the profile.
        seed: For the choice of pictures.
    """
    from xad_agent.case import Case
    from xad_agent.eval.layout import read_layout
    from xad_agent.media import read_picture
    from xad_agent.picture_profile import PictureProfile
    from xad_agent.tools import TOOLS

    category = read_layout(directory)[0]
    profile = PictureProfile.fit(list(category.normal), alpha=alpha)
    rng = random.Random(seed)
    defective = [sample.path for sample in category.test if sample.defective]
    good = [sample.path for sample in category.test if not sample.defective]
    chosen = rng.sample(defective, min(pictures - pictures // 2, len(defective)))
    chosen += rng.sample(good, min(pictures // 2, len(good)))
    for path in chosen:
        case = Case(read_picture(path), profile, Ledger())
        for name in ("score", "locate", "refute"):
            TOOLS[name](case)
        for region in range(1, min(len(case.regions), 2) + 1):
            TOOLS["measure"](case, region=region)
            TOOLS["compare"](case, region=region)
            TOOLS["segment"](case, region=region)
        TOOLS["find"](case, phrases=_PHRASES)
        if case.regions:
            TOOLS["repair"](case)
        TOOLS["cannot_tell"](case, topic="naming")
        yield case.ledger


def _cases(ledger: Ledger, rng: random.Random) -> Iterator[tuple[str, Claim, bool]]:
    true = [claim for entry in ledger for claim in true_claims(entry)]
    for claim in true:
        yield "true", claim, True
    for claim in true:
        for kind, false in falsified(claim, ledger, rng):
            yield kind, false, False


def true_claims(entry: Evidence) -> list[Claim]:
    """Claims that the evidence bears: its statement whole and in parts, and its quantities in other words."""
    (whole,) = statement_claims([entry])
    parts = sentences(entry.statement)
    texts = [whole.text]
    if len(parts) > 1:
        texts += [part for part in parts if not re.match(r"(It|That|This|They)\b", part)]
    texts.append("As measured: " + whole.text[0].lower() + whole.text[1:])
    texts.append(re.sub(r"\blimit\b", "threshold", whole.text))
    values = {quantity.name: quantity for quantity in entry.quantities}
    if entry.tool == "score" and "threshold" in values:
        score, threshold = values["score"].value, values["threshold"].value
        relation = "above" if score > threshold else "below"
        texts += [
            f"The score is {score:.1f}.",
            f"With a score of {score:.2f} it lies {relation} the limit of {threshold:.2f}.",
        ]
        texts.append(f"It is {entry.verdict}.")
        texts += ["The picture is anomalous."] if entry.verdict == "anomalous" else []
        texts += ["The picture is not anomalous."] if entry.verdict == "normal" else []
    for region in entry.regions:
        if region.place and len(entry.regions) == 1:
            texts.append(f"The place is {region.place[0]}.")
        share = 100 * region.area_share
        texts.append(f"{region.label.capitalize()} covers {share:.2f} % of the picture.")
    return [
        Claim(text=text, kind=KINDS.get(entry.tool, "what"), evidence=whole.evidence) for text in dict.fromkeys(texts)
    ]


def falsified(claim: Claim, ledger: Ledger, rng: random.Random) -> Iterator[tuple[str, Claim]]:
    """The claim made false in each way that applies to it, with the name of the way."""
    pairs = vocabulary("corruptions")
    for kind in ("verdict", "comparison", "direction", "place"):
        for text in _swapped(claim.text, pairs[kind]):
            yield kind, claim.model_copy(update={"text": text})
    for text in _renumbered(claim.text, rng):
        yield "number", claim.model_copy(update={"text": text})
    for match in re.finditer(r"[+-](?=\d)", claim.text):
        flipped = "-" if match.group() == "+" else "+"
        yield (
            "sign",
            claim.model_copy(update={"text": claim.text[: match.start()] + flipped + claim.text[match.end() :]}),
        )
    yield from _reworded(claim, rng)
    yield "label", claim.model_copy(update={"text": f"{claim.text} {rng.choice(pairs['label'])}"})
    yield "id", claim.model_copy(update={"evidence": (f"E{len(ledger) + rng.randint(1, 9)}",)})
    others = [entry.id for entry in ledger if entry.id not in claim.evidence and not _shares(entry, claim, ledger)]
    if others:
        yield "swapped evidence", claim.model_copy(update={"evidence": (rng.choice(others),)})


def _reworded(claim: Claim, rng: random.Random) -> Iterator[tuple[str, Claim]]:
    """Falsifications that move, negate or replace words instead of swapping a pair."""
    printed = list(_PRINTED.finditer(claim.text))
    values = [float(match.group().replace(",", "")) for match in printed]
    pairs = zip(pairwise(printed), pairwise(values), strict=True)
    different = [pair for pair, (one, other) in pairs if one != other]  # 1 for 1.0 is true
    for a, b in different[:2]:
        text = claim.text[: a.start()] + b.group() + claim.text[a.end() : b.start()] + a.group() + claim.text[b.end() :]
        yield "swapped numbers", claim.model_copy(update={"text": text})
    for pattern, replacement in vocabulary("corruptions")["patterns"]:
        if re.search(pattern, claim.text):
            yield "reworded", claim.model_copy(update={"text": re.sub(pattern, replacement, claim.text, count=1)})


def _swapped(text: str, pairs: list[list[str]]) -> Iterator[str]:
    for one, other in (pair for first, second in pairs for pair in ((first, second), (second, first))):
        for match in re.finditer(rf"\b{one}\b", text, re.IGNORECASE):
            new = other.capitalize() if match.group()[0].isupper() else other
            yield text[: match.start()] + new + text[match.end() :]


def _renumbered(text: str, rng: random.Random) -> Iterator[str]:
    """Each printed number changed in one digit that counts, so that it cannot be a rounding of the true one."""
    for match in _PRINTED.finditer(text):
        digits = [i for i, c in enumerate(match.group()) if c.isdigit()]
        at = rng.choice(digits[:2])
        old = match.group()
        new = rng.choice([d for d in "123456789" if abs(int(d) - int(old[at])) > 1])
        yield text[: match.start()] + old[:at] + new + old[at + 1 :] + text[match.end() :]


def _shares(entry: Evidence, claim: Claim, ledger: Ledger) -> bool:
    """Whether other evidence bears the same: it is of the same tool, or of a region that the claim only places."""
    cited = [ledger[i] for i in claim.evidence]
    same = any(entry.tool == other.tool for other in cited)
    placed = {region.label for other in cited for region in other.regions} & {region.label for region in entry.regions}
    return same or bool(placed and re.match(r"The place is|Region \d+ covers", claim.text))
