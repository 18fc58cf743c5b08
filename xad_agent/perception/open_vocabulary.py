"""Any zero-shot detector of transformers that scores whole texts (OWL-ViT, OWLv2, OmDet-Turbo), as a `Finder`."""

from collections.abc import Sequence
from threading import Lock
from types import SimpleNamespace
from typing import Any

from xad_agent.media.picture import Picture
from xad_agent.media.scaling import thicken
from xad_agent.perception.boxes import clipped
from xad_agent.perception.checkpoints import fingerprint
from xad_agent.perception.device import placement
from xad_agent.perception.finding import Found
from xad_agent.perception.phrases import known_tokens, passes, pieces
from xad_agent.perception.renames import grounded_boxes

_TOGETHER = 64  # texts in one pass, which bounds its memory
_TASKS = {"omdet-turbo": "detect ."}  # reads all texts of a pass as one sentence too, in a window of the same length
_MOST_TOKENS = 77  # what OmDet-Turbo's processor cuts to, whatever its text encoder could take


class OpenVocabulary:
    """Finds what phrases name.

    Attributes:
        name: Its spec.
        fingerprint: sha256 over its weights.
        vocabulary: None, any phrase may be asked for.
    """

    vocabulary: frozenset[str] | None = None

    def __init__(self, name: str, network: Any, processor: Any):
        self.name, self.fingerprint = name, fingerprint(network)
        self._network, self._processor = network.to(placement()[0]), processor
        tokenizer = processor.tokenizer
        longest = min(tokenizer.model_max_length, network.config.text_config.max_position_embeddings, _MOST_TOKENS)
        self._window = longest - tokenizer.num_special_tokens_to_add()
        self._shared = network.config.model_type in _TASKS
        if self._shared:
            self._window -= len(known_tokens(_TASKS[network.config.model_type], tokenizer))
        self._lock = Lock()

    def find(self, picture: Picture, phrases: Sequence[str], threshold: float) -> list[Found]:
        """The boxes of each phrase that score above `threshold`, strongest first.

        Raises:
            XadError: A phrase is empty, or the tokenizer knows nothing of it.
        """
        found: list[Found] = []
        with self._lock:
            asked = pieces(phrases, self._processor.tokenizer, self._window)
            for texts in self._passes(list(asked)):
                for box, score, text in self._look(picture, texts, threshold):
                    found += [Found(phrase, box, score, text) for phrase in asked[text]]
        return sorted(found, key=lambda one: -one.score)

    def _passes(self, texts: list[str]) -> list[list[str]]:
        costs = [1] * len(texts)
        if self._shared:  # a comma after each
            costs = [len(known_tokens(text, self._processor.tokenizer)) + 1 for text in texts]
        return [texts[some] for some in passes(costs, self._window + 1 if self._shared else _TOGETHER)]

    def _look(
        self, picture: Picture, texts: list[str], threshold: float
    ) -> list[tuple[tuple[float, float, float, float], float, str]]:
        import torch
        from PIL import Image

        pixels = thicken(picture.pixels)
        inputs = self._processor(images=Image.fromarray(pixels), text=[texts], return_tensors="pt")
        with torch.inference_mode():
            outputs = self._network(**inputs.to(placement()[0]))
        found = []
        for part, of_part in _by_text(outputs, texts):
            boxes, scores, which = grounded_boxes(self._processor, part, of_part, threshold, pixels.shape[:2])
            inside, any_left = clipped(boxes.double().cpu().numpy(), picture.width, picture.height)
            rows = zip(inside.tolist(), scores.tolist(), which, any_left, strict=True)
            found += [((x0, y0, x1, y1), score, of_part[i]) for (x0, y0, x1, y1), score, i, left in rows if left]
        return found


def _by_text(outputs: Any, texts: list[str]) -> list[tuple[Any, list[str]]]:
    """The outputs as they would be for each text alone, where a post-processing would keep one text for each box."""
    if "logits" not in outputs:
        return [(outputs, texts)]
    logits, boxes = outputs.logits, outputs.pred_boxes
    return [
        (SimpleNamespace(logits=logits[..., [number]], pred_boxes=boxes), [text]) for number, text in enumerate(texts)
    ]
