"""What the networks say of the looks at a clip, worked out on other threads while motion is measured on this one."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from xad_agent.perception.eyes import OBJECT_SCORE, Eyes
from xad_agent.perception.looks import Look

DETECT_EVERY = 2  # looks; in between, what was found is carried on by the flow, at half the cost
POSE_EVERY = 4  # looks; a person's joints cost as much as all else about them
_AHEAD = 3  # looks that are read before they are needed
_WAITING = 8  # looks whose things may still have to be described


class Objects(NamedTuple):
    """What the detector is sure enough of: box float32 (M, 4) px of the clip, scores float32 (M, classes)."""

    box: np.ndarray
    scores: np.ndarray

    def where(self, kept: np.ndarray) -> "Objects":
        """Those for which `kept`, bool (M,), is True."""
        return Objects(self.box[kept], self.scores[kept])


class Described(NamedTuple):
    """The columns `appearance` and `pose` of `Sightings`."""

    appearance: np.ndarray
    pose: np.ndarray


class Networks:
    """The networks of some eyes, at work on the looks at one clip; to be closed.

    Args:
        eyes: What a clip is looked at with.
        every_look: Whether the detector has to look each time, there being no motion to carry on what it found.
    """

    def __init__(self, eyes: Eyes, every_look: bool):
        import torch

        self._eyes, self._every = eyes, 1 if every_look else DETECT_EVERY
        self._pool = ThreadPoolExecutor(torch.get_num_threads())
        self._describing: list[Future[Described]] = []

    def __enter__(self) -> "Networks":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def detected(self, looks: Iterable[Look]) -> Iterator[tuple[Look, "Future[Objects] | None"]]:
        """Each look with what the detector finds in it, None where it does not look."""
        waiting: deque[tuple[Look, Future[Objects] | None]] = deque()
        for look in looks:
            due = look.number % self._every == 0
            waiting.append((look, self._pool.submit(self._detect, look) if due else None))
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        yield from waiting

    def describe(self, look: Look, box: np.ndarray) -> None:
        """Have the things in boxes (N, 4) of the next look described."""
        if len(self._describing) > _WAITING:
            self._describing[-_WAITING].result()  # not to hold the pictures of a whole clip
        self._describing.append(self._pool.submit(self._describe, look, box))

    def described(self) -> Described:
        """All that was described, one after the other."""
        parts = [one.result() for one in self._describing]
        return Described(*map(np.concatenate, zip(*parts, strict=True)))

    def _detect(self, look: Look) -> Objects:
        found = self._eyes.objects.detect(look.pixels, self._eyes.tile)
        return Objects(found.boxes, found.scores).where(found.scores.max(axis=1, initial=0) >= OBJECT_SCORE)

    def _describe(self, look: Look, box: np.ndarray) -> Described:
        return Described(self._appearance(look, box), self._pose(look, box))

    def _appearance(self, look: Look, box: np.ndarray) -> np.ndarray:
        """As often as the detector looks."""
        if self._eyes.appearance is None:
            return np.full((len(box), 1), np.nan, np.float16)
        if look.number % DETECT_EVERY:
            return np.full((len(box), self._eyes.appearance.size), np.nan, np.float16)
        return self._eyes.appearance.describe(look.pixels, box).astype(np.float16)

    def _pose(self, look: Look, box: np.ndarray) -> np.ndarray:
        if self._eyes.pose is None:
            return np.full((len(box), 1, 2), np.nan, np.float16)
        if look.number % POSE_EVERY:
            return np.full((len(box), len(self._eyes.pose.joints), 2), np.nan, np.float16)
        joints = self._eyes.pose.estimate(look.pixels, box)[..., :2]
        origin = np.stack([box[:, [0, 2]].mean(axis=1), box[:, 1]], axis=1)
        heights = np.maximum(box[:, 3] - box[:, 1], 1)
        return ((joints - origin[:, None]) / heights[:, None, None]).astype(np.float16)
