"""Tool `normal` for clips: what is normal here, from the numbers of the normal clips."""

from collections.abc import Sequence

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.clip_usual import Part, usual
from xad_agent.detectors.attributes import heading
from xad_agent.evidence import Evidence, Quantity
from xad_agent.media.figure import side_by_side
from xad_agent.media.plan import plan
from xad_agent.perception.boxes import feet
from xad_agent.perception.sightings import Sightings
from xad_agent.prompts import vocabulary
from xad_agent.wording import count, number


def normal(case: ClipCase) -> Evidence:
    """How fast things normally move and which way, where they are seen, what they are called, and how they relate.

    Without a profile it is said of the clip itself, and said to be so.
    """
    known = case.measured("normal", {})
    if known is not None:
        return known
    clips = case.reference.normal
    parts = usual(case.reference, "normally" if case.profile else "mostly")
    parts.insert(len(parts) if case.profile else 0, _source(case, clips))
    return case.ledger.add(
        tool="normal",
        statement=" ".join(statement for statement, _ in parts),
        quantities=tuple(quantity for _, quantities in parts for quantity in quantities),
        media=case.media,
        figure=_figure(case, clips),
    )


def _source(case: ClipCase, clips: Sequence[Sightings]) -> Part:
    """What all the rest is from."""
    seconds, sightings = case.reference.seconds, sum(map(len, clips))
    seen = f"{number(seconds, 's')} in all, with {sightings:,} sightings"
    which = f"This is from {count(len(clips), 'normal clip')}, {seen}."
    if case.profile is None:
        which = f"No normal clip is known, so this is from the clip itself, {seen}."
    return which, (
        Quantity(name="clips", value=len(clips)),
        Quantity(name="length", value=seconds, unit="s"),
        Quantity(name="sightings", value=sightings),
    )


def _figure(case: ClipCase, clips: Sequence[Sightings]) -> np.ndarray:
    """The camera's view, empty where its background is known, with everything that was seen in it."""
    background = case.reference.eyes.background
    place = case.clip.frame(0).pixels
    if background is not None:
        place = np.clip(background.image, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    stands, velocity = [], []
    for seen in clips:
        scale = place.shape[1] / seen.shape[1]
        stands.append(feet(seen.box) * scale)
        velocity.append(np.where(np.isnan(heading(seen)[:, 2:]), np.nan, seen.velocity * scale))
    drawn = plan(place, np.concatenate(stands), np.concatenate(velocity))
    return side_by_side([(vocabulary("figure")["plan"], drawn)], 400)
