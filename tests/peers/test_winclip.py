"""WinCLIP in its exact mode against anomalib's, on the same seeded random weights."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.peers.anomalibs_winclip import THING, anomalibs, drawn, prepared, shown, through_our_loading
from xad_agent.detectors.winclip import WinCLIP
from xad_agent.perception.clip import Clip

pytestmark = pytest.mark.peers
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def peer() -> Any:
    pytest.importorskip("anomalib", reason="NOT RUN: needs anomalib (`make peers`)")
    return anomalibs()


@pytest.fixture(scope="module")
def clip(peer: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clip]:
    folder = tmp_path_factory.mktemp("clip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XAD_HOME", str(folder / "home"))
        yield through_our_loading(peer, folder)


@pytest.mark.parametrize("shots", [0, 1, 4])
def test_scores_and_maps_are_anomalibs(peer: Any, clip: Clip, shots: int) -> None:
    references = [drawn(100 + i) for i in range(shots)]
    shown(peer, references)
    ours = WinCLIP(clip, THING, references, exact=True)
    for seed in (0, 1):
        theirs = peer(prepared([drawn(seed)]))
        found = ours.score(drawn(seed))
        assert found.score == pytest.approx(float(theirs.pred_score), abs=TOLERANCE)
        np.testing.assert_allclose(found.values, theirs.anomaly_map[0].numpy(), atol=TOLERANCE, rtol=0)
        assert np.ptp(found.values) > 10 * TOLERANCE  # so that agreement means something


def test_another_size_is_seen_as_anomalib_sees_it(peer: Any, clip: Clip) -> None:
    picture = drawn(5, 300, 420)
    shown(peer, [])
    theirs = peer(prepared([picture]))
    found = WinCLIP(clip, THING, exact=True).score(picture)
    assert found.score == pytest.approx(float(theirs.pred_score), abs=TOLERANCE)
    grid = torch.nn.functional.interpolate(theirs.anomaly_map[:, None], (300, 420), mode="bilinear")[0, 0]
    assert np.corrcoef(found.values.ravel(), grid.numpy().ravel())[0, 1] > 0.999  # theirs was enlarged twice


def test_multiplies_no_more_than_anomalib(peer: Any, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is multiplied is nearly all of the time, and never noisy; anomalibs_winclip.py takes the times."""
    monkeypatch.setattr(torch.backends.mha, "get_fastpath_enabled", lambda: False)  # its kernel is not counted
    shown(peer, [])
    detector, batch, counts = WinCLIP(clip, THING, exact=True), prepared([drawn(2)]), []  # both know the words now
    for work in (lambda: detector.score(drawn(2)), lambda: peer(batch)):
        with FlopCounterMode(display=False) as counter:
            work()
        counts.append(counter.get_total_flops())
    ours, theirs = counts
    windows = 196 * 5 + 169 * 10  # tokens; 12 d**2 multiplications and additions each in a layer
    assert theirs > 2 * 12 * 12 * 896**2 * windows  # so that nothing large went uncounted
    assert ours <= theirs
