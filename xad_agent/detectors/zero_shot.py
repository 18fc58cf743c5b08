"""Which detector judges a picture by itself: the best that the models at hand allow."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from xad_agent.detectors.base import AnomalyMap
from xad_agent.media.picture import Picture

if TYPE_CHECKING:
    from xad_agent.detectors.anomaly_clip import AnomalyCLIP
    from xad_agent.detectors.winclip import WinCLIP
    from xad_agent.perception.clip import Clip
    from xad_agent.perception.models import Models


class ZeroShot(Protocol):
    """Scores a picture by what it knows before it has seen any normal one.

    Attributes:
        name: What it is called.
        mode: What it leaves out to be quick, in words; "" where that is nothing.
    """

    name: str
    mode: str

    def score(self, picture: Picture) -> AnomalyMap:
        """The map and the score of one picture of any size and aspect ratio."""
        ...


def zero_shot_detector(models: "Models", references: Sequence[Picture] = ()) -> ZeroShot:
    """The detector that judges without a profile.

    WinCLIP where there is a CLIP, or AnomalyCLIP where there are prompts learned for it; else SAA+ where there are
    Grounding DINO and SAM; else self-dissimilarity.

    Args:
        models: The models at hand.
        references: A few normal pictures, which WinCLIP compares with too; the others need none.

    Raises:
        XadError: A model that was chosen cannot be loaded.
    """
    if models.clip is not None and models.prompts is not None:
        return _anomaly_clip(models.clip, models.prompts)
    if models.clip is not None:
        return _winclip(models.clip, models.thing, tuple(references))
    if models.sees_zero_shot:
        from xad_agent.detectors.saa import SegmentAnyAnomaly

        return SegmentAnyAnomaly(models.finder, models.segmenter, models.thing, models.words)
    from xad_agent.detectors.self_dissimilarity import SelfDissimilarity

    return SelfDissimilarity()


@lru_cache(maxsize=1)
def _anomaly_clip(clip: "Clip", prompts: Path) -> "AnomalyCLIP":
    from xad_agent.detectors.anomaly_clip import AnomalyCLIP

    return AnomalyCLIP(clip, prompts)


@lru_cache(maxsize=2)
def _winclip(clip: "Clip", thing: str, references: tuple[Picture, ...]) -> "WinCLIP":
    """Kept for the next picture, as looking at the references costs many times what a picture does."""
    from xad_agent.detectors.winclip import WinCLIP

    return WinCLIP(clip, thing, references)
