"""VQU-Net as a detector: a frame is as strange as it is unlike what the five before it let expect."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xad_agent.defaults import STEPS
from xad_agent.detectors.base import AnomalyMap
from xad_agent.detectors.vqunet.network import STRIDE, Architecture, VquNetwork
from xad_agent.detectors.vqunet.training import Plan, Precision, best_precision, train
from xad_agent.detectors.vqunet.windows import Frames, as_input, shrunk, too_short
from xad_agent.errors import XadError


@dataclass(frozen=True, eq=False)
class ErrorMaps:
    """The errors of a whole clip.

    Attributes:
        values: float32 (T, H, W), the squared error of each pixel, 0 to 1 (white said of black).
        scores: float64 (T,), each frame's L2 norm of its error; both are NaN for the first frames, which are only seen.
    """

    values: np.ndarray
    scores: np.ndarray


class Heat(NamedTuple):
    """The heat of a box (section 3.4): its sum, which the paper ranks by, favours large boxes; its mean does not."""

    sum: float
    mean: float


class VquNet:
    """Says each frame from those before it, or from itself, and scores the error.

    Attributes:
        network: Trained, see `network.VquNetwork`.
        side: Frames are seen at side x side px, whatever their aspect ratio.
        precision: What convolutions are computed in; maps agree to about 1 % (see the tests).
    """

    name = "vqunet"

    def __init__(self, network: VquNetwork, side: int, precision: Precision | None = None):
        self.network, self.side = network.eval(), side
        self.precision = precision or best_precision()

    @property
    def lead(self) -> int:
        """How many frames it has to see before the first that it judges."""
        return self.network.architecture.window - 1

    @classmethod
    def fit(
        cls,
        clips: Sequence[Frames],
        architecture: Architecture | None = None,
        *,
        steps: int = STEPS,
        side: int = 256,
        batch: int = 4,
        seed: int = 0,
        precision: Precision | None = None,
        checkpoint: Path | None = None,
        progress: bool = True,
    ) -> "VquNet":
        """Learn what is normal; see `training.Plan` for the settings and `training.train` for checkpoints and errors.

        Args:
            clips: Normal ones, of any sizes.
            architecture: Which network; by default prediction at width 16.
            precision: By default the quicker one on this CPU.
        """
        precision = precision or best_precision()
        plan = Plan(architecture or Architecture(), side, steps, batch, seed, precision)
        return cls(train(clips, plan, checkpoint, progress), side, precision)

    def judge(self, frames: Iterable[np.ndarray]) -> Iterator[AnomalyMap]:
        """The map and the score of each frame but the first five (in reconstruction: of each), one by one.

        Args:
            frames: RGB uint8 (H, W, 3), consecutive.

        Yields:
            The squared error of each pixel of the frame, averaged over RGB, 0 to 1, and as score the L2 norm of the
            error over the side x side px that the network sees (sections 3.3 and 3.4).
        """
        window: deque[np.ndarray] = deque(maxlen=self.network.architecture.window)
        for frame in frames:
            window.append(shrunk(frame, self.side))
            if len(window) == window.maxlen:
                heat = self._heat(*as_input([np.stack(window)]))
                yield AnomalyMap(_resized(heat, *frame.shape[:2]), math.sqrt(heat.sum(dtype=float)), self.name)

    def score(self, frames: Iterable[np.ndarray], name: str = "clip") -> ErrorMaps:
        """The maps and scores of a whole clip, 4 T H W bytes; `judge` gives them one by one.

        Raises:
            XadError: The clip is shorter than six frames (in reconstruction: one), or its frames differ in size.
        """
        count = 0

        def counted() -> Iterator[np.ndarray]:
            nonlocal count
            for frame in frames:
                count += 1
                yield frame

        judged = list(self.judge(counted()))
        if not judged:
            raise too_short(name, count, self.lead + 1)
        if len(sizes := {one.values.shape for one in judged}) > 1:
            raise XadError(f"the frames of {name} have {len(sizes)} different sizes: make them of one size")
        unseen = [np.full_like(judged[0].values, np.nan)] * self.lead
        return ErrorMaps(
            np.stack(unseen + [one.values for one in judged]),
            np.array([math.nan] * self.lead + [one.score for one in judged]),
        )

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Settings for JSON and arrays for safetensors; `from_state` makes the detector again."""
        settings = {"architecture": asdict(self.network.architecture), "side": self.side}
        # Channels lie last in memory, which not every writer of arrays minds.
        return settings, {name: np.array(tensor, order="C") for name, tensor in self.network.state_dict().items()}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> "VquNet":
        """The detector that gave this state.

        Raises:
            KeyError, ValueError: Something is missing or has another shape.
        """
        side = int(settings["side"])
        if side < STRIDE or side % STRIDE:
            raise ValueError(f"not a state of VQU-Net: side {side}")
        try:
            with torch.device("meta"):  # shapes only: what settings say costs no memory before arrays bear it out
                network = VquNetwork(Architecture(**settings["architecture"]))
            tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
            network.load_state_dict(tensors, assign=True)
        except (TypeError, RuntimeError, XadError) as error:
            raise ValueError(f"not a state of VQU-Net: {error}") from error
        return cls(network.to(memory_format=torch.channels_last), side)

    @torch.inference_mode()
    def _heat(self, seen: Tensor, target: Tensor) -> np.ndarray:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            said = self.network(seen).frame
        # From -1 to 1, so half the difference is a share of white.
        return ((said - target) / 2).square().mean(1)[0].numpy()


def heat_of_box(values: np.ndarray, box: tuple[float, float, float, float]) -> Heat:
    """The heat of a map (H, W) inside a box x0 y0 x1 y1 px, pixels that it only touches included.

    Raises:
        XadError: No pixel of the map is in the box.
    """
    x0, y0, x1, y1 = box
    rows, columns = slice(max(0, math.floor(y0)), math.ceil(y1)), slice(max(0, math.floor(x0)), math.ceil(x1))
    inside = values[rows, columns] if y1 > max(y0, 0) and x1 > max(x0, 0) else values[:0]
    if not inside.size:
        height, width = values.shape
        raise XadError(f"the box {x0:g} {y0:g} {x1:g} {y1:g} has no pixel of the {width} x {height} px frame")
    return Heat(float(inside.sum(dtype=float)), float(inside.mean(dtype=float)))


def _resized(heat: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2

    smaller = min(height, width) < heat.shape[0]
    return cv2.resize(heat, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
