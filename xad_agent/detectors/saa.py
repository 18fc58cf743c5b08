"""Segment any anomaly: what words find as a defect, cut out, and believed by how little it looks like the rest.

Source: Cao et al., "Segment Any Anomaly without Training via Hybrid Prompt Regularization" (2023), SAA+, as its authors
implemented it: one instance of the thing in a picture, and no limit on the overlap of defect and thing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.patches import embed
from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.media.scaling import resize
from xad_agent.perception.backbone import Backbone, embedded_backbone
from xad_agent.perception.finding import Finder, Found
from xad_agent.perception.masks import Segmenter
from xad_agent.prompts import vocabulary

_THRESHOLD = 0.1
_SIDE = 256
_UNLIKE_SHARE = 0.1  # the authors take the 400 most unlike of 4096 places
_SHARPNESS = 3.0


@dataclass(frozen=True, eq=False)
class Suspect:
    """A place that is taken for an anomaly.

    Attributes:
        phrase: What it was found as.
        mask: bool (H, W) of the original picture, with something in it.
        confidence: The finder's score of its box, 0 to 1.
        saliency: How unlike the rest of the picture it is, mean over the mask, 0 to 1.
    """

    phrase: str
    mask: np.ndarray
    confidence: float
    saliency: float

    @property
    def score(self) -> float:
        """confidence x exp(3 x saliency), 0 to 20.1."""
        return float(self.confidence * np.exp(_SHARPNESS * self.saliency))


class SegmentAnyAnomaly:
    """SAA+: phrases -> boxes -> masks -> scores by saliency -> the surest few; it needs no normal example.

    A finder finds what it is asked for, on a flawless thing too. Scores of different pictures compare, but without
    normal pictures no threshold is known.

    Args:
        finder: Asked for the phrases; one with a closed vocabulary only for `words`, and of what is known of the
            thing for what it knows.
        segmenter: Turns boxes into masks.
        thing: What is looked at ("screw"); "" where it is not known.
        words: The user's words for what may be wrong with it ("stripped thread"), beside those of `prompts/saa.yaml`.
        backbone: Where the features of saliency come from; the embedded one by default.

    Attributes:
        phrases: What the finder is asked for.

    Raises:
        XadError: The finder's vocabulary is closed, and there is nothing in it to ask for.
    """

    name = "segment-any-anomaly"
    mode = ""

    def __init__(
        self,
        finder: Finder,
        segmenter: Segmenter,
        thing: str = "",
        words: Sequence[str] = (),
        backbone: Backbone | None = None,
    ):
        table = vocabulary("saa")
        self._finder, self._segmenter, self._backbone = finder, segmenter, backbone or embedded_backbone()
        self._thing = " ".join(thing.lower().split()) or table["unknown"]
        self._known = table["usual"] | table["things"].get(self._thing, {})
        offered = [phrase.format(thing=self._thing) for phrase in table["general"]] + self._known["words"]
        self.phrases = tuple(dict.fromkeys([*filter(self._askable, offered), *words]))
        if not self.phrases:
            raise XadError(
                f"{finder.name} knows {len(finder.vocabulary or ())} classes and no phrases such as {offered[0]!r}: "
                "choose an open finder such as Grounding DINO, or give words that it knows"
            )
        self._last: tuple[str, list[Suspect]] | None = None

    def score(self, picture: Picture) -> AnomalyMap:
        """The map, at each pixel sum(scores of the places over it) / (1 + their number), and its maximum.

        The division by one more than their number favours what several phrases agree on: one place of score s gives
        s / 2, two of them 2 s / 3. No place found is a map of zeros.

        Raises:
            XadError: As of the finder and the segmenter, or the picture is less than 8 px high or wide.
        """
        values = fused(self.regions(picture), (picture.height, picture.width))
        return AnomalyMap(values, float(values.max()), self.name)

    def regions(self, picture: Picture) -> list[Suspect]:
        """The surest places, at most five, highest score first; several phrases may give the same place.

        Raises:
            XadError: See `score`.
        """
        if self._last is None or self._last[0] != picture.sha256:
            self._last = (picture.sha256, self._surest(picture))
        return list(self._last[1])

    def _surest(self, picture: Picture) -> list[Suspect]:
        proposals = self._proposals(picture)
        if not proposals:
            return []
        salient = saliency(picture, self._backbone)
        # Masks are dear: the rest is left out once no saliency could bring it among the surest.
        utmost = float(np.exp(_SHARPNESS * salient.max()))
        kept: list[Suspect] = []
        masks: dict[tuple[float, ...], np.ndarray] = {}
        for found in proposals:
            if len(kept) == self._known["most"] and found.score * utmost <= kept[-1].score:
                break
            if found.box not in masks:
                masks[found.box] = self._segmenter.segment(picture, found.box)[0].pixels
            if (mask := masks[found.box]).any():
                kept.append(Suspect(found.phrase, mask, found.score, float(salient[mask].mean())))
                kept = sorted(kept, key=lambda one: -one.score)[: self._known["most"]]
        return kept

    def _proposals(self, picture: Picture) -> list[Found]:
        """What may be a defect, most confident first: smaller than the thing allows, and not the thing itself."""
        limit = self._known["largest"] * self._area_of_thing(picture)
        found = self._finder.find(picture, self.phrases, _THRESHOLD)
        kept = [one for one in found if 0 < _area(one) < limit and not self._is_thing(one)]
        return sorted(kept, key=lambda one: -one.score)

    def _area_of_thing(self, picture: Picture) -> float:
        """px of the largest box of the thing; the whole picture where it is not found."""
        whole = float(picture.height * picture.width)
        if not self._askable(self._thing):
            return whole
        found = self._finder.find(picture, [self._thing], _THRESHOLD)
        return max((area for one in found if (area := _area(one)) < whole), default=whole)

    def _is_thing(self, found: Found) -> bool:
        """Whether the matched words name the thing, by its last one: a "tile" is a "magnetic tile"."""
        return self._thing.split()[-1] in found.words.lower().split()

    def _askable(self, phrase: str) -> bool:
        return self._finder.vocabulary is None or phrase in self._finder.vocabulary


def fused(suspects: Iterable[Suspect], shape: tuple[int, int]) -> np.ndarray:
    """A = sum_k score_k mask_k / (1 + sum_k mask_k), float32 of that (height, width)."""
    total, count = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    for suspect in suspects:
        total[suspect.mask] += np.float32(suspect.score)
        count[suspect.mask] += 1
    return total / count


def _area(found: Found) -> float:
    x0, y0, x1, y1 = found.box
    return (x1 - x0) * (y1 - y0)


def saliency(picture: Picture, backbone: Backbone) -> np.ndarray:
    """How unlike the rest of its picture each place is: the mean of 0.5 (1 - cosine) to the tenth most unlike it.

    Features are those at strides 4, 8 and 16 of the picture at 256 px, as the authors take theirs.

    Returns:
        float32 (H, W) of the original, 0 to 1.

    Raises:
        XadError: The picture is less than 8 px high or wide.
    """
    return resize(_unlikeness(picture, backbone), (picture.height, picture.width))


def _unlikeness(picture: Picture, backbone: Backbone) -> np.ndarray:
    medium, fine, _ = embed(picture, backbone, _SIDE)
    rows, columns = fine.shape[:2]
    coarser = functional.interpolate(medium.permute(2, 0, 1)[None], size=(rows, columns))[0].permute(1, 2, 0)
    flat = functional.normalize(torch.cat([fine, coarser], dim=2).flatten(0, 1), dim=1)
    unlike = (0.5 * (1 - flat @ flat.T)).topk(max(1, round(_UNLIKE_SHARE * len(flat))), dim=1).values
    return np.asarray(unlike.mean(dim=1).view(rows, columns).clamp(0, 1).numpy())
