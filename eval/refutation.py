"""`xad eval refutation`: false alarms and recall with refutation, beside the bare limit, on changed pictures too."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.changes import Change
from xad_agent.errors import XadError
from xad_agent.eval.intervals import bootstrap_interval, proportion
from xad_agent.eval.layout import Sample, read_layout
from xad_agent.eval.machine import revision, versions
from xad_agent.eval.report import interval_of, percent

if TYPE_CHECKING:
    from xad_agent.media import Picture
    from xad_agent.picture_profile import PictureProfile

CHANGES = {
    "as it is": Change(),
    "brighter": Change(gain=1.2),
    "darker": Change(gain=0.8),
    "shifted": Change(right=5, down=5),
    "compressed": Change(quality=40),
    "blurred": Change(blur=1.0),
}
ALL = "all"


def evaluate_refutation(
    directory: str | Path, *, pictures: int = 40, alpha: float = 0.05, seed: int = 0, progress: bool = True
) -> dict[str, Any]:
    """Fit on train/good, then judge test pictures, each as it is and under each of `CHANGES`.

    Brightness is 20 % up and down, the shift 5 px right and down (the border repeated), JPEG of quality 40, and a blur
    of sigma 1 px. Flagged is what is called "anomalous"; "uncertain" is not.

    Args:
        directory: One category in MVTec's layout.
        pictures: How many test pictures, half of them good, drawn with `seed`.
        alpha: False-alarm rate that the limit is set for.
        seed: Of the fit, the drawing and the bootstrap.
        progress: Whether bars are shown, on stderr.

    Returns:
        A JSON-able dict. `changes`: for each change, and for all together, `bare` and `refuted`, each with
        `false_alarms` and `recall` (shares with exact 95 % intervals; of all together without), `equal_recall` (the
        false alarms of a bare limit raised, for that change, until its recall is that with refutation), and `saved`
        (these less those with refutation) with `saved_interval`, pictures being resampled. Also `n` and settings.

    Raises:
        XadError: The directory is not one category in MVTec's layout.
    """
    from tqdm import tqdm

    from xad_agent.media import read_picture
    from xad_agent.picture_profile import PictureProfile

    category, *others = read_layout(directory)
    if others:
        raise XadError(f"{directory}: holds several categories; name one of them", exit_code=2)
    samples = _drawn(category.test, pictures, seed)
    profile = PictureProfile.fit([str(path) for path in category.normal], alpha=alpha, seed=seed, progress=progress)
    rows = [
        judged(read_picture(sample.path), profile) for sample in tqdm(samples, desc="judging", disable=not progress)
    ]
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
        "changes": compared(np.array(rows), defective, profile.calibration.threshold(), seed),
        "versions": versions(),
        "revision": revision(),
    }


def judged(picture: "Picture", profile: "PictureProfile") -> list[tuple[float, bool]]:
    """The score under each of `CHANGES`, and whether the picture is still flagged after refutation."""
    from xad_agent.case import Case
    from xad_agent.evidence import Ledger
    from xad_agent.refutation import try_to_refute

    found = []
    for change in CHANGES.values():
        case = Case(change.apply(picture), profile, Ledger())
        score = case.anomaly_map.score
        flagged = score > profile.calibration.threshold()
        stands = flagged and try_to_refute(case.picture, case.regions, profile).verdict == "anomalous"
        found.append((score, stands))
    return found


def compared(rows: np.ndarray, defective: np.ndarray, limit: float, seed: int) -> dict[str, Any]:
    """The result by change.

    Args:
        rows: (pictures, changes, 2): the score, and 1 where it is flagged after refutation.
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
        return _at_equal_recall(good, bad).mean() - good[..., 1].mean()

    return {
        "bare": {"false_alarms": _share(good[..., 0] > limit), "recall": _share(bad[..., 0] > limit)},
        "refuted": {"false_alarms": _share(good[..., 1] > 0), "recall": _share(bad[..., 1] > 0)},
        "equal_recall": _share(_at_equal_recall(good, bad)),
        "saved": saved(good, bad),
        "saved_interval": bootstrap_interval(saved, good, bad, seed=seed),
    }


def _at_equal_recall(good: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Which good pictures a bare limit flags, for each change the highest one that misses no more defective ones."""
    flagged = []
    for place in range(bad.shape[1]):
        scores, hits = np.sort(bad[:, place, 0])[::-1], int(bad[:, place, 1].sum())
        flagged.append(good[:, place, 0] >= scores[hits - 1] if hits else np.zeros(len(good), dtype=bool))
    return np.stack(flagged, axis=1)


def _share(outcomes: np.ndarray) -> dict[str, Any]:
    """A share; without interval where a picture counts several times."""
    share: dict[str, Any] = proportion(outcomes.ravel())
    return share if outcomes.shape[1] == 1 else {key: share[key] for key in ("value", "hits", "n")}


def _drawn(samples: tuple[Sample, ...], pictures: int, seed: int) -> list[Sample]:
    """Half good, half defective, as far as there are so many."""
    random = np.random.default_rng(seed)
    chosen = []
    for defective in (False, True):
        some = [sample for sample in samples if sample.defective == defective]
        chosen += [some[place] for place in sorted(random.permutation(len(some))[: pictures // 2])]
    return chosen


def as_text(result: dict[str, Any]) -> str:
    """A table: shares in %, with 95 % intervals."""
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
