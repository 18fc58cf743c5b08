import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.normal import picture, texture
from xad_agent.changes import Change, Usual, estimate, look_at

RAMP = np.linspace(-50, 50, 96)[None, :, None]  # grey levels, so that contrast is more than a few of them
GOOD = [picture((texture(seed) + RAMP).astype(np.uint8), f"{seed}.png") for seed in range(8)]
USUAL = Usual(tuple(look_at(good) for good in GOOD))


@settings(max_examples=20, deadline=None)
@given(st.one_of(st.floats(0.6, 0.85), st.floats(1.15, 1.5)))
def test_a_gain_is_estimated_and_undone(gain: float) -> None:
    changed = Change(gain=gain).apply(GOOD[0])
    found = estimate(changed, look_at(changed), USUAL, GOOD[:3])
    assert found.gain == pytest.approx(gain, rel=0.05)
    assert look_at(found.undo(changed)).brightness == pytest.approx(128, abs=4)


def test_a_good_picture_is_unchanged() -> None:
    assert estimate(GOOD[0], look_at(GOOD[0]), USUAL, GOOD[:3]) == Change()


def test_a_blur_is_estimated() -> None:
    changed = Change(blur=1.0).apply(GOOD[0])
    assert estimate(changed, look_at(changed), USUAL, GOOD[:3]).blur == pytest.approx(1.0, abs=0.5)


def test_no_change_leaves_every_pixel() -> None:
    assert (Change().apply(GOOD[0]).pixels == GOOD[0].pixels).all()
    assert (Change().undo(GOOD[0]).pixels == np.asarray(GOOD[0].pixels)).all()
