"""`xad eval refutation`: what is counted, and against which bare limit."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.normal import NormalProfile, picture, texture, with_square
from xad_agent.errors import XadError
from xad_agent.eval.refutation import ALL, CHANGES, as_text, at_equal_recall, compared, evaluate_refutation, judged
from xad_agent.picture_profile import PictureProfile

PLACES = len(CHANGES)


def rows(*pictures: tuple[float, bool, bool]) -> np.ndarray:
    """Pictures that come out alike under every change."""
    return np.array([[one] * PLACES for one in pictures], float)


GOOD = rows((1, False, False), (3, False, True), (4, True, False), (2.5, False, False))
BAD = rows((5, True, False), (3, True, False), (2.5, False, True), (2, False, False))
RESULT = compared(np.concatenate([GOOD, BAD]), np.repeat([False, True], 4), limit=2.2, seed=0)


@pytest.mark.parametrize("name", [*CHANGES, ALL])
def test_by_hand(name: str) -> None:
    row, times = RESULT[name], PLACES if name == ALL else 1
    assert row["bare"]["false_alarms"]["hits"] == 3 * times
    assert row["bare"]["recall"]["hits"] == 3 * times
    assert row["refuted"]["false_alarms"]["hits"] == 1 * times
    assert row["refuted"]["recall"]["hits"] == 2 * times
    assert row["uncertain"]["good"]["hits"] == row["uncertain"]["defective"]["hits"] == 1 * times
    # A bare limit of 3 finds two of the defects, too, and flags the good ones of 3 and of 4.
    assert row["equal_recall"]["hits"] == 2 * times
    assert row["saved"] == pytest.approx(1 / 4)
    assert row["saved_interval"][0] <= row["saved"] <= row["saved_interval"][1]
    assert ("low" in row["bare"]["recall"]) == (name != ALL)


def test_one_bare_limit_serves_all_changes() -> None:
    good = np.array([[(1, False, False), (9, False, False)]], float)
    bad = np.array([[(3, True, False), (10, False, False)]], float)
    assert at_equal_recall(good, bad).tolist() == [[False, False]]  # at 10 one of two is found, as with refutation
    assert at_equal_recall(good[:, :1], bad[:, :1]).tolist() == [[False]]
    assert not at_equal_recall(good, bad * [1, 0, 1]).any(), "where none is left, no limit need find any"


def test_changes() -> None:
    pixels = texture(0)
    changed = {name: change(pixels) for name, change in CHANGES.items()}
    assert all(made.shape == pixels.shape and made.dtype == np.uint8 for made in changed.values())
    np.testing.assert_array_equal(changed["as it is"], pixels)
    np.testing.assert_array_equal(changed["shifted"][5:, 5:], pixels[:-5, :-5])
    np.testing.assert_array_equal(changed["shifted"][:5, 5:], np.repeat(pixels[:1, :-5], 5, axis=0))
    assert changed["brighter"].mean() == pytest.approx(1.2 * pixels.mean(), rel=0.01)
    assert changed["darker"].mean() == pytest.approx(0.8 * pixels.mean(), rel=0.01)
    assert CHANGES["brighter"](np.full((2, 2, 3), 250, np.uint8)).max() == 255
    assert changed["blurred"].std() < 0.5 * pixels.std()


def test_a_picture_is_judged_under_every_change() -> None:
    found = judged(picture(with_square((40, 20, 52, 32))), NormalProfile())
    assert [flags[1:] for flags in found] == [(True, False)] * PLACES
    assert found[0][0] > NormalProfile().calibration.threshold()


@pytest.fixture
def category(tmp_path: Path) -> Path:
    for place, seeds in (("train/good", range(6)), ("test/good", (6, 7)), ("test/square", (8, 9))):
        (tmp_path / "part" / place).mkdir(parents=True)
        for seed in seeds:
            pixels = with_square((10, 10, 30, 30), seed=seed) if "square" in place else texture(seed)
            Image.fromarray(pixels).save(tmp_path / "part" / place / f"{seed}.png")
    (tmp_path / "part/ground_truth/square").mkdir(parents=True)
    mask = np.zeros((96, 96), np.uint8)
    mask[10:30, 10:30] = 255
    for seed in (8, 9):
        Image.fromarray(mask).save(tmp_path / f"part/ground_truth/square/{seed}_mask.png")
    return tmp_path / "part"


def test_a_category_is_judged(category: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PictureProfile, "fit", lambda normal, **_: NormalProfile())
    result = evaluate_refutation(category, pictures=2, progress=False)
    assert (result["n"]["good"], result["n"]["defective"]) == (1, 1)
    assert result == evaluate_refutation(category, pictures=2, progress=False)
    assert result["changes"][ALL]["refuted"]["recall"]["hits"] == PLACES
    assert as_text(result).count("\n") == PLACES + 1
    assert evaluate_refutation(category, progress=False)["n"]["defective"] == 2


def test_several_categories_are_refused(category: Path) -> None:
    (category.parent / "other").symlink_to(category)
    with pytest.raises(XadError, match="name one of them"):
        evaluate_refutation(category.parent, progress=False)
