"""SAM (Kirillov et al. 2023): masks for boxes and points, by a segment-anything or MobileSAM checkpoint."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from xad_agent.media.picture import Picture
from xad_agent.perception.checkpoints import find_checkpoint, fingerprint
from xad_agent.perception.device import keep_freed_memory, placement
from xad_agent.perception.masks import Box, Mask, check_prompt
from xad_agent.perception.sam_decoder import Decoder, Embedded
from xad_agent.perception.sam_networks import load_network

if TYPE_CHECKING:
    import segment_anything.modeling
    from torch import Tensor

_KEPT = 4  # pictures whose embedding, as the decoder needs it (32 MB), stays in memory
_THING = 1  # the label of a point that is on the thing


class Sam:
    """Cuts out what a box or points show; the dear part, a picture's embedding, is computed once and kept for a while.

    Attributes:
        name: Its spec.
        fingerprint: sha256 over its weights.
    """

    def __init__(self, name: str, network: "segment_anything.modeling.Sam"):
        self.name, self.fingerprint = name, fingerprint(network)
        device, dtype = placement()
        self._network = network.to(device)
        self._network.image_encoder.to(dtype)  # the rest is small, and its coordinates need float32
        self._side = int(network.image_encoder.img_size)
        self._decoder = Decoder(network.mask_decoder, network.prompt_encoder)
        self._embeddings: OrderedDict[str, Embedded] = OrderedDict()
        self._lock = Lock()

    def segment(
        self, picture: Picture, box: Box | None = None, points: Sequence[tuple[float, float]] = ()
    ) -> list[Mask]:
        """The masks that SAM offers, by the IoU it predicts for each, best first.

        Args:
            picture: See `Segmenter.segment`.
            box: x0 y0 x1 y1 in px of the original; what reaches out of the picture is cut off.
            points: x y in px of the original, all of them on the thing.

        Raises:
            XadError: Neither box nor points, a box that is inverted or outside the picture, or such a point.
        """
        box = check_prompt(picture, box, points)
        logits, scores = self.decode(self.embed(picture), picture.pixels.shape[:2], box, points)
        return [
            Mask(self._at_size(logits[place].cpu().numpy(), picture), min(max(float(scores[place]), 0.0), 1.0))
            for place in scores.argsort(descending=True).tolist()
        ]

    def embed(self, picture: Picture) -> Embedded:
        """A picture as the decoder needs it, from memory if it is one of the last ones."""
        with self._lock:
            if picture.sha256 not in self._embeddings:
                self._embeddings[picture.sha256] = self._encode(picture.pixels)
            self._embeddings.move_to_end(picture.sha256)
            if len(self._embeddings) > _KEPT:
                self._embeddings.popitem(last=False)
            return self._embeddings[picture.sha256]

    def decode(
        self, picture: Embedded, shape: tuple[int, ...], box: Box | None, points: Sequence[tuple[float, float]]
    ) -> "tuple[Tensor, Tensor]":
        """Logits of masks (M, 4 h, 4 w) over the square that the picture was put into, and their predicted IoU (M,).

        Args:
            picture: See `embed`.
            shape: Height and width of the picture.
            box: Within the picture; None for points alone.
            points: Likewise.
        """
        import torch

        network = self._network
        scale = np.tile(np.array(fit(shape, self._side)[::-1]) / shape[1::-1], 2)
        with torch.inference_mode():
            corners = None if box is None else self._tensor(np.array([box]) * scale)
            places = self._tensor(np.array([points]) * scale[:2]) if points else None
            labels = torch.full((1, len(points)), _THING, device=network.device)
            sparse, _ = network.prompt_encoder(None if places is None else (places, labels), corners, None)
            return self._decoder.masks(picture, sparse)

    def _encode(self, pixels: np.ndarray) -> Embedded:
        import torch
        from PIL import Image

        height, width = fit(pixels.shape, self._side)
        resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
        image = self._tensor(np.array(resized)).permute(2, 0, 1)
        with torch.inference_mode():
            prepared = self._network.preprocess(image)[None].to(placement()[1])
            return self._decoder.prepare(self._network.image_encoder(prepared).float())

    def _at_size(self, logits: np.ndarray, picture: Picture) -> np.ndarray:
        """Where logits (4 h, 4 w) are positive, as booleans of the picture's size; by two steps, as the authors do."""
        import cv2

        height, width = fit(picture.pixels.shape, self._side)
        square = cv2.resize(logits, (self._side, self._side), interpolation=cv2.INTER_LINEAR)[:height, :width]
        whole = cv2.resize(square, (picture.width, picture.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(whole > self._network.mask_threshold)

    def _tensor(self, array: np.ndarray) -> "Tensor":
        import torch

        return torch.from_numpy(array).to(self._network.device, torch.float32)


def load_sam(spec: str) -> Sam:
    """The segmenter that a spec names.

    Args:
        spec: "vit_b@FILE", "vit_l@FILE" or "vit_h@FILE", a checkpoint of segment-anything; "vit_t@FILE", one of
            MobileSAM; or a folder or hub's name of a SamModel of transformers.

    Raises:
        XadError: Unknown spec, or a checkpoint that is missing, damaged or of another model.
    """
    keep_freed_memory()
    return Sam(spec, load_network(find_checkpoint(spec)))


def fit(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width of a shape (H, W, ...), scaled so that the longer is `side`: segment-anything's rule.

    Example:
        >>> fit((500, 1000, 3), 1024), fit((1, 8000, 3), 1024)
        ((512, 1024), (1, 1024))
    """
    height, width = (max(1, int(length * side / max(shape[:2]) + 0.5)) for length in shape[:2])
    return height, width
