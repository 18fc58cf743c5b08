"""Tool `refute`: what would disprove the verdict, and how that came out."""

from xad_agent.case import Case
from xad_agent.changes import Look, Usual
from xad_agent.evidence import Evidence, Quantity, Region
from xad_agent.media.scaling import resize
from xad_agent.prompts import vocabulary
from xad_agent.refutation import Contrast, Refutation, compare_looks, try_to_refute
from xad_agent.tools.limits import limit
from xad_agent.wording import listed, number, numbers

MAX_NAMED = 3


def refute(case: Case) -> Evidence:
    """Above the limit: whether a harmless change of the picture explains it. Below: the place that comes closest."""
    known = case.measured("refute", {})
    if known is not None:
        return known
    if case.profile is None:
        return limit(case, "refute", {}, "No normal example is known, so no verdict can be tested against it.")
    if case.anomaly_map.score <= case.profile.calibration.threshold():
        return _candidate(case)
    tried = try_to_refute(case.picture, case.regions, case.profile)
    words = [_outcome(case, tried)]
    place = _place(case, case.regions[0]) if case.regions else None
    if place is not None and tried.verdict == "anomalous":
        words.append(
            f"At region 1 it differs {number(place.value, 'times')} as much from good pictures as these differ."
        )
    return case.ledger.add(
        tool="refute",
        statement=" ".join(words),
        verdict=tried.verdict,
        quantities=(
            *_scores(case),
            *(_contrasted(tried.contrast) if tried.contrast else ()),
            *_looks(tried.look, tried.usual),
            *([place] if place else []),
        ),
        regions=case.regions,
        media=case.media,
    )


def _candidate(case: Case) -> Evidence:
    """Before "normal": what comes closest to the limit, and whether the picture could be judged as good ones are."""
    assert case.profile is not None
    look, usual, beyond = compare_looks(case.picture, case.profile)
    region, place = case.candidate, _place(case, case.candidate)
    value, threshold = numbers(region.score, case.profile.calibration.threshold())
    words = [f"The strongest candidate left, {region.place[0]}, scores {value}, the limit is {threshold}."]
    if place is not None:
        words.append(f"There it is {number(place.value, 'times')} as far from good pictures as these are.")
    if beyond:
        words.append(f"Note: {_beyond(beyond, look, usual)}.")
    return case.ledger.add(
        tool="refute",
        statement=" ".join(words),
        verdict="normal",
        quantities=(*_scores(case), *_looks(look, usual), *([place] if place else [])),
        regions=(region,),
        media=case.media,
    )


def _outcome(case: Case, tried: Refutation) -> str:
    contrast = tried.contrast
    if contrast is None:
        return _unexplained(tried)
    reasons = [_beyond(tried.beyond, tried.look, tried.usual)] if tried.beyond else []
    reasons += ["what stands out is at the very rim"] if tried.at_rim else []
    before, after, highest = numbers(case.anomaly_map.score, contrast.score, max(contrast.normal))
    done = f"with that put right, good pictures changed alike score up to {highest}, and it scores {after}"
    why = f"{listed(reasons)}; {done}"
    if tried.verdict == "anomalous":
        return f"Anomalous: {why}, so that does not explain it."
    if tried.verdict == "normal":
        return f"Normal: {why}, so the {before} is no sign of a defect."
    return f"Uncertain: {why}, so the {before} is no sign of a defect, and a small one would be hidden."


def _unexplained(tried: Refutation) -> str:
    """Nothing is beyond good pictures, or only what no change puts on, as less noise than they have."""
    usual = [
        words["listed"]
        for name, words in vocabulary("refutation").items()
        if getattr(tried.look, name) is not None and tried.usual.range(name) and name not in tried.beyond
    ]
    same = f"{listed(list(dict.fromkeys(usual)))} are as on good pictures"
    odd = f"; {_beyond(tried.beyond, tried.look, tried.usual)}, which is no reason" if tried.beyond else ""
    return f"Anomalous still, for nothing harmless explains it: {same}{odd}."


def _beyond(names: tuple[str, ...], look: Look, usual: Usual) -> str:
    """The measures beyond those of all good pictures: "the sharpness is 62 %, normally 105 to 120 %"."""
    parts = []
    for name in names[:MAX_NAMED]:
        words, ends = vocabulary("refutation")[name], usual.range(name)
        assert ends is not None
        low, value, high = numbers(ends[0], getattr(look, name), ends[1], unit=words["unit"])
        parts.append(f"the {words['name']} is {value}, normally {low} to {high}")
    return " and ".join(parts)


def _scores(case: Case) -> tuple[Quantity, ...]:
    assert case.profile is not None
    calibration = case.profile.calibration
    value = case.anomaly_map.score
    return (
        Quantity(name="score", value=value, p_value=calibration.p_value(value)),
        Quantity(name="threshold", value=calibration.threshold()),
    )


def _contrasted(contrast: Contrast) -> tuple[Quantity, ...]:
    normal = (min(contrast.normal), max(contrast.normal))
    return (
        Quantity(name="score put right", value=contrast.score, normal=normal, p_value=contrast.p_value),
        Quantity(name="highest score of good pictures changed alike", value=normal[1]),
        Quantity(name="limit of good pictures changed alike", value=contrast.limit),
        Quantity(name="good pictures", value=len(contrast.normal)),
    )


def _looks(look: Look, usual: Usual) -> tuple[Quantity, ...]:
    found = []
    for name, words in vocabulary("refutation").items():
        value, ends = getattr(look, name), usual.range(name)
        if value is not None and ends is not None:
            found.append(Quantity(name=words["name"], value=value, unit=words["unit"], normal=ends))
    return tuple(found)


def _place(case: Case, region: Region) -> Quantity | None:
    """How far the place is from the same place on the nearest good pictures; None where these do not align."""
    contrast = case.normals.contrast
    if contrast is None:
        return None
    inside = region.mask(case.picture.height, case.picture.width)
    values = resize(contrast, inside.shape)[inside]
    return Quantity(name="difference from good pictures there", value=float(values.max()), unit="times")
