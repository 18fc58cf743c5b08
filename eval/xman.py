"""`xad eval xman`: how well anomalies are named, by X-MAN's protocol (see `xman_score`), by a profile or by anybody."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.clip_profile import ClipProfile
from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch, failures, score_all
from xad_agent.eval.machine import peak_memory_mb
from xad_agent.eval.metrics import sklearn_metrics
from xad_agent.eval.reading import content
from xad_agent.eval.store import Record, Store
from xad_agent.eval.xman_answers import Answers, read_answers
from xad_agent.eval.xman_labels import KEY
from xad_agent.eval.xman_page import Shown, xman_page
from xad_agent.eval.xman_profile import BOX, DETECTED, GIVEN, GIVEN_DETECTED, NAMED, Naming
from xad_agent.eval.xman_regions import TrueRegions, disagreement, read_regions
from xad_agent.eval.xman_report import as_text
from xad_agent.eval.xman_score import BRIEFLY, map_of_clip, score_answers
from xad_agent.eval.xman_set import XmanClip, XmanSet, read_set
from xad_agent.media import read_clip
from xad_agent.profile import Profile

__all__ = ["KEY", "as_text", "evaluate_answers", "evaluate_profile"]


def evaluate_answers(
    labels: str | Path,
    clips: str | Path,
    answers: str | Path,
    *,
    pattern: str = KEY,
    first: int | None = None,
    batch: Batch | None = None,
) -> dict[str, Any]:
    """Score a file of anybody's answers (see `read_answers`) against labels (see `read_labels`).

    Args:
        labels: The file of labels.
        clips: A folder with one folder of frames, or one video file, per clip.
        answers: The file of answers.
        pattern: Of the labels' keys.
        first: What labels and answers count each clip's first frame as; None: as the frames' names do.
        batch: Which part of the set ("labelled" and "normal" are the kinds), where results are kept; None for all.

    Returns:
        What `score_answers` gives, and the settings; `items` [{item, kind, seconds, frames, labelled_frames, map}], one
        for each clip, its map over the classes that are defined in it alone; `failed`; `note`.

    Raises:
        XadError: Something cannot be read, does not fit, or the output folder holds results of other settings.
    """
    sklearn_metrics()
    batch = batch or Batch()
    found = read_set(labels, clips, pattern, first)
    given = read_answers(
        answers,
        found.labels.classes,
        found.frames(),
        first=first,
        aliases=found.labels.aliases,
        sha256=cache(lambda clip: read_clip(found.clips[clip].path).sha256),
    )
    settings = {"answers": str(answers), "answers_sha256": content(Path(answers))}
    with batch.store({**found.settings, **settings}) as store:

        def score(clip: XmanClip) -> Record:
            return _record(found, clip, {"map": given.scores[clip.name]})

        records = _records(found, store, score, batch)
        told = replace(given, scores={name: given.scores[name] for name in _scored(records)})
        result = _result(found, records, told, store)
        return batch.finish(store, result, lambda: xman_page(result, Shown(found, told)))


def evaluate_profile(
    labels: str | Path,
    clips: str | Path,
    *,
    profile: str | Path | Profile | None = None,
    normal: Sequence[str | Path] = (),
    pattern: str = KEY,
    first: int | None = None,
    regions: Path | None = None,
    batch: Batch | None = None,
) -> dict[str, Any]:
    """Name what is in every frame by a profile of normal clips, and score that as `score_answers` does.

    Where true regions are known, the profile also names what is in these instead of what it finds itself: the upper
    bound of naming, as the last row of table 4 of VQU-Net.

    Args:
        labels, clips, pattern, first, batch: See `evaluate_answers`; the batch's seed is also that of the fit.
        profile: What normal looks like; None to learn it from `normal`.
        normal: Normal clips of the same camera.
        regions: Where anomalies truly are, see `read_regions`; None for what lies beside labels and clips.

    Returns:
        As `evaluate_answers`, `unmapped` being the classes of our vocabulary that mean none of the labels', each
        counted once; `unanswered`: the labels' classes that ours have no word for, which score 0 everywhere;
        `detector_alone` {map, map_interval, map_without_location, map_per_kind, per_class_ap}: the same of the object
        detector's scores as they are; `true_regions` {the same, source, detector_alone}, None where none are known.
        Items also have `map_detector_alone` and `map_true_regions`.

    Raises:
        XadError: As `evaluate_answers`, or the profile is not of clips, or true regions do not fit.
    """
    sklearn_metrics()
    batch = batch or Batch()
    found = read_set(labels, clips, pattern, first)
    given = read_regions(regions, Path(labels), found.paths, found.frames())
    known = Profile.load(profile) if isinstance(profile, str | Path) else profile
    settings = {
        "profile": known.fingerprint if known else "",
        "normal": [str(source) for source in normal],
        "regions": given.source if given else None,
        "regions_sha256": given.fingerprint if given else None,
    }
    with batch.store({**found.settings, **settings}) as store:
        naming = Naming(_of_clips(known or _learned(normal, store, batch.progress)), found.labels.classes)

        def score(clip: XmanClip) -> Record:
            shown = read_clip(clip.path)
            arrays = naming.of(shown) | (naming.in_places(shown, given.places(clip.name)) if given else {})
            store.keep(clip.name, **arrays)
            maps = {"map": NAMED, "map_detector_alone": DETECTED} | ({"map_true_regions": GIVEN} if given else {})
            return _record(found, clip, {name: arrays[key] for name, key in maps.items()})

        records = _records(found, store, score, batch, arrays=True)
        kept = {name: store.arrays(name) for name in _scored(records)}

        def answers(key: str) -> Answers:
            return Answers(found.labels.classes, {name: own[key] for name, own in kept.items()})

        named = replace(answers(NAMED), unmapped=naming.unmapped)
        result = _result(found, records, named, store)
        result["unanswered"] = naming.unanswered
        if naming.unanswered:
            result["notes"].append(f"no class of the vocabulary means {', '.join(naming.unanswered)}: 0 everywhere")
        result["detector_alone"] = _brief(found, answers(DETECTED), batch.seed)
        result["true_regions"] = given and {
            "source": given.source,
            **_brief(found, answers(GIVEN), batch.seed),
            "detector_alone": _brief(found, answers(GIVEN_DETECTED), batch.seed),
        }
        result["notes"] += _told_of_regions(found, given, list(kept))
        shown = Shown(found, named, {name: own[BOX] for name, own in kept.items()}, given)
        return batch.finish(store, result, lambda: xman_page(result, shown))


def _of_clips(profile: Profile) -> ClipProfile:
    if not isinstance(profile, ClipProfile):
        raise XadError("naming what is in clips needs a profile of clips; this one is of pictures", exit_code=2)
    return profile


def _learned(normal: Sequence[str | Path], store: Store, progress: bool) -> Profile:
    """The profile of normal clips, kept in the store."""
    source = [str(one) for one in normal] if len(normal) != 1 else str(normal[0])
    seed = store.settings["seed"]
    store.fit(lambda folder: _of_clips(Profile.fit(source, seed=seed, progress=progress)).save(folder))
    return Profile.load(store.profile)


def _records(
    found: XmanSet,
    store: Store,
    score: Callable[[XmanClip], Record],
    batch: Batch,
    arrays: bool = False,
) -> list[Record]:
    """The record of each clip of this part."""
    chosen = batch.chosen(list(found.clips.values()))
    return [record for _, record in score_all(chosen, store, score, batch, arrays=arrays, unit="clip")]


def _scored(records: Sequence[Record]) -> list[str]:
    return [record["item"] for record in records if "error" not in record]


def _record(found: XmanSet, clip: XmanClip, tables: Mapping[str, np.ndarray]) -> Record:
    """What is told of one clip: its frames, and the map of each table of scores (frames, classes)."""
    own, frames = found.labels.of([clip.name]), {clip.name: clip.numbers}
    return {
        "frames": len(clip.numbers),
        "labelled_frames": sum(bool(classes) for classes in own.frames.values()),
        **{
            name: map_of_clip(own, Answers(found.labels.classes, {clip.name: table}), frames)
            for name, table in tables.items()
        },
    }


def _result(found: XmanSet, records: Sequence[Record], answers: Answers, store: Store) -> dict[str, Any]:
    peak = peak_memory_mb()  # before the metrics, which need memory of their own
    names = _scored(records)
    scores = score_answers(found.labels.of(names), answers, found.frames(names), seed=store.settings["seed"])
    failed = failures(records)
    if failed:
        scores["notes"].append(f"{len(failed)} clips failed and are in no metric")
    source = found.labels.source
    return {
        "task": "xman",
        "category": found.name,
        **store.settings,
        "note": f"X-MAN's protocol on the labels of {source}; an X-MAN score only if that is X-MAN's own file",
        **scores,
        "n": scores["n"] | {"failed": len(failed)},
        "items": list(records),
        "failed": failed,
        "seconds_per_frame": _seconds_per_frame(records),
        "peak_memory_mb": peak,
    }


def _seconds_per_frame(records: Sequence[Record]) -> float:
    done = [record for record in records if "error" not in record]
    return float(sum(r["seconds"] for r in done) / max(sum(r["frames"] for r in done), 1))


def _brief(found: XmanSet, answers: Answers, seed: int) -> dict[str, Any]:
    names = list(answers.scores)
    whole = score_answers(found.labels.of(names), answers, found.frames(names), seed=seed)
    return {key: whole[key] for key in BRIEFLY}


def _told_of_regions(found: XmanSet, given: TrueRegions | None, clips: Sequence[str]) -> list[str]:
    if given is None:
        return ["true regions are not known (--regions), so the upper bound of naming was not measured"]
    return disagreement(found.labels.of(clips), given, found.frames(clips))
