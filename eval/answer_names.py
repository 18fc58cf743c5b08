"""What an answer calls what it found, held against labels by an explicit table of synonyms; nothing is guessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xad_agent.answer import Answer
from xad_agent.eval.xman_words import Synonyms
from xad_agent.evidence import Region
from xad_agent.prompts import vocabulary


@dataclass(frozen=True)
class Names:
    """The classes of a set's labels, and how texts are mapped to them.

    Attributes:
        classes: Every class that a label can be.
        synonyms: What maps an answer's names to them.
    """

    classes: tuple[str, ...]
    synonyms: Synonyms

    @classmethod
    def of_types(cls, types: Iterable[str]) -> "Names":
        """Of the types of defect that folders are named by ("scratch_head"), by the table `prompts/defects.yaml`.

        A type is what the table makes of its words ("scratch"), or where that is nothing a class of its own name.
        """
        table = vocabulary("defects")
        own = [words for kind in types if not Synonyms(tuple(table), table).read(words := plain(kind))[0]]
        classes = (*table, *dict.fromkeys(own))
        return cls(classes, Synonyms(classes, table))

    @classmethod
    def of_classes(cls, classes: Iterable[str], table: Mapping[str, list[str]] | None = None) -> "Names":
        """Of classes by their names, by a table of synonyms, that of X-MAN's protocol where none is given."""
        own = tuple(dict.fromkeys(classes))
        return cls(own, Synonyms(own, table))

    def true_of(self, kind: str) -> list[str]:
        """The classes that the name of a type means."""
        return sorted(self.synonyms.read(plain(kind))[0])

    def judged(self, answer: Answer, truth: Iterable[str]) -> dict[str, Any]:
        """What an answer names, held against what is true.

        Args:
            answer: Its names are the labels of the evidence that claims of the kind "what" cite.
            truth: The classes that are there; none where nothing is anomalous.

        Returns:
            `names` [class], the surest first; `unmapped` [label], those that mean no class; `named` whether there is
            any name; `name_right`, whether the surest is true; `name_hits`, how many are.
        """
        scores: dict[str, float] = {}
        unmapped = []
        for label, score in names_said(answer).items():
            if (meant := self.synonyms.class_of(label)) is None:
                unmapped.append(label)
            else:
                scores[meant] = max(score, scores.get(meant, 0.0))
        names = sorted(scores, key=lambda name: -scores[name])
        there = set(truth)
        return {
            "names": names,
            "unmapped": unmapped,
            "named": bool(names),
            "name_right": bool(names) and names[0] in there,
            "name_hits": len(there & set(names)),
            "truth": sorted(there),
        }


def names_said(answer: Answer) -> dict[str, float]:
    """The labels, with scores, of the evidence that an answer's claims of the kind "what" rest on."""
    cited = {evidence for claim in answer.claims if claim.kind == "what" for evidence in claim.evidence}
    labels: dict[str, float] = {}
    for entry in answer.evidence:
        if entry.id in cited and entry.kind in {"observation", "opinion"}:
            for label, score in entry.labels.items():
                labels[label] = max(score, labels.get(label, 0.0))
    return labels


def named_regions(answer: Answer) -> tuple[Region, ...]:
    """An answer's regions that the evidence its claims cite speaks of, the strongest first."""
    cited = {evidence for claim in answer.claims for evidence in claim.evidence}
    labels = {region.label for entry in answer.evidence if entry.id in cited for region in entry.regions}
    return tuple(region for region in answer.regions if region.label in labels)


def plain(kind: str) -> str:
    """The name of a folder in words: "scratch_head" as "scratch head"."""
    return " ".join(kind.replace("_", " ").replace("-", " ").split())
