"""What a `ClipProfile` calls the things in clips, as answers in X-MAN's protocol."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.clip_profile import ClipProfile
from xad_agent.detectors.attributes import strongest
from xad_agent.errors import XadError
from xad_agent.eval.xman import score_answers
from xad_agent.eval.xman_answers import Answers, Synonyms
from xad_agent.eval.xman_labels import KEY, check_frames, frame_numbers, read_labels
from xad_agent.media import read_clip
from xad_agent.profile import Profile


def evaluate_profile(
    labels: str | Path,
    clips: str | Path,
    fit: Callable[[], Profile | None],
    *,
    pattern: str = KEY,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Name what is in every frame by a profile of normal clips, and score that as `score_answers` does.

    Args:
        labels: See `read_labels`.
        clips: A folder with one folder of frames per clip.
        fit: Makes or loads the profile, once labels and clips are known to fit each other.
        pattern: Of the labels' keys.
        seed: Of the bootstrap.
        progress: Whether a bar is shown, on stderr.

    Returns:
        What `score_answers` gives, `unmapped` being the classes of our vocabulary that mean none of the labels', each
        counted once; `unanswered`: the labels' classes that ours have no word for, which score 0 everywhere;
        `detector_alone` {map, map_interval, per_class_ap}: the same of the object detector's scores as they are.

    Raises:
        XadError: Labels and clips do not fit each other, a clip cannot be read, or the profile is not of clips.
    """
    from tqdm import tqdm

    known, frames = read_labels(labels, pattern), frame_numbers(clips)
    check_frames(known, frames)
    profile = fit()
    if not isinstance(profile, ClipProfile):
        raise XadError("naming what is in clips needs a profile of clips; this one is of pictures", exit_code=2)
    named, detected = {}, {}
    for clip in tqdm(frames, desc="clips", disable=not progress):
        seen = profile.watch(read_clip(Path(clips) / clip))
        named[clip] = profile.namer.label_scores(seen, profile.judge(seen))[1]
        detected[clip] = strongest(seen, seen.scores)
    answers = mapped(profile.namer.classes, named, known.classes)
    alone = mapped(profile.eyes.objects.names, detected, known.classes)
    result = score_answers(known, answers, frames, seed=seed)
    compared = score_answers(known, alone, frames, seed=seed)
    synonyms = Synonyms(known.classes)
    unanswered = set(known.classes) - set(map(synonyms.class_of, profile.namer.classes))
    if unanswered:
        result["notes"].append(f"no class of the vocabulary means {', '.join(sorted(unanswered))}: 0 everywhere")
    return result | {
        "unanswered": sorted(unanswered),
        "detector_alone": {key: compared[key] for key in ("map", "map_interval", "per_class_ap")},
    }


def mapped(ours: Sequence[str], scores: Mapping[str, np.ndarray], classes: Sequence[str]) -> Answers:
    """Scores of our classes as the labels' by `Synonyms`: of each the highest that means it, 0 where none does.

    Args:
        ours: Names of our classes.
        scores: Clip -> (frames, ours).
        classes: The labels'.
    """
    synonyms = Synonyms(classes)
    meant = [synonyms.class_of(name) for name in ours]
    columns = [[place for place, name in enumerate(meant) if name == one] for one in classes]
    return Answers(
        tuple(classes),
        {
            clip: np.stack([rows[:, own].max(axis=1, initial=0) for own in columns], axis=1).astype(np.float64)
            for clip, rows in scores.items()
        },
        unmapped={name: 1 for name, one in zip(ours, meant, strict=True) if one is None},
    )
