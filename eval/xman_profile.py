"""What a `ClipProfile` calls the things in a clip, which it finds or is told, as scores of X-MAN's protocol."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xad_agent.clip_profile import ClipProfile
from xad_agent.detectors.attributes import strongest
from xad_agent.eval.xman_words import Synonyms
from xad_agent.media import Clip
from xad_agent.perception.sightings import Places, Sightings

NAMED, DETECTED, BOX = "named", "detected", "box"
GIVEN, GIVEN_DETECTED = "given", "given_detected"


class Naming:
    """Names what is in clips by a profile of normal ones.

    Args:
        profile: It.
        classes: The classes of the labels.
    """

    def __init__(self, profile: ClipProfile, classes: Sequence[str]):
        self._profile = profile
        self._names = Mapped(profile.namer.classes, classes)
        self._objects = Mapped(profile.eyes.objects.names, classes)

    @property
    def unmapped(self) -> dict[str, int]:
        """The classes of our vocabulary that mean none of the labels', each counted once."""
        return dict.fromkeys(self._names.unmapped, 1)

    @property
    def unanswered(self) -> list[str]:
        """The labels' classes that ours have no word for; they score 0 everywhere."""
        return self._names.unanswered

    def of(self, clip: Clip) -> dict[str, np.ndarray]:
        """Scores (frames, classes) of what is found in a clip, and where the strangest thing of each frame is.

        Returns:
            `named` by the namer, in strangeness; `detected` by the object detector alone, 0 to 1; `box` float32
            (frames, 4), px, NaN where nothing is.
        """
        seen = self._profile.watch(clip)
        judged = self._profile.judge(seen)
        return {
            NAMED: self._names(self._profile.namer.label_scores(seen, judged)[1]),
            DETECTED: self._objects(strongest(seen, seen.scores)),
            BOX: _strangest(seen, judged.combined),
        }

    def in_places(self, clip: Clip, places: Places) -> dict[str, np.ndarray]:
        """Scores (frames, classes) of what is in known places: what it is called there, by how much it is like that.

        What is there is strange by definition, so names get their shares of 1 instead of strangeness, the mean over
        0.3 s as elsewhere, of frames that have a place; the others score 0.

        Returns:
            `given` by the namer and `given_detected` by the object detector alone, 0 to 1 each.
        """
        seen = self._profile.watch(clip, places)
        if not len(seen):
            nothing = np.zeros((clip.count, len(self._names.classes)))
            return {GIVEN: nothing, GIVEN_DETECTED: nothing}
        judged = replace(self._profile.judge(seen), combined=np.ones(len(seen), np.float32))
        there = strongest(seen, np.ones((len(seen), 1), np.float32))
        has = np.isin(np.arange(seen.frames), list(places))[:, None]

        def mean(values: np.ndarray) -> np.ndarray:
            return np.where(has, strongest(seen, values) / np.maximum(there, 1e-6), 0.0)

        return {
            GIVEN: self._names(mean(self._profile.namer.scores(seen, judged))),
            GIVEN_DETECTED: self._objects(mean(seen.scores)),
        }


class Mapped:
    """Turns scores of our classes into scores of the labels', by `Synonyms`.

    Args:
        ours: Names of our classes.
        classes: The labels'.

    Attributes:
        classes: The labels'.
        unmapped: Those of ours that mean none of them.
        unanswered: Those of theirs that none of ours means.
    """

    def __init__(self, ours: Sequence[str], classes: Sequence[str]):
        synonyms = Synonyms(classes)
        meant = [synonyms.class_of(name) for name in ours]
        self.classes = tuple(classes)
        self.unmapped = [name for name, one in zip(ours, meant, strict=True) if one is None]
        self.unanswered = sorted(set(classes) - set(meant))
        self._columns = [[place for place, name in enumerate(meant) if name == one] for one in classes]

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Of each class the highest of ours (frames, ours) that mean it, 0 where none does, float64."""
        columns = [scores[:, own].max(axis=1, initial=0) for own in self._columns]
        return np.stack(columns, axis=1).astype(np.float64)


def _strangest(seen: Sightings, strange: np.ndarray) -> np.ndarray:
    """The box of the strangest thing of each frame; frames not looked at have that of the look before."""
    box = np.full((seen.frames, 4), np.nan, np.float32)
    for row in np.argsort(strange, kind="stable"):
        frame = int(seen.frame[row])
        box[frame : frame + seen.step] = seen.box[row]
    return box
