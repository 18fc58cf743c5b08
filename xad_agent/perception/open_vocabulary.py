"""Any zero-shot detector of transformers that scores whole texts (OWL-ViT, OWLv2, OmDet-Turbo), as a `Finder`."""

from collections.abc import Sequence
from threading import Lock
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
    """Finds what phrases name; each box gets the one phrase that it fits best, of those asked for in the same pass.

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
        self._task = _TASKS.get(network.config.model_type)
        self._lock = Lock()

    def find(self, picture: Picture, phrases: Sequence[str], threshold: float) -> list[Found]:
        """The boxes of each phrase that score above `threshold`, strongest first.

        Raises:
            XadError: A phrase is empty, or the tokenizer knows nothing of it.
        """
        tokenizer, around = self._processor.tokenizer, 0
        if self._task is not None:
            around = len(known_tokens(self._task, tokenizer))
        asked = pieces(phrases, tokenizer, self._window - around)
        texts = list(asked)
        costs, budget = [1] * len(texts), _TOGETHER
        if self._task is not None:  # a comma after each
            costs, budget = [len(known_tokens(text, tokenizer)) + 1 for text in texts], self._window - around + 1
        found: list[Found] = []
        for some in passes(costs, budget):
            for box, score, text in self._look(picture, texts[some], threshold):
                found += [Found(phrase, box, score, text) for phrase in asked[text]]
        return sorted(found, key=lambda one: -one.score)

    def _look(
        self, picture: Picture, texts: list[str], threshold: float
    ) -> list[tuple[tuple[float, float, float, float], float, str]]:
        import torch
        from PIL import Image

        pixels = thicken(picture.pixels)
        inputs = self._processor(images=Image.fromarray(pixels), text=[texts], return_tensors="pt")
        with self._lock, torch.inference_mode():
            outputs = self._network(**inputs.to(placement()[0]))
            boxes, scores, which = grounded_boxes(self._processor, outputs, texts, threshold, pixels.shape[:2])
        inside, any_left = clipped(boxes.double().cpu().numpy(), picture.width, picture.height)
        rows = zip(inside.tolist(), scores.tolist(), which, any_left, strict=True)
        return [((x0, y0, x1, y1), score, texts[index]) for (x0, y0, x1, y1), score, index, left in rows if left]
