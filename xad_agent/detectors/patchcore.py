"""PatchCore: a picture is as strange as its patch that is farthest from every normal patch.

After Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (CVPR 2022), with these changes: patches of
three grains, each with a memory bank of its own; features are whitened; and a distance counts relative to how far apart
normal patches lie at that place of the bank, and at that distance from the picture's border.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional

from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.excess import figures
from xad_agent.detectors.gathering import Gathered
from xad_agent.detectors.memory_bank import MemoryBank
from xad_agent.detectors.patches import GRAINS, embed
from xad_agent.media.picture import Picture
from xad_agent.perception.backbone import Backbone
from xad_agent.progress import Progress, followed

_SUMMARY_GRID = 4
_SUMMARY_DIMENSIONS = 32


@dataclass(frozen=True, eq=False)
class Fitted:
    """What fitting tells of the pictures themselves.

    Attributes:
        scores: What up to 1,000 of them would have got had they not been fitted: their own patches left out.
        values: The values of their maps, one array for each.
        figures: `PatchCore.figures` of them, by name an array each.
        summaries: `PatchCore.summary` of every one, in the order they came.
    """

    scores: np.ndarray
    values: list[np.ndarray]
    figures: dict[str, np.ndarray]
    summaries: np.ndarray


class PatchCore:
    """Scores patches by their distance to banks of normal ones.

    Attributes:
        side: Pictures are looked at in about side x side px, see `patches.working_size`.
        banks: One for each of `patches.GRAINS`.
        usual: Median of a good picture's map, and of the one where what is alike elsewhere in it counts as normal.
    """

    name = "patchcore"

    def __init__(self, backbone: Backbone, side: int, banks: list[MemoryBank], usual: tuple[float, float]):
        self.backbone, self.side, self.banks, self.usual = backbone, side, banks, usual
        self._last: tuple[str, list[Tensor]] | None = None

    @classmethod
    def fit(
        cls,
        pictures: Iterable[Picture],
        backbone: Backbone,
        side: int,
        seed: int = 0,
        progress: Progress = False,
    ) -> tuple["PatchCore", Fitted]:
        """Learn what is normal.

        Memory is bounded: of all patches of a grain 150,000 random ones are candidates for its bank, and of all
        pictures 1,000 random ones are scored as unseen; besides these it takes 5 KB for each picture.

        Args:
            pictures: Normal ones, any sizes; read once, one by one.
            backbone: Where features come from.
            side: See `patches.working_side`.
            seed: Of every random choice.
            progress: Of comparing the pictures once they are read: whether to show a bar on stderr, or who is told.

        Raises:
            XadError: There is no picture, or one is too small.
        """
        gathered = Gathered(backbone, side, seed)
        outlines = [_outline(gathered.add(picture)).half() for picture in pictures]
        banks, maps, alone = [], [], []
        for i, grain in enumerate(followed(GRAINS, len(GRAINS), "comparing them", progress)):
            seen = [(one.index, one.features[i]) for one in gathered.seen]
            bank, unseen, singular = MemoryBank.fit(grain, *gathered.candidates(i), seen, seed)
            banks.append(bank)
            maps.append(unseen)
            alone.append(singular)
        fused, singular = ([_fused(list(of_one)) for of_one in zip(*some, strict=True)] for some in (maps, alone))
        sizes = [one.size for one in gathered.seen]
        usual = _typical(fused), _typical(singular)
        scores, measured = [], []
        for one, other, size in zip(fused, singular, sizes, strict=True):
            enlarged = _enlarged(one, *size)
            scores.append(float(enlarged.max()))
            measured.append(figures(enlarged, _enlarged(other, *size), usual))
        named = {name: np.array([of_one[name] for of_one in measured]) for name in measured[0]}
        detector = cls(backbone, side, banks, usual)
        summaries = np.stack([detector._summary(outline.float()) for outline in outlines])
        return detector, Fitted(np.array(scores), [values.ravel() for values in fused], named, summaries)

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and the score (the map's maximum) of one picture.

        The unit is the strangest place of a usual normal picture.

        Raises:
            XadError: The picture is too small.
        """
        features = self._features(picture)
        values = self._map(picture, [bank.values(grid) for bank, grid in zip(self.banks, features, strict=True)])
        return AnomalyMap(values, float(values.max()), self.name)

    def figures(self, picture: Picture, found: AnomalyMap) -> dict[str, float]:
        """What tells a defect from a change of the whole picture, see `excess.figures`.

        What is all over a picture, as the blocks of its compression, is alike elsewhere in it; what is in one place is
        not.

        Args:
            picture: A picture.
            found: Its score.
        """
        features = self._features(picture)
        singular = self._map(picture, [bank.singular(grid) for bank, grid in zip(self.banks, features, strict=True)])
        return figures(found.values, singular, self.usual)

    def summary(self, picture: Picture) -> np.ndarray:
        """What the picture looks like as a whole, float32 (512,) at most; near pictures have near vectors."""
        return self._summary(_outline(self._features(picture)))

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Settings for JSON and arrays for safetensors; `from_state` makes the detector again."""
        settings: dict[str, Any] = {"side": self.side, "usual": self.usual}
        arrays: dict[str, np.ndarray] = {}
        for bank in self.banks:
            settings[bank.grain.name], of_bank = bank.state()
            arrays |= {f"{bank.grain.name}.{name}": array for name, array in of_bank.items()}
        return settings, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray], backbone: Backbone) -> "PatchCore":
        """The detector that gave this state, on the same backbone.

        Raises:
            KeyError, ValueError: Something is missing or has another shape.
        """
        banks = []
        for grain in GRAINS:
            prefix = f"{grain.name}."
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            channels = sum(backbone.channels[stage] for stage in grain.stages)
            banks.append(MemoryBank.from_state(grain, settings[grain.name], own, channels))
        usual, singular = map(float, settings["usual"])
        return cls(backbone, int(settings["side"]), banks, (usual, singular))

    def _map(self, picture: Picture, maps: list[np.ndarray]) -> np.ndarray:
        return _enlarged(_fused(maps), picture.height, picture.width)

    def _features(self, picture: Picture) -> list[Tensor]:
        if self._last is None or self._last[0] != picture.sha256:
            self._last = (picture.sha256, embed(picture, self.backbone, self.side))
        return self._last[1]

    def _summary(self, outline: Tensor) -> np.ndarray:
        return self.banks[0].whitening(outline)[..., -_SUMMARY_DIMENSIONS:].permute(2, 0, 1).flatten().numpy()


def _outline(features: list[Tensor]) -> Tensor:
    """The medium grain's features averaged over at most 4 x 4 places, (4, 4, D)."""
    return functional.adaptive_avg_pool2d(features[0].permute(2, 0, 1), _SUMMARY_GRID).permute(1, 2, 0)


def _fused(maps: list[np.ndarray]) -> np.ndarray:
    """The weighted mean of the grains' maps, on the finest grid."""
    shape = max((values.shape for values in maps), key=np.prod)
    enlarged = [_enlarged(values, *shape) for values in maps]
    return np.average(enlarged, axis=0, weights=[grain.weight for grain in GRAINS]).astype(np.float32)


def _typical(maps: list[np.ndarray]) -> float:
    """Pictures count alike, whatever their size."""
    return float(np.mean([np.median(values) for values in maps]))


def _enlarged(values: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2

    return cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
