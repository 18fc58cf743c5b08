"""A `ClipProfile` as what `evaluate_clips` measures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.clip_profile import ClipProfile, stretch_maxima
from xad_agent.detectors.attributes import ATTRIBUTES, AttributeDetector
from xad_agent.eval.clips import Alarms, ClipScores
from xad_agent.media import Clip

FOLDS = 4


class ProfileScorer:
    """Scores clips by a profile fitted on training clips."""

    def __init__(self, profile: ClipProfile):
        self.profile = profile

    @classmethod
    def fit(cls, clips: Sequence[Path], alpha: float, progress: bool = True) -> "ProfileScorer":
        """Fit on the folders of training clips."""
        return cls(ClipProfile.fit([str(clip) for clip in clips], alpha, progress=progress))

    def scores(self, clip: Clip) -> ClipScores:
        """Frame scores, combined and by each attribute, and every sighting as a box."""
        seen = self.profile.watch(clip)
        judged = self.profile.judge(seen)
        boxes = [
            (int(frame), (float(box[0]), float(box[1]), float(box[2]), float(box[3])), float(score))
            for frame, box, score in zip(seen.frame, seen.box, judged.combined, strict=True)
        ]
        return ClipScores(judged.of_frames(seen), {a.name: judged.of_frames(seen, a.name) for a in ATTRIBUTES}, boxes)

    def held_out_alarms(self) -> list[Alarms]:
        """Of each normal clip, by densities and a limit of the other folds' clips.

        The camera's background and perspective were learned from all of them.
        """
        normal, alarms = self.profile.normal, {}
        for fold in range(min(FOLDS, len(normal))):
            held = range(fold, len(normal), FOLDS)
            rest = [seen for place, seen in enumerate(normal) if place not in held]
            if not rest:
                return []
            detector, judged = AttributeDetector.fit(rest)
            scores = [one.of_frames(seen) for one, seen in zip(judged, rest, strict=True)]
            maxima = [stretch_maxima(values, seen.fps) for values, seen in zip(scores, rest, strict=True)]
            limit = Calibration.from_maps(np.concatenate(maxima), scores, self.profile.calibration.alpha).threshold()
            for place in held:
                found = detector.judge(normal[place]).of_frames(normal[place])
                alarms[place] = Alarms(found > limit, stretch_maxima(found, normal[place].fps) > limit)
        return [alarms[place] for place in sorted(alarms)]
