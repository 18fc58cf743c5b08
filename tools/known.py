"""Tool `known`: what the user's knowledge file says of what is asked, and of what a region is called."""

from typing import TYPE_CHECKING

from xad_agent.evidence import Evidence, Quantity
from xad_agent.knowledge import Knowledge, knowledge_of, listed_kinds
from xad_agent.prompts import vocabulary
from xad_agent.tools.limits import limit
from xad_agent.wording import numbers

if TYPE_CHECKING:
    from xad_agent.case import Case
    from xad_agent.clip_case import ClipCase

_LONGEST = 400


def known(case: "Case | ClipCase", about: str = "") -> Evidence:
    """The kinds of defect that are described, and the passage nearest to the question, quoted.

    Where a region or event has a name, also the passage nearest to that name; where it has none, that knowledge does
    not tell which of them it is.

    Args:
        case: What is under question.
        about: What is asked, in words.
    """
    knowledge = knowledge_of(case.ledger)
    if knowledge is None:
        return limit(case, "known", {}, vocabulary("limits")["knowledge"])
    named = next((e for e in case.ledger if e.tool == "name" and e.media == case.media and e.labels), None)
    arguments = {"about": about[:_LONGEST], "named": named.id if named else ""}
    if (before := case.measured("known", arguments)) is not None:
        return before
    said = vocabulary("knowledge")["said"]
    parts = [said["kinds"].format(thing=knowledge.thing, kinds=listed_kinds(knowledge))]
    passage = knowledge.nearest(about[:_LONGEST]) if about.strip() else None
    parts += [said["passage"].format(kind=passage.kind, text=passage.text)] if passage else []
    if named:
        parts += _named(knowledge, named)
    elif case.regions:
        parts.append(said["unnamed"].format(finding=case.regions[0].label))
    kept = next(entry.id for entry in case.ledger if entry.tool == "knowledge")
    return case.ledger.add(
        tool="known",
        kind="knowledge",
        arguments=arguments,
        statement=" ".join(parts),
        quantities=tuple(
            Quantity(name="name score", value=score) for score in (named.labels.values() if named else ())
        ),
        labels=named.labels if named else {},
        regions=named.regions if named else case.regions[:1],
        basis=(kept, *([named.id] if named else [])),
        media=case.media,
    )


def _named(knowledge: Knowledge, named: Evidence) -> list[str]:
    """The passage nearest to the likeliest name of what stands out; nothing where none is near."""
    name = max(named.labels, key=named.labels.__getitem__)
    passage = knowledge.nearest(name)
    if passage is None:
        return []
    finding, score = named.regions[0].label.capitalize(), numbers(named.labels[name])[0]
    said = vocabulary("knowledge")["said"]["named"]
    return [said.format(finding=finding, name=name, score=score, kind=passage.kind, text=passage.text)]
