"""Any array that stands for a picture, as RGB uint8 of a bounded size."""

import numpy as np

from xad_agent.errors import XadError

MAX_PIXELS = 100_000_000


def check_size(width: int, height: int, shown: str) -> None:
    """XadError when a picture or frame of that size has no pixels, or more than MAX_PIXELS."""
    if width < 1 or height < 1:
        raise XadError(f"{shown} has no pixels ({width} x {height})")
    if width * height > MAX_PIXELS:
        limit = f"the limit is {MAX_PIXELS / 1e6:.0f} megapixels"
        raise XadError(f"{shown} has {width} x {height} px, {limit}: make it smaller or crop it")


def to_rgb(array: np.ndarray, shown: str, notes: list[str]) -> np.ndarray:
    """RGB uint8 (H, W, 3), a fresh copy, of an array of any shape and type that `read_picture` takes.

    What was changed on the way is added to `notes`; XadError, naming `shown`, when it is no picture.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise XadError(f"{shown} has shape {array.shape}: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) is needed")
    check_size(array.shape[1], array.shape[0], shown)
    if array.dtype.kind not in "buif":
        raise XadError(f"{shown} holds {array.dtype}: whole numbers, floats or booleans are needed")
    if not np.isfinite(array).all():
        raise XadError(f"{shown} holds NaN or infinite values: replace them first")
    colours = _to_8_bit(array[..., :3], shown, notes)
    if array.shape[2] == 4:
        share = _opacity(array[..., 3:])
        if (share < 1).any():
            colours = np.rint(colours * share + 255 * (1 - share)).astype(np.uint8)
            notes.append("transparent parts put on white")
    return np.array(np.broadcast_to(colours, (*colours.shape[:2], 3)), order="C")


def _opacity(alpha: np.ndarray) -> np.ndarray:
    if alpha.dtype.kind in "bf" and alpha.max() <= 1:
        return np.clip(alpha, 0, 1)
    full = 65535 if _is_16_bit(alpha.dtype) or alpha.max() > 255 else 255
    return np.clip(alpha / np.float32(full), 0, 1)


def _to_8_bit(values: np.ndarray, shown: str, notes: list[str]) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values * np.uint8(255)
    low, high = float(values.min()), float(values.max())
    white = _white(values.dtype, high)
    if low < 0 or white is None:
        raise XadError(f"{shown} holds values from {low:.6g} to {high:.6g}: scale it to 0..1, 8 or 16 bit first")
    if white != 255:
        notes.append(f"scaled to 8-bit, {white} being white")
    return np.rint(values * np.float32(255 / white)).astype(np.uint8)


def _white(dtype: np.dtype, high: float) -> int | None:
    """The value that is white in a picture whose largest value is `high`; None where that cannot be told."""
    if dtype.kind == "f" and high <= 2:
        return 1 if high <= 1 else None  # between 1 and 2: 0..1 that overshot, or a nearly black 0..255
    if high <= 255 and not _is_16_bit(dtype):
        return 255
    if high <= 4095:
        return 4095
    return 65535 if high <= 65535 else None


def _is_16_bit(dtype: np.dtype) -> bool:
    return dtype.kind == "u" and dtype.itemsize == 2
