"""Which examples a report of pictures shows, and how found boxes are shown."""

from pathlib import Path

import numpy as np

from xad_agent.eval.image_page import best_and_worst, box_regions
from xad_agent.eval.samples import Sample


def item(name, kind, score, iou=None, limit=5):
    record = {"score": score, "anomalous": score > limit} | ({"iou": iou} if iou is not None else {})
    return Sample(Path(name), kind, None), record


def test_the_best_come_first_then_missed_ones_false_alarms_and_ill_placed_ones():
    done = [
        *(item(f"f{n}", "cut", 9, n / 10) for n in range(6)),
        *(item(f"m{n}", "dent", n, 0) for n in range(5)),
        *(item(f"g{n}", "good", n + 3) for n in range(6)),
    ]
    shown = [(why, sample.path.name) for why, sample, _ in best_and_worst(done, "iou")]
    assert shown == [
        *(("best", name) for name in ("f5", "f4", "f3")),
        *(("worst: missed", name) for name in ("m0", "m1", "m2")),
        *(("worst: false alarm", name) for name in ("g5", "g4")),
    ]
    few = best_and_worst(done[:5], "iou")
    assert [(why, sample.path.name) for why, sample, _ in few[3:]] == [
        ("worst: ill placed", "f0"),
        ("worst: ill placed", "f1"),
    ]


def test_boxes_above_the_limit_are_numbered_by_confidence():
    boxes = np.array([[0, 0, 4, 4, 1.0], [5, 5, 9, 7, 3.0], [1, 1, 2, 2, 0.5]])
    regions = box_regions(boxes, 0.5, (8, 10))
    assert [(region.label, region.box) for region in regions] == [
        ("region 1", (5, 5, 9, 7)),
        ("region 2", (0, 0, 4, 4)),
    ]
    assert regions[0].mask(8, 10).sum() == 8
