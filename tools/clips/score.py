"""Tool `score` for clips: how anomalous the whole clip is."""

import numpy as np

from xad_agent.answer import Verdict
from xad_agent.clip_case import ClipCase
from xad_agent.clip_profile import STRETCH_SECONDS
from xad_agent.evidence import Evidence, Quantity
from xad_agent.language import numbers as numbers_in
from xad_agent.language import tokens
from xad_agent.wording import number, numbers


def score(case: ClipCase) -> Evidence:
    """The score of the clip's strangest stretch beside its limit, with the share of normal ones that score as high."""
    known = case.measured("score", {})
    if known is not None:
        return known
    calibration = case.reference.calibration
    value, limit = case.score, calibration.threshold()
    if case.profile is None:
        return case.ledger.add(
            tool="score",
            statement=" ".join([_uncalibrated(value), *_notes(case)]),
            verdict=verdict(case),
            quantities=(Quantity(name="score", value=value), *_noted(case)),
            media=case.media,
            figure=case.timeline,
        )
    low, high = np.percentile(calibration.scores, [5, 95])
    return case.ledger.add(
        tool="score",
        statement=_statement(case, value, limit),
        verdict=verdict(case),
        quantities=(
            Quantity(name="score", value=value, normal=(float(low), float(high)), p_value=calibration.p_value(value)),
            Quantity(name="threshold", value=limit),
            Quantity(name="alpha", value=calibration.alpha),
            Quantity(name="stretches", value=calibration.n),
            Quantity(name="length of stretches", value=STRETCH_SECONDS, unit="s"),
            *_noted(case),
        ),
        media=case.media,
        figure=case.timeline,
    )


def verdict(case: ClipCase) -> Verdict:
    """Where motion cannot be judged, that nothing stands out does not make a clip normal; without a profile nothing."""
    if case.profile is None:
        return "uncertain"
    if case.score > case.profile.calibration.threshold():
        return "anomalous"
    return "uncertain" if case.doubt else "normal"


def _statement(case: ClipCase, value: float, limit: float) -> str:
    calibration = case.reference.calibration
    printed, printed_limit = numbers(value, limit)
    p_value, stretch = calibration.p_value(value), f"{STRETCH_SECONDS:g} s"
    share = f"{number(100 * p_value, '%')} of normal stretches of {stretch} score at least as high"
    if p_value * (calibration.n + 1) < 1.5:
        share = f"at most 1 in {calibration.n + 1:,} normal stretches of {stretch} scores as high"
    said = verdict(case).capitalize()
    if said == "Uncertain":
        said = f"Uncertain, for {case.doubt}"
    return " ".join([f"{said}: it scores {printed}, the limit is {printed_limit}; {share}.", *_notes(case)])


def _uncalibrated(value: float) -> str:
    return (
        "Uncertain: no normal clip is known, so there is no limit to judge by. "
        f"Compared with the rest of the clip, its strangest moment scores {number(value)}."
    )


def _notes(case: ClipCase) -> list[str]:
    """What reading and watching the clip changed or could not do.

    Of what reading says only what stands before a colon: file names may follow, which no model is to read. Sizes come
    without an "x", which the checker keeps for regions.
    """
    read = [note.partition(":")[0] for note in case.clip.notes]
    return [f"Note: {note.replace(' x ', ' by ')}." for note in (*read, *case.seen.notes)]


def _noted(case: ClipCase) -> list[Quantity]:
    """The numbers in the notes, so that they can be checked like all others."""
    found = [number for note in _notes(case) for number in numbers_in(tokens(note))]
    return [Quantity(name="noted", value=number.value, unit=number.unit) for number in found]
