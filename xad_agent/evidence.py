"""Evidence: what a tool measured, and the ledger that keeps it.

Nothing here can be changed once it is written: an answer may be checked against the evidence long after.
"""

from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Annotated, Any, Literal, NoReturn

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Box = tuple[int, int, int, int]


class _ReadOnly(dict[str, Any]):
    """A dict that stays as it is; `frozen` alone would protect the field and not what is in it."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("evidence cannot be changed")

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = setdefault = clear = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


def _read_only(pixels: np.ndarray | None) -> np.ndarray | None:
    if pixels is not None:
        pixels = pixels.copy()
        pixels.setflags(write=False)
    return pixels


class Quantity(BaseModel):
    """One measured number beside what is normal.

    Attributes:
        name: What was measured, in the words of the vocabulary ("score", "threshold", "brightness", "area share").
        value: The number, in `unit`.
        unit: "" for a bare number, else as printed after it: "%", "px", "sigma", "degrees", "times".
        normal: Lowest and highest value of normal media (5th and 95th percentile), in `unit`; None where not known.
        p_value: Share of normal media at least this extreme (conformal, in (0, 1]); None where not known.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    name: str
    value: float
    unit: str = ""
    normal: tuple[float, float] | None = None
    p_value: float | None = Field(default=None, gt=0, le=1)


class Region(BaseModel):
    """A place in a picture.

    Attributes:
        label: How answers call it: "region 1" is the strongest, by the map's value and the contrast with normal.
        box: x0 y0 x1 y1 in px of the original; x1 and y1 exclusive.
        score: The map's highest value inside, in the detector's unit.
        peak: x y of that value or, where normal pictures align, of what near by differs most from them.
        area_share: Pixels of the region over pixels of the picture, 0 to 1.
        place: Position words that hold for it ("upper left", "at the rim"), most specific first.
        frames: In a clip, the first and the last frame of its event, and the frame of its box; else None.
        rle: COCO run lengths of the mask over (H, W), column-major, zeros first; empty when the mask is the box.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    label: str
    box: Box
    score: float
    peak: tuple[int, int]
    area_share: float = Field(ge=0, le=1)
    place: tuple[str, ...] = ()
    rle: tuple[int, ...] = ()
    frames: tuple[int, int, int] | None = None

    @model_validator(mode="after")
    def _box_is_ordered(self) -> "Region":
        x0, y0, x1, y1 = self.box
        if not (0 <= x0 < x1 and 0 <= y0 < y1):
            raise ValueError(f"box {self.box} is not x0 y0 x1 y1 with x0 < x1 and y0 < y1")
        return self

    def mask(self, height: int, width: int) -> np.ndarray:
        """The region as booleans, shape (height, width) of the picture it was found in."""
        mask = np.zeros((height, width), dtype=bool)
        if not self.rle:
            x0, y0, x1, y1 = self.box
            mask[y0:y1, x0:x1] = True
            return mask
        if sum(self.rle) != height * width:
            raise ValueError(f"the mask of {self.label} covers {sum(self.rle)} px, the picture has {height * width}")
        values = np.arange(len(self.rle)) % 2 == 1
        return np.repeat(values, self.rle).reshape(width, height).T.copy()


class Event(BaseModel):
    """A stretch of time in a clip, in which a thing stands out.

    Attributes:
        label: How answers call it: "event 1" is the strongest.
        start, end, peak: Seconds from the start of the clip; `peak` is when it is strongest.
        score: The highest score in it, in the detector's unit.
        p_value: Share of normal stretches that score as high (conformal, in (0, 1]); None where nothing is calibrated.
        tracks: The numbers of the tracks of the thing that it is about.
        region: Where that is at the peak.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    label: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)
    peak: float = Field(ge=0)
    score: float
    p_value: float | None = Field(default=None, gt=0, le=1)
    tracks: tuple[int, ...]
    region: Region


def run_lengths(mask: np.ndarray) -> tuple[int, ...]:
    """COCO's uncompressed run lengths of a boolean mask of shape (H, W): column-major, starting with zeros."""
    flat = np.asarray(mask, dtype=bool).T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], changes, [flat.size]]))
    return tuple(int(n) for n in (np.concatenate([[0], runs]) if flat.size and flat[0] else runs))


class Evidence(BaseModel):
    """One immutable measurement.

    Attributes:
        id: "E1", "E2" ...; given by the ledger.
        tool: The tool that measured it.
        arguments: What the tool was called with.
        statement: One or more plain sentences built from its own numbers; reads well by itself.
        kind: "observation" is measured on the media; "opinion" is what a vision-language model says of it, and bears
            no verdict; "limit" says what cannot be measured here, and why; "rule" is what the user said, or follows
            from it and from what `basis` measured; "knowledge" is quoted from a file of the user's.
        verdict: What the statement says of the whole picture, where it says anything of it.
        quantities: Its numbers.
        labels: Names with scores (0 to 1), where a tool names things.
        regions: The places it speaks of.
        events: The events it speaks of.
        basis: Ids of the evidence that it was concluded from.
        media: sha256 of the picture or clip it was measured on.
        figure: RGB uint8 (H, W, 3) that shows it, or None; left out of JSON.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)

    id: str = Field(pattern=r"^E[1-9]\d*$")
    tool: str
    arguments: Annotated[dict[str, Any], AfterValidator(_ReadOnly)] = _ReadOnly()
    statement: str = Field(min_length=1)
    kind: Literal["observation", "opinion", "limit", "rule", "knowledge"] = "observation"
    verdict: Literal["anomalous", "normal", "uncertain"] | None = None
    quantities: tuple[Quantity, ...] = ()
    labels: Annotated[dict[str, float], AfterValidator(_ReadOnly)] = _ReadOnly()
    regions: tuple[Region, ...] = ()
    events: tuple[Event, ...] = ()
    basis: tuple[str, ...] = ()
    media: str = ""
    figure: Annotated[np.ndarray | None, AfterValidator(_read_only)] = Field(default=None, exclude=True, repr=False)

    def quantity(self, name: str) -> Quantity:
        """The first quantity of that name; KeyError when there is none."""
        for quantity in self.quantities:
            if quantity.name == name:
                return quantity
        raise KeyError(f"{self.id} has no quantity {name!r}")


class Ledger:
    """The evidence of one conversation: append-only, in the order it was measured.

    Args:
        entries: What was measured in it before, E1 first.

    Example:
        >>> ledger = Ledger()
        >>> ledger.add(tool="score", statement="It scores 2.").id
        'E1'
    """

    def __init__(self, entries: Iterable[Evidence] = ()) -> None:
        self._entries = list(entries)
        self._lock = Lock()  # a tool that was left behind may still come to its end

    def add(self, **fields: Any) -> Evidence:
        """Append a measurement under the next id; `fields` are those of `Evidence` without `id`."""
        with self._lock:
            entry = Evidence(id=f"E{len(self._entries) + 1}", **fields)
            self._entries.append(entry)
        return entry

    def keep_figures_of(self, media: str) -> None:
        """Let go of the figures of what was measured on other media: they would be most of a long conversation."""
        with self._lock:
            self._entries = [
                entry if entry.media == media or entry.figure is None else entry.model_copy(update={"figure": None})
                for entry in self._entries
            ]

    def give_figure(self, evidence_id: str, figure: np.ndarray) -> None:
        """Give an entry back the figure, RGB uint8 (H, W, 3), that it was kept without."""
        with self._lock:
            self._entries = [
                entry.model_copy(update={"figure": figure}) if entry.id == evidence_id else entry
                for entry in self._entries
            ]

    def find(self, tool: str, arguments: dict[str, Any], media: str) -> Evidence | None:
        """What the same tool measured with the same arguments on the same media, so nothing is measured twice."""
        for entry in self._entries:
            if (entry.tool, entry.arguments, entry.media) == (tool, arguments, media):
                return entry
        return None

    def __getitem__(self, evidence_id: str) -> Evidence:
        for entry in self._entries:
            if entry.id == evidence_id:
                return entry
        raise KeyError(evidence_id)

    def __contains__(self, evidence_id: object) -> bool:
        return any(entry.id == evidence_id for entry in self._entries)

    def __iter__(self) -> Iterator[Evidence]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
