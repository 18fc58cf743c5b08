"""Harmless changes of a picture: measured beside good pictures, put on, and taken off again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from xad_agent.media.picture import Picture, grey
from xad_agent.media.reading import read_picture
from xad_agent.registration import align

_BLURS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)  # px
_QUALITIES = range(10, 100, 10)
_BLOCK = 8  # px, of JPEG
_CHANGE = 0.2  # deviation of the logarithm of light, where it changes


@dataclass(frozen=True)
class Look:
    """How a picture is lit, focused and stored, apart from what it shows.

    Attributes:
        brightness: Median grey level, 0 to 255.
        contrast: From the 10th to the 90th percentile, in grey levels.
        sharpness: Detail of about 1 px over that of about 2 px, in percent.
        noise: Deviation of what no surface has, where it is smoothest, in grey levels (Immerkaer, 1996).
        blockiness: How much larger steps are across a grid of 8 px than elsewhere, in percent.
        right, down: px from where a good picture shows the same; None where the two do not align.
    """

    brightness: float
    contrast: float
    sharpness: float
    noise: float
    blockiness: float
    right: float | None = None
    down: float | None = None


MEASURES = tuple(field.name for field in fields(Look))


def look_at(picture: Picture, beside: Picture | None = None) -> Look:
    """Measure a picture, all its pixels; its position beside a good picture where one is given."""
    import cv2

    levels = grey(picture.pixels).astype(np.float32)
    low, middle, high = np.percentile(levels, [10, 50, 90])
    one, two = (cv2.GaussianBlur(levels, (0, 0), sigma) for sigma in (1.0, 2.0))
    fine, coarse = float((levels - one).std()), float((one - two).std())
    return Look(
        brightness=float(middle),
        contrast=float(high - low),
        sharpness=100 * fine / max(coarse, 1e-3),
        noise=_noise(levels),
        blockiness=_blockiness(levels),
        **_position(picture, beside),
    )


def _noise(levels: np.ndarray) -> float:
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    found = cv2.filter2D(levels, -1, kernel) ** 2 / 36
    rows, columns = (max(1, n // (2 * _BLOCK)) for n in levels.shape)
    return float(np.sqrt(np.percentile(cv2.resize(found, (columns, rows), interpolation=cv2.INTER_AREA), 25)))


def _blockiness(levels: np.ndarray) -> float:
    """Of the phase at which it is highest: the picture may have been moved since it was compressed."""
    found = []
    for steps in (np.abs(np.diff(levels, axis=1)).mean(axis=0), np.abs(np.diff(levels, axis=0)).mean(axis=1)):
        usable = len(steps) // _BLOCK * _BLOCK
        if not usable or not steps.any():
            return 0.0
        phases = steps[:usable].reshape(-1, _BLOCK).mean(axis=0)
        found.append(phases / max(float(np.median(phases)), 1e-3) - 1)
    return 100 * float(np.mean([phases.max() for phases in found]))


def _position(picture: Picture, beside: Picture | None) -> dict[str, float]:
    laid = align(beside, picture) if beside is not None else None
    if laid is None or beside is None:
        return {}
    centre = np.array([beside.width / 2, beside.height / 2])
    right, down = laid.matrix @ [*centre, 1.0] - centre * [picture.width / beside.width, picture.height / beside.height]
    return {"right": float(right), "down": float(down)}


@dataclass(frozen=True)
class Change:
    """What may happen to a picture without the thing in it changing; the default is no change.

    Attributes:
        gain, offset: Of the grey levels: `gain` times, plus `offset`.
        right, down: Shift in px; the border is repeated.
        blur: Sigma in px.
        noise: Deviation in grey levels.
        quality: Of JPEG, 1 to 100; 0 for none.
    """

    gain: float = 1.0
    offset: float = 0.0
    right: float = 0.0
    down: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    quality: int = 0

    def apply(self, picture: Picture) -> Picture:
        """The picture so changed: moved, blurred, brighter or darker, noisy, then compressed."""
        import cv2

        pixels = _moved(picture.pixels, self.right, self.down).astype(np.float32)
        if self.blur > 0:
            pixels = cv2.GaussianBlur(pixels, (0, 0), self.blur)
        pixels = self.gain * pixels + self.offset
        if self.noise > 0:
            random = np.random.default_rng(0)
            pixels += random.normal(0, self.noise, pixels.shape[:2]).astype(np.float32)[..., None]
        return _picture(_compressed(_levels(pixels), self.quality), picture.name)

    def rounded(self) -> "Change":
        """The change in steps too small to matter, so that pictures changed alike are compared with the same ones."""
        return Change(
            gain=round(self.gain, 1) or 0.1,
            offset=10.0 * round(self.offset / 10),
            right=float(round(self.right)),
            down=float(round(self.down)),
            blur=self.blur,
            noise=round(2 * self.noise) / 2,
            quality=self.quality,
        )

    def undo(self, picture: Picture) -> Picture:
        """The picture with its light and place put right again, which loses next to nothing; the rest stays."""
        pixels = (picture.pixels.astype(np.float32) - self.offset) / self.gain
        return _picture(_moved(_levels(pixels), -self.right, -self.down), picture.name)


def _moved(pixels: np.ndarray, right: float, down: float) -> np.ndarray:
    if not right and not down:
        return pixels
    import cv2

    matrix = np.array([[1, 0, right], [0, 1, down]], np.float64)
    return cv2.warpAffine(pixels, matrix, pixels.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def _compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    if not quality:
        return pixels
    import cv2

    _, stored = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))


def _levels(pixels: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _picture(pixels: np.ndarray, name: str) -> Picture:
    return read_picture(pixels, name=name)


@dataclass(frozen=True)
class Usual:
    """The looks of good pictures.

    Attributes:
        looks: At least one.
    """

    looks: tuple[Look, ...]

    def range(self, name: str) -> tuple[float, float] | None:
        """Lowest and highest; None where it could not be measured on most of them."""
        values = self._of(name)
        return (min(values), max(values)) if 2 * len(values) > len(self.looks) else None

    def middle(self, name: str) -> float:
        """The median; NaN where there is none."""
        return float(np.median(self._of(name) or [np.nan]))

    def unlike(self, name: str) -> float:
        """Which share of a deviation is a change's rather than the pictures' own, where changes are of about 20 %."""
        own = float(np.var(np.log(np.maximum(self._of(name), 1.0))))
        return _CHANGE**2 / (_CHANGE**2 + own)

    def beyond(self, look: Look) -> tuple[str, ...]:
        """The measures of a look that no good picture has so low or so high."""
        return tuple(name for name in MEASURES if self._is_beyond(name, getattr(look, name)))

    def _is_beyond(self, name: str, value: float | None) -> bool:
        ends = self.range(name)
        return ends is not None and value is not None and not ends[0] <= value <= ends[1]

    def _of(self, name: str) -> list[float]:
        return [value for look in self.looks if (value := getattr(look, name)) is not None]


def estimate(picture: Picture, look: Look, usual: Usual, good: Sequence[Picture]) -> Change:
    """The change that would give good pictures the look of the picture, in what is beyond theirs; else no change.

    Light and place are read off; compression, blur and noise are tried on a few good pictures, each on top of the ones
    before, for they show in each other's measures.

    Args:
        picture: The one in question.
        look: Its look.
        usual: The looks of good pictures.
        good: Some of these, most like the picture.
    """
    beyond = set(usual.beyond(look))
    change = _light(look, usual) if beyond & {"brightness", "contrast"} else Change()
    if beyond & {"right", "down"} and look.right is not None and look.down is not None:
        change = replace(change, right=look.right - usual.middle("right"), down=look.down - usual.middle("down"))
    seen, tried = look_at(change.undo(picture)), list(good)
    fitted = Change()
    for name, fit in _FITS.items():
        if name in beyond and tried and name in usual.beyond(seen):
            fitted = fit(fitted, seen, tried)
    return replace(change, blur=fitted.blur, noise=change.gain * fitted.noise, quality=fitted.quality)


def _light(look: Look, usual: Usual) -> Change:
    """Exposure alone, where it explains both; else a change of contrast and an offset.

    Of how far the picture is from the middle only so much is taken for a change as the spread of good pictures leaves
    (the posterior mean where both are normally distributed): naturally dark ones have not been darkened.
    """
    level, spread = usual.middle("brightness"), usual.middle("contrast")
    gain = look.brightness / max(level, 1.0)
    ends = usual.range("contrast")
    if gain > 0 and ends is not None and ends[0] <= look.contrast / gain <= ends[1]:
        return Change(gain=_bounded(gain ** usual.unlike("brightness")))
    gain = _bounded((look.contrast / max(spread, 1.0)) ** usual.unlike("contrast"))
    return Change(gain=gain, offset=usual.unlike("brightness") * (look.brightness - gain * level))


def _bounded(gain: float) -> float:
    return float(np.clip(gain, 0.1, 10))


def _fit_quality(change: Change, seen: Look, good: Sequence[Picture]) -> Change:
    """More compression is blockier; less than good pictures have cannot be put on."""
    if seen.blockiness <= _typical(change, "blockiness", good):
        return change
    return _closest([replace(change, quality=quality) for quality in _QUALITIES], "blockiness", seen, good)


def _fit_blur(change: Change, seen: Look, good: Sequence[Picture]) -> Change:
    """Likewise a picture sharper than good ones stays as it is."""
    if seen.sharpness >= _typical(change, "sharpness", good):
        return change
    return _closest([replace(change, blur=blur) for blur in _BLURS], "sharpness", seen, good)


def _fit_noise(change: Change, seen: Look, good: Sequence[Picture]) -> Change:
    missing = seen.noise**2 - _typical(change, "noise", good) ** 2
    return replace(change, noise=float(np.sqrt(missing))) if missing > 0 else change


_FITS: dict[str, Callable[[Change, Look, Sequence[Picture]], Change]] = {
    "blockiness": _fit_quality,
    "sharpness": _fit_blur,
    "noise": _fit_noise,
}


def _closest(changes: Iterable[Change], name: str, seen: Look, good: Sequence[Picture]) -> Change:
    """The change that brings good pictures nearest to a measure."""
    return min(changes, key=lambda change: abs(_typical(change, name, good) - getattr(seen, name)))


def _typical(change: Change, name: str, good: Iterable[Picture]) -> float:
    return float(np.median([getattr(look_at(change.apply(one)), name) for one in good]))
