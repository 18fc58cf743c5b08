"""Things of any name in a clip: in which frames they are looked for, when they are clearest, beside what is normal."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.crowd import RIDER, Walker, case_of, profile_of, scene, sightings, walk, walkway
from tests.seeing import ScriptedFinder, SeeingModels
from tests.tools.clips.test_clip_tools import holds
from xad_agent.clip_case import ClipCase
from xad_agent.clip_profile import ClipProfile
from xad_agent.errors import XadError
from xad_agent.evidence import Ledger
from xad_agent.media import Picture, read_clip, read_picture
from xad_agent.perception.finding import Found
from xad_agent.tools import load_tools
from xad_agent.tools.clips.find import find, key_frames

SQUARE = (60, 10, 80, 30)


class LampFinder(ScriptedFinder):
    """Sees by a frame's first two pixels: in hundredths, the score of "lamp" and that of everything else."""

    def _found(self, picture: Picture, phrase: str) -> Found:
        pixel = 0 if phrase == "lamp" else 1
        score = float(picture.pixels[0, pixel, 0]) / 100
        return Found(phrase, (2.0, 2.0, 5.5, 400.0), score, phrase)


def models(finder: ScriptedFinder) -> SeeingModels:
    seeing = SeeingModels()
    seeing._scripted = (seeing._scripted[0], finder, *seeing._scripted[2:])
    return seeing


def grey(profile: ClipProfile) -> ClipProfile:
    """With views in which nothing is."""
    profile.views = [read_picture(np.full((120, 160, 3), 90 + n, np.uint8), name=f"view {n}") for n in range(3)]
    return profile


def with_square(frames: Sequence[int], profile: ClipProfile | None = None) -> ClipCase:
    """A rider passes from 4.0 s to 8.5 s, and a white square is there in some frames of even grey."""
    case = case_of(scene(RIDER), profile or grey(walkway()))
    pixels = np.full((case.clip.count, 120, 160, 3), 90, np.uint8)
    x0, y0, x1, y1 = SQUARE
    pixels[list(frames), y0:y1, x0:x1] = 255
    case.clip = read_clip(pixels, fps=case.clip.fps, name="scene")
    return case


def lit(lamps: dict[int, int], absent: dict[int, int] | None = None) -> ClipCase:
    """What `LampFinder` is to see in which frame, in hundredths; nothing in the views."""
    case = case_of(sightings([]), profile_of([sightings([])]))
    pixels = np.zeros((40, 120, 160, 3), np.uint8)
    for at, values in enumerate((lamps, absent or {})):
        for frame, value in values.items():
            pixels[frame, 0, at] = value
    case.clip, case.models = read_clip(pixels, fps=10, name="lamps"), models(LampFinder())
    case.profile.views = [read_picture(np.zeros((120, 160, 3), np.uint8))]
    return case


def peak(case: ClipCase) -> int:
    frames = case.events[0].region.frames
    assert frames is not None
    return frames[2]


def test_the_peaks_of_events_are_looked_at_and_frames_spread_over_the_clip() -> None:
    one = case_of(scene(RIDER), walkway())
    assert key_frames(one) == sorted([peak(one), 20, 60, 100])
    assert key_frames(case_of(walk(50), walkway())) == [15, 45, 75, 105]
    strangers = [Walker(10 + 5 * n, 150 - 40 * (n % 3), -3 - n / 9, last=60, size=(6, 4)) for n in range(22)]
    many = case_of(scene(*strangers), walkway())
    peaks = list(dict.fromkeys(event.region.frames[2] for event in many.events if event.region.frames))
    assert key_frames(many) == sorted(peaks[:4])
    assert key_frames(case_of(sightings([], frames=1), profile_of([sightings([], frames=1)]))) == [0]


def test_what_is_there_at_an_events_peak_is_found_then_and_unusual() -> None:
    at = peak(with_square([]))
    case = with_square(range(at - 2, at + 3))
    evidence = find(case, ["square"])
    assert evidence.statement == (
        f'"Square" is found (top, 20 x 20 px): the square score is highest at {at / 10} s with 0.80, '
        "and things that are not there reach 0.21, and normally it is 0.12 at most, so it is unusual, "
        "as three normal frames show."
    )
    (region,) = evidence.regions
    assert (region.box, region.frames, region.label) == (SQUARE, (at, at, at), "square A")
    assert evidence.labels == {"square": 0.8} and evidence.quantity("square score time").value == at / 10
    assert evidence.figure is not None and holds(case, evidence) == ()
    assert case.used == {"detector": "attributes", "finder": "scripted"}


def test_what_is_there_at_other_times_only_is_not_found_and_it_is_said_how_little_was_looked_at() -> None:
    case = with_square([1, 2, 3])
    evidence = find(case, ["square"])
    assert evidence.statement.startswith('No "square" is found in the four frames looked at: the square score is')
    assert (evidence.regions, evidence.labels, evidence.figure) == ((), {}, None)


def test_what_normal_frames_show_too_is_nothing_unusual() -> None:
    evidence = find(with_square([20], walkway()), ["square", "plate"])  # the walkers of the views are bright, too
    assert evidence.statement.startswith('What looks like "square" is found (top, 20 x 20 px)')
    assert evidence.statement.count("it is nothing unusual, as eight normal frames show") == 2


def test_without_a_normal_clip_it_cannot_be_told_whether_it_belongs_there() -> None:
    case = with_square([15])
    alone = ClipCase(case.clip, None, Ledger(), SeeingModels())
    alone.__dict__["reference"] = profile_of([scene(RIDER)])
    evidence = find(alone, ["square"])
    assert "but no normal clip is known, so whether it belongs there cannot be told" in evidence.statement
    assert holds(alone, evidence) == ()


def test_each_phrase_is_told_at_the_time_that_it_is_clearest() -> None:
    case = lit({5: 40, 15: 90, 25: 60}, {5: 10, 35: 30})
    evidence = find(case, ["lamp", "cart"])
    assert "the lamp score is highest at 1.5 s with 0.9, and things that are not there reach 0.3" in evidence.statement
    assert 'No "cart" is found' in evidence.statement and "the cart score is highest at 3.5 s" in evidence.statement
    assert evidence.regions[0].box == (2, 2, 6, 120)  # within the frame
    said = "the lamp score is highest at {} s with {}"
    assert holds(case, evidence, f'"Lamp" is found: {said.format(1.5, "0.90")}.') == ()
    assert holds(case, evidence, f'"Lamp" is found: {said.format(3.5, "0.90")}.'), "that is the cart's time"
    assert holds(case, evidence, f'"Lamp" is found: {said.format(1.5, "0.30")}.'), "that is the cart's score"


def test_the_highest_of_several_frames_must_beat_absent_things_in_all_of_them() -> None:
    """In its own frame the lamp beats them; in another they are seen as clearly."""
    assert find(lit({15: 60}, {15: 40}), ["lamp"]).labels == {"lamp": 0.6}
    evidence = find(lit({15: 60}, {15: 40, 25: 70}), ["lamp"])
    assert evidence.labels == {} and evidence.regions == ()
    assert "highest at 1.5 s with 0.6, and things that are not there reach 0.7" in evidence.statement


def test_things_found_at_two_times_are_drawn_in_two_frames() -> None:
    one, two = (find(lit({5: 90, 15: other}), ["lamp"]).figure for other in (10, 80))
    case = with_square([60])  # as a plate everything is taken for, from 2.0 s on
    both = find(case, ["square", "plate"])
    assert one is not None and two is not None and both.figure is not None
    assert one.shape == two.shape, "a phrase is drawn where it is clearest only"
    times = {region.frames for region in both.regions}
    assert len(times) == 2 and both.figure.shape[1] > 1.8 * find(case, ["square"]).figure.shape[1]


@pytest.mark.parametrize(("phrases", "reason"), [([], "Nothing is named"), ([f"a{n}" for n in range(6)], "too much")])
def test_phrases_that_cannot_be_looked_for_are_a_limit(phrases: list[str], reason: str) -> None:
    case = with_square([])
    evidence = find(case, phrases)
    assert (evidence.kind, evidence.media) == ("limit", case.media) and reason in evidence.statement
    assert holds(case, evidence) == () and case.used == {"detector": "attributes"}


def test_a_phrase_that_the_finder_refuses_is_a_limit_but_a_profile_that_is_gone_is_not() -> None:
    class Refusing(ScriptedFinder):
        def find(self, *_: object) -> list[Found]:
            raise XadError("the tokenizer knows nothing of it")

    class Gone(list[Picture]):
        def __iter__(self):
            raise XadError("the profile is damaged")

    case = with_square([])
    case.models = models(Refusing())
    assert find(case, ["ᚠᚢᚦ"]).kind == "limit"
    case = with_square([])
    case.profile.views = Gone()
    with pytest.raises(XadError, match="the profile is damaged"):
        find(case, ["square"])


def test_passes_are_few_and_normal_frames_are_looked_at_once_for_a_phrase() -> None:
    """Of two phrases in four frames: four passes each, four for the absent things, and once three views each."""
    finder = ScriptedFinder()
    for passes in (3, 0):
        case = with_square([20])
        case.models, finder.asked = models(finder), []
        find(case, ["square", "plate"])
        assert [finder.asked.count(phrase) for phrase in ("square", "plate", "zebra")] == [4 + passes, 4 + passes, 4]


def test_a_finder_with_a_vocabulary_says_what_it_knows() -> None:
    case = with_square([20])
    case.models = SeeingModels(frozenset({"square", "zebra"}))
    tools = {tool.name: tool for tool in load_tools(case)}
    assert tools["find"].args_schema.model_json_schema()["properties"]["phrases"]["items"]["enum"] == [
        "square",
        "zebra",
    ]
    assert find(case, ["square"]).kind == "observation" and find(case, ["dog"]).kind == "limit"
