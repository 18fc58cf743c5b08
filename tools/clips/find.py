"""Tool `find` for clips: whether things are seen in the clip, by any names, when and where."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xad_agent.clip_case import ClipCase
from xad_agent.errors import XadError
from xad_agent.events import region_of
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media import Picture
from xad_agent.media.clip import spread
from xad_agent.media.figure import side_by_side
from xad_agent.perception.finding import Finder
from xad_agent.prompts import vocabulary
from xad_agent.seeking import Sought, seek
from xad_agent.tools.limits import limit
from xad_agent.tools.sought import Wording, cleaned, drawn, lettered, problem, quantities, statement
from xad_agent.wording import count, number

KEY_FRAMES = 4


def find(case: ClipCase, phrases: Sequence[str]) -> Evidence:
    """When each phrase scores highest, its boxes then, and that score beside absent things' and that of normal frames.

    It looks at four frames only, those of `key_frames`: a pass of Grounding DINO takes 12 s of a core, and each frame
    takes one for every phrase and one for the absent things; the profile's eight views take one more each, but only the
    first time that a phrase is asked for. What is seen at other times only is not found, and "no ... is found" says
    how many frames were looked at.

    Args:
        case: The clip under question.
        phrases: Names of things, at most `MAX_PHRASES` of at most `MAX_CHARACTERS`; a "limit" says so otherwise.
    """
    wanted = cleaned(phrases)
    arguments = {"phrases": wanted}
    known = case.measured("find", arguments)
    if known is not None:
        return known
    finder = case.models.finder
    if (reason := problem(wanted, finder)) is not None:
        return limit(case, "find", arguments, reason)
    frames = {frame: case.clip.frame(frame) for frame in key_frames(case)}
    normals = list(case.profile.views) if case.profile else []
    try:
        clearest = _clearest(wanted, frames, finder, normals)
    except XadError:  # its tokenizer knows nothing of a word
        return limit(case, "find", arguments, vocabulary("models")["finding"]["unknown"])
    told = [(frame, one, _regions(case, one, frame)) for frame, one in clearest]
    regions = tuple(region for _, _, own in told for region in own)
    wording = Wording(
        looked=f" in the {count(len(frames), 'frame')} looked at",
        normal="normal frame",
        normals="frames of normal clips",
        unknown="normal clip",
    )
    return case.ledger.add(
        tool="find",
        arguments=arguments,
        statement=" ".join(statement(one, own, wording, case.clip.time(frame)) for frame, one, own in told),
        quantities=(
            Quantity(name="frames", value=len(frames)),
            *(Quantity(name=f"{one.phrase} score time", value=case.clip.time(at), unit="s") for at, one, _ in told),
            *(quantity for _, one, own in told for quantity in quantities(one, own, wording)),
        ),
        labels={one.phrase: one.score for _, one, _ in told if one.found},
        regions=regions,
        media=case.media,
        figure=_figure(case, frames, regions),
    )


def key_frames(case: ClipCase) -> list[int]:
    """Four frames: the peaks of the strongest events and, where those are fewer, others evenly over the clip."""
    peaks = [event.region.frames[2] for event in case.events if event.region.frames]
    strongest = list(dict.fromkeys(peaks))[:KEY_FRAMES]
    return sorted({*strongest, *spread(case.clip.count, KEY_FRAMES - len(strongest))})


def _clearest(
    wanted: Sequence[str], frames: Mapping[int, Picture], finder: Finder, normals: Sequence[Picture]
) -> list[tuple[int, Sought]]:
    """Of each phrase the frame that it scores highest in, and what became of it there."""
    looked = [[(frame, one) for one in seek(wanted, picture, finder, normals)] for frame, picture in frames.items()]
    clearest = []
    for seen in zip(*looked, strict=True):
        frame, best = max(seen, key=lambda at: at[1].score)
        # The highest of several frames must beat the absent things' highest of as many.
        absent = max(one.absent for _, one in seen)
        found = tuple(found for found in best.found if found.score > absent)
        clearest.append((frame, replace(best, absent=absent, found=found)))
    return clearest


def _regions(case: ClipCase, sought: Sought, frame: int) -> list[Region]:
    return [
        region_of(label, np.array(found.box), found.score, case.seen, (frame, frame, frame))
        for label, found in lettered(sought)
    ]


def _figure(case: ClipCase, frames: Mapping[int, Picture], regions: Sequence[Region]) -> np.ndarray | None:
    """The frames that something was found in, in the order of time."""
    shown = {frame: [region for region in regions if region.frames == (frame, frame, frame)] for frame in frames}
    panels = [(frame, drawn(frames[frame].pixels, own)) for frame, own in shown.items() if own]
    return side_by_side([(number(case.clip.time(frame), "s"), pixels) for frame, pixels in panels]) if panels else None
