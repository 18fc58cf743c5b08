"""`xad eval refutation`: false alarms and recall with refutation, beside the bare limit, on changed pictures too."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.eval.changes import blurred, brighter, compressed, shifted
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.layout import Sample, read_category
from xad_agent.eval.machine import provenance
from xad_agent.eval.report import interval_of, percent

if TYPE_CHECKING:
    from xad_agent.media import Picture
    from xad_agent.picture_profile import PictureProfile


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda pixels: pixels,
    "brighter": partial(brighter, gain=1.2),
    "darker": partial(brighter, gain=0.8),
    "shifted": partial(shifted, px=5),
    "compressed": partial(compressed, quality=40),
    "blurred": partial(blurred, sigma=1.0),
}
ALL = "all"


def evaluate_refutation(
    directory: str | Path, *, pictures: int | None = None, alpha: float = 0.05, seed: int = 0, progress: bool = True
) -> dict[str, Any]:
    """Fit on train/good, then judge test pictures, each as it is and under each of `CHANGES`.

    Brightness is 20 % up and down, the shift 5 px right and down (the border repeated), JPEG of quality 40, and a blur
    of sigma 1 px. Flagged is what is called "anomalous"; "uncertain" is not, and is counted by itself.

    Args:
        directory: One category in a layout that `read_layout` knows.
        pictures: How many test pictures, half of them good, drawn with `seed`; None for all.
        alpha: False-alarm rate that the limits are set for.
        seed: Of the fit, the drawing and the bootstrap.
        progress: Whether bars are shown, on stderr.

    Returns:
        A JSON-able dict. `changes`: for each change, and for all together, `bare` and `refuted`, each with
        `false_alarms` and `recall` (with exact 95 % intervals but for all together, where a picture counts several
        times), `uncertain` (shares of good and of defective pictures), `equal_recall` (the false alarms of the one bare
        limit, for these changes, that finds at least as many defects as refutation leaves), and `saved` (these less
        those with refutation) with `saved_interval`, whole pictures being resampled. Also `n` and settings.

    Raises:
        XadError: The directory is not one category in a layout that is known.
    """
    from tqdm import tqdm

    from xad_agent.media import read_picture
    from xad_agent.picture_profile import PictureProfile

    category = read_category(directory)
    samples = _drawn(category.test, pictures, seed)
    profile = PictureProfile.fit([str(path) for path in category.normal], alpha=alpha, seed=seed, progress=progress)
    bar = tqdm(samples, desc="judging", disable=not progress)
    rows = np.array([judged(read_picture(sample.path), profile) for sample in bar])
    defective = np.array([sample.defective for sample in samples])
    return {
        "task": "refutation",
        "category": category.name,
        "directory": str(category.root.resolve()),
        "pictures": pictures,
        "alpha": alpha,
        "seed": seed,
        "threshold": profile.calibration.threshold(),
        "n": {"train": profile.fitted, "good": int((~defective).sum()), "defective": int(defective.sum())},
        "changes": compared(rows, defective, profile.calibration.threshold(), seed),
        **provenance(),
    }


def judged(picture: "Picture", profile: "PictureProfile") -> list[tuple[float, bool, bool]]:
    """Under each of `CHANGES` the score, and whether the verdict with refutation is "anomalous", and "uncertain"."""
    from xad_agent.media import read_picture
    from xad_agent.refutation import try_to_refute

    found = []
    for change in CHANGES.values():
        changed = read_picture(change(picture.pixels), name=picture.name)
        scored = profile.examine(changed)
        verdict = try_to_refute(changed, scored, profile).verdict
        found.append((scored.score, verdict == "anomalous", verdict == "uncertain"))
    return found


def compared(rows: np.ndarray, defective: np.ndarray, limit: float, seed: int) -> dict[str, Any]:
    """The result by change.

    Args:
        rows: (pictures, changes, 3), see `judged`.
        defective: Booleans (pictures,).
        limit: The bare one.
        seed: Of the bootstrap.
    """
    names = [*CHANGES, ALL]
    parts = [*(rows[:, [place]] for place in range(rows.shape[1])), rows]
    return {name: _compared(part, defective, limit, seed) for name, part in zip(names, parts, strict=True)}


def _compared(rows: np.ndarray, defective: np.ndarray, limit: float, seed: int) -> dict[str, Any]:
    good, bad = rows[~defective], rows[defective]

    def saved(good: np.ndarray, bad: np.ndarray) -> float:
        return float(at_equal_recall(good, bad).mean() - good[..., 1].mean())

    return {
        "bare": {"false_alarms": _share(good[..., 0] > limit), "recall": _share(bad[..., 0] > limit)},
        "refuted": {"false_alarms": _share(good[..., 1] > 0), "recall": _share(bad[..., 1] > 0)},
        "uncertain": {"good": _share(good[..., 2] > 0), "defective": _share(bad[..., 2] > 0)},
        "equal_recall": _share(at_equal_recall(good, bad)),
        "saved": saved(good, bad),
        "saved_interval": bootstrap_interval(saved, good, bad, seed=seed),
    }


def at_equal_recall(good: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Which good pictures the highest bare limit flags that finds at least as many defects as refutation leaves.

    Args:
        good, bad: (pictures, changes, 3), see `judged`.

    Returns:
        Booleans (good pictures, changes).
    """
    hits = int(bad[..., 1].sum())
    if not hits:
        return np.zeros(good.shape[:2], dtype=bool)
    return np.asarray(good[..., 0] >= np.sort(bad[..., 0], axis=None)[-hits])


def _share(outcomes: np.ndarray) -> dict[str, Any]:
    """A share; without interval where a picture counts several times."""
    share: dict[str, Any] = proportion(outcomes.ravel())
    return share if outcomes.shape[1] == 1 else {key: share[key] for key in ("value", "hits", "n")}


def _drawn(samples: tuple[Sample, ...], pictures: int | None, seed: int) -> list[Sample]:
    """Half good, half defective, as far as there are so many."""
    random = np.random.default_rng(seed)
    chosen = []
    for defective in (False, True):
        some = [sample for sample in samples if sample.defective == defective]
        most = len(some) if pictures is None else pictures // 2
        chosen += [some[place] for place in sorted(random.permutation(len(some))[:most])]
    return chosen


def as_text(result: dict[str, Any]) -> str:
    """A table: shares in %, with the 95 % interval of what refutation saves."""
    n = result["n"]
    lines = [f"{result['category']}: fitted on {n['train']}, tested on {n['good']} good and {n['defective']} defective"]
    for name, row in result["changes"].items():
        parts = [f"{how}: {_pair(row[how])}" for how in ("bare", "refuted")]
        equal = f"bare at equal recall: false alarms {percent(row['equal_recall'])}"
        saved = f"saved {percent(row['saved'])} {interval_of(row, 'saved')}"
        lines.append(f"{name}: {'; '.join([*parts, equal, saved])}")
    return "\n".join(lines)


def _pair(row: dict[str, Any]) -> str:
    return ", ".join(
        f"{words} {percent(row[key])} ({row[key]['hits']} of {row[key]['n']})"
        for key, words in (("false_alarms", "false alarms"), ("recall", "recall"))
    )
