"""Tool `normal` for clips: what is normal here, from the numbers of the normal clips."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.detectors.attributes import heading
from xad_agent.events import heading_of, place_of
from xad_agent.evidence import Evidence, Quantity
from xad_agent.media.figure import side_by_side
from xad_agent.media.plan import plan
from xad_agent.perception.boxes import feet
from xad_agent.perception.observing import believed
from xad_agent.perception.relations import Triplet
from xad_agent.perception.sightings import Sightings
from xad_agent.prompts import vocabulary
from xad_agent.wording import count, listed, number, numbers

MAX_NAMED = 3
_LEAST_SHARE = 5.0  # %, to be named
_UNIT = "body heights a second"


def normal(case: ClipCase) -> Evidence:
    """How fast things normally move and which way, where they are seen, what they are called, and how they relate.

    Without a profile it is said of the clip itself, and said to be so.
    """
    known = case.measured("normal", {})
    if known is not None:
        return known
    clips = case.reference.normal
    parts = [_motion(case, clips), _places(clips), _names(case, clips), _relations(case)]
    parts.insert(len(parts) if case.profile else 0, _source(case, clips))
    return case.ledger.add(
        tool="normal",
        statement=" ".join(statement for statement, _ in parts if statement),
        quantities=tuple(quantity for _, quantities in parts for quantity in quantities),
        media=case.media,
        figure=_figure(case, clips),
    )


_Part = tuple[str, tuple[Quantity, ...]]


def _source(case: ClipCase, clips: Sequence[Sightings]) -> _Part:
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


def _motion(case: ClipCase, clips: Sequence[Sightings]) -> _Part:
    """The 1st and the 99th percentile of speed, and the shares of the headings of what moves."""
    speeds = np.concatenate([seen.speed for seen in clips])
    if not len(speeds):
        return "Nothing was ever seen here.", ()
    if np.isnan(speeds).all():
        return "How things move could not be measured.", ()
    usual = case.reference.detector.usual["speed"]
    low, high = numbers(usual.lowest, usual.highest)
    middle = float(np.nanmedian(speeds))
    ways = np.concatenate([heading(seen)[:, 2:] for seen in clips])
    ways = ways[~np.isnan(ways).any(axis=1)]
    shares = _shares([heading_of(x, y) for x, y in ways.tolist()])
    when = "normally" if case.profile else "mostly"
    heads = f", heading {_listed(shares)}" if shares else ""
    return f"Things here {when} move at {low} to {high} {_UNIT}{heads}.", (
        Quantity(name="speed", value=middle, unit=_UNIT, normal=(usual.lowest, usual.highest)),
        *shares,
    )


def _places(clips: Sequence[Sightings]) -> _Part:
    """The fields of the picture that most are seen in."""
    fields = []
    for seen in clips:
        middles = (seen.box[:, :2] + seen.box[:, 2:]) / 2 / seen.shape[::-1]
        fields += [place_of(x, y) for x, y in middles.tolist() if seen.steady]
    shares = _shares(fields)
    return (f"They are seen most often in these places: {_listed(shares)}." if shares else ""), shares


def _names(case: ClipCase, clips: Sequence[Sightings]) -> _Part:
    """What the detector calls them."""
    names = case.reference.eyes.objects.names
    columns = believed(np.concatenate([seen.scores for seen in clips]), case.reference.usual_names)
    shares = tuple(share for share in _shares([names[at] if at >= 0 else "" for at in columns]) if share.name)
    if not shares:
        return "", ()
    called = listed([f"{number(share.value, '%')} of them {share.name}" for share in shares])
    return f"The object detector calls {called}.", shares


def _relations(case: ClipCase) -> _Part:
    """The most frequent ones."""
    graph = case.reference.scene_graph
    if graph is None:
        return "", ()
    most = [
        Quantity(name=str(Triplet(*words)), value=float(times))
        for words, times in list(zip(graph.bank, graph.counts, strict=True))[:MAX_NAMED]
    ]
    told = listed([f"{relation.name} ({int(relation.value):,})" for relation in most])
    return f"The most frequent of {graph.total:,} relations: {told}.", (
        Quantity(name="relations", value=graph.total),
        *most,
    )


def _shares(names: Sequence[str]) -> tuple[Quantity, ...]:
    """How many in a hundred have each name, the most frequent first: three at most, each 5 % at least."""
    counted = Counter(names).most_common(MAX_NAMED)
    shares = [Quantity(name=name, value=100 * times / len(names), unit="%") for name, times in counted]
    return tuple(share for share in shares if share.value >= _LEAST_SHARE)


def _listed(shares: Sequence[Quantity]) -> str:
    return listed([f"{share.name} ({number(share.value, '%')})" for share in shares])


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
