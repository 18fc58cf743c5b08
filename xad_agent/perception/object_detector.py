"""Any object detector of transformers with a fixed vocabulary (DETR, RT-DETR, YOLOS ...), as a `Finder`."""

from collections.abc import Sequence
from difflib import get_close_matches
from threading import Lock
from typing import Any

from xad_agent.errors import XadError, clean
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import thicken
from xad_agent.perception.boxes import clipped
from xad_agent.perception.checkpoints import find_checkpoint, fingerprint
from xad_agent.perception.device import placement
from xad_agent.perception.finding import Found
from xad_agent.perception.grounding_dino import prepare
from xad_agent.perception.pretrained import load_network, load_part

_NO_LABEL = ("", "n/a")  # what is at the numbers that a data set left out


class ObjectDetector:
    """Finds things of the classes that it was trained on.

    Attributes:
        name: Its spec.
        fingerprint: sha256 over its weights.
        vocabulary: Its classes, lower case.
    """

    def __init__(self, name: str, network: Any, image_processor: Any):
        self.name, self.fingerprint = name, fingerprint(network)
        self._network, self._image_processor = network.to(placement()[0]), image_processor
        self._labels = {number: _plain(label) for number, label in network.config.id2label.items()}
        self.vocabulary: frozenset[str] | None = frozenset(self._labels.values()).difference(_NO_LABEL)
        self._lock = Lock()

    def detect(self, picture: Picture, threshold: float) -> list[Found]:
        """Everything that scores above `threshold`, strongest first; its phrase is its class."""
        import torch

        pixels = thicken(picture.pixels)
        prepared = prepare(self._image_processor, pixels)
        with self._lock, torch.inference_mode():
            outputs = self._network(**prepared)
            (result,) = self._image_processor.post_process_object_detection(
                outputs, threshold=threshold, target_sizes=[pixels.shape[:2]]
            )
        inside, any_left = clipped(result["boxes"].double().cpu().numpy(), picture.width, picture.height)
        labels = [self._labels.get(int(number), "") for number in result["labels"]]
        rows = zip(inside.tolist(), result["scores"].tolist(), labels, any_left, strict=True)
        found = [
            Found(label, (x0, y0, x1, y1), score, label)
            for (x0, y0, x1, y1), score, label, left in rows
            if left and label not in _NO_LABEL
        ]
        return sorted(found, key=lambda one: -one.score)

    def find(self, picture: Picture, phrases: Sequence[str], threshold: float) -> list[Found]:
        """The boxes of each phrase that score above `threshold`, strongest first.

        Raises:
            XadError: A phrase is none of the vocabulary.
        """
        asked: dict[str, list[str]] = {}
        for phrase in dict.fromkeys(phrases):
            asked.setdefault(self._known(phrase), []).append(phrase)
        everything = self.detect(picture, threshold) if asked else []
        return [
            Found(phrase, one.box, one.score, one.words) for one in everything for phrase in asked.get(one.phrase, ())
        ]

    def _known(self, phrase: str) -> str:
        label, vocabulary = _plain(phrase), self.vocabulary or frozenset()
        if label in vocabulary:
            return label
        alike = get_close_matches(label, vocabulary) or sorted(vocabulary)[:5]
        raise XadError(
            f"{self.name} knows {len(vocabulary)} kinds of things, and {clean(phrase)!r} is none of them: "
            f"name one, such as {', '.join(alike)}, or use a detector that takes any phrase",
            exit_code=2,
        )


def load_detector(spec: str) -> ObjectDetector:
    """The detector that a spec names: a folder or hub's name of transformers' `AutoModelForObjectDetection`.

    Raises:
        XadError: There is none, or it is damaged or another kind of model.
    """
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    checkpoint = find_checkpoint(spec)
    if checkpoint.architecture:
        raise XadError(f"{spec}: an object detector is a folder or a hub's name, not a file alone", exit_code=2)
    network = load_network(AutoModelForObjectDetection, checkpoint.path, spec, "an object detector")
    return ObjectDetector(spec, network, load_part(AutoImageProcessor, checkpoint.path, spec))


def _plain(label: str) -> str:
    return " ".join(str(label).lower().split())
