"""What is normal to a camera, from the numbers of its normal clips: said by `normal`, printed by `xad rules`."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.detectors.attributes import heading
from xad_agent.events import heading_of, place_of
from xad_agent.evidence import Quantity
from xad_agent.perception.observing import believed
from xad_agent.perception.relations import Triplet
from xad_agent.prompts import vocabulary
from xad_agent.wording import listed, number, numbers

if TYPE_CHECKING:
    from xad_agent.clip_profile import ClipProfile

MAX_NAMED = 3
_LEAST_SHARE = 5.0  # %, to be named
_UNIT = "body heights a second"
_PACE = "px a frame"

Part = tuple[str, tuple[Quantity, ...]]


def usual(profile: "ClipProfile", when: str = "normally") -> list[Part]:
    """How fast things move and which way, where they are seen, what they are called and not, and how they relate.

    Args:
        profile: Of clips.
        when: How often that is: "mostly" where it is said of the clip asked about itself.
    """
    parts = (motion(profile, when), places(profile), names(profile), absent(profile), relations(profile))
    return [(statement, quantities) for statement, quantities in parts if statement]


def motion(profile: "ClipProfile", when: str = "normally") -> Part:
    """The 1st and the 99th percentile of speed, and the shares of the headings of what moves."""
    clips = profile.normal
    speeds = np.concatenate([seen.speed for seen in clips])
    if not len(speeds):
        return "Nothing was ever seen here.", ()
    if np.isnan(speeds).all():
        return "How things move could not be measured.", ()
    usual = profile.detector.usual["speed"]
    low, high = numbers(usual.lowest, usual.highest)
    middle = float(np.nanmedian(speeds))
    ways = np.concatenate([heading(seen)[:, 2:] for seen in clips])
    ways = ways[~np.isnan(ways).any(axis=1)]
    shares = _shares([heading_of(x, y) for x, y in ways.tolist()])
    heads = f", heading {_listed(shares)}" if shares else ""
    return f"Things here {when} move at {low} to {high} {_UNIT}{heads}.", (
        Quantity(name="speed", value=middle, unit=_UNIT, normal=(usual.lowest, usual.highest)),
        *shares,
    )


def pace(profile: "ClipProfile") -> Part:
    """The 1st and the 99th percentile of speed in the picture."""
    paces = [np.linalg.norm(seen.velocity, axis=1) / seen.fps for seen in profile.normal]
    known = [some[~np.isnan(seen.speed)] for some, seen in zip(paces, profile.normal, strict=True)]
    moving = np.concatenate(known) if known else np.zeros(0)
    if not len(moving):
        return "", ()
    low, middle, high = (float(value) for value in np.percentile(moving, [1, 50, 99]))
    least, most = numbers(low, high)
    return f"In the picture that is {least} to {most} {_PACE}.", (
        Quantity(name="pace", value=middle, unit=_PACE, normal=(low, high)),
    )


def absent(profile: "ClipProfile") -> Part:
    """What was never seen of the things that names.yaml can tell by shape and motion too."""
    named, columns = profile.eyes.objects.names, _called(profile)
    known = [member for entry in vocabulary("names")["object"].values() if entry.get("when")
             for member in (*entry.get("members", ()), *entry.get("detector", ()))]  # fmt: skip
    never = [name for name in known if name in named and not (columns == named.index(name)).any()]
    if not never or not len(columns):
        return "", ()
    said = " and no ".join([", ".join(never[:-1]), never[-1]]) if len(never) > 1 else never[0]
    return f"No {said.replace(', ', ', no ')} was seen in {len(columns):,} sightings.", (
        Quantity(name="sightings", value=len(columns)),
    )


def zones(profile: "ClipProfile") -> str:
    """Which named places there are."""
    return f"Places with a name: {listed(list(profile.zones))}." if profile.zones else ""


def _called(profile: "ClipProfile") -> np.ndarray:
    """The column of the name that the detector gives each normal sighting, -1 for none, (sightings,)."""
    return believed(np.concatenate([seen.scores for seen in profile.normal]), profile.usual_names)


def places(profile: "ClipProfile") -> Part:
    """The fields of the picture that most are seen in."""
    fields = []
    for seen in profile.normal:
        middles = (seen.box[:, :2] + seen.box[:, 2:]) / 2 / seen.shape[::-1]
        fields += [place_of(x, y) for x, y in middles.tolist() if seen.steady]
    shares = _shares(fields)
    return (f"They are seen most often in these places: {_listed(shares)}." if shares else ""), shares


def names(profile: "ClipProfile") -> Part:
    """What the detector calls them."""
    known, columns = profile.eyes.objects.names, _called(profile)
    shares = tuple(share for share in _shares([known[at] if at >= 0 else "" for at in columns]) if share.name)
    if not shares:
        return "", ()
    called = listed([f"{number(share.value, '%')} of them {share.name}" for share in shares])
    return f"The object detector calls {called}.", shares


def relations(profile: "ClipProfile") -> Part:
    """The most frequent ones."""
    graph = profile.scene_graph
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
