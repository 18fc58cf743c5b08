"""A `ClipProfile` as what `evaluate_clips` measures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from xad_agent.clip_profile import ClipProfile, calibrate, stretch_maxima
from xad_agent.detectors.attributes import ATTRIBUTES, SMOOTH_SECONDS, AttributeDetector
from xad_agent.detectors.scene_graph import SceneGraph
from xad_agent.eval.clips import Alarms, ClipScores
from xad_agent.media import Clip
from xad_agent.perception.observing import triplets_of
from xad_agent.perception.sightings import Sightings

FOLDS = 4


class ProfileScorer:
    """Scores clips by a profile fitted on training clips."""

    def __init__(self, profile: ClipProfile):
        self.profile = profile

    @classmethod
    def fit(
        cls, clips: Sequence[Path], alpha: float, seed: int = 0, detectors: Sequence[str] = (), progress: bool = True
    ) -> "ProfileScorer":
        """Fit on the folders of training clips; see `Profile.fit`."""
        folders = [str(clip) for clip in clips]
        return cls(ClipProfile.fit(folders, alpha, seed=seed, detectors=detectors, progress=progress))

    def scores(self, clip: Clip) -> ClipScores:
        """Frame scores, combined and by each attribute, and every sighting as a box."""
        seen = self.profile.watch(clip)
        judged = self.profile.judge(seen)
        boxes = [
            (int(frame), (float(box[0]), float(box[1]), float(box[2]), float(box[3])), float(score))
            for frame, box, score in zip(seen.frame, seen.box, judged.combined, strict=True)
        ]
        alone = {a.name: judged.of_frames(seen, a.name) for a in ATTRIBUTES}
        if self.profile.scene_graph is not None:
            alone["scene_graph"] = _rarest(self.profile, self.profile.scene_graph, seen)
        if self.profile.vqunet is not None:
            from xad_agent.foresight import frame_scores, smoothed

            alone["vqunet"] = smoothed(frame_scores(self.profile.vqunet.network, clip), clip.fps)
        return ClipScores(judged.of_frames(seen), alone, boxes)

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
            limit = calibrate(rest, judged, self.profile.calibration.alpha).threshold()
            for place in held:
                found = detector.judge(normal[place]).of_frames(normal[place])
                alarms[place] = Alarms(found > limit, stretch_maxima(found, normal[place].fps) > limit)
        return [alarms[place] for place in sorted(alarms)]


def _rarest(profile: ClipProfile, graph: SceneGraph, seen: Sightings) -> np.ndarray:
    """The rarity of the rarest relation in each frame, see `SceneGraph.score`, smoothed like the others, (frames,)."""
    triplets = triplets_of(seen, profile.eyes, profile.usual_names)
    highest = np.zeros(seen.frames)
    np.maximum.at(highest, [triplet.frame for triplet in triplets], graph.score(triplets))
    looked = np.unique(seen.object_frame)
    if not len(looked):
        return highest
    between = np.interp(np.arange(seen.frames), looked, highest[looked])
    return gaussian_filter1d(between, SMOOTH_SECONDS * seen.fps)
