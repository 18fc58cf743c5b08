"""The page of `xad eval clips`: bars, score timelines of the best and the worst clips, and key frames with boxes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from xad_agent.eval.clip_metrics import frame_auc_micro
from xad_agent.eval.clip_report import INTERVALS, as_text
from xad_agent.eval.clip_summary import Measured
from xad_agent.eval.drawing import FOUND, TRUE, boxed
from xad_agent.eval.page import Example, Page, Plot
from xad_agent.eval.plots import bars, score_histogram, timeline
from xad_agent.eval.report import percent

SHOWN = 3


def clip_page(result: dict[str, Any], clips: Sequence[Measured]) -> Page:
    """What to show of a result of `evaluate_clips` and the clips that it is of."""
    chosen = best_and_worst(clips)
    return Page(
        f"Clips of {result['category']}",
        as_text(result),
        result,
        plots=(*_overview(result, clips), *(_timeline(title, one) for title, one in chosen)),
        examples=tuple(_example(title, one) for title, one in chosen),
    )


def best_and_worst(clips: Sequence[Measured]) -> list[tuple[str, Measured]]:
    """The best clips by their own frame AUC, then the worst, each said to be so; no clip twice."""
    aucs = [(frame_auc_micro([one.clip.labels], [one.scores.frame]), one) for one in clips]
    known = sorted(((auc, one) for auc, one in aucs if auc is not None), key=lambda pair: (-pair[0], pair[1].clip.name))
    count = min(SHOWN, len(known) // 2)
    shown = [("best", pair) for pair in known[:count]]
    shown += [("worst", pair) for pair in known[::-1][: min(SHOWN, len(known) - count)]]
    return [(f"{which}: clip {one.clip.name}, frame AUC {percent(auc)}", one) for which, (auc, one) in shown]


def _overview(result: dict[str, Any], clips: Sequence[Measured]) -> tuple[Plot, ...]:
    values = {
        name: (100 * result[key], *(100 * end for end in result[f"{key}_interval"] or ()))
        for name, key in INTERVALS
        if result[key] is not None
    }
    measured = {name: (*ends, None, None)[:3] for name, ends in values.items()}
    labels = np.concatenate([one.clip.labels for one in clips])
    frames = np.concatenate([one.scores.frame for one in clips])
    limits = {one.limit for one in clips}
    histogram = score_histogram(
        {"normal frames": frames[~labels].tolist(), "anomalous frames": frames[labels].tolist()},
        limits.pop() if len(limits) == 1 else None,
    )
    plots = [Plot("Scores of frames and the limit", histogram)]
    return (Plot("Metrics with 95 % intervals", bars(measured, "%")), *plots) if measured else tuple(plots)


def _timeline(title: str, one: Measured) -> Plot:
    return Plot(title, timeline(one.scores.frame, one.clip.labels, one.limit))


def _example(title: str, one: Measured) -> Example:
    pictures = tuple((caption, _drawn(one, frame)) for caption, frame in _key_frames(one))
    return Example(title, pictures, "Green: true; red: the strongest regions found, with their scores.")


def _key_frames(one: Measured) -> list[tuple[str, int]]:
    """The anomalous frames that stand out most and least, and the normal one that stands out most."""
    scores, labels = one.scores.frame, one.clip.labels
    anomalous, normal = np.flatnonzero(labels), np.flatnonzero(~labels)
    named = [
        ("anomalous, highest score", anomalous[scores[anomalous].argmax()]),
        ("anomalous, lowest score", anomalous[scores[anomalous].argmin()]),
        ("normal, highest score", normal[scores[normal].argmax()]),
    ]
    return [(f"frame {frame}: {what}, {scores[frame]:.3g}, limit {one.limit:.3g}", int(frame)) for what, frame in named]


def _drawn(one: Measured, frame: int) -> Image.Image:
    from xad_agent.media import read_clip

    own = one.scores.boxes[one.scores.boxes[:, 0] == frame]
    found = [(tuple(box), FOUND, f"{score:.3g}") for *box, score in own[np.argsort(own[:, 5])][-SHOWN:, 1:].tolist()]
    true = [(box, TRUE, "") for track in (one.clip.tracks or {}).values() if (box := track.get(frame))]
    return boxed(read_clip(one.clip.path).frame(frame).pixels, [*found, *true])
