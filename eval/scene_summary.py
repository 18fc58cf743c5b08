"""What answers about the laboratory scenes come to, beside chance, with intervals over whole arrangements."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from xad_agent.answer import Answer
from xad_agent.eval.batch import failures
from xad_agent.eval.intervals import clustered_interval, mean_of
from xad_agent.eval.judge import grade_summary
from xad_agent.eval.references import similarities, similarity_summary, spoken
from xad_agent.eval.scenes import Check, SceneSet
from xad_agent.eval.store import Record
from xad_agent.llm.sentences import embed

Asked = Sequence[tuple[Check, Record]]

NOTES = (
    "normal is learned for each check and camera, over all views: half of the pictures of each normal arrangement, "
    "drawn with the seed, which no check then asks about; others of the same arrangement, from elsewhere, are tested",
    "verdict right: anomalous or normal as labelled; uncertain is never right. balanced: the mean of that of the "
    "anomalous and of the normal checks, 50 % for whoever always says the same",
    "type right and place: of the anomalous checks; an answer that names no type is not right, and counted by itself; "
    "IoU of all regions that the claims rest on against the boxes, 0 without any; pointing: the strongest peaks in one",
    "by chance: pointing at random; IoU of the whole picture; the most frequent verdict, and type, of those tested",
    "nearer (same check): as nearer, but only to what other pictures of the same check are said to show; the check as "
    "answer: what its own words get where they are taken for one, since references repeat them",
    "intervals: 95 %, by bootstrap over whole arrangements, since their pictures and checks hang together",
)


def summarise(scored: Sequence[tuple[Check, Record]], found: SceneSet, seed: int) -> dict[str, Any]:
    """What the answers come to; see `evaluate_scenes`."""
    asked = [(check, record) for check, record in scored if "error" not in record]
    defective = [(check, record) for check, record in asked if check.anomalous]
    steps = sorted({check.step for check, _ in asked}, key=lambda step: (len(step), step))
    return {
        "n": {
            "good": len(asked) - len(defective),
            "defective": len(defective),
            "pictures": len({check.image for check, _ in asked}),
            "scenes": len({found.scenes[check.image] for check, _ in asked}),
            "learned": len({path for paths in found.normal.values() for path in paths}),
            "failed": len(scored) - len(asked),
        },
        "verdict": _verdicts(asked, found, seed),
        "type": _types(defective, found, seed),
        "place": _places(defective, found, seed),
        **_sentences(asked, found, seed),
        "by_step": {step: _of_step([pair for pair in asked if pair[0].step == step]) for step in steps},
        "items": [
            {"item": check.name, "kind": record["scene_kind"],
             **{key: value for key, value in record.items() if key not in {"answer", "item", "kind", "scene_kind"}}}
            for check, record in asked
        ],
        "failed": failures(record for _, record in scored),
        "notes": list(NOTES),
    }  # fmt: skip


def _mean(asked: Asked, key: str, found: SceneSet, seed: int) -> dict[str, Any]:
    return mean_of([record[key] for _, record in asked], _groups(asked, found), seed)


def _groups(asked: Asked, found: SceneSet) -> list[int]:
    return [found.scenes[check.image] for check, _ in asked]


def _verdicts(asked: Asked, found: SceneSet, seed: int) -> dict[str, Any]:
    truth = np.array([check.anomalous for check, _ in asked])
    right = np.array([record["right"] for _, record in asked])
    groups = _groups(asked, found)

    def balanced(places: np.ndarray) -> float:
        halves = [right[places][truth[places] == side] for side in (True, False)]
        return float(np.mean([half.mean() for half in halves])) if all(map(len, halves)) else np.nan

    value = balanced(np.arange(len(asked)))
    low, high = clustered_interval(balanced, groups, seed) or (None, None)
    said = [record["verdict"] for _, record in asked]
    return {
        "balanced": {"value": None if np.isnan(value) else value, "low": low, "high": high, "n": len(asked)},
        "accuracy": _mean(asked, "right", found, seed),
        "majority": float(max(truth.mean(), 1 - truth.mean())),
        "recall": _mean([pair for pair in asked if pair[0].anomalous], "right", found, seed),
        "false_alarm_rate": mean_of(
            [record["verdict"] == "anomalous" for check, record in asked if not check.anomalous],
            [found.scenes[check.image] for check, _ in asked if not check.anomalous],
            seed,
        ),
        "uncertain": mean_of([verdict == "uncertain" for verdict in said], groups, seed),
        "unlearned": sum(record["learned"] == 0 for _, record in asked),
    }


def _types(defective: Asked, found: SceneSet, seed: int) -> dict[str, Any]:
    named = [pair for pair in defective if pair[1]["named"]]
    counts = Counter(check.type for check, _ in defective)
    return {
        "right": _mean(defective, "name_right", found, seed),
        "right_of_named": _mean(named, "name_right", found, seed),
        "cannot_tell": len(defective) - len(named),
        "majority": max(counts.values()) / len(defective) if defective else None,
        "unmapped": dict(Counter(label for _, record in defective for label in record["unmapped"]).most_common()),
    }


def _places(defective: Asked, found: SceneSet, seed: int) -> dict[str, Any]:
    boxed = [pair for pair in defective if pair[0].boxes]
    return {
        "n": len(boxed),
        "pointing": _mean(boxed, "pointed", found, seed),
        "iou": _mean(boxed, "iou", found, seed),
        "area": _mean(boxed, "area", found, seed),
        "no_region": sum(not record["placed"] for _, record in boxed),
    }


def _sentences(asked: Asked, found: SceneSet, seed: int) -> dict[str, Any]:
    told = [(check, record) for check, record in asked if check.sentence]
    if not told:
        return {}
    groups, own = _groups(told, found), [[check.sentence] for check, _ in told]
    said = [spoken(Answer.model_validate(record["answer"])) for _, record in told]
    near = similarities(said, own, embed)
    asking = similarities([check.content for check, _ in told], own, embed)
    for (_, record), row in zip(told, near, strict=True):
        record |= row
    graded = [(record["grades"], group) for (_, record), group in zip(told, groups, strict=True) if "grades" in record]
    grades = grade_summary([row for row, _ in graded], [group for _, group in graded], seed)
    return {
        "reference": {
            **similarity_summary(near, groups, seed),
            "nearer_same_check": _same_check(told, said, found, seed),
            "question_as_answer": similarity_summary(asking, groups, seed),
        },
        **({"grades": grades} if graded else {}),
    }


def _same_check(told: Asked, said: Sequence[str], found: SceneSet, seed: int) -> dict[str, Any]:
    values, groups = [], []
    for content in dict.fromkeys(check.content for check, _ in told):
        places = [place for place, (check, _) in enumerate(told) if check.content == content]
        rows = similarities([said[place] for place in places], [[told[place][0].sentence] for place in places], embed)
        for place, row in zip(places, rows, strict=True):
            if row["nearer"] is not None:
                values.append(row["nearer"])
                groups.append(found.scenes[told[place][0].image])
    return mean_of(values, groups, seed)


def _of_step(asked: Asked) -> dict[str, Any]:
    sides = {
        True: [r["right"] for c, r in asked if c.anomalous],
        False: [r["right"] for c, r in asked if not c.anomalous],
    }
    return {
        "check": asked[0][0].content,
        "recall": [sum(sides[True]), len(sides[True])],
        "passed": [sum(sides[False]), len(sides[False])],
        "uncertain": sum(record["verdict"] == "uncertain" for _, record in asked),
    }
