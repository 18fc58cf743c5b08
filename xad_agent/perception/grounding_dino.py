"""Grounding DINO (Liu et al. 2023): boxes for phrases, in transformers' implementation or in the authors' own."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent import weights
from xad_agent.errors import XadError, reason
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import thicken
from xad_agent.perception.boxes import clipped
from xad_agent.perception.checkpoints import find_checkpoint, fingerprint
from xad_agent.perception.device import placement
from xad_agent.perception.finding import Finder, Found
from xad_agent.perception.phrases import known_tokens, passes, pieces
from xad_agent.perception.pretrained import load_network, load_processor

if TYPE_CHECKING:
    from torch import Tensor, nn

_KINDS = ("grounding-dino", "mm-grounding-dino")
_PACKAGE = "groundingdino:"
_MARKS = ".?"  # they end a phrase
_BERT = {"[CLS]": 101, "[SEP]": 102, ".": 1012}  # both implementations know the ends of phrases by these numbers


class GroundingDino:
    """Finds what phrases name.

    A phrase's score is that of its best token, and its words are those of which a token scores above the threshold too;
    the authors count the marks between phrases as well, which are of none. Phrases that are asked for together see one
    another by way of the picture, so a phrase's score depends a little on its company. Weights are float32 on every
    device: bfloat16 would be off by up to 1/256 of the picture.

    Attributes:
        name: Its spec.
        fingerprint: sha256 over its weights.
        vocabulary: None, any phrase may be asked for.
    """

    vocabulary: frozenset[str] | None = None

    def __init__(
        self,
        name: str,
        network: "nn.Module",
        forward: "Callable[[dict[str, Tensor], Tensor], tuple[Tensor, Tensor]]",
        tokenizer: Any,
        image_processor: Any,
        window: int,
    ):
        """See `load_grounding`; `forward` gives token logits (Q, T) and boxes (Q, 4) of a prepared picture and ids."""
        wrong = [token for token, number in _BERT.items() if tokenizer.convert_tokens_to_ids(token) != number]
        if wrong:
            raise XadError(
                f"the tokenizer of {name} has another number for {wrong[0]} than bert-base-uncased: give that"
            )
        self.name, self.fingerprint = name, fingerprint(network)
        self._network = network.to(placement()[0])
        self._forward, self._tokenizer, self._image_processor = forward, tokenizer, image_processor
        self._window = window
        self._lock = Lock()

    def find(self, picture: Picture, phrases: Sequence[str], threshold: float) -> list[Found]:
        """The boxes of each phrase that score above `threshold`, strongest first.

        A box of a phrase that is longer than the text window is one of a part of it, which `words` tells.

        Raises:
            XadError: A phrase is empty, or the tokenizer knows nothing of it.
        """
        with self._lock:
            return sorted(self._find(picture, phrases, threshold), key=lambda one: -one.score)

    def _find(self, picture: Picture, phrases: Sequence[str], threshold: float) -> Iterator[Found]:
        asked = pieces(phrases, self._tokenizer, self._window - 3, _MARKS)
        texts = list(asked)
        tokens = [known_tokens(text, self._tokenizer) for text in texts]
        pixels = thicken(picture.pixels)
        prepared = prepare(self._image_processor, pixels) if texts else {}
        for some in passes([len(one) + 1 for one in tokens], self._window - 2):
            scores, boxes = self._look(prepared, tokens[some])
            boxes = boxes * np.tile(pixels.shape[1::-1], 2)
            start = 1
            for text, of_text in zip(texts[some], tokens[some], strict=True):
                own = scores[:, start : start + len(of_text)]
                start += len(of_text) + 1
                for box, score, words in _matches(text, of_text, own, boxes, picture, threshold):
                    yield from (Found(phrase, box, score, words) for phrase in asked[text])

    def _look(
        self, prepared: "dict[str, Tensor]", tokens: list[list[tuple[int, int]]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores (Q, T) of the tokens of `[CLS] phrase . phrase . [SEP]`, and boxes (Q, 4), x0 y0 x1 y1, 0 to 1."""
        import torch

        ids = [_BERT["[CLS]"], *(number for one in tokens for number in (*(token for token, _ in one), _BERT["."]))]
        with torch.inference_mode():
            logits, boxes = self._forward(prepared, torch.tensor([[*ids, _BERT["[SEP]"]]], device=placement()[0]))
        middle, half = boxes[:, :2].double(), boxes[:, 2:].double() / 2
        corners = torch.cat([middle - half, middle + half], dim=1)
        return logits.float().sigmoid().cpu().numpy(), corners.cpu().numpy()


def load_grounding(spec: str) -> Finder:
    """The finder that a spec names.

    Args:
        spec: A folder or hub's name of any zero-shot detector of transformers (Grounding DINO, OWLv2, OmDet-Turbo);
            "swint@FILE" or "swinb@FILE", the authors' checkpoint of Grounding DINO in transformers' implementation;
            "groundingdino:swint@FILE", the same run by the package groundingdino-py. A checkpoint needs the tokenizer
            of bert-base-uncased: `tokenizer.json` or `vocab.txt` beside it, else that of the embedded sentence model,
            which is the same.

    Raises:
        XadError: Unknown spec, or a checkpoint that is missing, damaged or of another model.
    """
    checkpoint = find_checkpoint(spec)
    if checkpoint.architecture:
        return _from_file(spec, checkpoint.architecture, checkpoint.path)
    from transformers import AutoModelForZeroShotObjectDetection

    network = load_network(AutoModelForZeroShotObjectDetection, checkpoint.path, spec, "a zero-shot object detector")
    processor = load_processor(checkpoint.path, spec)
    if network.config.model_type in _KINDS:
        window = int(network.config.max_text_len)
        forward = _transformers(network)
        return GroundingDino(spec, network, forward, processor.tokenizer, processor.image_processor, window)
    from xad_agent.perception.open_vocabulary import OpenVocabulary

    return OpenVocabulary(spec, network, processor)


def prepare(image_processor: Any, pixels: np.ndarray) -> "dict[str, Tensor]":
    """Pixels (H, W, 3) as a network wants them, on its device."""
    from PIL import Image

    prepared = image_processor(images=Image.fromarray(pixels), return_tensors="pt")
    return {name: tensor.to(placement()[0]) for name, tensor in prepared.items()}


def _from_file(spec: str, architecture: str, file: Path) -> GroundingDino:
    from transformers import GroundingDinoForObjectDetection, GroundingDinoImageProcessor

    from xad_agent.perception import grounding_checkpoints as checkpoints
    from xad_agent.perception.pretrained import fill_network

    name = architecture.removeprefix(_PACKAGE)
    if name not in checkpoints.ARCHITECTURES:
        known = ", ".join(f"{name} or {_PACKAGE}{name}" for name in checkpoints.ARCHITECTURES)
        raise XadError(f"{spec}: no Grounding DINO is called {architecture!r}: there are {known}", exit_code=2)
    state, tokenizer, images = weights.load_state_dict(file), _tokenizer(file.parent), GroundingDinoImageProcessor()
    network: nn.Module
    if architecture.startswith(_PACKAGE):
        from xad_agent.perception import groundingdino_py

        network = groundingdino_py.build(name, state, tokenizer, spec)
        return GroundingDino(spec, network, groundingdino_py.forward(network), tokenizer, images, checkpoints.WINDOW)
    state, config = checkpoints.renamed(state, spec), checkpoints.configuration(name)
    network = fill_network(GroundingDinoForObjectDetection, config, state, spec)
    return GroundingDino(spec, network, _transformers(network), tokenizer, images, checkpoints.WINDOW)


def _tokenizer(folder: Path) -> Any:
    """bert-base-uncased's, from beside a checkpoint or else from the embedded sentence model."""
    from tokenizers import Tokenizer
    from tokenizers.implementations import BertWordPieceTokenizer
    from transformers import PreTrainedTokenizerFast

    if (folder / "vocab.txt").is_file() and not (folder / "tokenizer.json").is_file():
        made = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)._tokenizer
    else:
        own = folder / "tokenizer.json"
        file = own if own.is_file() else weights.path("sentences") / "tokenizer.json"
        try:
            made = Tokenizer.from_file(str(file))
        except Exception as error:  # tokenizers raises bare ones
            raise XadError(f"{file} is no tokenizer ({reason(error)}): give that of bert-base-uncased") from error
    special = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    return PreTrainedTokenizerFast(tokenizer_object=made, mask_token="[MASK]", **special)


def _transformers(network: Any) -> "Callable[[dict[str, Tensor], Tensor], tuple[Tensor, Tensor]]":
    import torch

    def forward(prepared: "dict[str, Tensor]", ids: "Tensor") -> "tuple[Tensor, Tensor]":
        text = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
        outputs = network(**prepared, **text)
        return outputs.logits[0, :, : ids.shape[1]], outputs.pred_boxes[0]

    return forward


def _matches(
    text: str,
    tokens: list[tuple[int, int]],
    scores: np.ndarray,
    boxes: np.ndarray,
    picture: Picture,
    threshold: float,
) -> Iterator[tuple[tuple[float, float, float, float], float, str]]:
    """Box, score and matched words of every query (Q) of which a token of the text scores above the threshold."""
    inside, any_left = clipped(boxes, picture.width, picture.height)
    best = scores.max(axis=1)
    places = [text.count(" ", 0, start) for _, start in tokens]
    words = text.split(" ")
    for query in np.flatnonzero((best > threshold) & any_left):
        hit = {place for place, score in zip(places, scores[query], strict=True) if score > threshold}
        x0, y0, x1, y1 = inside[query].tolist()
        yield (x0, y0, x1, y1), float(best[query]), " ".join(words[place] for place in sorted(hit))
