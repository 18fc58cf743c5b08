"""`heat` where the errors are known: a network that says each frame is as the one before, and a fast rider."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
import pytest

from tests.crowd import RIDER, TALL, Walker, case_of, film, foreseeing, profile_of, scene, walk
from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.clip_case import ClipCase
from xad_agent.evidence import Ledger
from xad_agent.foresight import Foresight
from xad_agent.perception.sightings import Sightings
from xad_agent.tools.clips import heat as tool

module = import_module("xad_agent.tools.clips.heat")
profile = cache(foreseeing)


def rider(*others: Walker, **changes: object) -> ClipCase:
    return case_of(scene(replace(RIDER, **changes), *others), profile())


def heats(seen: Sightings, track: int, first: int, last: int) -> np.ndarray:
    """Mean and sum of squared changes in a track's boxes, computed anew."""
    frames = np.stack([frame / 255 for frame in film(seen).frames()])
    found = []
    for frame, (x0, y0, x1, y1) in zip(seen.frame[seen.track == track], seen.box[seen.track == track], strict=True):
        if first <= frame <= last:
            change = ((frames[frame] - frames[frame - 1]) ** 2).mean(axis=2)
            inside = change[int(max(y0, 0)) : int(np.ceil(y1)), int(max(x0, 0)) : int(np.ceil(x1))]
            found.append((inside.mean(), inside.sum() / (0.45 * TALL**2)))
    return np.array(found)


def test_mean_and_sum_over_the_events_frames_beside_normal() -> None:
    case = rider()
    evidence = tool(case)
    event = case.events[0]
    first, last, _ = event.region.frames or (0, 0, 0)
    mean, total = heats(case.seen, 3, first, last).mean(axis=0)
    found, usual = evidence.quantity("mean heat"), profile().vqunet.heat["mean"]
    assert found.value == pytest.approx(mean, rel=1e-4)
    assert found.normal == (pytest.approx(np.percentile(usual.scores, 5)), usual.threshold())
    assert found.p_value == usual.p_value(found.value)
    assert evidence.quantity("summed heat").value == pytest.approx(total, rel=1e-4)
    assert evidence.quantity("ratio").value == pytest.approx(mean / usual.threshold(), rel=1e-4)
    assert evidence.quantity("frame error").p_value == pytest.approx(1 / 5), "above all four normal stretches"
    assert (evidence.events, evidence.regions) == ((event,), (event.region,))


def test_the_statement_says_how_many_times_and_which_thing_is_hottest() -> None:
    case = rider()
    evidence = tool(case)
    assert evidence.quantity("ratio").value > 1
    told = f"{evidence.quantity('ratio').value:.1f} times as much in event 1 as in normal things: its mean heat is "
    assert evidence.statement.startswith(f"VQU-Net, which says each frame from the five frames before it, errs {told}")
    assert evidence.statement.endswith("s the thing in event 1 is the hottest of three things.")


def test_another_thing_may_be_hotter() -> None:
    """Larger and faster than the rider, who is asked about all the same."""
    jumpy = Walker(110, 20, 5, size=(40, 50), first=35, last=50)
    case = rider()
    case.__dict__["clip"] = film(scene(RIDER, jumpy))
    case.__dict__["seen"] = scene(RIDER, jumpy)
    case.__dict__["events"] = case_of(scene(RIDER), profile()).events
    assert tool(case).statement.endswith("the thing in event 1 is not the hottest of four things.")


def still(case: ClipCase, mean: float, total: float) -> ClipCase:
    """The case by a profile with other limits."""
    known = case.profile
    assert known is not None and known.vqunet is not None
    limits = {"mean": mean, "sum": total}
    other = profile_of([walk(seed) for seed in range(10)])
    calibrations = {
        name: type(one)([limits[name]] * 50, limits[name], 0, 0.1) for name, one in known.vqunet.heat.items()
    }
    other.vqunet = replace(known.vqunet, heat=calibrations)
    case.profile = other
    return case


@pytest.mark.parametrize(
    ("mean", "total", "says"),
    [
        (1.0, 5.0, "errs no more in event 1 than in normal things: its mean heat is 0."),
        (1.0, 1e-4, "errs more in the whole of event 1 than in normal things: its mean heat is 0."),
        (1e-4, 5.0, " times as much in event 1 as in normal things: its mean heat is 0."),
    ],
)
def test_what_is_said_depends_on_both_limits(mean: float, total: float, says: str) -> None:
    case = still(rider(), mean, total)
    evidence = tool(case)
    assert says in evidence.statement
    assert check(Claim(text=evidence.statement, kind="why", evidence=("E1",)), case.ledger) == ()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("the hottest", "not the hottest"),
        ("times as much", "px as much"),
        ("five frames", "six frames"),
        ("three things", "four things"),
        ("event 1", "event 2"),
        ("mean heat is 0", "mean heat is 1"),
    ],
)
def test_what_is_falsified_is_caught(right: str, wrong: str) -> None:
    case = rider()
    statement = tool(case).statement
    assert right in statement
    assert check(Claim(text=statement.replace(right, wrong), kind="why", evidence=("E1",)), case.ledger)


def test_only_the_events_frames_and_the_five_before_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    case = rider()
    first, last, peak = case.events[0].region.frames or (0, 0, 0)
    wanted, clip = [], type(case.clip)
    read = clip.frames

    def frames(self: object, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[np.ndarray]:
        wanted.append((start, stop))
        return read(self, start, stop, step)

    monkeypatch.setattr(clip, "frames", frames)
    tool(case)
    assert wanted == [(first - 5, last + 1), (peak, peak + 1)]


def test_of_a_long_event_the_frames_around_its_peak_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    case = rider()
    first, last, peak = case.events[0].region.frames or (0, 0, 0)
    assert last - first > 20
    monkeypatch.setattr(module, "_MOST_FRAMES", 8)
    start = max(first, peak - 4)
    expected = heats(case.seen, 3, start, start + 7)
    assert len(expected) == 8 or start + 7 > last
    assert tool(case).quantity("mean heat").value == pytest.approx(expected[:, 0].mean(), rel=1e-4)


def test_the_first_frames_cannot_be_judged() -> None:
    case = rider(first=0, last=30)
    first, last, peak = case.events[0].region.frames or (0, 0, 0)
    assert first < 5 < last
    evidence = tool(case)
    assert evidence.quantity("mean heat").value == pytest.approx(heats(case.seen, 3, 5, last)[:, 0].mean(), rel=1e-4)
    assert evidence.quantity("moment").value == pytest.approx(max(peak, 5) / 10)
    short = case_of(scene(replace(RIDER, first=0), frames=5), profile())
    assert tool(short).kind == "limit"
    assert tool(short).statement == "There is no frame of event 1 in which VQU-Net's error can be compared."


def test_without_vqunet_or_without_normal_things() -> None:
    without = case_of(scene(RIDER))
    assert tool(without).statement == "No VQU-Net was trained on the normal clips, so its errors cannot be told."
    alone = ClipCase(film(scene(RIDER)), None, Ledger())
    alone.__dict__["reference"] = profile_of([scene(RIDER)])
    assert tool(alone).kind == "limit"
    case = still(rider(), 1.0, 1.0)
    assert case.profile is not None and isinstance(case.profile.vqunet, Foresight)
    case.profile.vqunet = replace(case.profile.vqunet, heat={})
    assert tool(case).kind == "limit"


def test_the_figure_shows_heat_at_the_thing_and_not_at_walkers(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    draw = module.overlay
    monkeypatch.setattr(module, "overlay", lambda *drawn: shown.append(drawn) or draw(*drawn))
    case = rider()
    figure = tool(case).figure
    ((picture, heat, calibration, (region,)),) = shown
    _, _, peak = case.events[0].region.frames or (0, 0, 0)
    assert figure is not None and figure.dtype == np.uint8 and figure.shape[1] == 640
    assert picture.name == f"scene frame {peak}" and region.box == case.events[0].region.box
    assert region.frames == case.events[0].region.frames
    coloured = calibration.display(heat.values) > 0.5
    own = region.mask(*heat.values.shape)
    assert coloured[own].any() and coloured[own].mean() > 20 * coloured[~own].mean()


def test_events_are_told_apart_and_a_missing_one_is_a_limit() -> None:
    second = Walker(30, 150, -2.5, first=80, last=100)
    case = rider(second)
    assert len(case.events) == 2
    for number, event in enumerate(case.events, 1):
        (track,), (first, last, _) = event.tracks, event.region.frames or (0, 0, 0)
        expected = heats(case.seen, track, first, last)[:, 0].mean()
        assert tool(case, event=number).quantity("mean heat").value == pytest.approx(expected, rel=1e-4)
    assert {event.tracks for event in case.events} == {(3,), (4,)}
    assert tool(case, event=3).statement == "There is no event 3: two events stand out."
