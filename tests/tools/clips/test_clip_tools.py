"""What every tool for clips has in common: its statements hold before the checker, whatever the clip."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.crowd import RIDER, Walker, case_of, film, foreseeing, profile_of, scene, sightings, walk, walkway
from tests.seeing import SeeingModels
from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.clip_case import ClipCase
from xad_agent.clip_profile import ClipProfile
from xad_agent.draft import KINDS
from xad_agent.evidence import Evidence, Ledger
from xad_agent.media import time_plots
from xad_agent.perception.models import Models
from xad_agent.perception.sightings import Sightings
from xad_agent.prompts import vocabulary
from xad_agent.tools import load_tools
from xad_agent.tools.cannot_tell import cannot_tell
from xad_agent.tools.clips import TOOLS

normal = cache(walkway)
SECOND = Walker(30, 150, -2.5, first=80, last=100)


def blind(seen: Sightings) -> Sightings:
    """As seen by a moving camera."""
    nan = np.float32(np.nan)
    notes = ("the camera moves: speed, place and background are not judged",)
    speeds = {"speed": seen.speed * nan, "velocity": seen.velocity * nan, "gait": seen.gait * nan}
    return replace(seen, steady=False, notes=notes, **speeds)


@cache
def empty_world() -> ClipProfile:
    return profile_of([sightings([]) for _ in range(10)])


@cache
def foreseen() -> ClipProfile:
    return foreseeing()


CASES: dict[str, Callable[[], ClipCase]] = {
    "a rider": lambda: case_of(scene(RIDER), normal()),
    "two strangers": lambda: case_of(scene(RIDER, SECOND), normal()),
    "one who goes nowhere": lambda: case_of(scene(replace(RIDER, start=80, last=42)), normal()),
    "normal": lambda: case_of(walk(50), normal()),
    "as strange as the limit": lambda: case_of(walk(3), profile_of([walk(3)])),
    "nothing seen": lambda: case_of(sightings([]), normal()),
    "one frame": lambda: case_of(scene(replace(RIDER, first=0), frames=1), normal()),
    "two frames": lambda: case_of(scene(replace(RIDER, first=0), frames=2), normal()),
    "a moving camera": lambda: case_of(blind(scene(RIDER)), normal()),
    "one normal clip": lambda: case_of(scene(RIDER), profile_of([walk(0)])),
    "nothing in the normal clips": lambda: case_of(scene(RIDER), empty_world()),
    "notes": lambda: case_of(
        replace(walk(50), notes=("its frames are 320 x 240 px, the profile's 16 x 12",)), normal()
    ),
    "VQU-Net": lambda: case_of(scene(RIDER, SECOND), foreseen()),
    "20 events": lambda: case_of(
        scene(*(Walker(10 + 5 * n, 150 - 40 * (n % 3), -3 - n / 9, last=60, size=(6, 4)) for n in range(22))), normal()
    ),
}
ARGUMENTS = {
    "moment": [{"at": 0.0}, {"at": 5.0}, {"at": 180.0}],
    "look_for": [{"what": "bicycle"}, {"what": "dog"}, {"what": "unicorn"}],
    "find": [{"phrases": ["square", "plate"]}, {"phrases": ["dog", "blue square"]}, {"phrases": []}],
} | {
    name: [{}, {"event": 2}, {"event": 99}]
    for name in ("name", "measure", "heat", "relate", "nearby", "track", "compare", "repair")
}


def holds(case: ClipCase, evidence: Evidence, text: str | None = None) -> tuple[str, ...]:
    """The checker's reasons against the statement, or against a text that cites it."""
    cited = Claim(text=text or evidence.statement, kind=KINDS[evidence.tool], evidence=(evidence.id,))
    return check(cited, case.ledger)


@pytest.mark.parametrize("name", CASES)
def test_every_statement_reads_well_and_passes_the_checker(name: str) -> None:
    case = CASES[name]()
    for tool, function in TOOLS.items():
        for arguments in ARGUMENTS.get(tool, [{}]):
            evidence = function(case, **arguments)
            assert (evidence.tool, evidence.media) == (tool, case.clip.sha256)
            assert not evidence.statement[0].islower() and evidence.statement.endswith(".")
            assert "  " not in evidence.statement and "nan" not in evidence.statement
            assert holds(case, evidence) == (), (tool, arguments, evidence.statement)
            assert evidence.figure is None or (evidence.figure.dtype == np.uint8 and evidence.figure.shape[2] == 3)


@pytest.mark.parametrize("name", ["a rider", "normal", "a moving camera", "nothing in the normal clips"])
def test_nothing_is_measured_twice(name: str) -> None:
    case = CASES[name]()
    for tool, function in TOOLS.items():
        for arguments in ARGUMENTS.get(tool, [{}]):
            assert function(case, **arguments) is function(case, **arguments)


def test_the_timeline_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    plot, drawn = time_plots.timeline_plot, []
    monkeypatch.setattr(time_plots, "timeline_plot", lambda case: drawn.append(case) or plot(case))
    case = case_of(scene(RIDER), normal())
    shown = [TOOLS[name](case).figure for name in ("score", "timeline")]
    assert drawn == [case]
    np.testing.assert_array_equal(*shown)


def test_a_case_without_a_profile_is_only_compared_with_itself() -> None:
    """The clip stands in for what is normal; what is said has no limit and no events."""
    case = ClipCase(film(scene(RIDER)), None, Ledger(), SeeingModels())
    case.__dict__["reference"] = profile_of([scene(RIDER)])
    for tool, function in TOOLS.items():
        evidence = function(case, **ARGUMENTS.get(tool, [{}])[0])
        assert holds(case, evidence) == (), evidence.statement
        assert "the limit" not in evidence.statement
    assert TOOLS["score"](case).verdict == "uncertain"
    assert TOOLS["timeline"](case).statement.startswith("Without a normal clip no event can be told; in the 12.0 s")


@pytest.mark.parametrize("topic", vocabulary("limits"))
def test_what_cannot_be_told_passes_the_checker(topic: str) -> None:
    case = CASES["a rider"]()
    evidence = cannot_tell(case, topic)
    assert evidence.kind == "limit" and holds(case, evidence) == ()


FALSE = [
    ("timeline", "One event stands out, event 1: from 4.0 s to 13.9 s, strongest at 4.0 s.", "13.9"),
    ("timeline", "Two events stand out.", "two"),
    ("timeline", "Event 2 is from 4.0 s to 8.5 s.", "2"),
    ("timeline", "No event stands out.", "denies"),
    ("locate", "Event 1: upper left, 14 x 20 px, at 4.0 s.", "upper"),
    ("locate", "Event 1: right, 20 x 14 px, at 4.0 s.", "measures"),
    ("measure", "It moves at 1.5 body heights a second, normally 0.9 body heights a second at most.", "0.9"),
    ("measure", "It moves at 0.59 body heights a second.", "0.59"),  # that is what is normal
    ("measure", "It moves at 1.5 px, normally 0.59 px at most.", "1.5"),
    ("measure", "It moves at 1.5 s.", "1.5 s"),
    ("measure", "It is 1.5 times as wide as tall.", "1.5 times"),
    ("measure", "Against 36 normal sightings, event 1 is unusual in motion.", "36"),
    ("name", "The thing in event 1 looks like a dog: the object detector gives that name 0.70.", "dog"),
    ("name", "The object detector gives that name 0.70, and normally 0.55 at most.", "0.55"),
    ("track", "The thing in event 1 is first seen at 8.4 s, right, and last at 8.9 s, left.", "8.9"),
    ("track", "The thing in event 1 is last seen at 8.4 s, heading rightwards.", "rightwards"),
    ("compare", "It moves at 2.5 body heights a second.", "2.5"),
    ("repair", "Without the thing in event 1, the score rises from 13.69 to 0.51.", "rises"),
    ("repair", "Without the thing in event 1, the score falls from 13.69 to 0.51, above the limit 1.00.", "above"),
    ("repair", "Without the thing in event 2, the score falls from 13.69 to 0.51.", "2"),
    ("moment", "At 6.0 s event 1 is going on.", "6.0"),
    ("moment", "At 5.0 s no event is going on.", "denies"),
    ("moment", "At 5.0 s event 2 is going on.", "2"),
]


@pytest.mark.parametrize(("tool", "text", "part"), FALSE)
def test_what_is_falsified_is_caught(tool: str, text: str, part: str) -> None:
    case = CASES["a rider"]()
    evidence = TOOLS[tool](case, **({"at": 5.0} if tool == "moment" else {}))
    assert part in " ".join(holds(case, evidence, text)), evidence.statement


def test_another_events_numbers_are_caught() -> None:
    case = CASES["two strangers"]()
    timeline = TOOLS["timeline"](case)
    assert holds(case, timeline, "Event 1: from 8.0 s to 10.1 s.") == ()
    assert holds(case, timeline, "Event 2: from 8.0 s to 10.1 s.")
    second = TOOLS["measure"](case, event=2)
    assert holds(case, second, "Event 2 moves at 1.5 body heights a second.") == ()
    assert holds(case, second, "Event 1 moves at 1.5 body heights a second.")


@pytest.mark.parametrize("tool", ["name", "measure", "track", "compare", "repair"])
def test_an_event_that_is_not_there_is_a_limit(tool: str) -> None:
    for name, statement in {
        "two strangers": "There is no event 99: two events stand out.",
        "a rider": "There is no event 99: one event stands out.",
        "normal": "No event stands out, so there is nothing to look at more closely.",
    }.items():
        evidence = TOOLS[tool](CASES[name](), event=99)
        assert (evidence.kind, evidence.statement) == ("limit", statement)


def test_langchain_tools_give_the_statement_and_the_evidence() -> None:
    case = CASES["a rider"]()
    tools = {tool.name: tool for tool in load_tools(case)}
    assert set(tools) == {*TOOLS, "previous", "cannot_tell"} - {"heat"}, "of which the profile has nothing"
    assert {tool.name for tool in load_tools(CASES["VQU-Net"]())} == {*TOOLS, "previous", "cannot_tell"}
    case.models = Models({"finder": "none"})
    assert "find" not in {tool.name for tool in load_tools(case)}, "the embedded detector's names are for look_for"
    message = tools["moment"].invoke({"type": "tool_call", "id": "1", "name": "moment", "args": {"at": 5}})
    assert message.content == f"{message.artifact.id}: {message.artifact.statement}"
    for wrong in ({"at": -1}, {"at": float("inf")}, {"at": float("nan")}, {}):
        with pytest.raises(ValueError):
            tools["moment"].invoke(wrong)
    with pytest.raises(ValueError):
        tools["track"].invoke({"event": 0})
