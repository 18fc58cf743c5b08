"""Which words for states fit a place of a picture: WinCLIP's view of it, put into words."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xad_agent.errors import XadError
from xad_agent.media.picture import Picture
from xad_agent.perception.clip import Clip
from xad_agent.prompts import vocabulary

Kind = Literal["normal", "anomalous"]


@dataclass(frozen=True)
class Word:
    """How well a word fits a place.

    Attributes:
        word: "with scratch", "flawless": of prompts/winclip.yaml, without the thing's name.
        kind: Whether it speaks of a sound or of a damaged thing.
        similarity: Cosine of the place's and the word's embeddings, -1 to 1.
        probability: Of the word beside all the others there, at the model's own scale; they sum to 1.
        elsewhere: The same of the picture outside the place; None where the place leaves no window out.
    """

    word: str
    kind: Kind
    similarity: float
    probability: float
    elsewhere: float | None


def share_of_cells(
    picture: Picture, place: np.ndarray | tuple[float, float, float, float], grid: tuple[int, int]
) -> Tensor:
    """How much of each cell of a grid over the picture a place takes, 0 to 1, float32 (rows x columns,).

    Raises:
        XadError: The place is empty, outside the picture, inverted or of another size.
    """
    mask = place if isinstance(place, np.ndarray) and place.ndim == 2 else _of_box(picture, place)
    if mask.shape != (picture.height, picture.width):
        raise XadError(f"a mask of {mask.shape} is not of {picture.name}, {picture.height} x {picture.width} px")
    if not mask.any():
        raise XadError("an empty place has no words: give a mask or a box with something in it")
    return functional.adaptive_avg_pool2d(torch.from_numpy(mask.astype(np.float32))[None], grid).flatten()


def words_for(clip: Clip, thing: str, windows: Tensor, shares: Tensor) -> list[Word]:
    """The words that fit a place, most probable first.

    Args:
        clip: The model that saw it.
        thing: What the picture shows.
        windows: Embeddings of all windows, of length 1, (N, D).
        shares: How much of each window lies in the place, (N,).
    """
    states: list[tuple[str, Kind]] = [
        (word, kind) for kind in ("normal", "anomalous") for word in vocabulary("winclip")["explain"][kind]
    ]
    text = _embedded(clip, thing, [word for word, _ in states])
    similarity = _mean(windows, shares) @ text.T
    inside = (clip.scale * similarity).softmax(dim=-1)
    rest = (shares == 0).float()
    outside = (
        (clip.scale * _mean(windows, rest) @ text.T).softmax(dim=-1).tolist() if rest.any() else [None] * len(states)
    )
    found = [
        Word(word.format("").strip(), kind, float(s), float(p), e)
        for (word, kind), s, p, e in zip(states, similarity, inside, outside, strict=True)
    ]
    return sorted(found, key=lambda word: -word.probability)


def _embedded(clip: Clip, thing: str, states: list[str]) -> Tensor:
    templates = vocabulary("winclip")["explain"]["templates"]
    prompts = [template.format(state.format(thing)) for state in states for template in templates]
    embeddings = functional.normalize(torch.from_numpy(clip.text(prompts)), dim=-1)
    return functional.normalize(embeddings.view(len(states), len(templates), -1).mean(dim=1), dim=-1)


def _mean(windows: Tensor, weights: Tensor) -> Tensor:
    return functional.normalize(weights @ windows, dim=-1)


def _of_box(picture: Picture, place: np.ndarray | tuple[float, float, float, float]) -> np.ndarray:
    x0, y0, x1, y1 = (float(edge) for edge in place)
    if not (x0 < x1 and y0 < y1):
        raise XadError(f"the box {place} is inverted or empty: give x0 y0 x1 y1 with x0 < x1 and y0 < y1")
    rows = slice(max(0, int(np.floor(y0))), max(0, int(np.ceil(y1))))
    columns = slice(max(0, int(np.floor(x0))), max(0, int(np.ceil(x1))))
    mask = np.zeros((picture.height, picture.width), dtype=bool)
    mask[rows, columns] = True
    if not mask.any():
        raise XadError(f"the box {place} lies outside {picture.name}, {picture.width} x {picture.height} px")
    return mask
