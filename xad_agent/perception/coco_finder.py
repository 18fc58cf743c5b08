"""The embedded object detector as a `Finder`: the 80 classes of COCO, and nothing else."""

from collections.abc import Sequence

import numpy as np

from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.perception.finding import Found
from xad_agent.perception.objects import DEFAULT, ObjectDetector


class CocoFinder:
    """Finds the classes of an embedded object detector by their names.

    Attributes:
        name, fingerprint, vocabulary: See `Finder`; its weights are those of the registry, by their name.
    """

    name = fingerprint = DEFAULT

    def __init__(self, detector: ObjectDetector):
        self.vocabulary = frozenset(detector.names)
        self._detector = detector

    def find(self, picture: Picture, phrases: Sequence[str], threshold: float) -> list[Found]:
        """See `Finder.find`."""
        unknown = [phrase for phrase in phrases if phrase not in self.vocabulary]
        if unknown:
            raise XadError(f"the embedded detector does not know {unknown[0]!r}: it knows the classes of COCO")
        found = self._detector.detect(picture.pixels)
        columns = {phrase: found.names.index(phrase) for phrase in dict.fromkeys(phrases)}
        return sorted(
            (
                Found(phrase, _clipped(found.boxes[row], picture), float(found.scores[row, column]), phrase)
                for phrase, column in columns.items()
                for row in np.flatnonzero(found.scores[:, column] > threshold)
            ),
            key=lambda one: -one.score,
        )


def _clipped(box: np.ndarray, picture: Picture) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = np.clip(box, 0, [picture.width, picture.height] * 2).tolist()
    return x0, y0, x1, y1
