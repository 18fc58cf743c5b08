"""The page of `xad eval xman`: precision of each class, its scores over time, and key frames with what was said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from xad_agent.eval.drawing import FOUND, TRUE, boxed
from xad_agent.eval.page import Example, Page, Plot, Table
from xad_agent.eval.plots import Bar, Curve, bars, curves, timeline
from xad_agent.eval.report import percent
from xad_agent.eval.xman_answers import Answers
from xad_agent.eval.xman_regions import TrueRegions
from xad_agent.eval.xman_report import as_text
from xad_agent.eval.xman_score import column_of
from xad_agent.eval.xman_set import XmanSet

_CURVES, _POINTS, _SAID = 8, 200, 3
_SETTINGS = ("labels", "clips", "pattern", "first", "answers", "profile", "normal", "regions")


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page shows besides the result.

    Attributes:
        found: The clips and their labels.
        answers: Scores of the clips that were scored.
        boxes: Clip -> float32 (frames, 4), where the strangest thing of each frame was found, px; NaN where nothing is.
        regions: Where anomalies truly are.
    """

    found: XmanSet
    answers: Answers
    boxes: Mapping[str, np.ndarray] = field(default_factory=dict)
    regions: TrueRegions | None = None

    def column(self, name: str, clip: str) -> tuple[np.ndarray, np.ndarray]:
        """Which frames of a clip have a class, and their scores."""
        return column_of(self.found.labels.of([clip]), self.answers, self.found.frames([clip]), name)


def xman_page(result: Mapping[str, Any], shown: Shown) -> Page:
    """The page of a result of `evaluate_answers` or `evaluate_profile`."""
    ranked = sorted(result["per_class_ap"], key=lambda name: -result["per_class_ap"][name])
    extremes = {"best class": ranked[:1], "worst class": ranked[1:][-1:]}
    chosen = [(f"{which}: {name}", name, _clip_of(name, shown)) for which, names in extremes.items() for name in names]
    return Page(
        f"Naming on {result['category']}: {result['labels']}",
        as_text(dict(result)),
        result,
        plots=(
            *_overview(result, shown, ranked),
            *(_timeline(*one, shown) for one in chosen),
            *_of_clips(result, shown),
        ),
        tables=(_items(result), _settings(result)),
        examples=tuple(example for title, name, _ in chosen for example in _examples(title, name, shown)),
    )


def _overview(result: Mapping[str, Any], shown: Shown, ranked: Sequence[str]) -> Iterator[Plot]:
    if not ranked:
        return
    rows = {name: result["classes"][name] for name in ranked}
    chance = {name: 100 * row["prevalence"] for name, row in rows.items()}
    yield Plot(
        "Average precision of each class, with its interval, beside chance",
        bars({name: _bar(row["ap"], row["ap_interval"]) for name, row in rows.items()}, "AP, %", chance),
    )
    half = _CURVES // 2
    some = list(ranked) if len(ranked) <= _CURVES else [*ranked[:half], *ranked[-half:]]
    which = "" if len(some) == len(ranked) else f", the {half} best and {half} worst classes"
    title = f"Precision over recall{which}"
    yield Plot(title, curves({name: _curve(name, shown) for name in some}, "recall", "precision"))


def _bar(value: float, ends: Sequence[float] | None) -> Bar:
    return (100 * value, 100 * ends[0], 100 * ends[1]) if ends else (100 * value, None, None)


def _curve(name: str, shown: Shown) -> Curve:
    from sklearn.metrics import precision_recall_curve

    clips = list(shown.answers.scores)
    truth, scores = column_of(shown.found.labels.of(clips), shown.answers, shown.found.frames(clips), name)
    precision, recall, _ = precision_recall_curve(truth, scores)
    some = np.unique(np.linspace(0, len(recall) - 1, min(len(recall), _POINTS)).astype(int))
    # Of a step, as the average precision takes it: a recall is reached with the precision of the score that reaches it.
    return np.repeat(recall[some], 2)[1:], np.repeat(precision[some], 2)[:-1]


def _clip_of(name: str, shown: Shown) -> str:
    """The clip with most frames of a class."""
    return max(shown.answers.scores, key=lambda clip: int(shown.column(name, clip)[0].sum()))


def _timeline(title: str, name: str, clip: str, shown: Shown) -> Plot:
    truth, scores = shown.column(name, clip)
    return Plot(f"{title}, its scores in clip {clip}", timeline(scores, truth))


def _of_clips(result: Mapping[str, Any], shown: Shown) -> Iterator[Plot]:
    """Timelines of the best and the worst clip, each of the class that most of its frames have."""
    known = sorted((item for item in result["items"] if item.get("map") is not None), key=lambda item: -item["map"])
    for which, items in {"best": known[:1], "worst": known[1:][-1:]}.items():
        for item in items:
            columns = [(name, *shown.column(name, item["item"])) for name in result["per_class_ap"]]
            name, truth, scores = max(columns, key=lambda column: int(column[1].sum()))
            title = f"{which} clip: {item['item']}, mAP {percent(item['map'])}, scores of {name}"
            yield Plot(title, timeline(scores, truth))


def _examples(title: str, name: str, shown: Shown) -> Iterator[Example]:
    """The frames that have a class where it was seen most and least surely, and the most mistaken that has it not."""
    columns = {clip: shown.column(name, clip) for clip in shown.answers.scores}
    places = [(clip, frame) for clip, (truth, _) in columns.items() for frame in range(len(truth))]
    truth, scores = (np.concatenate(parts) for parts in zip(*columns.values(), strict=True))
    chosen = {
        "surest of those that have it": _middle(truth & (scores == scores[truth].max())),
        "least sure of those that have it": _middle(truth & (scores == scores[truth].min())),
        "surest of those that have it not": _middle(~truth & (scores == scores[~truth].max())),
    }
    for number, (why, place) in enumerate(chosen.items()):
        if place not in list(chosen.values())[:number]:
            yield _example(f"{title}, {why}", *places[place], shown)


def _middle(wanted: np.ndarray) -> int:
    """Of the frames that are wanted, bool (N,), the one in the middle."""
    found = np.flatnonzero(wanted)
    return int(found[len(found) // 2])


def _example(title: str, clip: str, frame: int, shown: Shown) -> Example:
    from xad_agent.media import read_clip

    labels, numbers = shown.found.labels, shown.found.clips[clip].numbers
    row = shown.answers.scores[clip][frame]
    said = [f"{shown.answers.classes[k]} {row[k]:.3g}" for k in np.argsort(-row, kind="stable")[:_SAID] if row[k] > 0]
    true = sorted(labels.frames.get((clip, numbers[frame]), ())) or ["normal"]
    pixels = read_clip(shown.found.clips[clip].path).frame(frame).pixels
    text = f"true: {', '.join(true)}\nsaid: {', '.join(said) or 'nothing'}"
    drawn = ("green: true region; red: the strangest thing found", _drawn(pixels, clip, frame, shown))
    return Example(f"{title}: clip {clip}, frame {numbers[frame]}", (drawn,), text)


def _drawn(pixels: np.ndarray, clip: str, frame: int, shown: Shown) -> Image.Image:
    places = shown.regions.places(clip).get(frame, ()) if shown.regions else ()
    boxes = [(box, TRUE, "") for _, box in places]
    if clip in shown.boxes and not np.isnan(shown.boxes[clip][frame]).any():
        boxes.append((tuple(shown.boxes[clip][frame].tolist()), FOUND, ""))
    return boxed(pixels, boxes)


def _items(result: Mapping[str, Any]) -> Table:
    keys = [key for key in ("map", "map_detector_alone", "map_true_regions") if any(key in i for i in result["items"])]
    rows = tuple(
        (
            item["item"],
            *(str(item.get(key, "-")) for key in ("frames", "labelled_frames")),
            *(percent(item.get(key)) for key in keys),
            f"{item['seconds']:.1f}",
            item.get("error", ""),
        )
        for item in result["items"]
    )
    names = (key.replace("_", " ").replace("map", "mAP") for key in keys)
    return Table("Clips", ("clip", "frames", "labelled", *names, "seconds", "error"), rows)


def _settings(result: Mapping[str, Any]) -> Table:
    rows = tuple((key, str(result[key])) for key in _SETTINGS if result.get(key))
    return Table("What was measured", ("", ""), rows)
