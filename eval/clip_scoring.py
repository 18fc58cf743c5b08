"""A `ClipProfile` as what `evaluate_clips` measures."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class ProfileMethod:
    """Profiles, as a `ClipMethod`.

    Attributes:
        alpha: False-alarm rate that the threshold is set for.
        detectors: What to learn besides the usual, see `Profile.fit`.
    """

    alpha: float = 0.05
    detectors: Sequence[str] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """See `ClipMethod`."""
        return {"alpha": self.alpha, "detectors": list(self.detectors)}

    def fit(self, clips: Sequence[Path], folder: Path, seed: int, progress: bool) -> None:
        """Fit a profile, going on with what an interrupted fit has seen, which is kept beside it until it is done."""
        seen = folder.with_name(f"{folder.name}-unfinished")
        profile = ClipProfile.fit(
            [str(clip) for clip in clips],
            self.alpha,
            seed=seed,
            detectors=self.detectors,
            progress=progress,
            checkpoint=seen,
        )
        profile.save(folder)
        shutil.rmtree(seen, ignore_errors=True)

    def load(self, folder: Path) -> "ProfileScorer":
        """See `ClipMethod`."""
        return ProfileScorer(ClipProfile.load(folder))


class ProfileScorer:
    """Scores clips by a profile."""

    def __init__(self, profile: ClipProfile):
        self.profile = profile

    @property
    def limit(self) -> float:
        """The profile's threshold."""
        return self.profile.calibration.threshold()

    def scores(self, clip: Clip) -> ClipScores:
        """Frame scores, combined and by each attribute, and every sighting as a box."""
        seen = self.profile.watch(clip)
        judged = self.profile.judge(seen)
        boxes = np.column_stack([seen.frame, seen.box, judged.combined]).astype(np.float64)
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
