"""The report of `xad eval answers`: plots, and the best and the worst answers, with picture, truth and text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from xad_agent.answer import Answer
from xad_agent.errors import XadError
from xad_agent.eval.answer_names import named_regions
from xad_agent.eval.answer_sets import Item
from xad_agent.eval.answers_summary import SHARES
from xad_agent.eval.answers_text import as_text
from xad_agent.eval.page import Example, Page, Plot
from xad_agent.eval.plots import bars
from xad_agent.eval.store import Record
from xad_agent.evidence import Region
from xad_agent.media import is_clip, read_clip, read_picture

SHOWN = 3
TRUE, SAID = (0, 200, 0), (255, 64, 0)


def page_of(result: Mapping[str, Any], scored: Sequence[tuple[Item, Record]]) -> Page:
    """The page of a set: shares of each asker, and its best and worst answers."""
    shares = {
        f"{title} ({name})": (one[key]["value"], one[key]["low"], one[key]["high"])
        for name, one in result["askers"].items()
        for key, title in SHARES.items()
        if one[key]["n"]
    }
    asker = next(iter(result["askers"]))
    judged = {item["item"]: item[asker] for item in result["items"]}
    asked = [(item, record) for item, record in scored if "error" not in record]
    ranked = sorted(asked, key=lambda pair: goodness(judged[pair[0].name]), reverse=True)
    examples = [
        _example(f"{title}: {item.name}", item, Answer.model_validate(record["answers"][asker]["answer"]))
        for title, item, record in ends(ranked)
    ]
    return Page(
        f"Answers about {result['category']}",
        as_text(result),
        result,
        plots=(Plot("Shares, with 95 % intervals", bars(shares, "share")),),
        examples=tuple(examples),
    )


def goodness(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """By what answers are ranked: unsupported claims last, then verdict, pointing and IoU, then the name."""
    return (not row["unsupported"], row["right"], row["pointed"], row["iou"], row.get("name_right", False))


def ends(ranked: Sequence[tuple[Any, Any]]) -> Iterable[tuple[str, Any, Any]]:
    """The first and the last few of what is ranked, the best first, and which they are."""
    most = min(SHOWN, (len(ranked) + 1) // 2)
    yield from (("best", *pair) for pair in ranked[:most])
    yield from (("worst", *pair) for pair in ranked[max(most, len(ranked) - SHOWN) :][::-1])


def _example(title: str, item: Item, answer: Answer) -> Example:
    regions = named_regions(answer)
    frame = regions[0].frames[2] if regions and regions[0].frames else 0
    text = f"Asked: {answer.question}\nTruth: {item.type or item.kind} {', '.join(item.labels or ())}\n"
    try:
        pixels = frame_of(item.path, frame)
        shown = outlines(pixels, item.truth(frame, *pixels.shape[:2]), regions)
    except XadError as error:
        return Example(title, (), f"{text}{answer.text}\n({error})")
    return Example(title, (("true place in green, the answer's in red", shown),), text + answer.text)


def frame_of(path: Any, frame: int) -> np.ndarray:
    """A picture, or a frame of a clip, RGB uint8 (H, W, 3)."""
    return read_clip(path).frame(frame).pixels if is_clip(path) else read_picture(path).pixels


def outlines(pixels: np.ndarray, true: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
    """A picture with the edges of what is true, and of what an answer names, drawn in."""
    import cv2

    shown = pixels.copy()
    masks = [(true, TRUE), *((region.mask(*pixels.shape[:2]), SAID) for region in regions)]
    for mask, colour in masks:
        edges, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, edges, -1, colour, max(1, max(shown.shape) // 256))
    return shown
