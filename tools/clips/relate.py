"""Tool `relate`: how the thing in an event stands to what is around it, and how rare that is on normal clips."""

from collections import Counter

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.detectors.scene_graph import Rarity
from xad_agent.evidence import Event, Evidence, Quantity
from xad_agent.perception.boxes import SAME, overlap
from xad_agent.perception.observing import placed_triplets
from xad_agent.perception.relations import Triplet
from xad_agent.tools.clips.events import no_event
from xad_agent.wording import listed

MAX_NAMED = 2


def relate(case: ClipCase, event: int = 1) -> Evidence:
    """The rarest relations of an event's thing ("person rides bicycle"), each with its count on normal clips.

    Args:
        case: The clip under question.
        event: Which event, counted from 1.
    """
    arguments = {"event": event}
    known = case.measured("relate", arguments)
    if known is not None:
        return known
    found, graph = case.event(event), case.reference.scene_graph
    if found is None:
        return no_event(case, "relate", arguments)
    if graph is None:
        return case.ledger.add(
            tool="relate",
            arguments=arguments,
            statement="No relation between things was seen in the normal clips, so there is nothing to compare those "
            f"of {found.label} with.",
            kind="limit",
            regions=(found.region,),
            media=case.media,
        )
    counts = Counter(triplet.words for triplet in _around(case, found))
    rarest = sorted((graph.explain(Triplet(*words)) for words in counts), key=lambda rarity: -rarity.score)[:MAX_NAMED]
    return case.ledger.add(
        tool="relate",
        arguments=arguments,
        statement=" ".join(map(_statement, rarest)) or f"No relation of the thing in {found.label} to others is seen.",
        quantities=(
            *(Quantity(name="triplets", value=rarity.count) for rarity in rarest),
            *(Quantity(name=like, value=count) for rarity in rarest for like, count in rarity.nearest),
            Quantity(name="triplets", value=graph.total),
        ),
        labels={rarity.triplet: min(rarity.score / 100, 1.0) for rarity in rarest},
        regions=(found.region,),
        events=(found,),
        media=case.media,
    )


def _statement(rarity: Rarity) -> str:
    nearest = listed([f"{sentence} ({count:,})" for sentence, count in rarity.nearest])
    return f"{rarity.triplet.capitalize()}: {rarity.count:,} of {rarity.total:,} normal triplets; nearest: {nearest}."


def _around(case: ClipCase, event: Event) -> list[Triplet]:
    """The relations during an event in which its thing, or what overlaps it, takes part."""
    own = {int(case.seen.frame[row]): case.seen.box[row] for row in case.rows(event)}
    return [
        triplet
        for triplet, boxes in placed_triplets(case.seen, case.reference.eyes, case.reference.usual_names)
        if triplet.frame in own and any(overlap(np.array(box), own[triplet.frame]) > SAME for box in boxes)
    ]
